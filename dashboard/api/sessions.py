"""Sessions: what is listened to, and the commands that may be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response
from flask_openapi import APIBlueprint

from dashboard.api.mount import PREFIX
from dashboard.api.problems import RequestError, documented, not_there
from dashboard.api.session_schemas import (
    Seek,
    Session,
    SessionChange,
    SessionOrder,
    SessionPath,
    Sessions,
    SourceOrder,
)
from dashboard.commands import is_over, resume
from dashboard.samples import samples
from dashboard.stage import Stage
from dashboard.studio import PROGRAMS, Studio
from stream.session import Session as StreamSession
from stream.sources.source import Source

CREATED: dict[str, Any] = {
    "description": "Created",
    "headers": {"Location": {"description": "Where the session is.", "schema": {"type": "string"}, "required": True}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}},
}
GONE: dict[str, Any] = {"description": "It has ended."}
SENT = documented(413, 415)
OPENING = documented(409, 429, 501, 502, 504)
"""What may go wrong when a source or a model is opened. 409: what the order names is not there, or not free."""


def register_sessions(api: APIBlueprint, studio: Studio) -> None:
    """Add `/sessions` and what can be ordered there."""

    def answered(stage: Stage) -> Response:
        return Session.of(studio, stage).response()

    @api.get("/sessions", operation_id="list_sessions", responses={200: Sessions})
    def list_sessions() -> Response:
        """All sessions but those of single pages.

        The first is "main", that of the command line.
        """
        return Sessions(sessions=[Session.of(studio, stage) for stage in studio.kept_stages()]).response()

    @api.post("/sessions", operation_id="start_session", responses={201: CREATED, **SENT, **OPENING})
    def start_session(body: SessionOrder) -> Response:
        """Start a session.

        It ends with DELETE, or a quarter of an hour after its sound has ended if nobody has asked for it since.
        """
        stage = studio.open_stage(kept=True)
        try:
            # Everything else first, so that it is listened to as was ordered from the first sample on.
            wanted = body.model_dump(exclude_unset=True, exclude={"source"})
            _change(studio, stage, SessionChange.model_validate(wanted))
            _listen(studio, stage, body.source)
        except BaseException:
            studio.close_stage(stage.identifier)
            raise
        return Session.of(studio, stage).response(201, Location=f"{PREFIX}/sessions/{stage.identifier}")

    @api.get("/sessions/<id>", operation_id="get_session", responses={200: Session, **documented(404)})
    def get_session(path: SessionPath) -> Response:
        """A session: what it listens to, and how well it works."""
        return answered(studio.kept_stage(path.id))

    @api.patch(
        "/sessions/<id>",
        operation_id="change_session",
        responses={200: Session, **documented(404), **SENT, **OPENING},
    )
    def change_session(path: SessionPath, body: SessionChange) -> Response:
        """Listen to something else, with another model, or with other settings."""
        stage = studio.kept_stage(path.id)
        _change(studio, stage, body)
        return answered(stage)

    @api.delete("/sessions/<id>", operation_id="end_session", responses={204: GONE, **documented(404)})
    def end_session(path: SessionPath) -> Response:
        """End a session. "main" only stops listening."""
        studio.close_stage(studio.kept_stage(path.id).identifier)
        response = Response(status=204)
        del response.headers["Content-Type"]
        return response

    def add_command(name: str, summary: str, give: Callable[[Stage, StreamSession], None]) -> None:
        def command(path: SessionPath) -> Response:
            stage = studio.kept_stage(path.id)
            give(stage, _listening(stage))
            return answered(stage)

        command.__name__ = f"{name}_session"  # by which Flask knows it
        responses = {200: Session, **documented(404), **OPENING, **SENT}
        api.post(f"/sessions/<id>/{name}", operation_id=f"{name}_session", summary=summary, responses=responses)(
            command
        )

    add_command("pause", "Hold a file where it is", lambda _stage, session: _file(session, "paused").pause())
    add_command("resume", "Go on; what has ended begins again", lambda stage, session: _resume(studio, stage, session))
    add_command("next", "Go to the next track", lambda _stage, session: _file(session, "moved").skip(1))
    add_command("previous", "Go to the track before", lambda _stage, session: _file(session, "moved").skip(-1))

    @api.post(
        "/sessions/<id>/seek",
        operation_id="seek_session",
        responses={200: Session, **documented(404, 409), **SENT},
    )
    def seek_session(path: SessionPath, body: Seek) -> Response:
        """Go to another place in a track."""
        stage = studio.kept_stage(path.id)
        source = _file(_listening(stage), "wound")
        if body.track is not None and body.track >= len(source.status().tracks):
            raise not_there(f"there is no track {body.track}", next_step="Look at the session's tracks; 0 is the first")
        source.seek(body.seconds, track=body.track)
        return answered(stage)


def _change(studio: Studio, stage: Stage, change: SessionChange) -> None:
    """What cannot be done is found out first, so that all of it is done or nothing."""
    wanted = change.model_fields_set
    for name in {change.model, change.second_model or ""} - {""}:
        studio.classifier(name)
    if "source" in wanted:
        _listen(studio, stage, change.source)
    if "settings" in wanted:
        studio.change_settings(change.settings.model_dump(exclude_unset=True), stage)
    # The same model once more would begin the results anew.
    if "model" in wanted and change.model != stage.model:
        studio.use_model(change.model, stage)
    if "second_model" in wanted and (change.second_model or "") != stage.second_model:
        studio.use_second_model(change.second_model or "", stage)
    if "keep_sound" in wanted:
        stage.keep_sound(change.keep_sound)


def _listen(studio: Studio, stage: Stage, source: SourceOrder | None) -> None:
    if source is None:
        studio.listen_to("", stage)
    else:
        _check_there(studio, source)
        # The main session may listen to what programs have uploaded, too.
        studio.listen_to(source.key, stage, owner=PROGRAMS if source.kind == "file" else "")


def _check_there(studio: Studio, source: SourceOrder) -> None:
    """What an order names and is not there is no mistake in the order: it may be there the next time."""
    if source.kind == "file" and source.key not in {upload.key for upload in studio.uploads.of(PROGRAMS)}:
        raise not_there(f"there is no file {source.id[:40]!r}", next_step="Upload it, or ask for the list of files")
    if source.kind == "sample" and source.key not in {sample.key for sample in samples()}:
        raise not_there(f"there is no sample {source.name[:40]!r}", next_step="Ask for the list of samples")


def _listening(stage: Stage) -> StreamSession:
    session = stage.session
    if session is None:
        raise RequestError(
            f"the session {stage.identifier} listens to nothing",
            status=409,
            rule="what is commanded is what is listened to",
            next_step="Choose a source first, with PATCH",
        )
    return session


def _file(session: StreamSession, done: str) -> Source:
    """The source, if it is one that can be commanded."""
    status = session.source.status()
    if not status.can_pause:
        raise RequestError(
            f"a {status.kind} cannot be {done}",
            status=409,
            rule="only files can",
            next_step="Choose another source with PATCH, or end the session",
        )
    return session.source


def _resume(studio: Studio, stage: Stage, session: StreamSession) -> None:
    if not is_over(session):
        _file(session, "resumed")
    resume(studio, stage, session)
