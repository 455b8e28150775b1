"""What the page's controls do. Each is a command to the studio or to the session's source, and nothing more."""

from __future__ import annotations

import logging
import time
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboard.page import source_options
from dashboard.studio import Studio
from model.errors import GenrescopeError
from stream.records import SessionState, SourceState
from stream.session import Session

log = logging.getLogger(__name__)


def register_callbacks(app: Dash, studio: Studio) -> None:
    """Connect the controls with the studio."""

    app.clientside_callback(
        ClientsideFunction("genrescope", "showNotice"), Output("noticed", "data"), Input("notice", "data")
    )

    @app.callback(
        Output("notice", "data"),
        Input("play", "n_clicks"),
        Input("previous", "n_clicks"),
        Input("next", "n_clicks"),
        Input("seek", "data"),
        Input("source", "value"),
        Input("model", "value"),
        prevent_initial_call=True,
    )
    def command(
        _play: int | None,
        _previous: int | None,
        _next: int | None,
        seek: dict[str, float] | None,
        source: str | None,
        model: str | None,
    ) -> dict[str, Any]:
        # Dash makes one call of what happens while another is on its way: a seek and a press of "play", say.
        # dict.fromkeys: each control once, in the order in which they were used.
        names = dict.fromkeys(str(name) for name in ctx.triggered_prop_ids.values())
        said = (carry_out(studio, name, seek=seek, source=source, model=model) for name in names)
        return _notice(" ".join(filter(None, said)))

    @app.callback(
        Output("source", "options"),
        Output("notice", "data", allow_duplicate=True),
        Input("refresh", "n_clicks"),
        State("source", "options"),
        prevent_initial_call=True,
    )
    def refresh(_clicks: int | None, before: list[dict[str, Any]]) -> tuple[Any, Any]:
        try:
            studio.refresh_devices()
            options = source_options(studio)
        except GenrescopeError as error:
            return no_update, _notice(str(error))
        found = "The list of sources is up to date." if options != before else "No other sound card has appeared."
        return options, _notice(studio.sound.missing or found)


def carry_out(
    studio: Studio, name: str, *, seek: dict[str, float] | None, source: str | None, model: str | None
) -> str:
    """Give one command; returns what the page has to say about it, "" for nothing."""
    session = studio.session
    try:
        if name == "source":
            # Other pages follow the one that chose; for them it is no new choice.
            if (source or "") != studio.source_key:
                studio.listen_to(source or "")
        elif name == "model":
            if model and model != studio.model:
                studio.use_model(model)
        elif session is None:
            if name == "play":
                if not source:
                    return "Choose first what to listen to."
                studio.listen_to(source)
        elif name == "play":
            _pause_or_resume(studio, session)
        elif name == "previous":
            session.source.skip(-1)
        elif name == "next":
            session.source.skip(1)
        elif name == "seek" and seek is not None:
            session.source.seek(float(seek["seconds"]))
    except GenrescopeError as error:
        return str(error)
    except Exception:
        log.exception("the command %r failed", name)
        return "Something went wrong inside genrescope; the terminal it was started from says more."
    return ""


def _notice(text: str) -> dict[str, Any]:
    """With a stamp, so that the same sentence is shown again when it is true again."""
    return {"text": text, "stamp": time.monotonic()}


def _pause_or_resume(studio: Studio, session: Session) -> None:
    source = session.source.status()
    if session.status().state is SessionState.FAILED:
        studio.listen_to(studio.source_key)
    elif not source.can_pause:
        # A sound card cannot be held; listening ends, and the same button begins it again.
        studio.listen_to("")
    elif source.state in (SourceState.PAUSED, SourceState.ENDED):
        session.source.resume()
    else:
        session.source.pause()
