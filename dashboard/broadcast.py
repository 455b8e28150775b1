"""What the audience is shown of a stage: what is heard now, in a few words."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.figures import display_names, label_colours
from dashboard.links import link_title
from dashboard.stage import Stage
from stream.records import Verdict

CANDIDATES = 3
SEGMENTS = 6


def broadcast(stage: Stage) -> dict[str, Any]:
    """The state of a stage as `dashboard.share.Share` wants it."""
    session, chronicle = stage.session, stage.chronicle(0)
    if session is None or chronicle is None:
        return _nothing("ready", "")
    status = session.status()
    source = "" if status.source is None else link_title(status.source)
    newest = session.results.latest
    if newest is None:
        return _nothing(status.state.value, source)
    labels = session.results.labels
    names, colours = display_names(labels), label_colours(labels)
    order = np.argsort(newest.probabilities)[::-1]
    best = int(order[0])
    sure = newest.verdict is Verdict.SURE
    return {
        "state": status.state.value,
        "verdict": newest.verdict.value,
        "label": labels[best] if sure else "",
        "name": names[best] if sure else "",
        "colour": colours[best] if sure else "",
        "share": round(float(newest.probabilities[best]), 2),
        "sentence": chronicle.sentence(),
        "candidates": []
        if not newest.verdict.of_music
        else [[names[i], colours[i], round(float(newest.probabilities[i]), 2)] for i in order[:CANDIDATES]],
        "segments": [
            [
                round(segment.start_seconds),
                names[segment.label_index] if segment.label_index >= 0 else segment.label,
                colours[segment.label_index] if segment.label_index >= 0 else "",
            ]
            for segment in chronicle.segments()[-SEGMENTS:]
        ],
        "source": source,
    }


def _nothing(state: str, source: str) -> dict[str, Any]:
    return {
        "state": state,
        "verdict": "none",
        "label": "",
        "name": "",
        "colour": "",
        "share": 0.0,
        "sentence": "",
        "candidates": [],
        "segments": [],
        "source": source,
    }
