"""What the page polls: only what is new since the last poll, as JSON, and the sound for the browser."""

from __future__ import annotations

import base64
import math
import mimetypes
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request, send_file

from dashboard.figures import display_names, label_colours, label_dashes
from dashboard.studio import Studio
from stream.records import Prediction, SessionStatus, SourceStatus
from stream.results import Column, Results
from stream.session import Session

WINDOW_SECONDS = 60.0
"""What the page shows; a new page gets so much of the past."""
PREDICTIONS_AT_ONCE = 300
COLUMNS_AT_ONCE = 700
"""A page that was asleep gets the rest with its next polls; no answer grows beyond this."""


@dataclass(frozen=True)
class Cursor:
    """What the page has seen. Of another server, session or generation it has seen nothing."""

    instance: str = ""
    session: int = -1
    generation: int = -1
    prediction: int = 0
    column: int = 0

    @classmethod
    def from_query(cls) -> Cursor:
        """The cursor in the address that was asked for; nonsense counts as "has seen nothing"."""

        def number(name: str, default: int) -> int:
            return request.args.get(name, default, type=int)

        return cls(
            instance=request.args.get("instance", ""),
            session=number("session", -1),
            generation=number("generation", -1),
            prediction=max(0, number("since", 0)),
            column=max(0, number("column", 0)),
        )


def register_feed(server: Flask, studio: Studio, instance: str) -> None:
    """Add `GET /live` and `GET /audio/<track>` to the server.

    instance : differs from one run of the program to the next, so that a page notices a restart.
    """

    @server.get("/live")
    def live() -> Response:
        response = jsonify(news(studio, Cursor.from_query(), instance))
        response.headers["Cache-Control"] = "no-store"
        return response

    @server.get("/audio/<int:track>")
    def audio(track: int) -> Response:
        path = studio.audio_path(track)
        if path is None or not path.is_file():
            return Response("There is no such track.", status=404, mimetype="text/plain")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        response = send_file(path, mimetype=kind, conditional=True, max_age=0)
        response.headers["Accept-Ranges"] = "bytes"
        return response


def news(studio: Studio, cursor: Cursor, instance: str) -> dict[str, Any]:
    """Everything the page does not know yet, ready for JSON."""
    # The number before the session: if it changes in between, the next poll begins anew, and nothing gets mixed up.
    number = studio.session_number
    session = studio.session
    answer: dict[str, Any] = {
        "instance": instance,
        "session": number,
        "source_key": studio.source_key,
        "model": studio.model,
        "generation": -1,
    }
    if session is None:
        return answer
    # The results before the classifier: the labels of a generation are then never older than its results.
    results = session.results
    answer["generation"] = results.generation
    known = (cursor.instance, cursor.session, cursor.generation) == (instance, number, results.generation)
    if not known:
        answer["bundle"] = _bundle(session, results)
    predictions = _predictions(results, cursor.prediction if known else None)
    columns = _columns(results, cursor.column if known else None)
    answer["predictions"] = [_row(prediction) for prediction in predictions]
    answer["since"] = predictions[-1].number + 1 if predictions else (cursor.prediction if known else 0)
    answer["columns"] = {
        "times": [round(column.stream_time, 3) for column in columns],
        "bands": base64.b64encode(b"".join(column.bands.tobytes() for column in columns)).decode("ascii"),
    }
    answer["column"] = columns[-1].number + 1 if columns else (cursor.column if known else 0)
    answer["more"] = answer["since"] < results.next_prediction
    status = session.status()
    answer["level"] = {
        "rms": round(status.inlet.level.rms_dbfs, 1),
        "peak": round(status.inlet.level.peak_dbfs, 1),
        "clipped": status.inlet.level.clipped,
    }
    answer["status"] = _status(status)
    answer["source"] = None if status.source is None else _source(status.source)
    return answer


def _bundle(session: Session, results: Results) -> dict[str, Any]:
    classifier = session.classifier
    labels = results.labels
    return {
        "labels": list(labels),
        "names": display_names(labels),
        "colours": label_colours(labels),
        "dashes": label_dashes(labels),
        "exclusive": classifier.exclusive,
        "title": classifier.title,
        "bands_hz": [round(float(frequency), 1) for frequency in classifier.band_frequencies_hz],
        "column_seconds": session.settings.column_seconds,
        "hop_seconds": session.settings.hop_seconds,
        "window_seconds": classifier.window_seconds,
    }


def _predictions(results: Results, since: int | None) -> list[Prediction]:
    """The oldest unseen ones first; for a new page (None) those of the last minute."""
    if since is not None:
        return results.predictions_since(since)[:PREDICTIONS_AT_ONCE]
    newest = results.latest
    if newest is None:
        return []
    recent = results.predictions_since(newest.number - PREDICTIONS_AT_ONCE + 1)
    return [prediction for prediction in recent if prediction.stream_time > newest.stream_time - WINDOW_SECONDS]


def _columns(results: Results, since: int | None) -> list[Column]:
    """The newest ones: older pictures than the window's are of no use to the page."""
    first = max(since or 0, results.next_column - COLUMNS_AT_ONCE)
    columns = results.columns_since(first)
    if not columns:
        return []
    return [column for column in columns if column.stream_time > columns[-1].stream_time - WINDOW_SECONDS]


def _row(prediction: Prediction) -> list[Any]:
    return [
        prediction.number,
        round(prediction.stream_time, 3),
        prediction.track,
        round(prediction.position_seconds, 3),
        prediction.verdict.value,
        [_probability(float(value)) for value in prediction.probabilities],
        prediction.skipped_before,
        prediction.restart,
    ]


def _probability(value: float) -> float:
    """JSON knows no NaN; a browser would refuse the whole answer."""
    return round(value, 4) if math.isfinite(value) else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 1)


def _status(status: SessionStatus) -> dict[str, Any]:
    return {
        "state": status.state.value,
        "detail": status.detail,
        "device": status.device,
        "latency_ms": _rounded(status.latency_ms),
        "network_ms": _rounded(status.network_ms),
        "front_end_ms": _rounded(status.front_end_ms),
        "stream_time": round(status.inlet.stream_time, 3),
        "lost_seconds": round(status.inlet.lost_seconds, 2),
        "overrun_seconds": round(status.overrun_seconds, 2),
        "skipped_windows": status.skipped_windows,
        "behind": status.behind,
        "invalid_samples": status.inlet.invalid_samples,
        "dc_offset": round(float(status.inlet.dc_offset), 4),
    }


def _source(source: SourceStatus) -> dict[str, Any]:
    track = source.tracks[source.track] if source.track < len(source.tracks) else None
    return {
        "title": source.title,
        "kind": source.kind,
        "state": source.state.value,
        "tracks": len(source.tracks),
        "track": source.track,
        "position": round(source.position_seconds, 3),
        "duration": None if track is None or track.duration_seconds is None else round(track.duration_seconds, 3),
        "can_pause": source.can_pause,
        "can_seek": source.can_seek,
        "speaker": source.speaker,
    }
