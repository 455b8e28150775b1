// One answer of the server, shown everywhere it belongs; and what Dash's own controls call.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  g.show = function (answer) {
    if (!document.getElementById("answer")) return; // Dash has not put the page up yet
    g.showAnswer(answer);
    g.showMeter(answer.level || null);
    g.showTransport(answer);
    g.showStatus(answer);
    g.showSource(answer);
    g.showLink(answer);
    g.showSettings(answer);
    g.showRecord(answer);
    g.showSound(answer);
    g.drawCharts(answer.anew);
    g.followReplay(answer);
  };

  // Dash looks for its client-side functions here.
  const nothing = () => window.dash_clientside.no_update;
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    genrescope: {
      chooseSource: (key) => { g.chooseSource(key); return nothing(); },
      chooseModel: (name) => { g.chooseModel(name); return nothing(); },
    },
  });
})(window.genrescope);
