// Polls the server by cursor and keeps the last minutes. Everything that draws reads `genrescope.hearings`.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  // A timer of our own: a dcc.Interval with its callback took 6 ms of the browser's time at every poll, this takes none.
  const RETRY_MS = 500;
  const TIMEOUT_MS = 4000;
  const SLOTS = 4096; // columns kept; a power of two, more than PAST_SECONDS of them
  g.PAST_SECONDS = 300;

  // What has been heard, of one session with one bundle.
  function nothingHeard(answer) {
    return {
      instance: answer.instance || "", stage: answer.stage || "", session: answer.session === undefined ? -1 : answer.session,
      generation: answer.generation === undefined ? -1 : answer.generation, since: 0, bundle: null, predictions: [],
      end: 0, segments: [], segmentsVersion: -1, sentence: "", status: null,
    };
  }
  g.hearings = [nothingHeard({}), null];
  Object.defineProperty(g, "heard", { get: () => g.hearings[0] });
  g.answer = null; // the last answer of the server, for level, status and source
  g.connected = true;

  const columns = { bytes: null, slots: new Int32Array(SLOTS).fill(-1), bands: 0, last: -1, next: 0 };
  let busy = false;
  let timer = 0;

  // ---- asking -------------------------------------------------------------------------------------------------------

  g.poll = function () {
    if (busy || g.replaying) return;
    busy = true;
    clearTimeout(timer);
    fetchNews().catch((problem) => { console.error(problem); return RETRY_MS; }).then((wait) => {
      busy = false;
      timer = setTimeout(g.poll, wait);
    });
  };

  // Ask again at once: a command has been given.
  g.soon = function () {
    clearTimeout(timer);
    timer = setTimeout(g.poll, 30);
  };

  function query() {
    const [h, second] = g.hearings;
    return new URLSearchParams({
      stage: g.stage, instance: h.instance, heard: h.stage, session: h.session, generation: h.generation, since: h.since,
      column: columns.next, segments: h.segmentsVersion,
      second: second ? second.listener : "", second_generation: second ? second.generation : -1, second_since: second ? second.since : 0,
    });
  }

  // Resolves to the milliseconds until the next poll.
  async function fetchNews() {
    const asked = performance.now();
    const [code, answer] = await ask();
    if (code === 404) { g.followMain(answer.gone); return 0; }
    g.connected = code === 200;
    if (!g.connected) {
      g.showDisconnected(code === 401 || code === 403);
      return RETRY_MS;
    }
    const arrived = performance.now();
    answer.delay = arrived - asked;
    answer.arrived = arrived - answer.delay / 2; // when the server's figures were true, about
    if (answer.stage !== g.stage || g.replaying) return 0; // asked before the page chose another session
    g.take(answer);
    g.timing = { network: arrived - asked, start: arrived };
    g.show(answer);
    g.timing.work = performance.now() - arrived;
    return answer.more ? 0 : answer.next_ms;
  }

  // Resolves to the status (0: no answer) and the answer.
  async function ask() {
    const abort = new AbortController();
    const limit = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const response = await fetch("live?" + query(), { signal: abort.signal, cache: "no-store" });
      return [response.status, response.ok || response.status === 404 ? await response.json() : null];
    } catch (_) {
      return [0, null];
    } finally {
      clearTimeout(limit);
    }
  }

  // ---- keeping ------------------------------------------------------------------------------------------------------

  // Add an answer to what has been heard; what belongs to another session or model begins anew.
  g.take = function (answer) {
    let h = g.hearings[0];
    const anew = ["instance", "stage", "session", "generation"].some((name) => answer[name] !== h[name]);
    if (anew) {
      h = g.hearings[0] = nothingHeard(answer);
      g.hearings[1] = null;
      columns.slots.fill(-1);
      columns.last = -1;
      columns.next = 0;
    }
    answer.anew = anew;
    answer.fresh = 0;
    if (answer.limits) g.limits = answer.limits;
    g.answer = answer;
    if (answer.predictions) answer.fresh += takePredictions(h, answer);
    if (answer.columns && h.bundle) takeColumns(h, answer);
    if (answer.segments) {
      h.segments = answer.segments.map((row) => ({ start: row[0], end: row[1], label: row[2], track: row[3], position: row[4] }));
      h.segmentsVersion = answer.segments_version;
    }
    const last = h.predictions[h.predictions.length - 1];
    h.end = Math.max(columns.last * (h.bundle ? h.bundle.column_seconds : 0), last ? last.time : 0);
    if (h.segments.length && last) h.segments[h.segments.length - 1].end = last.time;
    takeSecond(answer);
  };

  function takePredictions(h, part) {
    if (part.bundle) h.bundle = part.bundle;
    if (!h.bundle) return 0;
    part.predictions.forEach((row) => {
      h.predictions.push({
        number: row[0], time: row[1], track: row[2], position: row[3], verdict: row[4], probabilities: row[5],
        skipped: row[6], restart: row[7], place: row[8],
      });
    });
    h.since = part.since;
    h.sentence = part.sentence || "";
    h.status = part.status || null;
    const last = h.predictions[h.predictions.length - 1];
    let old = 0;
    while (old < h.predictions.length && h.predictions[old].time < last.time - g.PAST_SECONDS - 2) old += 1;
    if (old) h.predictions.splice(0, old);
    return part.predictions.length;
  }

  function takeSecond(answer) {
    const part = answer.second;
    if (!part) { g.hearings[1] = null; return; }
    let h = g.hearings[1];
    if (!h || h.listener !== part.listener || h.generation !== part.generation) {
      if (!part.bundle) { g.hearings[1] = null; return; } // the next answer brings it
      h = g.hearings[1] = nothingHeard({ ...answer, generation: part.generation });
      h.listener = part.listener;
      answer.anew = true;
    }
    answer.fresh += takePredictions(h, part);
    h.end = g.hearings[0].end;
  }

  // Columns stand on a fixed grid of time: column `slot` ends at `slot * column_seconds`. The grid wraps round.
  function takeColumns(h, answer) {
    const bands = h.bundle.bands_hz.length;
    if (!columns.bytes || columns.bands !== bands) {
      columns.bytes = new Uint8Array(SLOTS * bands);
      columns.bands = bands;
    }
    const bytes = answer.columns.bytes || Uint8Array.from(atob(answer.columns.bands), (c) => c.charCodeAt(0));
    answer.columns.times.forEach((time, index) => {
      const slot = Math.round(time / h.bundle.column_seconds);
      columns.bytes.set(bytes.subarray(index * bands, (index + 1) * bands), (slot % SLOTS) * bands);
      columns.slots[slot % SLOTS] = slot;
      columns.last = Math.max(columns.last, slot);
    });
    columns.next = answer.column;
  }

  // The bytes of one column, or null where nothing was heard.
  g.columnAt = function (slot) {
    if (!columns.bytes || slot < 0 || columns.slots[slot % SLOTS] !== slot) return null;
    return columns.bytes.subarray((slot % SLOTS) * columns.bands, (slot % SLOTS + 1) * columns.bands);
  };

  g.latest = function (place) {
    const h = g.hearings[place || 0];
    return h && h.predictions.length ? h.predictions[h.predictions.length - 1] : null;
  };

  setTimeout(g.poll, 0);
  // A sleeping page's timers may be put off for a minute; once it is looked at again it catches up at once.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) g.poll(); });
})(window.genrescope);
