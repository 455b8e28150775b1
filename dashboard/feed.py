"""What the page polls: only what is new since the last poll, as JSON."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, request

from dashboard.figures import display_names, label_colours
from dashboard.links import LONGEST_TITLE
from dashboard.stage import Stage
from dashboard.studio import MAIN, SETTABLE, Studio
from model.errors import SettingError
from stream.records import Prediction, SessionState, SessionStatus, SourceStatus
from stream.results import Results
from stream.session import Session
from stream.settings import StreamSettings

PAST_SECONDS = 300.0
"""So much of the past a new page gets."""
PREDICTIONS_AT_ONCE = 300
COLUMNS_AT_ONCE = 700
"""A page that is new, or was asleep, gets the rest with its next polls; no answer grows beyond this."""
LONGEST_WAIT_MS = 250
SHORTEST_WAIT_MS = 50
AFTER_PREDICTION_MS = 20
"""A page is asked to come again just after the next prediction is expected, so that it shows it at once; and at least
every quarter of a second, so that level and picture move."""


@dataclass(frozen=True)
class Cursor:
    """What the page has seen. Of another server, stage, session or generation it has seen nothing."""

    instance: str = ""
    stage: str = ""
    session: int = -1
    generation: int = -1
    prediction: int = 0
    column: int = 0
    segments: int = -1
    second: str = ""
    second_generation: int = -1
    second_prediction: int = 0

    @classmethod
    def from_query(cls) -> Cursor:
        """The cursor in the address that was asked for; nonsense counts as "has seen nothing"."""

        def number(name: str, default: int) -> int:
            return request.args.get(name, default, type=int)

        return cls(
            instance=request.args.get("instance", ""),
            stage=request.args.get("heard", ""),
            session=number("session", -1),
            generation=number("generation", -1),
            prediction=max(0, number("since", 0)),
            column=max(0, number("column", 0)),
            segments=number("segments", -1),
            second=request.args.get("second", ""),
            second_generation=number("second_generation", -1),
            second_prediction=max(0, number("second_since", 0)),
        )


def register_feed(server: Flask, studio: Studio, instance: str) -> None:
    """Add `GET /live` to the server.

    instance : differs from one run of the program to the next, so that a page notices a restart.
    """

    @server.get("/live")
    def live() -> Response:
        try:
            stage = studio.stage(request.args.get("stage", MAIN))
        except SettingError as error:
            response = jsonify({"gone": str(error), "instance": instance})
            response.status_code = 404
        else:
            response = jsonify(news(studio, stage, Cursor.from_query(), instance))
        response.headers["Cache-Control"] = "no-store"
        return response


def news(studio: Studio, stage: Stage, cursor: Cursor, instance: str) -> dict[str, Any]:
    """Everything the page does not know yet, ready for JSON."""
    # The number before the session: if it changes in between, the next poll begins anew, and nothing gets mixed up.
    number = stage.number
    session = stage.session
    answer: dict[str, Any] = {
        "instance": instance,
        "stage": stage.identifier,
        "shared": studio.shared,
        "session": number,
        "source_key": stage.source_key,
        "model": stage.model,
        "second_model": stage.second_model,
        "settings": _settings(stage.settings) | {"number": stage.settings_number},
        "defaults": _settings(studio.settings),
        "recording": _recording(stage),
        "audience": None if studio.share is None else studio.share.followers,
        "replay": studio.replay is not None,
        "generation": -1,
        "next_ms": LONGEST_WAIT_MS,
        "second": None,
    }
    if cursor.instance != instance:
        answer["limits"] = {"upload_bytes": studio.uploads.limits.max_bytes}
    if session is None:
        return answer
    known = (cursor.instance, cursor.stage, cursor.session) == (instance, stage.identifier, number)
    answer |= _heard(stage, session, 0, cursor.generation if known else -1, cursor.prediction)
    anew = "bundle" in answer
    first = _first_column(session.results, cursor, anew=anew, column_seconds=session.settings.column_seconds)
    columns = session.results.columns_since(first)[:COLUMNS_AT_ONCE]
    answer["columns"] = {
        "times": [round(column.stream_time, 3) for column in columns],
        "bands": base64.b64encode(b"".join(column.bands.tobytes() for column in columns)).decode("ascii"),
    }
    answer["column"] = columns[-1].number + 1 if columns else first
    answer["more"] = answer["since"] < session.results.next_prediction or answer["column"] < session.results.next_column
    chronicle = stage.chronicle(0)
    if chronicle is not None:
        answer["segments_version"] = chronicle.segments_version
        if anew or chronicle.segments_version != cursor.segments:
            answer["segments"] = [segment.row() for segment in chronicle.segments()]
    second = stage.second
    if second is not None:
        same = known and cursor.second == second.identifier
        answer["second"] = _heard(stage, second, 1, cursor.second_generation if same else -1, cursor.second_prediction)
        # A model that was taken away and another that came look alike by their numbers.
        answer["second"]["listener"] = second.identifier
        answer["more"] = answer["more"] or answer["second"]["since"] < second.results.next_prediction
    status = session.status()
    answer["level"] = {
        "rms": round(status.inlet.level.rms_dbfs, 1),
        "peak": round(status.inlet.level.peak_dbfs, 1),
        "clipped": status.inlet.level.clipped,
    }
    answer["status"] = status_of(status)
    answer["source"] = None if status.source is None else _source(status.source)
    answer["next_ms"] = _next_ms(session, status, studio.engine.clock.now())
    return answer


def _heard(stage: Stage, session: Session, place: int, generation: int, since: int) -> dict[str, Any]:
    """What one model has said that the page does not know yet."""
    # The results before the classifier: the labels of a generation are then never older than its results.
    results = session.results
    found: dict[str, Any] = {"generation": results.generation}
    known = generation == results.generation
    if not known:
        found["bundle"] = describe_bundle(session, results)
    predictions = _predictions(results, since if known else None)
    found["predictions"] = [prediction_row(prediction) for prediction in predictions]
    found["since"] = predictions[-1].number + 1 if predictions else (since if known else 0)
    found["status"] = status_of(session.status())
    chronicle = stage.chronicle(place)
    found["sentence"] = "" if chronicle is None else chronicle.sentence()
    return found


def describe_bundle(session: Session, results: Results) -> dict[str, Any]:
    """What the page must know to show a bundle's answers."""
    classifier = session.classifier
    labels = results.labels
    return {
        "labels": list(labels),
        "names": display_names(labels),
        "colours": label_colours(labels),
        "exclusive": classifier.exclusive,
        "thresholds": dict(classifier.thresholds),
        "name": classifier.name,
        "title": classifier.title,
        "bands_hz": [round(float(frequency), 1) for frequency in classifier.band_frequencies_hz],
        "column_seconds": session.settings.column_seconds,
        "hop_seconds": session.settings.hop_seconds,
        "window_seconds": classifier.window_seconds,
        "map": None if classifier.genre_map is None else classifier.genre_map.describe(labels),
    }


def _predictions(results: Results, since: int | None) -> list[Prediction]:
    """The oldest unseen ones first; for a new page (None) those of the last minutes."""
    if since is None:
        newest = results.latest
        if newest is None:
            return []
        recent = results.predictions_since(0)
        since = next(entry.number for entry in recent if entry.stream_time > newest.stream_time - PAST_SECONDS)
    return results.predictions_since(since)[:PREDICTIONS_AT_ONCE]


def _first_column(results: Results, cursor: Cursor, *, anew: bool, column_seconds: float) -> int:
    """The first column the page can use and has not got."""
    # Older pictures than the page can show are of no use to it.
    past = math.ceil(PAST_SECONDS / column_seconds)
    return max(0 if anew else cursor.column, results.next_column - past)


def prediction_row(prediction: Prediction) -> list[Any]:
    """A prediction as the page gets it."""
    place = prediction.place
    return [
        prediction.number,
        round(prediction.stream_time, 3),
        prediction.track,
        round(prediction.position_seconds, 3),
        prediction.verdict.value,
        np.nan_to_num(prediction.probabilities).astype(float).round(4).tolist(),
        prediction.skipped_before,
        prediction.restart,
        None if place is None else [round(place[0], 3), round(place[1], 3)],
    ]


def _settings(settings: StreamSettings) -> dict[str, float | None]:
    """Those that a page can change."""
    return {name: getattr(settings, name) for name in SETTABLE}


def _recording(stage: Stage) -> dict[str, Any]:
    recorder = stage.recorder
    if recorder is None:
        return {"on": stage.keeps_sound, "seconds": 0, "problem": ""}
    return {"on": stage.keeps_sound, "seconds": round(recorder.seconds), "problem": recorder.problem}


def _next_ms(session: Session, status: SessionStatus, now: float) -> int:
    newest = session.results.latest
    if newest is None or status.state is not SessionState.LIVE:
        return LONGEST_WAIT_MS
    expected = newest.predicted_at + session.settings.hop_seconds - now
    return round(min(LONGEST_WAIT_MS, max(SHORTEST_WAIT_MS, 1000.0 * expected + AFTER_PREDICTION_MS)))


def _rounded(value: float | None) -> float | None:
    """JSON knows no NaN; a browser would refuse the whole answer."""
    return None if value is None or not math.isfinite(value) else round(value, 1)


def status_of(status: SessionStatus) -> dict[str, Any]:
    """A session's status as the page gets it."""
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
        "title": source.title[:LONGEST_TITLE],
        "station": source.station[:LONGEST_TITLE],
        "live": source.live,
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
