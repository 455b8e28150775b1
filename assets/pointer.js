// What the mouse finds in the charts: time and values beside it, a hair through all of them, and a click that seeks.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const LIKELIEST = 4;
  const WORTH_SAYING = 0.01;
  const STILL_PIXELS = 6; // a press that moves farther is no click
  const AWAY_PIXELS = 16;
  let at = null; // {time, x, y, slot or null, hz or null}, in pixels of #plots
  let pressed = null;

  g.watchPointer = function () {
    const plots = document.getElementById("plots");
    plots.addEventListener("pointermove", (event) => { at = find(event); g.showPointer(); });
    plots.addEventListener("pointerleave", () => { at = null; g.showPointer(); });
    plots.addEventListener("pointercancel", () => { at = pressed = null; g.showPointer(); });
    plots.addEventListener("pointerdown", (event) => { pressed = event.button === 0 ? find(event) : null; });
    plots.addEventListener("pointerup", (event) => {
      const released = find(event);
      const still = pressed && released && Math.hypot(released.x - pressed.x, released.y - pressed.y) < STILL_PIXELS;
      pressed = null;
      if (still) g.seekTo(released.time);
      if (event.pointerType !== "mouse") { at = null; g.showPointer(); } // a finger does not hover
    });
  };

  // The place under the pointer, or null outside the charts.
  function find(event) {
    const box = event.target instanceof Element ? event.target.closest(".chart-area, .chart-waterfall") : null;
    if (!box) return null;
    const inside = box.getBoundingClientRect();
    const plots = document.getElementById("plots").getBoundingClientRect();
    const frame = g.frame();
    const [left, right] = g.range();
    const share = (event.clientX - inside.left - frame.left) / frame.width;
    if (share < 0 || share > 1) return null;
    const place = { time: left + share * (right - left), x: event.clientX - plots.left, y: event.clientY - plots.top,
      slot: box.id === "area-box-second" ? 1 : 0, hz: null };
    if (box.id === "waterfall") {
      const picture = box.querySelector(".picture").getBoundingClientRect();
      const high = 1 - (event.clientY - picture.top) / picture.height;
      if (high < 0 || high > 1) return null;
      place.hz = g.pitchAt(g.hearings[0].bundle.bands_hz, high);
    }
    return place;
  }

  // ---- seeking --------------------------------------------------------------------------------------------------

  g.canSeek = () => Boolean(g.answer && g.answer.source && g.answer.source.can_seek);

  g.seekTo = function (time) {
    if (g.replaying) { g.seek(time); return; } // it is one piece of sound
    const place = g.canSeek() ? g.placeAt(time) : null;
    if (place) g.seek(place.position, place.track);
  };

  // Where in which track that time was: from the prediction nearest to it. Null where nothing is known.
  g.placeAt = function (time) {
    const h = g.hearings[0];
    const { source } = g.answer;
    if (time > h.end + h.bundle.hop_seconds) {
      return g.trackAhead() !== null && time <= source.duration ? { position: time, track: source.track } : null;
    }
    let best = null;
    const look = (moment) => { if (!best || Math.abs(moment.time - time) < Math.abs(best.time - time)) best = moment; };
    h.predictions.forEach(look);
    if (!best || best.time - time > 2 * h.bundle.hop_seconds) g.overviewPlaces().forEach(look); // longer ago than is kept
    if (!best) return null;
    // A little before or after a prediction the track was a little before or after.
    const beside = Math.max(-h.bundle.window_seconds, Math.min(h.bundle.hop_seconds, time - best.time));
    return { position: best.position + beside, track: best.track };
  };

  // ---- the hair and the read-out --------------------------------------------------------------------------------

  let shown = null;

  function prepare() {
    if (shown) return;
    const box = document.getElementById("readout");
    const add = (parent, kind, name) => parent.appendChild(Object.assign(document.createElement(kind), { className: name }));
    const time = add(box, "b", "");
    const said = add(box, "span", "said");
    const list = add(box, "div", "values");
    const rows = Array.from({ length: LIKELIEST }, () => {
      const row = add(list, "div", "value");
      return { row, swatch: add(row, "span", "swatch"), name: add(row, "span", ""), figure: add(row, "span", "") };
    });
    shown = { box, time, said, list, rows, hint: add(box, "div", "hint"), hair: document.getElementById("hair") };
  }

  g.showPointer = function () {
    prepare();
    document.getElementById("plots").classList.toggle("seekable", g.canSeek());
    shown.box.hidden = shown.hair.hidden = !at;
    if (!at || !g.hearings[0].bundle) return;
    const frame = g.frame();
    const [left, right] = g.range();
    const share = (at.x - frame.left) / frame.width;
    at.time = left + share * (right - left); // the charts move on under a resting mouse
    shown.hair.style.transform = "translateX(" + at.x + "px)";
    write(shown.time, g.clock(at.time));
    if (at.hz !== null) showPitch(); else showShares();
    write(shown.hint, g.canSeek() && (g.replaying || g.placeAt(at.time)) ? "Click to play from here" : "");
    const plots = document.getElementById("plots");
    const far = at.x + AWAY_PIXELS + shown.box.offsetWidth > plots.clientWidth;
    const x = far ? at.x - AWAY_PIXELS - shown.box.offsetWidth : at.x + AWAY_PIXELS;
    const y = Math.max(0, Math.min(at.y - shown.box.offsetHeight / 2, plots.clientHeight - shown.box.offsetHeight));
    shown.box.style.transform = "translate(" + Math.max(0, Math.round(x)) + "px, " + Math.round(y) + "px)";
  };

  const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  function showPitch() {
    write(shown.said, at.hz >= 1000 ? (at.hz / 1000).toFixed(1) + "\u202fkHz" : Math.round(at.hz) + "\u202fHz");
    shown.list.hidden = true;
  }

  function showShares() {
    const h = g.hearings[at.slot];
    const book = h && h.bundle && h.bundle.exclusive ? g.moments(at.slot) : null;
    const index = book ? g.nearest(book, at.time) : -1;
    const apart = index < 0 ? Infinity : Math.abs(book.times[index] - at.time);
    const step = (g.range()[1] - g.range()[0]) / 100;
    const found = apart <= Math.max(2 * (h ? h.bundle.hop_seconds : 1), step);
    const verdict = found ? book.verdicts[index] : "";
    write(shown.said, !found ? "nothing heard" : verdict === "sure" ? "" : verdict);
    shown.list.hidden = !found || (verdict !== "sure" && verdict !== "not sure");
    if (shown.list.hidden) return;
    const shares = book.shares[index];
    const order = Array.from(shares.keys()).sort((a, b) => shares[b] - shares[a]);
    shown.rows.forEach(({ row, swatch, name, figure }, place) => {
      const label = order[place];
      row.hidden = label === undefined || (place > 0 && shares[label] < WORTH_SAYING);
      if (row.hidden) return;
      swatch.style.setProperty("--colour", h.bundle.colours[label]);
      write(name, h.bundle.names[label]);
      write(figure, g.percent(shares[label]));
    });
  }
})(window.genrescope);
