// How it is, in plain words: the state, the figures for those who lean in, warnings, and notices.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const NOTICE_MS = 9000;
  const OFFSET_WORTH_SAYING = 0.01;
  let noticeTimer = 0;
  let chosen = { source: null, model: null };

  g.showStatus = function (answer) {
    const status = answer.status;
    const state = status ? status.state : "ready";
    const page = document.getElementById("page");
    page.dataset.state = state;
    page.classList.toggle("behind", Boolean(status && status.behind));
    g.setText("state", stateWords(state, status));
    document.title = title(state);
    g.setText("detail", status && status.detail && state !== "failed" ? status.detail : "");
    const ms = (value) => (value === null || value === undefined ? "\u2013" : (value < 10 ? value.toFixed(1) : Math.round(value)) + " ms");
    g.setText("status-latency", ms(status && status.latency_ms));
    g.setText("status-network", ms(status && status.network_ms));
    g.setText("status-front-end", ms(status && status.front_end_ms));
    g.setText("status-device", (status && status.device) || "\u2013");
    const lost = status ? status.lost_seconds + status.overrun_seconds : 0;
    g.setText("status-lost", status ? (lost < 0.05 ? "nothing" : lost.toFixed(1) + " s of sound") : "\u2013");
    g.setText("status-skipped", status ? (status.skipped_windows === 0 ? "nothing" : count(status.skipped_windows, "window")) : "\u2013");
    showWarnings(status);
    follow(answer);
  };

  function stateWords(state, status) {
    if (state === "live" && status.behind) return "live, behind";
    if (state === "loading") return "loading the network";
    return state;
  }

  function title(state) {
    const label = document.getElementById("answer").dataset.verdict === "sure" && state === "live"
      ? document.getElementById("verdict").textContent + " \u00b7 " : "";
    return label + "genrescope";
  }

  const count = (n, thing) => n + " " + thing + (n === 1 ? "" : "s");

  function showWarnings(status) {
    const found = [];
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

  // Another page (or a restart) may have chosen differently; the lists follow the server.
  function follow(answer) {
    const props = window.dash_clientside.set_props;
    if (answer.source_key && answer.source_key !== chosen.source) props("source", { value: answer.source_key });
    if (answer.model && answer.model !== chosen.model) props("model", { value: answer.model });
    chosen = { source: answer.source_key, model: answer.model };
  }

  g.showNotice = function (notice) {
    const box = document.getElementById("notice-box");
    const text = notice && notice.text;
    clearTimeout(noticeTimer);
    if (text) {
      box.textContent = text;
      chosen = { source: null, model: null }; // a refused choice is taken back in the lists
      noticeTimer = setTimeout(() => { box.hidden = true; }, NOTICE_MS);
    }
    box.hidden = !text;
    return window.dash_clientside.no_update;
  };

  g.showDisconnected = function (refused) {
    const page = document.getElementById("page");
    if (!page) return;
    page.dataset.state = "reconnecting to genrescope";
    g.setText("state", refused ? "password no longer valid" : "reconnecting");
    g.setText("detail", refused
      ? "genrescope was started anew. Open the address it printed then."
      : "genrescope does not answer. The page goes on as soon as it is back.");
    g.showMeter(null);
    g.soundPause();
  };
})(window.genrescope);
