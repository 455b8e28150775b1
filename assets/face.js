// The two faces of the page, stage and desk; the dialogs; light and dark.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  // ---- stage and desk -----------------------------------------------------------------------------------------------

  g.face = "desk";

  g.setFace = function (face) {
    const page = document.getElementById("page");
    if (face === g.face) return;
    g.face = page.dataset.face = face;
    document.documentElement.dataset.face = face;
    showTheme();
    const full = document.fullscreenElement;
    // Full screen is a wish: a browser may refuse it (a phone, a frame), and the face is shown all the same.
    if (face === "stage" && !full && document.documentElement.requestFullscreen) {
      document.documentElement.requestFullscreen({ navigationUI: "hide" }).catch(() => {});
    } else if (face === "desk" && full) {
      document.exitFullscreen().catch(() => {});
    }
    g.say(face === "stage" ? "Stage: the current genre fills the screen. Press s to come back." : "Desk: all controls.");
    // A button that has just vanished must not keep the focus; its counterpart takes it.
    const [from, to] = face === "stage" ? ["to-stage", "to-desk"] : ["to-desk", "to-stage"];
    if (document.activeElement === document.getElementById(from)) document.getElementById(to).focus({ preventScroll: true });
    if (g.answer) g.show(g.answer);
    requestAnimationFrame(() => { window.dispatchEvent(new Event("resize")); if (g.heard.bundle) g.drawCharts(true); });
  };

  const toggleFace = () => g.setFace(g.face === "stage" ? "desk" : "stage");
  // Escape leaves the full screen by itself; the face follows.
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && g.face === "stage") g.setFace("desk");
  });
  g.onClick("to-stage", () => g.setFace("stage"));
  g.onClick("to-desk", () => g.setFace("desk"));
  g.keys.s = { words: "stage and desk", action: toggleFace };
  g.keys.Escape = { name: "Esc", words: "back to the desk", action: () => (g.face === "stage" ? g.setFace("desk") : false) };

  // ---- light and dark: a stage is dark, a desk as the person or the system wishes -------------------------------------

  const light = window.matchMedia("(prefers-color-scheme: light)");
  function showTheme() {
    const wish = g.prefs.get("theme", "system");
    const theme = g.face === "stage" ? "dark" : wish === "system" ? (light.matches ? "light" : "dark") : wish;
    if (document.documentElement.dataset.theme === theme) return;
    document.documentElement.dataset.theme = theme;
    if (g.drawCharts && g.heard && g.heard.bundle) g.drawCharts(true);
  }
  g.setTheme = (theme) => { g.prefs.set("theme", theme); showTheme(); };
  light.addEventListener("change", showTheme);
  showTheme();

  // ---- dialogs ------------------------------------------------------------------------------------------------------

  const opened = {};
  // `prepare` fills the dialog whenever it opens.
  g.onDialog = (id, prepare) => { opened[id] = prepare; };

  g.toggleDialog = function (id) {
    const dialog = document.getElementById(id);
    if (dialog.open) { dialog.close(); return; }
    document.querySelectorAll("dialog[open]").forEach((other) => other.close());
    if (opened[id]) opened[id](dialog);
    dialog.showModal();
  };

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    if (at.closest("[data-close]")) at.closest("dialog").close();
    else if (at.matches("dialog")) { // the backdrop belongs to the dialog, and nothing of its content was hit
      const box = at.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) at.close();
    }
  });

  g.onDialog("help", (dialog) => {
    const list = dialog.querySelector("dl");
    if (list.children.length) return;
    Object.entries(g.keys).filter((entry) => entry[1].words).forEach(([key, about]) => {
      const name = document.createElement("dt");
      const cap = document.createElement("kbd");
      cap.textContent = about.name || key;
      name.append(cap);
      const words = document.createElement("dd");
      words.textContent = g.capital(about.words);
      list.append(name, words);
    });
  });

  g.onDialog("audience", async (dialog) => {
    const place = dialog.querySelector(".qr");
    if (place.dataset.ready) return;
    try {
      const answer = await (await fetch("audience")).json();
      place.replaceChildren();
      const picture = document.createElement("img");
      picture.src = "data:image/svg+xml;base64," + answer.qr;
      picture.alt = "QR code of the address below";
      place.append(picture);
      g.setText("audience-address", answer.url);
      g.setText("audience-warning", answer.warning);
      place.dataset.ready = "1";
    } catch (_) { g.setText("audience-warning", "genrescope does not answer; try again in a moment."); }
  });

  ["settings", "summary", "help", "audience"].forEach((id) => g.onClick("open-" + id, () => g.toggleDialog(id)));
  const open = (id, words) => ({ words, anywhere: true, action: () => {
    const button = document.getElementById("open-" + id);
    if (!button || button.hidden) return false;
    return g.toggleDialog(id);
  } });
  g.keys["?"] = open("help", "this list");
  g.keys[","] = open("settings", "settings");
  g.keys.e = open("summary", "summary and export");
  g.keys.a = open("audience", "QR code for the audience");
})(window.genrescope);
