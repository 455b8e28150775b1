// Where in the space of genres: the music the network has learned from as soft dots, the music of now as a bright point
// with a fading trail.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const TRAIL_SECONDS = 20;
  const GLIDE_MS = 450; // about as long as it takes until the next place comes
  const FRAME_MS = 30; // thirty pictures a second are smooth enough for a slow point
  const EDGE = 0.07; // free at the edge, as a share of the map
  const HALO = 3;
  let place = null; // {box, canvas, context, ground, nearest}
  let view = null; // {key, bundle, size, ratio, low, scale}
  const from = { x: 0, y: 0 };
  const to = { x: 0, y: 0 };
  const now = { x: 0, y: 0 };
  let lit = false; // whether there is a place to show
  let number = -1; // of the prediction whose place `to` is
  let begun = 0;
  let last = 0;
  let frame = 0;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  // The first model that has a map.
  const hearing = () => g.hearings.find((h) => h && h.bundle && h.bundle.map) || null;

  g.drawMap = function () {
    const h = hearing();
    const box = document.getElementById("map-box");
    if (box.hidden !== !h) {
      box.hidden = !h;
      if (place) number = -1;
    }
    if (!h || !document.getElementById("map").clientWidth) return;
    prepare();
    arrange(h.bundle);
    const p = h.predictions[h.predictions.length - 1];
    aim(h, p && p.place ? p : null);
    describe(h, p && p.place);
    if (!frame) paint(h);
  };

  function prepare() {
    if (place) return;
    const box = document.getElementById("map");
    const canvas = box.appendChild(document.createElement("canvas"));
    place = { box, canvas, context: canvas.getContext("2d"), ground: document.createElement("canvas"), nearest: "" };
  }

  // What does not move is drawn once, on a canvas of its own.
  function arrange(bundle) {
    const ratio = g.fit(place.canvas);
    const theme = g.theme();
    const { width, height } = place.canvas;
    const size = g.typeSize(12, 100, 18) * ratio;
    const key = [width, height, size, theme.plot, bundle.title, bundle.map.points.length].join();
    if (view && view.key === key && view.bundle === bundle) return;
    const all = bundle.map.points.concat(bundle.map.anchors);
    const low = [0, 1].map((axis) => all.reduce((least, p) => Math.min(least, p[axis]), Infinity));
    const high = [0, 1].map((axis) => all.reduce((most, p) => Math.max(most, p[axis]), -Infinity));
    const scale = [width, height].map((pixels, axis) => pixels * (1 - 2 * EDGE) / Math.max(1e-9, high[axis] - low[axis]));
    view = { key, bundle, ratio, low, scale, size, theme };
    number = -1;
    Object.assign(place.ground, { width, height });
    drawGround(place.ground.getContext("2d"), bundle, theme);
  }

  // Upwards is up. What lies outside is shown at the edge.
  function pixel(point, out) {
    const { width, height } = place.canvas;
    const margin = 8 * view.ratio;
    out.x = Math.max(margin, Math.min(width - margin, EDGE * width + (point[0] - view.low[0]) * view.scale[0]));
    out.y = Math.max(margin, Math.min(height - margin, height - EDGE * height - (point[1] - view.low[1]) * view.scale[1]));
    return out;
  }

  function drawGround(context, bundle, theme) {
    const { width, height } = place.canvas;
    context.fillStyle = theme.plot;
    context.fillRect(0, 0, width, height);
    const at = { x: 0, y: 0 };
    const count = bundle.map.points.length;
    const radius = view.ratio * Math.max(5, Math.min(9, 130 / Math.sqrt(count + 1)));
    const dots = bundle.colours.map((colour) => softDot(colour, radius));
    bundle.map.points.forEach((point) => {
      pixel(point, at);
      context.drawImage(dots[point[2]], at.x - radius, at.y - radius);
    });
    drawNames(context, bundle, theme);
  }

  // Bright in the middle and gone at the edge.
  function softDot(colour, radius) {
    const size = Math.ceil(2 * radius);
    const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const context = canvas.getContext("2d");
    const light = context.createRadialGradient(radius, radius, 0, radius, radius, radius);
    [["", 0], ["c0", 0.25], ["40", 0.55], ["00", 1]].forEach(([alpha, at]) => light.addColorStop(at, colour + (alpha || "e0")));
    context.fillStyle = light;
    context.fillRect(0, 0, size, size);
    return canvas;
  }

  // A name stands just above its anchor, as the music is often there; farther up or down where another name is in the way, or is left out.
  function drawNames(context, bundle, theme) {
    const { width } = place.canvas;
    const taken = [];
    const at = { x: 0, y: 0 };
    context.font = "600 " + view.size + "px " + theme.font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    bundle.map.anchors.forEach((anchor) => {
      pixel(anchor, at);
      const name = bundle.names[anchor[2]];
      const half = context.measureText(name).width / 2 + 3 * view.ratio;
      const x = Math.max(half, Math.min(width - half, at.x));
      const free = (y) => taken.every((t) => Math.abs(t.y - y) > 1.15 * view.size || Math.abs(t.x - x) > t.half + half);
      const inside = (y) => y > view.size && y < place.canvas.height - view.size;
      const y = [-1.1, 1.1, 0, -2.2, 2.2].map((lines) => at.y + lines * view.size).find((each) => inside(each) && free(each));
      if (y === undefined) return;
      taken.push({ x, y, half });
      context.lineWidth = HALO * view.ratio;
      context.strokeStyle = theme.plot;
      context.globalAlpha = 0.85;
      context.strokeText(name, x, y);
      context.globalAlpha = 1;
      context.fillStyle = theme.ink;
      context.fillText(name, x, y);
    });
  }

  // ---- the moving point -----------------------------------------------------------------------------------------

  function aim(h, p) {
    if (!p) { lit = false; number = -1; return; }
    if (p.number === number) return;
    const jump = !lit || number < 0 || p.restart || still.matches;
    number = p.number;
    lit = true;
    pixel(p.place, to);
    if (jump) { Object.assign(now, to); return; }
    Object.assign(from, now);
    begun = performance.now();
    if (!frame) frame = requestAnimationFrame(glide);
  }

  function glide(time) {
    const h = hearing();
    const share = Math.min(1, (performance.now() - begun) / GLIDE_MS);
    if (!h || !lit || !view || h.bundle !== view.bundle) { frame = 0; return; }
    if (time - last >= FRAME_MS || share === 1) {
      last = time;
      now.x = from.x + share * (to.x - from.x);
      now.y = from.y + share * (to.y - from.y);
      paint(h);
    }
    frame = share < 1 ? requestAnimationFrame(glide) : 0;
  }

  const joint = { x: 0, y: 0 };

  function paint(h) {
    const { context, canvas, ground } = place;
    const { ratio, theme } = view;
    context.globalAlpha = 1;
    context.drawImage(ground, 0, 0);
    drawTrail(h, context);
    if (!lit) return;
    const p = h.predictions[h.predictions.length - 1];
    context.globalAlpha = 0.25;
    disc(context, 13 * ratio, theme.ink);
    context.globalAlpha = 1;
    disc(context, 8 * ratio, theme.plot);
    disc(context, 6.5 * ratio, "#ffffff");
    const top = p.verdict === "sure" ? p.probabilities.indexOf(Math.max(...p.probabilities)) : -1;
    if (top >= 0) disc(context, 3.5 * ratio, h.bundle.colours[top]);
    canvas.dataset.place = Math.round(now.x / ratio) + "," + Math.round(now.y / ratio);
  }

  function disc(context, radius, colour) {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(now.x, now.y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  // From the newest place back; it ends where the music was silent or began anew.
  function drawTrail(h, context) {
    const list = h.predictions;
    const newest = list.length ? list[list.length - 1].time : 0;
    let x = now.x;
    let y = now.y;
    context.strokeStyle = view.theme.ink;
    context.lineCap = "round";
    for (let i = list.length - (lit ? 2 : 1); i >= 0; i -= 1) {
      const age = newest - list[i].time;
      if (age > TRAIL_SECONDS || !list[i].place) { if (age > TRAIL_SECONDS) break; x = NaN; continue; }
      pixel(list[i].place, joint);
      if (!Number.isNaN(x) && (i === list.length - 1 || !list[i + 1].restart)) {
        context.globalAlpha = 0.9 * (1 - age / TRAIL_SECONDS) ** 1.5;
        context.lineWidth = view.ratio * (0.8 + 3 * (1 - age / TRAIL_SECONDS));
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(joint.x, joint.y);
        context.stroke();
      }
      x = joint.x;
      y = joint.y;
    }
    context.globalAlpha = 1;
  }

  // ---- words ----------------------------------------------------------------------------------------------------

  function describe(h, at) {
    let best = null;
    let least = Infinity;
    if (at) {
      h.bundle.map.anchors.forEach((anchor) => {
        const distance = Math.hypot((anchor[0] - at[0]) * view.scale[0], (anchor[1] - at[1]) * view.scale[1]);
        if (distance < least) { least = distance; best = anchor; }
      });
    }
    const nearest = best ? h.bundle.names[best[2]] : "";
    if (nearest === place.nearest && place.box.dataset.said) return;
    place.nearest = nearest;
    place.box.dataset.said = "yes";
    place.box.setAttribute("aria-label", nearest ? "Map of the labels. The music of now lies nearest to " + nearest + "."
      : "Map of the labels. No music is heard now.");
    g.setText("map-nearest", nearest ? "Now nearest to " + nearest : "");
  }
})(window.genrescope);
