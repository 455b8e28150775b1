// What the session came to: shares, stretches, files to take away, and whether its sound is kept.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const KINDS = { csv: "CSV, for a spreadsheet", json: "JSON, for a program", replay: "Replay, to show it again" };

  g.onDialog("summary", async (dialog) => {
    links();
    const body = dialog.querySelector(".summary-body");
    if (g.replaying) { fill(body, g.replaying.summary); return; }
    try {
      const response = await fetch("summary?" + new URLSearchParams({ stage: g.stage }));
      if (!response.ok) throw new Error(String(response.status));
      fill(body, await response.json());
    } catch (_) { body.textContent = "genrescope does not answer; try again in a moment."; }
  });

  function fill(body, summary) {
    if (!summary || !summary.shares) { body.textContent = "Nothing has been heard yet."; return; }
    const line = document.createElement("p");
    const changes = summary.changes_per_minute;
    const noMusic = summary.no_music_seconds ? " and " + g.clock(summary.no_music_seconds) + " without music" : "";
    line.textContent = g.clock(summary.seconds) + " heard, " + g.clock(summary.silence_seconds) + " of it silence" + noMusic
      + (changes === null || changes === undefined ? "." : "; the genre changed " + changes.toFixed(1) + " times a minute.");
    body.replaceChildren(line, shares(summary.shares), stretches(summary.segments));
  }

  function shares(list) {
    const rows = document.createElement("ul");
    rows.className = "shares";
    list.forEach((share) => {
      const row = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = g.capital(share.name);
      const bar = document.createElement("span");
      bar.className = "bar";
      const fillBar = document.createElement("span");
      fillBar.style.transform = "scaleX(" + share.share.toFixed(3) + ")";
      fillBar.style.backgroundColor = share.colour || "var(--muted)";
      bar.append(fillBar);
      const figure = document.createElement("span");
      figure.className = "figure";
      figure.textContent = g.percent(share.share);
      const time = document.createElement("span");
      time.className = "figure";
      time.textContent = g.clock(share.seconds);
      row.append(name, bar, figure, time);
      rows.append(row);
    });
    return rows;
  }

  function stretches(list) {
    const rows = document.createElement("ol");
    rows.className = "stretches";
    list.forEach((stretch) => {
      const row = document.createElement("li");
      const time = document.createElement("span");
      time.className = "figure";
      time.textContent = g.clock(stretch.start_seconds);
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.backgroundColor = stretch.colour || "transparent";
      row.append(time, dot, g.capital(stretch.name));
      rows.append(row);
    });
    return rows;
  }

  function links() {
    Object.keys(KINDS).forEach((kind) => {
      const link = document.getElementById("export-" + kind);
      link.hidden = Boolean(g.replaying);
      link.href = "export/" + encodeURIComponent(g.stage) + "/" + kind;
    });
  }

  g.showRecord = function (answer) {
    const button = document.getElementById("keep-sound");
    const recording = answer.recording || { on: false, seconds: 0 };
    button.setAttribute("aria-pressed", String(recording.on));
    const text = recording.on ? "Sound is kept: " + g.clock(recording.seconds) : "Keep the sound, too";
    if (button.textContent !== text) button.textContent = text;
    document.getElementById("recording").hidden = !recording.on;
  };
  g.onClick("keep-sound", (button) => g.command("record", { on: button.getAttribute("aria-pressed") !== "true" }));

  g.onClick("open-replay", () => {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: ".json,application/json" });
    input.addEventListener("change", () => {
      document.getElementById("summary").close();
      if (input.files.length) g.openReplay(input.files[0]);
    });
    input.click();
  });
})(window.genrescope);
