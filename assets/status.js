// How it is, in plain words: the state, the figures for those who lean in, warnings, and notices.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const OFFSET_WORTH_SAYING = 0.01;

  g.showStatus = function (answer) {
    const status = answer.status;
    const state = g.isConnecting(answer) ? "connecting" : status ? status.state : "ready";
    const page = document.getElementById("page");
    page.dataset.state = state;
    page.classList.toggle("behind", Boolean(status && status.behind));
    g.setText("state", stateWords(state, status));
    document.title = title(state, answer.source);
    g.setText("detail", status && status.detail && state !== "failed" ? status.detail : "");
    const ms = (value) => (value === null || value === undefined ? "\u2013" : (value < 10 ? value.toFixed(1) : Math.round(value)) + " ms");
    g.setText("status-latency", ms(status && status.latency_ms));
    g.setText("status-network", ms(status && status.network_ms));
    g.setText("status-front-end", ms(status && status.front_end_ms));
    g.setText("status-device", (status && status.device) || "\u2013");
    const lost = status ? status.lost_seconds + status.overrun_seconds : 0;
    g.setText("status-lost", status ? (lost < 0.05 ? "nothing" : lost.toFixed(1) + " s of sound") : "\u2013");
    g.setText("status-audience", answer.audience === null || answer.audience === undefined ? "" : count(answer.audience, "phone"));
    document.querySelector(".field-audience").hidden = answer.audience === null || answer.audience === undefined;
    g.setText("status-skipped", status ? (status.skipped_windows === 0 ? "nothing" : count(status.skipped_windows, "window")) : "\u2013");
    showWarnings(status, answer);
  };

  function stateWords(state, status) {
    if (state === "live" && status.behind) return "live, behind";
    const last = g.latest();
    if (state === "live" && last && last.verdict === "silence") return "silent";
    if (state === "loading") return "loading the network";
    return state;
  }

  function title(state, source) {
    const box = document.getElementById("answer");
    const label = box.dataset.verdict === "sure" && state === "live" ? box.querySelector(".verdict").textContent : "";
    const playing = source && source.kind === "link" && state !== "failed" ? g.sourceTitle(source) : "";
    return [label, playing, "genrescope"].filter(Boolean).join(" \u00b7 ");
  }

  const count = (n, thing) => n + " " + thing + (n === 1 ? "" : "s");

  function showWarnings(status, answer) {
    const found = [];
    if (answer.recording && answer.recording.problem) found.push(g.capital(answer.recording.problem));
    if (status) {
      if (status.behind) found.push("Behind: windows are left out");
      if (g.clipping()) found.push("Clipping: too loud at the source");
      if (status.invalid_samples) found.push(count(status.invalid_samples, "sample") + " were no numbers");
      if (Math.abs(status.dc_offset) > OFFSET_WORTH_SAYING) {
        found.push("Constant offset of " + g.percent(Math.abs(status.dc_offset)) + ", removed");
      }
    }
    const box = document.getElementById("warnings");
    const text = found.join("|");
    if (box.dataset.text === text) return;
    box.dataset.text = text;
    box.replaceChildren(...found.map((words) => {
      const item = document.createElement("span");
      item.textContent = words;
      return item;
    }));
  }

  g.showDisconnected = function (refused) {
    const page = document.getElementById("page");
    if (!page) return;
    page.dataset.state = "reconnecting to genrescope";
    g.setText("state", refused ? "password no longer valid" : "reconnecting");
    g.setText("detail", refused
      ? "genrescope was started anew. Open the address it printed then."
      : "genrescope does not answer. The page goes on as soon as it is back; what was heard stays.");
    g.showMeter(null);
    g.soundPause();
    document.title = "genrescope";
  };
})(window.genrescope);
