// What every script uses: preferences, commands to the server, words on the screen, keys, the page's own session.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const NOTICE_MS = 9000;
  const KEPT = "genrescope-";
  const MAIN = "main";

  g.percent = (share) => Math.round(100 * share) + "\u202f%";
  g.capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  g.clock = function (seconds) {
    const whole = Math.max(0, Math.floor(seconds + 1e-6));
    const rest = String(whole % 60).padStart(2, "0");
    const minutes = Math.floor(whole / 60);
    return minutes < 60 ? minutes + ":" + rest
      : Math.floor(minutes / 60) + ":" + String(minutes % 60).padStart(2, "0") + ":" + rest;
  };
  g.setText = function (id, text) {
    const place = document.getElementById(id);
    if (place && place.textContent !== text) place.textContent = text;
  };

  // ---- what is kept in this browser; in a private window it lasts as long as the page --------------------------------

  const inMemory = new Map();
  function storage(kind) {
    return {
      get: (name, fallback) => {
        if (inMemory.has(kind + name)) return inMemory.get(kind + name);
        try {
          const text = window[kind].getItem(KEPT + name);
          return text === null ? fallback : JSON.parse(text);
        } catch (_) { return fallback; }
      },
      set: (name, value) => {
        inMemory.set(kind + name, value);
        try { window[kind].setItem(KEPT + name, JSON.stringify(value)); } catch (_) { /* it is kept in memory */ }
      },
    };
  }
  g.prefs = storage("localStorage");
  const tab = storage("sessionStorage");

  // ---- the session this page shows ----------------------------------------------------------------------------------

  g.stage = tab.get("stage", MAIN);
  function setStage(identifier) {
    g.stage = identifier;
    tab.set("stage", identifier);
    g.refreshSources();
  }
  g.isOwn = () => g.stage !== MAIN;

  let opening = null;
  // A session of this page's own; resolves to its name, rejects where the server has no room for another.
  g.own = function () {
    if (g.isOwn()) return Promise.resolve(g.stage);
    opening = opening || post("stage", {}).then((answer) => {
      if (!answer.stage) throw new Error(answer.notice);
      setStage(answer.stage);
      return answer.stage;
    }).finally(() => { opening = null; });
    return opening;
  };

  g.followMain = function (words) {
    if (g.microphone) g.microphone.stop();
    if (g.isOwn()) navigator.sendBeacon("leave", JSON.stringify({ stage: g.stage }));
    setStage(MAIN);
    if (words) g.notice(words);
  };

  // Loaded again within a few seconds, the page finds its session as it was.
  window.addEventListener("pagehide", () => {
    if (g.isOwn()) navigator.sendBeacon("leave", JSON.stringify({ stage: g.stage }));
  });

  // ---- commands -----------------------------------------------------------------------------------------------------

  async function post(address, order) {
    const response = await fetch(address, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order),
    });
    if (!response.ok) throw new Error("The server refused (" + response.status + ").");
    return response.json();
  }

  // One command after the other: a seek must not overtake the choice of the file it seeks in.
  let last = Promise.resolve();
  g.command = function (name, values) {
    const given = last.then(async () => {
      if (g.replaying && name !== "source") return g.replayCommand(name, values || {});
      try {
        const answer = await post("command", { stage: g.stage, do: name, ...values });
        if (answer.notice) g.notice(answer.notice);
        else g.soon();
        return answer;
      } catch (_) {
        const notice = "genrescope does not answer; nothing was changed.";
        g.notice(notice);
        return { notice };
      }
    });
    last = given.catch(() => {});
    return given;
  };

  // ---- words --------------------------------------------------------------------------------------------------------

  let noticeTimer = 0;
  g.notice = function (text) {
    const box = document.getElementById("notice-box");
    if (!box) return;
    clearTimeout(noticeTimer);
    box.textContent = text;
    box.hidden = !text;
    if (!text) return;
    if (g.forgetChoices) g.forgetChoices(); // a refused choice is taken back in the lists
    noticeTimer = setTimeout(() => { box.hidden = true; }, NOTICE_MS);
  };

  g.say = (text) => g.setText("announcement", text);

  // ---- clicks and keys ----------------------------------------------------------------------------------------------

  const clicks = {};
  g.onClick = (id, action) => { clicks[id] = action; };
  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target.closest("button[id]") : null;
    if (at && !at.disabled && clicks[at.id]) clicks[at.id](at);
  });

  g.keys = {};
  const TYPING = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, .dash-dropdown-content, [role=listbox]";
  // Keys work wherever they mean nothing else: not while typing, not on a control that uses the same key itself.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const at = event.target instanceof Element ? event.target : document.body;
    const key = g.keys[event.key] || g.keys[event.key.toLowerCase()];
    if (!key || at.closest(TYPING)) return;
    if (document.querySelector("dialog[open]") && !key.anywhere) return;
    if (event.key === " " && at.closest("button, a, summary, .dash-dropdown, input:not([type=range]), [role=button]")) return;
    if (event.key.startsWith("Arrow") && at.closest("input:not(#seek-range), .dash-dropdown, [role=radiogroup], [role=tablist]")) return;
    if (key.action(event) !== false) event.preventDefault();
  });

  // The password has become a cookie; it need not stay where a projector shows it.
  const here = new URL(window.location.href);
  if (here.searchParams.has("token")) {
    here.searchParams.delete("token");
    window.history.replaceState(null, "", here);
  }
})(window.genrescope);
