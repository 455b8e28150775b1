"""What stands where on the page. The scripts in assets/ fill it; the style sheet makes it look like something."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from dash import dcc, html

from dashboard.charts import charts
from dashboard.dialogs import dialogs
from dashboard.elements import attributes, icon_button
from dashboard.shelf import SourceChoice, with_playing_link
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


def layout(studio: Studio) -> html.Div:
    """The whole page, with the choices there are at this moment."""
    models = studio.models()
    return html.Div(
        id="page",
        className="page",
        **attributes(data_state="loading", data_face="desk"),
        children=[
            _top(studio, models),
            html.Main([_answers(), charts(), _transport()]),
            _status(),
            icon_button("to-desk", "Back to the desk (s)"),
            html.Div(id="upload-box", hidden=True),
            html.Div(id="notice-box", className="notice", hidden=True, **attributes(role="alert")),
            html.Div(id="announcement", className="unseen", **attributes(role="status", aria_live="polite")),
            html.Audio(id="player", preload="auto"),
            *dialogs(models),
            dcc.Store(id="chosen"),
        ],
    )


def source_options(choices: list[SourceChoice]) -> list[dict[str, Any]]:
    """Choices of the source list, each group under a heading that cannot be chosen."""
    options: list[dict[str, Any]] = []
    for group, members in groupby(choices, key=lambda choice: choice.group):
        heading = html.Span(group, className="heading")
        options.append({"label": heading, "value": f"heading:{group}", "disabled": True, "search": group})
        options += [{"label": choice.title, "value": choice.key, "search": choice.title} for choice in members]
    return options


def _top(studio: Studio, models: list[tuple[str, str]]) -> html.Header:
    return html.Header(
        className="top",
        children=[
            html.H1([html.Span(className="mark"), html.Span("genrescope", className="name")], className="brand"),
            html.Div(
                className="choice choice-source",
                children=[
                    html.Label("Listen to", htmlFor="source"),
                    dcc.Dropdown(
                        id="source",
                        options=source_options(with_playing_link(studio.choices(), studio.main)),
                        value=studio.main.source_key or None,
                        placeholder="Choose what to listen to",
                        clearable=False,
                        optionHeight=38,
                        maxHeight=420,
                    ),
                    html.Span(id="source-now", className="source-now", hidden=True),
                ],
            ),
            html.Div(
                className="buttons source-buttons",
                children=[
                    icon_button("refresh", "Look for sound cards again"),
                    icon_button("microphone", "Listen with this browser’s microphone (m)", aria_pressed="false"),
                    icon_button("upload", "Listen to a file from this computer"),
                    icon_button("open-link", "Listen to a link: a song, a radio station, a page (l)"),
                    html.Button("Back to the main session", id="own", className="text-button", hidden=True),
                    html.Button("Close the replay", id="close-replay", className="text-button", hidden=True),
                ],
            ),
            html.Div(
                className="choice choice-model",
                children=[
                    html.Label("Listen for", htmlFor="model"),
                    dcc.Dropdown(
                        id="model",
                        options=[{"label": title, "value": name} for name, title in models],
                        value=studio.main.model,
                        clearable=False,
                        searchable=False,
                        maxHeight=420,
                    ),
                ],
            ),
            html.Div(
                className="buttons page-buttons",
                children=[
                    icon_button("open-summary", "Summary and export (e)"),
                    *([icon_button("open-audience", "QR code for the audience (a)")] if studio.share else []),
                    icon_button("open-settings", "Settings (,)"),
                    icon_button("open-help", "Keys (?)"),
                    icon_button("to-stage", "Stage: the genre fills the screen (s)"),
                ],
            ),
            html.Div("opening", id="state", className="state"),
        ],
    )


def _answers() -> html.Div:
    return html.Div(
        id="answers",
        className="answers",
        children=[
            _answer("", "What is heard now"),
            _answer("-2", "What the second model hears now", hidden=True),
        ],
    )


def _answer(suffix: str, title: str, *, hidden: bool = False) -> html.Section:
    return html.Section(
        id=f"answer{suffix}",
        className="answer",
        hidden=hidden,
        **attributes(aria_label=title, data_verdict="none", data_label=""),
        children=[
            html.Div(
                [
                    html.Div(id=f"who{suffix}", className="who"),
                    html.Div(id=f"verdict{suffix}", className="verdict"),
                    html.Div(id=f"remark{suffix}", className="remark"),
                    html.Div(id=f"sentence{suffix}", className="sentence"),
                ],
                className="said",
            ),
            html.Ol(id=f"candidates{suffix}", className="candidates", **attributes(aria_label="The likeliest")),
        ],
    )


def _transport() -> html.Section:
    return html.Section(
        id="transport",
        className="transport",
        **attributes(aria_label="Playback"),
        children=[
            html.Div(
                className="buttons",
                children=[
                    icon_button("previous", "Previous track (p)"),
                    icon_button("play", "Start (space)"),
                    icon_button("next", "Next track (n)"),
                ],
            ),
            html.Div(
                className="place",
                children=[
                    html.Div(
                        className="place-line",
                        children=[
                            html.Span(id="on-air", className="on-air", hidden=True),
                            html.Span(id="track-title", className="track-title"),
                            html.Span(id="place-text"),
                        ],
                    ),
                    html.Div(id="seek-bar", className="seek-bar"),
                ],
            ),
            html.Div("Sound is kept", id="recording", className="recording", hidden=True),
            html.Div(
                id="sound-box",
                className="sound-box",
                hidden=True,
                children=[icon_button("sound", "Sound in this browser"), html.Div(id="volume", className="volume")],
            ),
        ],
    )


def _status() -> html.Footer:
    fields = (
        ("audience", "Following"),
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
