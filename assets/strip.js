// The segments under the stack: "0:00 jazz", "0:31 metal". A click plays from there; the arrow keys go along.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const MOST = 200; // blocks on the screen
  const LISTED = 300; // segments in the list for screen readers
  const LEAST_PIXELS = 2; // narrower ones could not be told apart
  const LETTER = 0.56; // width of a letter, in type sizes
  const NO_LABEL = { "-1": "not sure", "-2": "silence", "-3": "no music" };
  const NOT_SURE = -1;
  const strips = [newStrip(), newStrip()];

  function newStrip() {
    return { blocks: new Map(), focus: null, listed: "", watched: false };
  }

  g.drawStrips = function () {
    strips.forEach((strip, slot) => {
      const box = document.getElementById("strip" + (slot ? "-second" : ""));
      const h = g.hearings[slot];
      const segments = (h && h.bundle && h.segments) || [];
      box.hidden = !segments.length;
      if (!strip.watched) watch(strip, box);
      draw(strip, box, h, segments);
      list(strip, slot, h, segments);
    });
  };

  const name = (bundle, label) => (label < 0 ? NO_LABEL[label] : bundle.names[label]);

  function draw(strip, box, h, segments) {
    const [left, right] = g.range();
    const pixels = g.frame().width / (right - left);
    const size = parseFloat(getComputedStyle(box).fontSize) || 14;
    const visible = segments.filter((s) => s.end > left && s.start < right && (s.end - s.start) * pixels >= LEAST_PIXELS);
    const shown = visible.slice(-MOST);
    const gone = new Set(strip.blocks.keys());
    shown.forEach((segment) => gone.delete(segment.start));
    gone.forEach((start) => { strip.blocks.get(start).remove(); strip.blocks.delete(start); });
    shown.forEach((segment, index) => {
      let block = strip.blocks.get(segment.start);
      if (!block) {
        block = Object.assign(document.createElement("button"), { type: "button", className: "segment", tabIndex: -1 });
        strip.blocks.set(segment.start, block);
      }
      if (box.children[index] !== block) box.insertBefore(block, box.children[index] || null);
      const from = Math.max(left, segment.start);
      const width = (Math.min(right, segment.end) - from) * pixels;
      block.style.transform = "translateX(" + ((from - left) * pixels).toFixed(1) + "px)";
      block.style.width = Math.max(LEAST_PIXELS, width - 1).toFixed(1) + "px";
      paint(block, h.bundle, segment, width / (LETTER * size) - 1.5);
    });
    // One stop for the tab key; the arrows go on from there.
    if (!strip.focus || !box.contains(strip.focus)) strip.focus = box.lastElementChild;
    Array.from(box.children).forEach((block) => { block.tabIndex = block === strip.focus ? 0 : -1; });
  }

  // room : letters that fit.
  function paint(block, bundle, segment, room) {
    const words = name(bundle, segment.label);
    const start = g.clock(segment.start);
    const text = [start + " " + words, words].find((each) => each.length <= room) || "";
    if (block.textContent !== text) block.textContent = text;
    const said = start + " to " + g.clock(segment.end) + ": " + words;
    const kind = segment.label >= 0 ? "label" : segment.label === NOT_SURE ? "doubt" : "blank";
    if (block.dataset.kind !== kind || block.dataset.label !== words) {
      block.dataset.kind = kind;
      block.dataset.label = words;
      block.style.setProperty("--colour", segment.label >= 0 ? bundle.colours[segment.label] : "");
      block.style.setProperty("--on-colour", segment.label >= 0 ? g.inkOn(bundle.colours[segment.label]) : "");
    }
    const can = g.canSeek();
    if (block.title !== said + (can ? ". Click to play from there." : "")) {
      block.title = said + (can ? ". Click to play from there." : "");
      block.setAttribute("aria-label", said);
    }
    block.setAttribute("aria-disabled", String(!can));
    block.dataset.start = segment.start;
  }

  function watch(strip, box) {
    strip.watched = true;
    box.addEventListener("click", (event) => {
      const block = event.target.closest(".segment");
      if (!block || !g.canSeek()) return;
      const segment = g.hearings[strips.indexOf(strip)].segments.find((s) => String(s.start) === block.dataset.start);
      if (segment && g.replaying) g.seekTo(segment.start);
      else if (segment) g.seek(segment.position, segment.track);
    });
    box.addEventListener("focusin", (event) => { strip.focus = event.target; });
    box.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
      const end = { Home: "firstElementChild", End: "lastElementChild" }[event.key];
      if (!to && !end) return;
      event.preventDefault(); // and the page does not seek
      const next = to ? event.target[to] : box[end];
      if (!next) return;
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  // The same as text. It changes when a segment begins, not while one grows.
  function list(strip, slot, h, segments) {
    const place = document.getElementById("segments" + (slot ? "-second" : ""));
    const last = segments[segments.length - 1];
    const key = last ? [h.session, h.generation, segments.length, last.start, last.label].join("/") : "";
    if (key === strip.listed) return;
    strip.listed = key;
    place.replaceChildren(...segments.slice(-LISTED).map((segment) => {
      const words = g.clock(segment.start) + (segment === last ? " until now: " : " to " + g.clock(segment.end) + ": ");
      return Object.assign(document.createElement("li"), { textContent: words + name(h.bundle, segment.label) });
    }));
  }
})(window.genrescope);
