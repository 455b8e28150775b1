// Polls the server by cursor and keeps the last minute. Everything that draws reads `genrescope.heard`.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  g.WINDOW_SECONDS = 60;
  // Two predictions a second come in; polling twice as often shows each of them without noticeable delay. A timer of
  // our own: a dcc.Interval with its callback took 6 ms of the browser's time at every poll, this takes none.
  const POLL_MS = 250;
  const TIMEOUT_MS = 4000;
  const SLOTS = 2048; // columns kept; a power of two, more than a minute of them

  // What has been heard, of one session with one bundle.
  function nothingHeard() {
    return {
      instance: "", session: -1, generation: -1, since: 0, column: 0,
      bundle: null, predictions: [], columns: null, columnSlots: new Int32Array(SLOTS).fill(-1),
      lastColumn: -1, end: 0,
    };
  }
  g.heard = nothingHeard();
  g.answer = null; // the last answer of the server, for level, status and source
  g.connected = true;

  let busy = false;

  g.poll = function () {
    if (!busy) { busy = true; fetchNews().finally(() => { busy = false; }); }
  };

  async function fetchNews() {
    const h = g.heard;
    const query = new URLSearchParams({
      instance: h.instance, session: h.session, generation: h.generation, since: h.since, column: h.column,
    });
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    const asked = performance.now();
    try {
      const response = await fetch("live?" + query, { signal: abort.signal, cache: "no-store" });
      if (!response.ok) throw new Error(String(response.status));
      const answer = await response.json();
      const arrived = performance.now();
      g.connected = true;
      answer.arrived = arrived - (arrived - asked) / 2; // when the server's figures were true, about
      take(answer);
      g.timing = { network: arrived - asked, start: arrived };
      g.show(answer);
      g.timing.work = performance.now() - arrived;
    } catch (problem) {
      const refused = problem instanceof Error && /^40[13]$/.test(problem.message);
      g.connected = false;
      g.showDisconnected(refused);
      if (!(problem instanceof DOMException || problem instanceof TypeError || /^\d+$/.test(problem.message))) {
        throw problem; // our own mistake, not the server's absence
      }
    } finally {
      clearTimeout(timer);
    }
  }

  function take(answer) {
    let h = g.heard;
    const anew = answer.instance !== h.instance || answer.session !== h.session || answer.generation !== h.generation;
    if (anew) {
      h = g.heard = nothingHeard();
      h.instance = answer.instance;
      h.session = answer.session;
      h.generation = answer.generation;
    }
    g.answer = answer;
    answer.anew = anew;
    answer.fresh = 0;
    if (answer.bundle) h.bundle = answer.bundle;
    if (!h.bundle || !answer.predictions) return;
    answer.predictions.forEach((row) => {
      h.predictions.push({
        number: row[0], time: row[1], track: row[2], position: row[3],
        verdict: row[4], probabilities: row[5], skipped: row[6], restart: row[7],
      });
    });
    answer.fresh = answer.predictions.length;
    h.since = answer.since;
    takeColumns(h, answer);
    const last = h.predictions[h.predictions.length - 1];
    h.end = Math.max(h.lastColumn * h.bundle.column_seconds, last ? last.time : 0);
    const start = h.end - g.WINDOW_SECONDS - 2;
    let old = 0;
    while (old < h.predictions.length && h.predictions[old].time < start) old += 1;
    if (old) h.predictions.splice(0, old);
  }

  // Columns stand on a fixed grid of time: column `slot` ends at `slot * column_seconds`. The grid wraps round.
  function takeColumns(h, answer) {
    const times = answer.columns.times;
    const bands = h.bundle.bands_hz.length;
    if (!h.columns) h.columns = new Uint8Array(SLOTS * bands);
    const bytes = Uint8Array.from(atob(answer.columns.bands), (c) => c.charCodeAt(0));
    times.forEach((time, index) => {
      const slot = Math.round(time / h.bundle.column_seconds);
      h.columns.set(bytes.subarray(index * bands, (index + 1) * bands), (slot % SLOTS) * bands);
      h.columnSlots[slot % SLOTS] = slot;
      h.lastColumn = Math.max(h.lastColumn, slot);
    });
    h.column = answer.column;
    answer.freshColumns = times.length;
  }

  // The bytes of one column, or null where nothing was heard.
  g.columnAt = function (slot) {
    const h = g.heard;
    if (!h.columns || slot < 0 || h.columnSlots[slot % SLOTS] !== slot) return null;
    const bands = h.bundle.bands_hz.length;
    return h.columns.subarray((slot % SLOTS) * bands, (slot % SLOTS + 1) * bands);
  };

  // The stretch of time both charts show.
  g.range = function () {
    const end = Math.max(g.heard.end, g.WINDOW_SECONDS);
    return [end - g.WINDOW_SECONDS, end];
  };

  g.latest = function () {
    const list = g.heard.predictions;
    return list.length ? list[list.length - 1] : null;
  };

  g.clock = function (seconds) {
    const whole = Math.max(0, Math.floor(seconds + 1e-6));
    const rest = String(whole % 60).padStart(2, "0");
    const minutes = Math.floor(whole / 60);
    return minutes < 60 ? minutes + ":" + rest
      : Math.floor(minutes / 60) + ":" + String(minutes % 60).padStart(2, "0") + ":" + rest;
  };

  setInterval(g.poll, POLL_MS);

  g.percent = (share) => Math.round(100 * share) + "\u202f%";
  g.capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
})(window.genrescope);
