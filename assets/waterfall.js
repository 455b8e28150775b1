// The sound itself: loudness of each band of pitches over time, on a canvas that is filled anew with the same memory.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const MOST = 1200; // columns drawn; in longer windows several share one
  const MARKS_HZ = [50, 100, 200, 500, 1000, 2000, 5000, 10000];
  // Each in even steps of lightness: equal steps in dB look equal. "night" was chosen in Oklab, the others are the
  // well-known ones of matplotlib.
  const STOPS = {
    night: "050613 140e36 2d1257 4a1971 761779 a3146f c52e58 e04c45 ef7237 f6973e f9ba63 f9db96 fef7c9",
    viridis: "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    cividis: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    magma: "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
    inferno: "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4",
    grey: "060606 ffffff",
  };
  g.colourMaps = { night: "Night", viridis: "Viridis", cividis: "Cividis (best for colour-blind eyes)",
    magma: "Magma", inferno: "Inferno", grey: "Grey" };

  const palettes = {};
  let place = null; // {box, canvas, context, marks, times}
  let picture = null; // {canvas, context, image, pixels, width, bands}

  // 256 colours as the canvas keeps them: one number each, red in the lowest byte.
  function palette() {
    const wanted = g.prefs.get("colours", "night");
    const name = STOPS[wanted] ? wanted : "night";
    if (!palettes[name]) {
      const stops = STOPS[name].split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
      palettes[name] = Uint32Array.from({ length: 256 }, (_, level) => {
        const at = level / 255 * (stops.length - 1);
        const low = Math.min(stops.length - 2, Math.floor(at));
        const [r, gr, b] = stops[low].map((c, i) => Math.round(c + (at - low) * (stops[low + 1][i] - c)));
        return ((255 << 24) | (b << 16) | (gr << 8) | r) >>> 0;
      });
    }
    return palettes[name];
  }

  function prepare() {
    if (place) return;
    const box = document.getElementById("waterfall");
    const add = (kind, name) => box.appendChild(Object.assign(document.createElement(kind), { className: name }));
    const canvas = add("canvas", "picture");
    place = { box, canvas, context: canvas.getContext("2d"), marks: add("div", "marks-hz"), times: add("div", "marks-time"),
      marksFor: "" };
  }

  // An image of so many columns and bands, made anew only when these change.
  g.sheet = function (before, width, bands) {
    if (before && before.width === width && before.bands === bands) return before;
    const canvas = Object.assign(document.createElement("canvas"), { width, height: bands });
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, bands);
    return { canvas, context, image, pixels: new Uint32Array(image.data.buffer), width, bands };
  };

  g.drawWaterfall = function () {
    const h = g.hearings[0];
    if (!h || !h.bundle) return;
    prepare();
    const whole = g.windowChoice() === "whole" ? g.wholePicture() : null;
    const span = whole ? fillFromWhole(whole, h.bundle.bands_hz.length) : fillFromColumns(h.bundle);
    show(span, h.bundle);
    drawMarks(h.bundle.bands_hz);
  };

  // Both return the stretch of time the picture stands for.
  function fillFromColumns(bundle) {
    const [left, right] = g.range();
    const seconds = bundle.column_seconds;
    const bands = bundle.bands_hz.length;
    const together = Math.ceil((right - left) / seconds / MOST);
    // Groups begin at multiples of `together`: the same columns stay together as time goes on.
    const width = Math.ceil((right - left) / seconds / together) + 2;
    const first = Math.floor(left / seconds / together) * together; // slot before the first one drawn
    picture = g.sheet(picture, width, bands);
    const { pixels } = picture;
    const colours = palette();
    for (let at = 0; at < width; at += 1) {
      const slot = first + at * together + 1;
      const column = g.columnAt(slot);
      for (let band = 0; band < bands; band += 1) {
        pixels[(bands - 1 - band) * width + at] = column ? colours[column[band]] : 0;
      }
      for (let more = 1; more < together; more += 1) louder(g.columnAt(slot + more), at, bands, width, colours, slot);
    }
    picture.context.putImageData(picture.image, 0, 0);
    return [first * seconds, (first + width * together) * seconds];
  }

  // The loudest of the columns that share a place, so that a beat does not vanish in a long window.
  const loudest = new Uint8Array(512);
  let loudestOf = -1;
  function louder(column, at, bands, width, colours, slot) {
    if (loudestOf !== slot) {
      const begun = g.columnAt(slot);
      if (begun) loudest.set(begun); else loudest.fill(0);
      loudestOf = slot;
    }
    if (!column) return;
    for (let band = 0; band < bands; band += 1) {
      if (column[band] > loudest[band]) {
        loudest[band] = column[band];
        picture.pixels[(bands - 1 - band) * width + at] = colours[column[band]];
      }
    }
  }

  function fillFromWhole(whole, bands) {
    const width = whole.count;
    picture = g.sheet(picture, width, bands);
    const { pixels } = picture;
    const colours = palette();
    for (let at = 0; at < width; at += 1) {
      for (let band = 0; band < bands; band += 1) {
        pixels[(bands - 1 - band) * width + at] = colours[whole.bytes[at * bands + band]];
      }
    }
    picture.context.putImageData(picture.image, 0, 0);
    return [whole.first, whole.first + width * whole.step];
  }

  // Fits a canvas to its place on the screen; says how many of its pixels make one of the page's.
  g.fit = function (canvas) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    return ratio;
  };

  function show(span, bundle) {
    const { canvas, context } = place;
    const ratio = g.fit(canvas);
    const [left, right] = g.range();
    const scale = canvas.width / (right - left);
    context.fillStyle = g.theme().plot;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = true;
    context.drawImage(picture.canvas, (span[0] - left) * scale, 0, (span[1] - span[0]) * scale, canvas.height);
    g.drawWhy(context, scale, bundle);
    const now = Math.round((g.now() - left) * scale);
    if (canvas.width - now > 2 * scale) { // where the music has got to, when the axis reaches on
      context.fillStyle = "#000000";
      context.fillRect(now - 2 * ratio, 0, 4 * ratio, canvas.height);
      context.fillStyle = "#ffffff";
      context.fillRect(now - ratio, 0, 2 * ratio, canvas.height);
    }
  }

  const hertz = (hz) => (hz >= 1000 ? hz / 1000 + "\u202fkHz" : hz + "\u202fHz");

  function drawMarks(bandsHz) {
    const height = place.canvas.clientHeight;
    const size = g.axisSize();
    const key = [height, size, bandsHz.length, bandsHz[0]].join();
    if (key !== place.marksFor) {
      place.marksFor = key;
      place.box.style.setProperty("--axis-size", size + "px");
      place.marks.replaceChildren(...chosenMarks(bandsHz, 1.5 * size / height).map(([hz, share]) => {
        const mark = Object.assign(document.createElement("span"), { textContent: hertz(hz) });
        mark.style.bottom = (100 * share).toFixed(2) + "%";
        return mark;
      }));
    }
    const [left, right] = g.range();
    const values = g.ticks();
    while (place.times.children.length > values.length) place.times.lastChild.remove();
    while (place.times.children.length < values.length) place.times.append(document.createElement("span"));
    values.forEach((time, index) => {
      const mark = place.times.children[index];
      const words = g.clock(time);
      if (mark.textContent !== words) mark.textContent = words;
      mark.classList.toggle("last", (right - time) / (right - left) * place.canvas.clientWidth < 1.2 * g.axisSize());
      mark.style.left = (100 * (time - left) / (right - left)).toFixed(3) + "%";
    });
  }

  // Bands stand at equal distances; a mark stands where its frequency falls between two bands. As [Hz, share of the height].
  function chosenMarks(bandsHz, apart) {
    const chosen = [];
    MARKS_HZ.filter((hz) => hz >= bandsHz[0] && hz <= bandsHz[bandsHz.length - 1]).forEach((hz) => {
      const share = g.bandOf(bandsHz, hz);
      if (!chosen.length || share - chosen[chosen.length - 1][1] > apart) chosen.push([hz, share]);
    });
    return chosen;
  }

  // Frequency at a share of the height.
  g.pitchAt = function (bandsHz, share) {
    const band = Math.max(0, Math.min(bandsHz.length - 1, share * bandsHz.length - 0.5));
    const below = Math.min(bandsHz.length - 2, Math.floor(band));
    return bandsHz[below] + (band - below) * (bandsHz[below + 1] - bandsHz[below]);
  };

  g.bandOf = function (bandsHz, hz) {
    const above = bandsHz.findIndex((b) => b >= hz);
    const band = above <= 0 ? 0 : above - 1 + (hz - bandsHz[above - 1]) / (bandsHz[above] - bandsHz[above - 1]);
    return (band + 0.5) / bandsHz.length;
  };
})(window.genrescope);
