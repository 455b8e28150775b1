"""What the page asks for now and then: the whole session at a glance, its summary, and why a genre is heard."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, request

from dashboard.figures import display_names, label_colours
from dashboard.stage import Stage
from dashboard.studio import MAIN, Studio
from model.errors import SettingError

OVERVIEW_POINTS = 600
"""More could not be told apart on a screen."""


def register_insight(server: Flask, studio: Studio) -> None:
    """Add `GET /overview`, `/summary`, `/why` and `/audience` to the server."""

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
        return _answer({"reason": "The session has ended."} if stage is None else studio.explanations.of(stage))

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


def _stage(studio: Studio) -> Stage | None:
    try:
        return studio.stage(request.args.get("stage", MAIN))
    except SettingError:
        return None


def _answer(content: dict[str, Any]) -> Response:
    response = jsonify(content)
    response.headers["Cache-Control"] = "no-store"
    return response
