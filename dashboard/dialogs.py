"""The page's dialogs: a link, settings, summary, help, the audience's QR code. The scripts in assets/ fill them."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.elements import attributes


def dialogs(models: list[tuple[str, str]]) -> list[Any]:
    """All of them, closed. models : names and titles of the bundles."""
    return [_link(), _settings(models), _summary(), _help(), _audience()]


def _dialog(identifier: str, title: str, children: list[Any]) -> html.Dialog:
    heading = f"{identifier}-title"
    close = html.Button("×", className="close", title="Close (Esc)", **attributes(aria_label="Close", data_close="1"))
    return html.Dialog(
        id=identifier,
        className="dialog",
        **attributes(aria_labelledby=heading),
        children=[html.Header([html.H2(title, id=heading), close]), *children],
    )


def _link() -> html.Dialog:
    """The field itself is put in by assets/link.js: a field of Dash's would tell the server about every letter."""
    playable = (
        ("Sound files", "mp3, ogg, opus, flac, wav, m4a, aac"),
        ("Internet radio", "Icecast and SHOUTcast, also as a list (m3u, pls)"),
        ("HLS", "addresses that end in .m3u8"),
        ("Pages", "YouTube, SoundCloud, Bandcamp and the other sites yt-dlp knows"),
    )
    return _dialog(
        "link",
        "Listen to a link",
        [
            html.Label("Address of a song, a radio station or a page", htmlFor="link-address"),
            html.Form(id="link-form", className="link-form"),
            html.P(id="link-problem", className="warning", **attributes(role="alert")),
            html.P(id="link-progress", className="link-progress", **attributes(role="status")),
            html.Section(
                id="recent-links",
                hidden=True,
                children=[
                    html.H3("Heard before"),
                    html.Ul(id="recent-links-list", className="links"),
                    html.P("Remembered in this browser only."),
                ],
            ),
            html.Section(
                [
                    html.H3("What can be heard"),
                    html.Dl(
                        [html.Div([html.Dt(name), html.Dd(words)]) for name, words in playable], className="playable"
                    ),
                    html.P("The sound is not played here, it is only listened to. To hear it, open the link as well."),
                ]
            ),
        ],
    )


def _settings(models: list[tuple[str, str]]) -> html.Dialog:
    first = _model_choice(
        "first",
        "What it listens for",
        "Genres exclude each other, tags hold several at once. A change begins the plot anew.",
        models,
    )
    second = _model_choice(
        "second",
        "Compare with a second model",
        "Both listen to the same sound and are shown side by side. Twice the work.",
        [("", "No second model"), *models],
    )
    alone = html.Div(
        id="alone-row",
        className="setting",
        hidden=True,
        children=[
            html.Span("Other pages"),
            html.Button("Listen separately", id="alone", className="text-button", **attributes(aria_pressed="false")),
            html.P("All pages show the same session. This one can have its own, with another source."),
        ],
    )
    return _dialog(
        "settings",
        "Settings",
        [
            html.Section([html.H3("Listening"), html.Div(id="listening"), first, second, alone]),
            html.Section([html.H3("Looks"), html.Div(id="looks")]),
            html.Footer(
                [
                    html.Button("As it came", id="settings-back", className="text-button"),
                    html.P("Settings are kept in this browser."),
                ]
            ),
        ],
    )


def _model_choice(identifier: str, title: str, effect: str, models: list[tuple[str, str]]) -> html.Div:
    about = f"{identifier}-about"
    return html.Div(
        className="setting",
        children=[
            html.Label(title, htmlFor=identifier),
            html.Select(
                [html.Option(words, value=name) for name, words in models],
                id=identifier,
                **attributes(aria_describedby=about),
            ),
            html.P(effect, id=about),
        ],
    )


def _summary() -> html.Dialog:
    return _dialog(
        "summary",
        "This session",
        [
            html.Div("Nothing has been heard yet.", className="summary-body"),
            html.Section(
                [
                    html.H3("Take it away"),
                    html.Div(
                        className="downloads",
                        children=[
                            html.A("CSV", id="export-csv", href="#", title="For a spreadsheet"),
                            html.A("JSON", id="export-json", href="#", title="For a program"),
                            html.A("Replay", id="export-replay", href="#", title="To show the session again, anywhere"),
                            html.Button(
                                "Keep the sound, too",
                                id="keep-sound",
                                className="text-button",
                                **attributes(aria_pressed="false"),
                            ),
                            html.Button("Open a replay …", id="open-replay", className="text-button"),
                        ],
                    ),
                    html.P(
                        "A replay shows the session again without network, model or sound card: a fall-back on stage."
                    ),
                ]
            ),
        ],
    )


def _help() -> html.Dialog:
    return _dialog(
        "help",
        "Keys",
        [
            html.Dl(className="keys"),
            html.P("A click into the plot or on a stretch below it goes to that place of a file."),
        ],
    )


def _audience() -> html.Dialog:
    return _dialog(
        "audience",
        "Follow on your phone",
        [
            html.Div(className="qr"),
            html.P(id="audience-address", className="address"),
            html.P("Phones see what is heard, and can change nothing.", className="quiet"),
            html.P(id="audience-warning", className="warning"),
        ],
    )
