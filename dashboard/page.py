"""What stands where on the page. The scripts in assets/ fill it; the style sheet makes it look like something."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from dash import dcc, html

from dashboard.figures import empty_chart
from dashboard.studio import Studio

INDEX = """<!doctype html>
<html lang="en">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<meta name="description" content="Shows, while music plays, what genre it is and how sure the network is.">
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="assets/icon.svg">
{%css%}
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
{%app_entry%}
<footer hidden>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""

_GRAPH: Any = {
    "displayModeBar": False,
    "scrollZoom": False,
    "doubleClick": False,
    "showTips": False,
    "showAxisDragHandles": False,
}


def layout(studio: Studio) -> html.Div:
    """The whole page, with the choices there are at this moment."""
    return html.Div(
        id="page",
        className="page",
        **_attributes(data_state="loading"),
        children=[
            _top(studio),
            html.Main([_answer(), _charts(), _transport()]),
            _status(),
            html.Div(id="notice-box", className="notice", hidden=True, **_attributes(role="alert")),
            html.Div(id="announcement", className="unseen", **_attributes(role="status", aria_live="polite")),
            html.Audio(id="player", preload="auto"),
            dcc.Store(id="notice"),
            dcc.Store(id="noticed"),
            dcc.Store(id="seek"),
        ],
    )


def source_options(studio: Studio) -> list[dict[str, Any]]:
    """Choices of the source list, each group under a heading that cannot be chosen."""
    options: list[dict[str, Any]] = []
    for group, choices in groupby(studio.sources(), key=lambda choice: choice.group):
        heading = html.Span(group, className="heading")
        options.append({"label": heading, "value": f"heading:{group}", "disabled": True, "search": group})
        options += [{"label": choice.title, "value": choice.key, "search": choice.title} for choice in choices]
    return options


def _top(studio: Studio) -> html.Header:
    models = [{"label": title, "value": name} for name, title in studio.models()]
    return html.Header(
        className="top",
        children=[
            html.H1([html.Span(className="mark"), "genrescope"], className="brand"),
            html.Div(
                className="choice choice-source",
                children=[
                    html.Label("Listen to", htmlFor="source"),
                    dcc.Dropdown(
                        id="source",
                        options=source_options(studio),
                        value=studio.source_key or None,
                        placeholder="Choose what to listen to",
                        clearable=False,
                        optionHeight=38,
                        maxHeight=420,
                    ),
                ],
            ),
            _button("refresh", "Look for sound cards again"),
            html.Div(
                className="choice choice-model",
                children=[
                    html.Label("Listen for", htmlFor="model"),
                    dcc.Dropdown(
                        id="model", options=models, value=studio.model, clearable=False, searchable=False, maxHeight=420
                    ),
                ],
            ),
            html.Div("opening", id="state", className="state"),
        ],
    )


def _answer() -> html.Section:
    return html.Section(
        id="answer",
        className="answer",
        **_attributes(aria_label="What is heard now", data_verdict="none", data_label=""),
        children=[
            html.Div([html.Div(id="verdict", className="verdict"), html.Div(id="remark", className="remark")]),
            html.Ol(id="candidates", className="candidates", **_attributes(aria_label="The likeliest")),
        ],
    )


def _charts() -> html.Section:
    return html.Section(
        className="charts",
        **_attributes(aria_label="The last minute"),
        children=[
            html.Div(
                className="chart-head",
                children=[
                    html.H2("How likely, over the last minute", id="area-title"),
                    html.Ul(id="legend", className="legend", **_attributes(aria_label="Colours")),
                ],
            ),
            _graph("area", "Chart of how likely each label was over the last minute"),
            html.H2("The sound itself: pitch over time", className="waterfall-title"),
            _graph("waterfall", "Spectrogram of the last minute, low pitches below, high ones above"),
            html.Div(
                id="meter",
                className="meter",
                **_attributes(role="img", aria_label="Level of the sound"),
                children=[
                    html.Div("clip", id="clip", className="clip"),
                    html.Div(
                        className="meter-scale",
                        children=[
                            html.Div(id="meter-rms", className="meter-rms"),
                            html.Div(id="meter-peak", className="meter-peak"),
                            html.Div(id="meter-hold", className="meter-hold"),
                            *[
                                html.Span(
                                    str(level), className="meter-tick", style={"bottom": f"{100 + level / 0.6:.2f}%"}
                                )
                                for level in (0, -10, -20, -30, -40, -50)
                            ],
                        ],
                    ),
                    html.Div("dBFS", id="meter-text", className="meter-text"),
                ],
            ),
        ],
    )


def _graph(identifier: str, description: str) -> html.Div:
    return html.Div(
        className=f"chart chart-{identifier}",
        **_attributes(role="img", aria_label=description),
        children=dcc.Graph(id=identifier, figure=empty_chart(), config=_GRAPH, responsive=True),
    )


def _transport() -> html.Section:
    return html.Section(
        id="transport",
        className="transport",
        **_attributes(aria_label="Playback"),
        children=[
            html.Div(
                className="buttons",
                children=[
                    _button("previous", "Previous track"),
                    _button("play", "Start"),
                    _button("next", "Next track (n)"),
                ],
            ),
            html.Div(
                className="place",
                children=[
                    html.Div(
                        className="place-line",
                        children=[html.Span(id="track-title", className="track-title"), html.Span(id="place-text")],
                    ),
                    html.Div(id="seek-bar", className="seek-bar"),
                ],
            ),
            html.Div(
                id="sound-box",
                className="sound-box",
                hidden=True,
                children=[_button("sound", "Sound in this browser"), html.Div(id="volume", className="volume")],
            ),
        ],
    )


def _status() -> html.Footer:
    fields = (
        ("latency", "Sound to prediction"),
        ("network", "Network"),
        ("front-end", "Spectrogram"),
        ("device", "Runs on"),
        ("lost", "Lost"),
        ("skipped", "Skipped"),
    )
    return html.Footer(
        className="status",
        children=[
            html.Div(id="detail", className="detail"),
            html.Div(id="warnings", className="warnings"),
            html.Dl(
                [
                    html.Div([html.Dt(title), html.Dd("–", id=f"status-{name}")], className=f"field field-{name}")
                    for name, title in fields
                ]
            ),
        ],
    )


def _button(identifier: str, title: str) -> html.Button:
    return html.Button(
        html.Span(className="icon"), id=identifier, className="button", title=title, **_attributes(aria_label=title)
    )


def _attributes(**values: str) -> Any:
    """data- and aria- attributes, which Python cannot write as keywords; the components' stubs do not know them."""
    return {name.replace("_", "-"): value for name, value in values.items()}
