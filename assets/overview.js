// What the charts draw along time: the last minutes, as they were polled, or the whole session, as it is asked for.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const EVERY_MS = 2000;
  const TIMEOUT_MS = 8000;
  const MOST = 600; // moments drawn; more could not be told apart
  const CAPACITY = MOST + 128; // with those that are never left out: beginnings and the newest

  // Used again at every drawing. shares: arrays of the server's answers, by reference.
  const newBook = () => ({ n: 0, times: new Float64Array(CAPACITY), verdicts: new Array(CAPACITY).fill(""),
    restarts: new Uint8Array(CAPACITY), shares: new Array(CAPACITY).fill(null) });
  const books = [newBook(), newBook()];
  const wholes = [newWhole(), newWhole()];
  let number = 0;

  function newWhole() {
    return { of: null, asking: false, askedAt: -Infinity, answer: null, bytes: null };
  }

  // ---- the whole session ----------------------------------------------------------------------------------------

  g.askOverview = function () {
    if (g.windowChoice() !== "whole") return;
    wholes.forEach((whole, slot) => {
      const h = g.hearings[slot];
      if (!h || !h.bundle) return;
      if (whole.of !== h) Object.assign(whole, newWhole(), { of: h });
      if (!whole.asking && performance.now() - whole.askedAt >= EVERY_MS) ask(whole, slot);
    });
  };

  async function ask(whole, slot) {
    const of = whole.of;
    whole.asking = true;
    whole.askedAt = performance.now();
    try {
      const answer = g.replaying && g.replayOverview ? g.replayOverview(slot) : await fetchOverview(slot);
      // Meanwhile somebody may have chosen another source or model.
      const fits = answer && answer.probabilities && answer.probabilities.every((row) => row.length === of.bundle.labels.length);
      if (whole.of !== of || g.hearings[slot] !== of || !fits) return;
      const first = !whole.answer;
      whole.answer = answer;
      whole.bytes = answer.columns ? Uint8Array.from(atob(answer.columns.bands), (c) => c.charCodeAt(0)) : null;
      number += 1;
      g.drawCharts(first); // what was chosen a moment ago is shown at once
    } catch (problem) {
      // The page says elsewhere that the server is away; the next question comes in two seconds.
      if (!(problem instanceof DOMException || problem instanceof TypeError)) throw problem;
    } finally {
      whole.asking = false;
    }
  }

  async function fetchOverview(slot) {
    const query = new URLSearchParams(slot ? { stage: g.stage, which: "second" } : { stage: g.stage });
    const response = await fetch("overview?" + query, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
    return response.ok ? response.json() : null;
  }

  const known = (slot) => (wholes[slot].of && wholes[slot].of === g.hearings[slot] ? wholes[slot] : null);

  g.overviewNumber = () => number;

  g.overviewEnd = function () {
    const whole = known(0);
    const times = whole && whole.answer ? whole.answer.times : [];
    const pictures = g.wholePicture();
    return Math.max(times.length ? times[times.length - 1] : 0, pictures ? pictures.first + pictures.count * pictures.step : 0);
  };

  // The waterfall of the whole session: `count` columns of `step` seconds, from `first` (seconds) on.
  g.wholePicture = function () {
    const whole = known(0);
    if (!whole || !whole.bytes || !whole.bytes.length) return null;
    const { first, step } = whole.answer.columns;
    return { first, step, bytes: whole.bytes, count: whole.bytes.length / whole.of.bundle.bands_hz.length };
  };

  // Where in which track the moments of the whole session were: [{time, position, track}].
  g.overviewPlaces = function () {
    const whole = known(0);
    const { times, positions, tracks } = (whole && whole.answer) || {};
    return times && positions ? times.map((time, i) => ({ time, position: positions[i], track: tracks[i] })) : [];
  };

  // ---- moments --------------------------------------------------------------------------------------------------

  // What is seen of one hearing: {n, times, verdicts, restarts, shares}, oldest first. Valid until the next call.
  g.moments = function (slot) {
    const book = books[slot];
    book.n = 0;
    if (g.windowChoice() === "whole") fromOverview(book, known(slot));
    else fromPredictions(book, g.hearings[slot]);
    book.shares.fill(null, book.n); // what is no longer drawn need not be kept
    return book;
  };

  function fromOverview(book, whole) {
    const answer = whole && whole.answer;
    if (!answer) return;
    answer.times.forEach((time, i) => add(book, time, answer.verdicts[i], answer.restarts[i], answer.probabilities[i]));
  }

  function fromPredictions(book, h) {
    const list = h.predictions;
    const [left, right] = g.range();
    let first = 0;
    while (first < list.length && list[first].time < left - 3 * h.bundle.hop_seconds) first += 1;
    const stride = Math.ceil((list.length - first) / MOST);
    for (let i = first; i < list.length && list[i].time <= right + 1; i += 1) {
      const p = list[i];
      // By number and not by place: the same ones stay when the window moves on, and nothing flickers.
      if (stride > 1 && p.number % stride && !p.restart && i < list.length - 1) continue;
      add(book, p.time, p.verdict, p.restart, p.probabilities);
    }
  }

  function add(book, time, verdict, restart, shares) {
    if (book.n >= CAPACITY) return;
    book.times[book.n] = time;
    book.verdicts[book.n] = verdict;
    book.restarts[book.n] = restart ? 1 : 0;
    book.shares[book.n] = shares;
    book.n += 1;
  }

  // Place of the moment nearest to a time, or -1.
  g.nearest = function (book, time) {
    let low = 0;
    let high = book.n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (book.times[middle] < time) low = middle + 1; else high = middle;
    }
    if (!book.n) return -1;
    return low > 0 && time - book.times[low - 1] < book.times[low] - time ? low - 1 : low;
  };
})(window.genrescope);
