"""Why a genre is heard, for pages and programs: one explanation at a time, and never at the cost of the live path."""

from __future__ import annotations

import base64
import threading
from itertools import pairwise
from typing import Any

import numpy as np

from dashboard.stage import Stage
from stream.clock import Clock
from stream.session import Glimpse, Session

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


def _explain(session: Session, glimpse: Glimpse) -> dict[str, Any]:
    classifier, prediction = session.classifier, glimpse.prediction
    label = int(np.argmax(prediction.probabilities))
    relevance = classifier.explain(glimpse.window, label, glimpse.context_outputs)
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
        "label_name": classifier.labels[label],
        "columns": count,
        "bands": columns.shape[1],
        "data": base64.b64encode((255.0 * np.clip(columns, 0.0, 1.0)).astype(np.uint8).tobytes()).decode("ascii"),
    }
