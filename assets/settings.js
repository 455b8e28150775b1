// Settings in plain words, each with one sentence about its effect. Kept in this browser.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const seconds = (value) => (value < 10 ? value.toFixed(value % 1 ? 2 : 0).replace(/0$/, "") : Math.round(value)) + "\u202fs";
  // What the server is told, with the words a person reads.
  const LISTENING = [
    { name: "smoothing_seconds", title: "How quickly it reacts", low: 0, high: 6, step: 0.2, text: (v) => (v === 0 ? "at once" : "about " + seconds(v)),
      effect: "Shorter follows every change of the music; longer is calmer." },
    { name: "sure_from", title: "When it says \u201cnot sure\u201d", low: 0, high: 0.95, step: 0.05,
      text: (v) => (v === 0 ? "never" : "below " + g.percent(v)),
      effect: "Higher names a genre only when it is likelier than this; lower always guesses." },
    { name: "silence_closes_dbfs", title: "What counts as silence", low: -90, high: -30, step: 2, text: (v) => "below " + String(v).replace("-", "\u2212") + "\u202fdBFS",
      effect: "Raise it in a noisy room, so that the noise is not taken for music." },
    { name: "hop_seconds", title: "How often it answers", low: 0.25, high: 2, step: 0.25, text: (v) => "every " + seconds(v),
      effect: "More often moves more smoothly and needs more of the computer." },
  ];
  const rows = {};
  let built = false;
  let shown = -1; // number of the settings that the controls show
  let shownStage = "";
  let offered = "";

  g.showSettings = function (answer) {
    if (!answer.settings) return;
    build();
    const key = answer.instance + answer.stage;
    if (key !== offered) {
      offered = key;
      // Nobody has set anything there yet: what this browser remembers counts.
      const kept = g.prefs.get("listening", null);
      if (kept && answer.settings.number === 0) g.command("settings", kept);
      // The main session listens as the command line says, until somebody chooses; a page's own as its browser remembers.
      const model = g.prefs.get("model", "");
      if (model && g.isOwn() && model !== answer.model && answer.settings.number === 0) g.command("model", { name: model });
    }
    if (answer.settings.number === shown && key === shownStage) return;
    shown = answer.settings.number;
    shownStage = key;
    LISTENING.forEach((setting) => put(setting, value(setting, answer)));
  };

  // A bundle has its own idea of when it is sure; it holds until a person says otherwise.
  function value(setting, answer) {
    const set = answer.settings[setting.name];
    if (set !== null) return set;
    return g.heard.bundle ? Math.round(20 * (g.heard.bundle.thresholds.unsure_below || 0)) / 20 : 0.4;
  }

  function put(setting, number) {
    const row = rows[setting.name];
    if (document.activeElement === row.input && row.touched) return;
    row.input.value = number;
    words(setting, number);
  }

  function words(setting, number) {
    const row = rows[setting.name];
    row.output.textContent = setting.text(number);
    row.input.setAttribute("aria-valuetext", setting.text(number));
    row.input.style.setProperty("--done", (100 * (number - setting.low) / (setting.high - setting.low)).toFixed(1) + "%");
  }

  function build() {
    if (built) return;
    built = true;
    const place = document.getElementById("listening");
    LISTENING.forEach((setting) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "range", min: setting.low, max: setting.high, step: setting.step, id: "set-" + setting.name });
      const output = document.createElement("output");
      output.htmlFor = input.id;
      rows[setting.name] = { input, output, touched: false };
      place.append(field(setting.title, setting.effect, input, output));
      input.addEventListener("input", () => { rows[setting.name].touched = true; words(setting, Number(input.value)); });
      input.addEventListener("change", () => {
        rows[setting.name].touched = false;
        const kept = { ...g.prefs.get("listening", {}), [setting.name]: Number(input.value) };
        g.prefs.set("listening", kept);
        g.command("settings", { [setting.name]: Number(input.value) });
      });
    });
    choice("theme", "Light or dark", "Charts stay dark in both, so that a label keeps its colour.",
      { system: "As the system", dark: "Dark", light: "Light" }, g.prefs.get("theme", "system"), g.setTheme);
    choice("colours", "Colours of the sound picture", "All of them get evenly brighter with loudness, also for the colour-blind.",
      g.colourMaps, g.prefs.get("colours", Object.keys(g.colourMaps)[0]), (name) => { g.prefs.set("colours", name); g.drawCharts(true); });
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "second") g.command("second", { name: event.target.value });
    if (event.target.id === "first") g.chooseModel(event.target.value);
  });

  function field(title, effect, control, output) {
    const row = document.createElement("div");
    row.className = "setting";
    const label = document.createElement("label");
    label.htmlFor = control.id;
    label.textContent = title;
    const about = document.createElement("p");
    about.id = control.id + "-about";
    about.textContent = effect;
    control.setAttribute("aria-describedby", about.id);
    row.append(label, ...(output ? [output] : []), control, about);
    return row;
  }

  function choice(name, title, effect, options, chosen, choose) {
    const select = document.createElement("select");
    select.id = "set-" + name;
    Object.entries(options).forEach(([key, words]) => select.append(new Option(words, key, false, key === chosen)));
    select.addEventListener("change", () => choose(select.value));
    document.getElementById("looks").append(field(title, effect, select));
  }

  g.onDialog("settings", () => {
    document.getElementById("first").value = g.answer ? g.answer.model : "";
    document.getElementById("second").value = g.answer ? g.answer.second_model : "";
    document.getElementById("alone-row").hidden = !(g.answer && g.answer.shared);
    document.getElementById("alone").setAttribute("aria-pressed", String(g.isOwn()));
    g.setText("alone", g.isOwn() ? "Follow the main session again" : "Listen separately");
  });
  g.onClick("alone", async () => {
    try {
      if (g.isOwn()) g.followMain("This page follows the main session again.");
      else { await g.own(); g.notice("This page has a session of its own now. Choose what it listens to."); }
    } catch (problem) { g.notice(problem.message); }
    document.getElementById("settings").close();
  });
  g.onClick("settings-back", () => {
    g.prefs.set("listening", null);
    g.command("settings", g.answer.defaults);
  });
})(window.genrescope);
