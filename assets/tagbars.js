// Where several labels can be true at once: the strongest as bars, calm enough to be read, with the mark from which they count.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const MOST = 12;
  const MOST_ON_STAGE = 8;
  const WIDE_PIXELS = 640; // from here on there are two columns
  const LEAST_ROW = 25;
  const MOST_ROW = 62;
  const BELOW = 5; // pixels free under the last row
  const SMOOTHING_SECONDS = 2;
  const MARGIN = 0.04; // so much stronger must a tag be to take the place of another
  const boards = [newBoard(), newBoard()];

  function newBoard() {
    return { of: null, next: 0, time: 0, strength: null, order: [], rows: new Map() };
  }

  g.drawBars = function (slot) {
    const h = g.hearings[slot];
    const board = boards[slot];
    const box = document.getElementById("bars" + (slot ? "-second" : ""));
    if (board.of !== h) start(board, h, box);
    listen(board, h);
    arrange(board);
    show(board, h.bundle, box);
    return true;
  };

  function start(board, h, box) {
    const count = h.bundle.labels.length;
    Object.assign(board, newBoard(), { of: h, strength: new Float32Array(count), order: Array.from({ length: count }, (_, i) => i) });
    box.replaceChildren();
  }

  // An exponential average over stream time, as the music goes by.
  function listen(board, h) {
    const first = !board.next;
    h.predictions.forEach((p) => {
      if (p.number < board.next) return;
      const weight = board.next ? 1 - Math.exp(-Math.max(0, p.time - board.time) / SMOOTHING_SECONDS) : 1;
      p.probabilities.forEach((value, label) => { board.strength[label] += weight * (value - board.strength[label]); });
      board.time = p.time;
      board.next = p.number + 1;
    });
    if (first) board.order.sort((a, b) => board.strength[b] - board.strength[a]);
  }

  // A tag overtakes its neighbour only when it is clearly stronger: rows do not jump about.
  function arrange(board) {
    const { order, strength } = board;
    for (let i = 1; i < order.length; i += 1) {
      for (let at = i; at > 0 && strength[order[at]] > strength[order[at - 1]] + MARGIN; at -= 1) {
        [order[at - 1], order[at]] = [order[at], order[at - 1]];
      }
    }
  }

  function show(board, bundle, box) {
    const width = box.clientWidth;
    const height = box.clientHeight - BELOW;
    if (!width || height <= 0) return;
    const columns = width >= WIDE_PIXELS ? 2 : 1;
    const each = Math.max(1, Math.min(Math.ceil((g.onStage() ? MOST_ON_STAGE : MOST) / columns), Math.floor(height / LEAST_ROW)));
    const row = Math.min(g.onStage() ? 2 * MOST_ROW : MOST_ROW, height / each);
    const chosen = board.order.slice(0, each * columns);
    const from = (bundle.thresholds && bundle.thresholds.shown_from) || 0;
    box.style.setProperty("--row", row.toFixed(1) + "px");
    box.style.setProperty("--columns", columns);
    box.style.setProperty("--from", 100 * from + "%");
    board.rows.forEach((parts, label) => {
      if (!chosen.includes(label)) { parts.row.remove(); board.rows.delete(label); }
    });
    chosen.forEach((label, place) => {
      const parts = board.rows.get(label) || make(board, bundle, label, box);
      const value = board.strength[label];
      parts.row.style.transform = "translate(" + 100 * Math.floor(place / each) + "%, " + ((place % each) * row).toFixed(1) + "px)";
      parts.bar.style.transform = "scaleX(" + Math.min(1, value).toFixed(3) + ")";
      const figure = g.percent(value);
      if (parts.figure.textContent !== figure) parts.figure.textContent = figure;
      parts.row.classList.toggle("named", value >= from);
      // Where a browser can move an element without starting its transition anew, the list reads in order too.
      if (box.moveBefore && box.children[place] !== parts.row) box.moveBefore(parts.row, box.children[place] || null);
    });
  }

  function make(board, bundle, label, box) {
    const add = (parent, kind, name) => parent.appendChild(Object.assign(document.createElement(kind), { className: name }));
    const row = add(box, "li", "tag");
    add(row, "span", "tag-name").textContent = bundle.names[label];
    const bar = add(add(row, "span", "tag-track"), "span", "tag-bar");
    bar.style.backgroundColor = bundle.colours[label];
    const parts = { row, bar, figure: add(row, "span", "tag-figure") };
    board.rows.set(label, parts);
    return parts;
  }
})(window.genrescope);
