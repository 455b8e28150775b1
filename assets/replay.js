// A recorded session shown again: the same functions draw it, fed from a file instead of the server.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const FORMAT = "genrescope replay";
  const VERSION = 1;
  const STEP_MS = 200;
  const MOST_BYTES = 300e6;
  const NEXT = " Choose a file that genrescope has saved as a replay.";

  g.replaying = null; // {document, time, running, sound, summary, ...} while one is shown
  let opened = 0;
  let fetched = ""; // the server's run whose replay has been asked for

  g.openReplay = async function (file) {
    if (file.size > MOST_BYTES) { g.notice("This file is too large for a replay." + NEXT); return; }
    try {
      g.startReplay(JSON.parse(await file.text()));
    } catch (_) { g.notice("This file is no replay." + NEXT); }
  };

  // `genrescope replay FILE` hands its file to every page.
  g.followReplay = async function (answer) {
    if (!answer.replay || fetched === answer.instance) return;
    fetched = answer.instance;
    try {
      g.startReplay(await (await fetch("replay")).json());
    } catch (_) { g.notice("The replay could not be read; load the page again."); }
  };

  g.startReplay = function (document) {
    if (!document || document.format !== FORMAT || document.version !== VERSION || !document.predictions.length) {
      throw new Error("no replay");
    }
    g.closeReplay();
    if (g.microphone && g.microphone.on) g.microphone.stop();
    const last = document.predictions[document.predictions.length - 1];
    const sound = document.sound;
    opened += 1;
    g.replaying = {
      document, time: 0, running: true, at: performance.now(), duration: last[1], generation: 0, anew: true,
      summary: document.summary, bands: bytes(document.columns.bands), overviewBands: bytes(document.overview.bands),
      sound: sound ? URL.createObjectURL(new Blob([bytes(sound.data)], { type: sound.type })) : "",
    };
    g.replaying.timer = setInterval(step, STEP_MS);
    step();
  };

  g.closeReplay = function () {
    const r = g.replaying;
    if (!r) return;
    clearInterval(r.timer);
    g.soundPause();
    if (r.sound) URL.revokeObjectURL(r.sound);
    g.replaying = null;
    g.poll();
  };
  g.onClick("close-replay", () => g.closeReplay());

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

  // What the page's buttons and keys order while a replay is shown.
  g.replayCommand = function (name, values) {
    const r = g.replaying;
    if (name === "play") {
      if (r.time >= r.duration) jump(0);
      r.running = !r.running || r.time >= r.duration;
      r.at = performance.now();
    } else if (name === "seek") jump(values.seconds);
    else if (name === "previous") jump(0);
    else if (name === "next") jump(r.duration);
    else g.notice("A replay shows what was recorded. Close it to listen again.");
    step();
    return { notice: "" };
  };

  function jump(seconds) {
    const r = g.replaying;
    r.time = Math.max(0, Math.min(r.duration, seconds));
    r.at = performance.now();
    r.generation += 1; // what the charts hold begins anew
    r.anew = true;
  }

  function step() {
    const r = g.replaying;
    const now = performance.now();
    if (r.running) r.time = Math.min(r.duration, r.time + (now - r.at) / 1000);
    r.at = now;
    const answer = news(r);
    answer.arrived = now;
    g.take(answer);
    g.show(answer);
  }

  // First index whose time is not before this one.
  function first(list, time, timeOf) {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (timeOf(list[middle]) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function news(r) {
    const d = r.document;
    const past = r.time - g.PAST_SECONDS;
    const from = r.anew ? first(d.predictions, past, (row) => row[1]) : r.shown;
    const to = first(d.predictions, r.time, (row) => row[1]);
    const columnFrom = r.anew ? first(d.columns.times, past, (t) => t) : r.shownColumn;
    const columnTo = first(d.columns.times, r.time, (t) => t);
    r.shown = Math.max(from, to);
    r.shownColumn = Math.max(columnFrom, columnTo);
    const ended = r.time >= r.duration;
    const state = ended ? "ended" : r.running ? "running" : "paused";
    const bands = d.bundle.bands_hz.length;
    const sentence = d.sentences[first(d.sentences, r.time, (row) => row[0]) - 1];
    const segments = d.segments.filter((row) => row[0] <= r.time).map((row) => [row[0], Math.min(row[1], r.time), ...row.slice(2)]);
    const answer = {
      instance: "replay", stage: g.stage, shared: false, session: opened, generation: r.generation, replay: false,
      source_key: "", model: g.answer ? g.answer.model : "", second_model: "", second: null, audience: null,
      predictions: d.predictions.slice(from, to), since: r.shown, sentence: sentence ? sentence[1] : "",
      columns: { times: d.columns.times.slice(columnFrom, columnTo), bytes: r.bands.subarray(columnFrom * bands, columnTo * bands) },
      column: r.shownColumn, more: false, segments, segments_version: segments.length, next_ms: STEP_MS,
      status: {
        state: state === "running" ? "live" : state, detail: "", device: "", latency_ms: null, network_ms: null, front_end_ms: null,
        stream_time: r.time, lost_seconds: 0, overrun_seconds: 0, skipped_windows: 0, behind: false, invalid_samples: 0, dc_offset: 0,
      },
      source: {
        title: "Replay: " + d.source, kind: "file", state, tracks: 1, track: 0, position: r.time, duration: r.duration,
        can_pause: true, can_seek: true, speaker: null, sound_starts_at: d.sound ? d.sound.starts_at : 0,
      },
    };
    if (r.anew) answer.bundle = d.bundle;
    r.anew = false;
    return answer;
  }

  // The whole session at a glance, in the form of the server's overview.
  g.replayOverview = function () {
    const d = g.replaying.document;
    const thin = Math.ceil(d.predictions.length / 600);
    const rows = d.predictions.filter((_, index) => index % thin === 0);
    return {
      times: rows.map((row) => row[1]), verdicts: rows.map((row) => row[4]), probabilities: rows.map((row) => row[5]),
      restarts: rows.map((row) => row[7]), tracks: rows.map((row) => row[2]), positions: rows.map((row) => row[3]),
      columns: d.overview,
    };
  };
})(window.genrescope);
