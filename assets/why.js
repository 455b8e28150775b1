// Why this genre: the part of the sound that spoke for the label, lit up in the waterfall. Asked for only while it is shown.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const EVERY_MS = 1000;
  const TIMEOUT_MS = 8000;
  const SLOTS = 4096; // as many columns as the waterfall keeps
  const STALE_SECONDS = 8; // an older window is no longer said to be the reason of now
  // In the window that was explained last, what did not speak is darkened; what did is lit in a colour that none of the
  // waterfall's maps contains. Of earlier windows only the light stays, and fainter.
  const SHADOW_ALPHA = 0.74;
  const LIGHT_ALPHA = 0.95;
  const LIGHT = [130, 255, 222];
  const shade = (red, green, blue, alpha) =>
    ((Math.round(255 * alpha) << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
  const newest = Uint32Array.from({ length: 256 }, (_, level) => {
    const lit = (level / 255) ** 0.75;
    return shade(...LIGHT.map((c) => c * lit), SHADOW_ALPHA + (LIGHT_ALPHA - SHADOW_ALPHA) * lit);
  });
  const earlier = Uint32Array.from({ length: 256 }, (_, level) => shade(...LIGHT, 0.6 * (level / 255) ** 1.3));

  let on = false;
  let asking = false;
  let askedAt = -Infinity;
  let of = null; // the hearing that was explained
  let answer = null; // the newest explanation
  let sheet = null;
  const kept = { bytes: null, bands: 0, slots: new Int32Array(SLOTS).fill(-1) };

  g.prepareWhy = function () {
    document.getElementById("why").addEventListener("click", toggle);
  };
  g.keys.w = { words: "why this genre", action: () => toggle() };

  function toggle() {
    on = !on;
    document.getElementById("why").setAttribute("aria-pressed", String(on));
    if (!on) forget();
    g.drawCharts(true);
  }

  function forget() {
    answer = null;
    kept.slots.fill(-1);
    say("");
  }

  const say = (text) => g.setText("why-words", text);

  // Asks when there may be something new: once a second at most, only while music plays and somebody looks.
  g.askWhy = function () {
    const h = g.hearings[0];
    if (!on || document.hidden) return;
    if (of !== h) { of = h; forget(); }
    if (g.replaying) { say("A replay cannot be explained."); return; }
    const live = g.answer && g.answer.status && g.answer.status.state === "live";
    if (!live || asking || performance.now() - askedAt < EVERY_MS) return;
    ask(h);
  };

  async function ask(h) {
    asking = true;
    askedAt = performance.now();
    try {
      const query = new URLSearchParams({ stage: g.stage });
      const response = await fetch("why?" + query, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
      if (!response.ok) return;
      const found = await response.json();
      if (on && of === h && g.hearings[0] === h) take(found, h);
    } catch (problem) {
      // The page says elsewhere that the server is away.
      if (!(problem instanceof DOMException || problem instanceof TypeError)) throw problem;
    } finally {
      asking = false;
    }
  }

  function take(found, h) {
    if (found.reason) {
      if (!answer || h.end - answer.time > STALE_SECONDS) say(found.reason);
      return;
    }
    if (answer && found.number === answer.number) return;
    answer = found;
    keep(found, h.bundle.column_seconds);
    say("lit: what spoke for " + (h.bundle.names[found.label] || "it"));
    g.drawCharts(true);
  }

  // On the waterfall's grid of time. What was lit stays lit while it moves on; a newer explanation takes its place.
  function keep(found, columnSeconds) {
    const bytes = Uint8Array.from(atob(found.data), (c) => c.charCodeAt(0));
    if (!kept.bytes || kept.bands !== found.bands) {
      kept.bytes = new Uint8Array(SLOTS * found.bands);
      kept.bands = found.bands;
      kept.slots.fill(-1);
    }
    const last = Math.round(found.time / columnSeconds);
    for (let i = 0; i < found.columns; i += 1) {
      const slot = last - found.columns + 1 + i;
      if (slot < 0) continue;
      kept.bytes.set(bytes.subarray(i * found.bands, (i + 1) * found.bands), (slot % SLOTS) * found.bands);
      kept.slots[slot % SLOTS] = slot;
    }
  }

  // Over the waterfall, in its canvas. scale : pixels per second.
  g.drawWhy = function (context, scale, bundle) {
    if (!on || !answer || of !== g.hearings[0]) return;
    const left = g.range()[0];
    const right = Math.min(g.range()[1], g.hearings[0].end);
    const seconds = bundle.column_seconds;
    const height = context.canvas.height;
    const first = Math.max(Math.floor(left / seconds), Math.ceil(right / seconds) - SLOTS + 1);
    const width = Math.ceil(right / seconds) - first;
    sheet = g.sheet(sheet, width, kept.bands);
    const { pixels } = sheet;
    const end = Math.round(answer.time / seconds);
    for (let at = 0; at < width; at += 1) {
      const slot = first + at + 1;
      const shades = slot <= end && slot > end - answer.columns ? newest : earlier;
      const known = slot >= 0 && kept.slots[slot % SLOTS] === slot;
      const start = (slot % SLOTS) * kept.bands;
      for (let band = 0; band < kept.bands; band += 1) {
        pixels[(kept.bands - 1 - band) * width + at] = known ? shades[kept.bytes[start + band]] : 0;
      }
    }
    sheet.context.putImageData(sheet.image, 0, 0);
    context.drawImage(sheet.canvas, (first * seconds - left) * scale, 0, width * seconds * scale, height);
    frame(context, (answer.time - answer.seconds - left) * scale, answer.seconds * scale, height);
  };

  // Round the window that was explained last: light on dark, to be seen on every colour.
  function frame(context, x, width, height) {
    const ratio = window.devicePixelRatio || 1;
    [[3.5, "#000000"], [1.5, "#ffffff"]].forEach(([line, colour]) => {
      context.lineWidth = line * ratio;
      context.strokeStyle = colour;
      context.strokeRect(x + ratio, 2 * ratio, Math.max(1, width - 2 * ratio), height - 4 * ratio);
    });
  }

  g.why = () => ({ on, answer });
})(window.genrescope);
