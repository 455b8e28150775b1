"""What the page asks for now and then: the whole session at a glance, its summary, and why a genre is heard."""

from __future__ import annotations

import base64
import threading
from itertools import pairwise
from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, request

from dashboard.figures import display_names, label_colours
from dashboard.stage import Stage
from dashboard.studio import MAIN, Studio
from model.errors import SettingError
from stream.clock import Clock
from stream.session import Glimpse, Session

OVERVIEW_POINTS = 600
"""More could not be told apart on a screen."""
LEAST_SECONDS_BETWEEN = 1.0
REST_SHARE = 3.0
"""After an explanation the next one waits so many times as long as it took: the live path comes first."""


class Explanations:
    """Why the newest window was given its label: at most one at a time, at most one a second, none while behind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._kept: dict[str, dict[str, Any]] = {}

    def of(self, stage: Stage) -> dict[str, Any]:
        """Relevance of the cells of the newest window, or the last that was made, or {"reason": why there is none}."""
        session = stage.session
        glimpse = None if session is None else session.glimpse
        if session is None or glimpse is None:
            return {"reason": "No music is heard."}
        kept = self._kept.get(stage.identifier)
        # With the session and its generation, so that another source's explanation is never shown.
        name = f"{session.identifier} {session.results.generation} {glimpse.prediction.number}"
        if kept is not None and kept["name"] == name:
            return kept
        if session.status().behind:
            return {"reason": "The computer is behind; it listens first and explains later."}
        if self._clock.now() < self._not_before or not self._lock.acquire(blocking=False):
            return kept if kept is not None and kept["session"] == session.identifier else {"reason": "A moment …"}
        try:
            begun = self._clock.now()
            made = {"name": name, "session": session.identifier, **_explain(session, glimpse)}
            now = self._clock.now()
            self._not_before = now + max(LEAST_SECONDS_BETWEEN - (now - begun), REST_SHARE * (now - begun))
            # One per stage; stages come and go, so what is kept of those that have gone goes too.
            self._kept = {**dict(list(self._kept.items())[-20:]), stage.identifier: made}
            return made
        finally:
            self._lock.release()


def register_insight(server: Flask, studio: Studio) -> None:
    """Add `GET /overview`, `/summary`, `/why` and `/audience` to the server."""
    explanations = Explanations(studio.engine.clock)

    @server.get("/overview")
    def overview() -> Response:
        stage = _stage(studio)
        return _answer({} if stage is None else whole_session(stage, 1 if request.args.get("which") == "second" else 0))

    @server.get("/summary")
    def summary() -> Response:
        stage = _stage(studio)
        return _answer({} if stage is None else summarise(stage))

    @server.get("/why")
    def why() -> Response:
        stage = _stage(studio)
        return _answer({"reason": "The session has ended."} if stage is None else explanations.of(stage))

    @server.get("/audience")
    def audience() -> Response:
        share = studio.share
        if share is None:
            return _answer({"url": "", "qr": "", "warning": "Start genrescope with --share to let others follow."})
        picture = base64.b64encode(share.qr_svg().encode()).decode("ascii")
        return _answer({"url": share.url, "qr": picture, "warning": share.warning})


def whole_session(stage: Stage, place: int) -> dict[str, Any]:
    """At most `OVERVIEW_POINTS` moments and the overview's columns, JSON-ready; {} where nothing listens."""
    chronicle = stage.chronicle(place)
    if chronicle is None:
        return {}
    moments = chronicle.moments(OVERVIEW_POINTS)
    step, first, bands = chronicle.overview_columns()
    return {
        "times": moments.times.round(2).tolist(),
        "verdicts": [str(verdict) for verdict in moments.verdicts],
        "probabilities": np.nan_to_num(moments.probabilities).round(3).astype(float).tolist(),
        "restarts": [bool(restart) for restart in moments.restarts],
        "tracks": moments.tracks.tolist(),
        "positions": moments.positions.round(2).tolist(),
        "columns": {
            "first": round(first, 3),
            "step": round(step, 4),
            "count": len(bands),
            "bands": base64.b64encode(bands.tobytes()).decode("ascii"),
        },
    }


def summarise(stage: Stage) -> dict[str, Any]:
    """The chronicle's summary, with the names and colours the page shows."""
    chronicle = stage.chronicle(0)
    session = stage.session
    if chronicle is None or session is None:
        return {}
    labels = session.results.labels
    colours = dict(zip(labels, label_colours(labels), strict=True))
    names = dict(zip(labels, display_names(labels), strict=True))
    summary = chronicle.summary()
    for entry in (*summary["shares"], *summary["segments"]):
        entry["name"] = names.get(entry["label"], entry["label"])
        entry["colour"] = colours.get(entry["label"])
    return summary


def _explain(session: Session, glimpse: Glimpse) -> dict[str, Any]:
    classifier, prediction = session.classifier, glimpse.prediction
    label = int(np.argmax(prediction.probabilities))
    relevance = classifier.explain(glimpse.window, label)
    # As wide as the columns of the waterfall, over which it is drawn.
    seconds = classifier.window_seconds
    count = max(1, round(seconds / session.settings.column_seconds))
    edges = np.linspace(0, len(relevance), count + 1).round().astype(int)
    columns = np.stack([relevance[a:b].max(axis=0) for a, b in pairwise(edges)])
    return {
        "number": prediction.number,
        "time": round(prediction.stream_time, 3),
        "seconds": seconds,
        "label": label,
        "columns": count,
        "bands": columns.shape[1],
        "data": base64.b64encode((255.0 * np.clip(columns, 0.0, 1.0)).astype(np.uint8).tobytes()).decode("ascii"),
    }


def _stage(studio: Studio) -> Stage | None:
    try:
        return studio.stage(request.args.get("stage", MAIN))
    except SettingError:
        return None


def _answer(content: dict[str, Any]) -> Response:
    response = jsonify(content)
    response.headers["Cache-Control"] = "no-store"
    return response
