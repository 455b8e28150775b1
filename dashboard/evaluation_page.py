"""The evaluation's report: one HTML file that needs nothing else, neither the network nor this program."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from dashboard.evaluation_sections import Section, comparison_section, sections
from dashboard.markup import escaped
from model.comparison import Comparison
from model.measurement import Measurement

_FOLDER = Path(__file__).parent / "report"


def evaluation_page(measurements: Sequence[Measurement], comparison: Comparison | None = None) -> str:
    """The page about one bundle, or about several that are compared."""
    found = [] if comparison is None else [comparison_section(comparison)]
    several = len(measurements) > 1
    for number, measurement in enumerate(measurements, start=1):
        found.extend(sections(measurement, prefix=f"b{number}-" if several else "", named=several))
    names = ", ".join(measurement.name for measurement in measurements)
    title = f"How good {names} is" if not several else f"{names} compared"
    return _document(title, measurements[0].data, found)


def _document(title: str, data: str, found: Sequence[Section]) -> str:
    figures = {name: figure for section in found for name, figure in section.figures.items()}
    plotly, script = _plotly(), (_FOLDER / "report.js").read_text(encoding="utf-8")
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    # Only these two scripts run, whatever names of files or labels contain; and nothing is fetched from anywhere.
    policy = (
        f"default-src 'none'; script-src {_hash(plotly)} {_hash(script)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    links = "".join(f'<li><a href="#{section.anchor}">{escaped(section.title)}</a></li>' for section in found)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escaped(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            '<link rel="icon" href="data:,">',
            f"<title>{escaped(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            '<a class="skip" href="#content">To the figures</a>',
            "<header>",
            f"<h1>{escaped(title)}</h1>",
            f'<p class="lead">Measured by genrescope on {escaped(data)}.</p>',
            f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>',
            "</header>",
            '<main id="content">',
            *(section.markup for section in found),
            "</main>",
            f'<script type="application/json" id="figures">{_json(figures)}</script>',
            f"<script>{plotly}</script>",
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    source = str(get_plotlyjs())
    if "</script" in source.lower():
        # Only within strings; there it means the same with a backslash.
        source = source.replace("</script", "<\\/script")
    return source


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _json(value: object) -> str:
    """JSON that cannot end the element it stands in."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
