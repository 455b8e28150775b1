"""The charts of the page: probabilities, segments, the sound itself, its level, and the map. assets/ draws in them."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.elements import attributes
from dashboard.figures import empty_chart

_GRAPH: Any = {"staticPlot": True, "displayModeBar": False, "responsive": False}
_METER_FLOOR_DBFS = -60
_METER_MARKS_DBFS = (0, -10, -20, -30, -40, -50)


def charts() -> html.Section:
    """Everything that is drawn: empty, for the scripts to fill.

    Each of two models has a view of its own; the second is hidden until a second model listens.
    """
    return html.Section(
        id="charts",
        className="charts empty",
        **attributes(aria_label="What was heard"),
        children=[
            html.Div(
                className="chart-head",
                children=[
                    html.H2("How likely", id="area-title"),
                    html.Ul(id="legend", className="legend", **attributes(aria_label="Colours")),
                ],
            ),
            html.Div(
                id="plots",
                className="plots",
                children=[
                    _view("", "Chart of how likely each label was over time"),
                    _view("-second", "Chart of how likely the second model found each label over time", hidden=True),
                    _waterfall(),
                    html.Div(id="hair", className="hair", hidden=True),
                    html.Div(id="readout", className="readout", hidden=True),
                ],
            ),
            _meter(),
            _map(),
        ],
    )


def _view(suffix: str, description: str, *, hidden: bool = False) -> html.Div:
    """What one model says: its stack of probabilities, or its bars, and the segments."""
    return html.Div(
        id=f"view{suffix}",
        className="view",
        hidden=hidden,
        children=[
            html.H3(id=f"view-title{suffix}", className="view-title", hidden=True),
            html.Div(
                id=f"area-box{suffix}",
                className="chart chart-area",
                **attributes(role="img", aria_label=description),
                children=dcc.Graph(id=f"area{suffix}", figure=empty_chart(), config=_GRAPH, responsive=True),
            ),
            html.Ul(
                id=f"bars{suffix}", className="bars", hidden=True, **attributes(aria_label="How strong each tag is")
            ),
            html.Div(id=f"strip{suffix}", className="strip", hidden=True),
            html.Ol(id=f"segments{suffix}", className="unseen", **attributes(aria_label="Segments")),
        ],
    )


def _waterfall() -> html.Div:
    return html.Div(
        className="waterfall-box",
        children=[
            html.Div(
                className="waterfall-head",
                children=[
                    html.H2(["The sound itself ", html.Span("pitch in Hz over time in min:s", className="units")]),
                    html.Span(id="why-words", className="why-words"),
                    html.Div(id="window-choice", className="window-choice"),
                    html.Button(
                        "Why this genre?",
                        id="why",
                        className="why",
                        title="Light up the part of the sound that spoke for the label (w)",
                        **attributes(aria_pressed="false"),
                    ),
                ],
            ),
            html.Div(
                id="waterfall",
                className="chart chart-waterfall",
                **attributes(role="img", aria_label="Spectrogram, low pitches below, high ones above"),
            ),
        ],
    )


def _meter() -> html.Div:
    share = 100 / -_METER_FLOOR_DBFS
    return html.Div(
        id="meter",
        className="meter",
        **attributes(role="img", aria_label="Level of the sound"),
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
                            str(level).replace("-", "\u2212"),
                            className="meter-tick",
                            style={"bottom": f"{100 + level * share:.2f}%"},
                        )
                        for level in _METER_MARKS_DBFS
                    ],
                ],
            ),
            html.Div("dBFS", id="meter-text", className="meter-text"),
        ],
    )


def _map() -> html.Div:
    reading = (
        "Each dot is a piece of music the network has learned from, in the colour of its label; "
        "what lies close together sounds alike to it. "
        "The bright point is the music of now, its tail the last 20 seconds."
    )
    return html.Div(
        id="map-box",
        className="map-box",
        hidden=True,
        children=[
            html.H2("Where in the space of genres", title=reading),
            html.Div(
                id="map",
                className="chart chart-map",
                title=reading,
                **attributes(role="img", aria_label="Map of the labels"),
            ),
            html.P(id="map-nearest", className="map-nearest"),
            html.P(reading, className="map-reading"),
        ],
    )
