"""What pages may order: `POST /command`, each a call to the studio, a stage or its source, and nothing more."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, jsonify, request

from dashboard.shelf import with_playing_link
from dashboard.stage import Stage
from dashboard.studio import MAIN, Studio
from model.errors import GenrescopeError, SettingError
from stream.records import SessionState, SourceState
from stream.session import Session

log = logging.getLogger(__name__)

LONGEST_COMMAND_BYTES = 16_384
"""An address of 2000 characters fits in, whatever alphabet it is written in."""
WENT_WRONG = "Something went wrong inside genrescope; the terminal it was started from says more."


def register_commands(server: Flask, studio: Studio) -> None:
    """Add `POST /command`, `POST /stage`, `POST /leave` and `GET /sources` to the server."""

    @server.post("/command")
    def command() -> Response:
        order = _read()
        name = order.pop("do", "")
        return jsonify({"notice": carry_out(studio, str(order.pop("stage", MAIN)), str(name), order)})

    @server.post("/stage")
    def open_stage() -> Response:
        try:
            return jsonify({"stage": studio.open_stage().identifier, "notice": ""})
        except GenrescopeError as error:
            return jsonify({"stage": "", "notice": str(error)})

    @server.post("/leave")
    def leave() -> Response:
        studio.leave(str(_read().get("stage", "")))
        return Response(status=204)

    @server.get("/sources")
    def sources() -> Response:
        notice = ""
        stage = request.args.get("stage", MAIN)
        try:
            if request.args.get("refresh"):
                studio.refresh_devices()
                notice = studio.sound.missing or ""
            choosing = studio.stage(stage)
            choices = with_playing_link(studio.choices(choosing), choosing)
        except GenrescopeError as error:
            return jsonify({"choices": [], "notice": str(error)})
        found = [{"key": choice.key, "title": choice.title, "group": choice.group} for choice in choices]
        return jsonify({"choices": found, "notice": notice})


def carry_out(studio: Studio, stage: str, name: str, values: Mapping[str, Any]) -> str:
    """Give one command; returns what the page has to say about it, "" for nothing."""
    order = _ORDERS.get(name)
    if order is None:
        return f"There is no command {name[:40]!r}."
    try:
        return order(studio, studio.stage(stage), values) or ""
    except GenrescopeError as error:
        return str(error)
    except Exception:
        log.exception("the command %r failed", name)
        return WENT_WRONG


def _read() -> dict[str, Any]:
    """The order as it came, {} for nonsense. A beacon's content type is text, so the type is not looked at."""
    if (request.content_length or 0) > LONGEST_COMMAND_BYTES:
        return {}
    order = request.get_json(force=True, silent=True)
    return order if isinstance(order, dict) else {}


def _source(studio: Studio, stage: Stage, values: Mapping[str, Any]) -> None:
    key = str(values.get("key") or "")
    # Other pages follow the one that chose; for them it is no new choice.
    if key != stage.source_key:
        studio.listen_to(key, stage)


def _model(studio: Studio, stage: Stage, values: Mapping[str, Any]) -> None:
    name = str(values.get("name") or "")
    if name and name != stage.model:
        studio.use_model(name, stage)


def _second(studio: Studio, stage: Stage, values: Mapping[str, Any]) -> None:
    name = str(values.get("name") or "")
    if name != stage.second_model:
        studio.use_second_model(name, stage)


def _settings(studio: Studio, stage: Stage, values: Mapping[str, Any]) -> None:
    studio.change_settings(dict(values), stage)


def _record(_studio: Studio, stage: Stage, values: Mapping[str, Any]) -> None:
    stage.keep_sound(bool(values.get("on")))


def _play(studio: Studio, stage: Stage, values: Mapping[str, Any]) -> str | None:
    session = stage.session
    if session is None:
        key = str(values.get("key") or "")
        if not key:
            return "Choose first what to listen to."
        studio.listen_to(key, stage)
    else:
        _pause_or_resume(studio, stage, session)
    return None


def _pause_or_resume(studio: Studio, stage: Stage, session: Session) -> None:
    source = session.source.status()
    if is_over(session) or source.state in (SourceState.PAUSED, SourceState.ENDED):
        resume(studio, stage, session)
    elif not source.can_pause:
        # A sound card cannot be held; listening ends, and the same button begins it again.
        studio.listen_to("", stage)
    else:
        session.source.pause()


def resume(studio: Studio, stage: Stage, session: Session) -> None:
    """Go on with what was paused, and from its beginning with what has ended or failed."""
    if is_over(session):
        studio.listen_to(stage.source_key, stage)
    else:
        session.source.resume()


def is_over(session: Session) -> bool:
    """A link or a sound card that has come to its end cannot be resumed: it is opened again."""
    source = session.source.status()
    over = source.state is SourceState.ENDED and not source.can_pause
    return over or session.status().state is SessionState.FAILED


def _previous(_studio: Studio, stage: Stage, _values: Mapping[str, Any]) -> None:
    if stage.session is not None:
        stage.session.source.skip(-1)


def _next(_studio: Studio, stage: Stage, _values: Mapping[str, Any]) -> None:
    if stage.session is not None:
        stage.session.source.skip(1)


def _seek(_studio: Studio, stage: Stage, values: Mapping[str, Any]) -> None:
    seconds, track = values.get("seconds"), values.get("track")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise SettingError(f"there is no place {seconds!r} in a track", rule="a place is a number of seconds")
    if track is not None and (isinstance(track, bool) or not isinstance(track, int)):
        raise SettingError(f"there is no track {track!r}", rule="a track is a whole number")
    if stage.session is not None:
        stage.session.source.seek(float(seconds), track=track)


_ORDERS: Mapping[str, Callable[[Studio, Stage, Mapping[str, Any]], str | None]] = {
    "source": _source,
    "model": _model,
    "second": _second,
    "settings": _settings,
    "record": _record,
    "play": _play,
    "previous": _previous,
    "next": _next,
    "seek": _seek,
}
