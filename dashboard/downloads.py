"""What a page or a person fetches as a file: a track's sound for the browser, and the session to take away."""

from __future__ import annotations

import json
import mimetypes
from datetime import datetime
from importlib.metadata import version

from flask import Flask, Response, send_file

from dashboard.exports import SessionFacts, replay, to_csv, to_json, write_replay
from dashboard.feed import describe_bundle, prediction_row
from dashboard.insight import summarise
from dashboard.links import link_title
from dashboard.stage import Stage
from dashboard.studio import Studio
from model.errors import SettingError

REPLAY_ENDING = ".genrescope.json"


def register_downloads(server: Flask, studio: Studio) -> None:
    """Add `GET /audio/<stage>/<track>`, `/export/<stage>/<kind>` and `/replay` to the server."""

    @server.get("/audio/<stage>/<int:track>")
    def audio(stage: str, track: int) -> Response:
        try:
            path = studio.stage(stage).audio_path(track)
        except SettingError:
            path = None
        if path is None or not path.is_file():
            return _nothing("There is no such track.")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        response = send_file(path, mimetype=kind, conditional=True, max_age=0)
        response.headers["Accept-Ranges"] = "bytes"
        return response

    @server.get("/export/<stage>/<any(csv, json, replay):kind>")
    def export(stage: str, kind: str) -> Response:
        try:
            found = studio.stage(stage)
        except SettingError as error:
            return _nothing(str(error))
        response = exported(found, kind)
        return _nothing("Nothing has been heard yet.") if response is None else response

    @server.get("/replay")
    def opened_replay() -> Response:
        if studio.replay is None:
            return _nothing("No replay was opened.")
        return Response(studio.replay, mimetype="application/json", headers={"Cache-Control": "no-store"})


def exported(stage: Stage, kind: str) -> Response | None:
    """The session as a file: "csv", "json" or "replay". None where nothing has been heard."""
    session, chronicle, started_at = stage.session, stage.chronicle(0), stage.started_at
    if session is None or chronicle is None or started_at is None:
        return None
    facts = _facts(stage, started_at)
    name = f"genrescope-{started_at:%Y-%m-%d-%H%M}"
    if kind == "csv":
        return _file(to_csv(chronicle, facts), f"{name}.csv", "text/csv")
    if kind == "json":
        return _file(json.dumps(to_json(chronicle, facts), indent=1), f"{name}.json", "application/json")
    recorder, results = stage.recorder, session.results
    document = replay(
        chronicle,
        results,
        facts,
        bundle=describe_bundle(session, results),
        row=prediction_row,
        summary=summarise(stage),
        sound=None if recorder is None else recorder.sound(),
    )
    return _file(write_replay(document), f"{name}{REPLAY_ENDING}", "application/json")


def _facts(stage: Stage, started_at: datetime) -> SessionFacts:
    session, source = stage.session, stage.source
    if session is None or source is None:
        raise RuntimeError("a stage with a chronicle has a session")
    status = source.status()
    return SessionFacts(
        model=session.classifier.name,
        model_title=session.classifier.title,
        version=version("genrescope"),
        settings=session.settings,
        started_at=started_at,
        source=link_title(status),
        kind=status.kind,
        tracks=status.tracks,
        titles=stage.titles.all(),
    )


def _file(content: object, name: str, kind: str) -> Response:
    return Response(
        content,  # type: ignore[arg-type]  # text, bytes or an iterator of text
        mimetype=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _nothing(words: str) -> Response:
    return Response(words, status=404, mimetype="text/plain")
