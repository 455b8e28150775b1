// Listening to a link: its dialog, the links heard before, and addresses that are pasted into the page or dropped onto it.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const MOST_REMEMBERED = 8;
  const LONGEST = 2000; // as in dashboard/links.py
  const LONGEST_NAME = 120;
  let field = null;
  let button = null;
  let wanted = null; // {key, url, askedAt} until the link is heard or fails; askedAt: when the server had taken the command

  const dialog = () => document.getElementById("link");

  // ---- the dialog ---------------------------------------------------------------------------------------------------

  function build() {
    if (field) return;
    field = document.createElement("input");
    Object.assign(field, { type: "text", id: "link-address", autocomplete: "off", spellcheck: false, placeholder: "https://" });
    field.inputMode = "url";
    field.setAttribute("autocapitalize", "none");
    field.setAttribute("aria-describedby", "link-problem");
    field.autofocus = true;
    field.addEventListener("input", () => say("", ""));
    button = document.createElement("button");
    Object.assign(button, { type: "submit", id: "link-listen", className: "text-button main-button", textContent: "Listen" });
    const form = document.getElementById("link-form");
    form.append(field, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      listen(field.value.trim());
    });
  }

  // What stands under the field: what is wrong, or what is being done.
  function say(problem, progress) {
    g.setText("link-problem", problem);
    g.setText("link-progress", progress);
    field.setAttribute("aria-invalid", String(Boolean(problem)));
    dialog().classList.toggle("busy", Boolean(progress));
  }

  g.onDialog("link", () => {
    build();
    if (!wanted) say("", "");
    showRemembered();
    // Selected, so that another address can be pasted over the one that was there.
    setTimeout(() => field.select(), 0);
  });
  g.onClick("open-link", () => g.toggleDialog("link"));
  g.keys.l = { words: "listen to a link", anywhere: true, action: () => g.toggleDialog("link") };

  // Open the dialog with this address in the field; a person then decides.
  g.offerLink = function (url) {
    build();
    field.value = url;
    wanted = null;
    say("", "");
    if (dialog().open) field.focus();
    else g.toggleDialog("link");
  };

  // ---- listening ----------------------------------------------------------------------------------------------------

  async function listen(url) {
    if (!url) { say("Write or paste an address first; it begins with https:// or http://.", ""); field.focus(); return; }
    const ask = wanted = { key: "link:" + url, url, askedAt: Infinity };
    say("", "Connecting \u2026");
    const words = await order(ask.key);
    if (wanted !== ask) return;
    if (words) {
      g.notice(""); // it is said under the field, and need not be said twice
      fail(words);
      return;
    }
    ask.askedAt = performance.now();
    g.soon();
  }

  // Resolves to what the server has against it, "" for nothing.
  async function order(key) {
    const answer = g.answer || {};
    const same = !g.replaying && answer.source_key === key;
    const over = answer.status && ["ended", "failed"].includes(answer.status.state);
    // What is chosen already is no new choice; once it is over, "play" opens it again.
    const done = !same ? await g.listenTo(key) : over ? await g.command("play") : null;
    return (done && done.notice) || "";
  }

  function fail(words) {
    wanted = null;
    say(g.capital(words), "");
    if (dialog().open) field.focus();
  }

  // After every poll: has what was asked for begun?
  g.showLink = function (answer) {
    announce(answer);
    // A poll may be older than the command.
    if (!wanted || g.replaying || answer.arrived - answer.delay / 2 < wanted.askedAt) return;
    if (answer.source_key !== wanted.key || !answer.source) { // somebody has chosen something else
      wanted = null;
      say("", "");
      return;
    }
    const { state } = answer.source;
    if (answer.status.state === "failed") fail(answer.status.detail);
    else if (state === "running" || state === "ended") heard(answer.source);
    else g.setText("link-progress", answer.status.detail ? g.capital(answer.status.detail) : "Connecting \u2026");
  };

  function heard(source) {
    remember(wanted.url, source.station || source.title);
    wanted = null;
    say("", "");
    field.value = "";
    if (dialog().open) dialog().close();
  }

  // ---- what plays now -----------------------------------------------------------------------------------------------

  // "Station · Artist - Title", or what of it is known.
  g.sourceTitle = function (source) {
    const parts = [source.station, source.title].filter(Boolean);
    return parts[0] === parts[1] ? parts[0] || "" : parts.join(" \u00b7 ");
  };

  // A link that is being opened. The server's word for a session in which nothing has failed is "live".
  g.isConnecting = (answer) => Boolean(answer.source) && answer.source.kind === "link" && answer.source.state === "starting"
    && Boolean(answer.status) && ["live", "loading"].includes(answer.status.state);

  let announced = "";
  function announce(answer) {
    const playing = answer.source && answer.source.kind === "link" && answer.source.state === "running";
    if (!playing) { if (!answer.source || answer.source.kind !== "link") announced = ""; return; }
    const title = g.sourceTitle(answer.source);
    if (title === announced) return;
    announced = title;
    g.say("Now playing: " + title);
  }

  // ---- links heard before -------------------------------------------------------------------------------------------

  // What lies in the browser may be of another version, or of a hand that wrote it there.
  function remembered() {
    const list = g.prefs.get("links", []);
    const fits = (link) => link && typeof link.url === "string" && g.isLink(link.url) && typeof link.name === "string";
    return Array.isArray(list) ? list.filter(fits).slice(0, MOST_REMEMBERED) : [];
  }

  function remember(url, name) {
    const others = remembered().filter((link) => link.url !== url);
    g.prefs.set("links", [{ url, name: name.slice(0, LONGEST_NAME) }, ...others].slice(0, MOST_REMEMBERED));
  }

  function showRemembered() {
    const links = remembered();
    document.getElementById("recent-links").hidden = !links.length;
    document.getElementById("recent-links-list").replaceChildren(...links.map(row));
  }

  function row(link) {
    const item = document.createElement("li");
    const again = document.createElement("button");
    again.className = "link-again";
    const name = document.createElement("span");
    const address = document.createElement("span");
    name.textContent = link.name || link.url;
    address.textContent = link.url.replace(/^https?:\/\//, "");
    again.append(name, address);
    again.addEventListener("click", () => { field.value = link.url; listen(link.url); });
    const forget = document.createElement("button");
    Object.assign(forget, { className: "close", textContent: "\u00d7", title: "Forget" });
    forget.setAttribute("aria-label", "Forget " + (link.name || link.url));
    forget.addEventListener("click", () => {
      g.prefs.set("links", remembered().filter((other) => other.url !== link.url));
      showRemembered();
      field.focus();
    });
    item.append(again, forget);
    return item;
  }

  // ---- pasted and dropped -------------------------------------------------------------------------------------------

  g.isLink = (text) => text.length <= LONGEST && /^https?:\/\/[^\s/]\S*$/i.test(text);

  const FIELDS = "input:not([type=range]), textarea, select, [contenteditable]";
  document.addEventListener("paste", (event) => {
    const at = event.target instanceof Element ? event.target : document.body;
    if (event.defaultPrevented || at.closest(FIELDS) || !document.getElementById("open-link")) return;
    const text = event.clipboardData.getData("text/plain").trim();
    if (!g.isLink(text)) return;
    event.preventDefault();
    g.offerLink(text);
  });

  // The first link in what is dropped, "" for none. A list of them has one a line, and remarks that begin with # (RFC 2483).
  g.droppedLink = function (data) {
    const lines = (data.getData("text/uri-list") || data.getData("text/plain")).split(/\r?\n/);
    return lines.map((line) => line.trim()).find(g.isLink) || "";
  };
})(window.genrescope);
