// Draws the figures in the colours of the page, again when those change. The numbers stand in the tables beside them.
"use strict";
(() => {
    const figures = JSON.parse(document.getElementById("figures").textContent);
    const root = document.documentElement;
    const NAMED = /^var\((--[a-z0-9-]+)\)$/;

    function coloured(value, style) {
        if (typeof value === "string") {
            const named = NAMED.exec(value);
            return named ? style.getPropertyValue(named[1]).trim() : value;
        }
        if (Array.isArray(value)) return value.map((item) => coloured(item, style));
        if (value && typeof value === "object") {
            return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, coloured(item, style)]));
        }
        return value;
    }

    function draw() {
        const style = getComputedStyle(root);
        for (const place of document.querySelectorAll(".plot")) {
            const figure = coloured(figures[place.dataset.figure], style);
            Plotly.react(place, figure.data, figure.layout, { staticPlot: false, displayModeBar: false, responsive: true });
        }
    }

    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    addEventListener("beforeprint", () => { root.dataset.paper = "1"; draw(); });
    addEventListener("afterprint", () => { delete root.dataset.paper; draw(); });
    root.dataset.drawn = "1";
})();
