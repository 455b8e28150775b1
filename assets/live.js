// One answer of the server, shown everywhere it belongs.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  g.show = function (answer) {
    if (!document.getElementById("answer")) return; // Dash has not put the page up yet
    g.showAnswer(answer);
    g.showMeter(answer.level || null);
    g.showTransport(answer);
    g.showStatus(answer);
    g.showSound(answer);
    g.drawCharts(answer.anew);
    if (answer.more) setTimeout(g.poll, 0);
  };

  // Dash looks for its client-side functions here.
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    genrescope: { showNotice: (notice) => g.showNotice(notice) },
  });

  // The password has become a cookie; it need not stay where a projector shows it.
  const here = new URL(window.location.href);
  if (here.searchParams.has("token")) {
    here.searchParams.delete("token");
    window.history.replaceState(null, "", here);
  }
})(window.genrescope);
