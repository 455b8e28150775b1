// What to listen to: the list, the microphone's button, and whether this page follows the others. (Links: link.js.)
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const LINK = "Link"; // the group of links in the list
  let chosen = { source: null, model: null };
  let listed = null; // the server's choices but for links, once they have been asked for
  let link = null;
  let put = null; // what the page itself has last put into the list, until Dash has noticed

  // ---- the list -----------------------------------------------------------------------------------------------------

  const heading = (group) => ({
    label: { namespace: "dash_html_components", type: "Span", props: { children: group, className: "heading" } },
    value: "heading:" + group, disabled: true, search: group,
  });

  g.refreshSources = async function (lookAgain) {
    let answer;
    try {
      const response = await fetch("sources?" + new URLSearchParams({ stage: g.stage, refresh: lookAgain ? "1" : "" }));
      if (!response.ok) return;
      answer = await response.json();
    } catch (_) { return; } // the poll says that the server is away
    listed = answer.choices.filter((choice) => choice.group !== LINK);
    fillList();
    g.forgetChoices();
    if (lookAgain) g.notice(answer.notice || "The list of sources is up to date.");
  };

  function fillList() {
    const choices = link ? [link, ...listed] : listed;
    const options = [];
    choices.forEach((choice, index) => {
      if (!index || choices[index - 1].group !== choice.group) options.push(heading(choice.group));
      options.push({ label: choice.title, value: choice.key, search: choice.title });
    });
    if (window.dash_clientside.set_props) window.dash_clientside.set_props("source", { options });
  }

  // The link that plays, or played last, is in the list under the name it has now.
  function listLink(answer) {
    if (g.replaying || !answer.source || answer.source.kind !== "link") return;
    const title = "Link: " + g.sourceTitle(answer.source);
    if (link && link.key === answer.source_key && link.title === title) return;
    link = { key: answer.source_key, title, group: LINK };
    if (listed) fillList();
    else g.refreshSources();
  }

  g.chooseSource = function (key) {
    const ours = key === put; // Dash calls this for what the page has put there, too, and maybe after the next poll
    put = null;
    if (key && !ours && !(g.answer && key === g.answer.source_key)) g.listenTo(key);
  };

  // Listen to what has this key. Resolves to the server's answer; its `notice` has been shown.
  g.listenTo = async function (key) {
    if (g.replaying) g.closeReplay();
    if (g.microphone && g.microphone.on) g.microphone.stop();
    try {
      // Where pages do not share, each has its own session from its first choice on.
      if (g.answer && !g.answer.shared) await g.own();
      return await g.command("source", { key });
    } catch (problem) {
      g.notice(problem.message);
      return { notice: problem.message };
    }
  };

  g.chooseModel = function (name) {
    if (!g.answer || g.replaying || !name || name === g.answer.model) return;
    g.prefs.set("model", name);
    g.command("model", { name });
  };

  // The server tells what was chosen, here or in another page, and the lists follow.
  g.forgetChoices = () => { chosen = { source: null, model: null }; };

  g.showSource = function (answer) {
    // Dash lets the tab key stop at a field that it hides from screen readers; it shall stop at the button itself.
    document.querySelectorAll(".dash-dropdown-focus-target[tabindex='0']").forEach((field) => {
      field.tabIndex = -1;
      field.nextElementSibling.tabIndex = 0;
    });
    showMicrophone(answer);
    showOwn(answer);
    if (g.replaying) return;
    listLink(answer);
    const props = window.dash_clientside.set_props;
    const key = answer.source_key === "microphone" ? null : answer.source_key || null;
    if (key !== chosen.source && (key || chosen.source !== null)) {
      put = key;
      props("source", { value: key });
    }
    if (answer.model && answer.model !== chosen.model) props("model", { value: answer.model });
    chosen = { source: key, model: answer.model };
  };

  // ---- this browser's microphone ------------------------------------------------------------------------------------

  const toggleMicrophone = function () {
    if (g.microphone.on) {
      g.microphone.stop();
      g.command("source", { key: "" });
    } else {
      if (g.replaying) g.closeReplay();
      g.microphone.start();
    }
  };
  g.onClick("microphone", toggleMicrophone);
  g.onClick("refresh", () => g.refreshSources(true));
  g.keys.m = { words: "this browser\u2019s microphone, on and off", action: toggleMicrophone };

  function showMicrophone(answer) {
    const button = document.getElementById("microphone");
    const on = Boolean(g.microphone && g.microphone.on);
    if (button.getAttribute("aria-pressed") !== String(on)) {
      button.setAttribute("aria-pressed", String(on));
      button.title = on ? "Stop this browser\u2019s microphone (m)" : "Listen with this browser\u2019s microphone (m)";
    }
    const name = document.getElementById("source-now");
    const text = g.replaying ? answer.source.title : answer.source_key === "microphone" ? "This browser\u2019s microphone" : "";
    if (name.textContent !== text) name.textContent = text;
    name.hidden = !text;
  }

  // ---- a session of this page's own ---------------------------------------------------------------------------------

  function showOwn(answer) {
    document.getElementById("own").hidden = !(g.isOwn() && answer.shared);
    document.getElementById("close-replay").hidden = !g.replaying;
  }
  g.onClick("own", () => g.followMain("This page follows the main session again."));
})(window.genrescope);
