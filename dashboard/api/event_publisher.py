"""Writes what happens in a session into its event log: results as they come, changes of state, model and segments."""

from __future__ import annotations

import logging
import threading
from typing import Any

from dashboard.api.event_log import RESULTS_AT_ONCE, EventLog, Place, encoded, event
from dashboard.api.results import SessionSegment
from dashboard.api.schemas import readable
from dashboard.guests import NoStageError
from dashboard.stage import Stage
from dashboard.studio import Studio
from stream.records import SessionStatus
from stream.results import Results
from stream.session import Session

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How often a publisher looks for another state, while no result comes."""
HEARTBEAT_SECONDS = 15.0
"""After so long without an event there is a comment, so that a connection that is dead is found out."""
NEWEST_SEGMENTS = 10


class Publisher:
    """Writes the log of one model of a stage.

    place : 0 for the first model, 1 for the second.
    """

    def __init__(self, studio: Studio, stage: Stage, place: int) -> None:
        self.log = EventLog()
        self._studio = studio
        self._stage = stage
        self._which = place
        self._stopped = threading.Event()
        self._closing: threading.Event | None = None
        self._at: Place | None = None
        self._results: Results | None = None
        self._now: dict[str, bytes] = {}
        self._segments = -1
        self._written_at = 0.0

    def start(self) -> None:
        """Look once, so that there is something to greet with; then go on in a thread."""
        if self.step():
            threading.Thread(target=self._run, name=f"events-{self._stage.identifier[:8]}", daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._stopped.set()

    def end_with(self, closing: threading.Event | None) -> None:
        """End as soon as this is set: the program is being closed."""
        self._closing = closing or self._closing

    def step(self) -> bool:
        """Write what is new. False once there will be no more."""
        if self._studio.stopped or (self._closing is not None and self._closing.is_set()):
            self.log.end(event("end", {"reason": "genrescope is being closed"}))
            return False
        try:
            # Whoever listens counts as somebody who asks.
            self._studio.kept_stage(self._stage.identifier)
        except NoStageError:
            self.log.end(event("end", {"reason": "the session has ended"}))
            return False
        # The run before the session: if it changes in between, the next look begins anew.
        run = self._studio.run_of(self._stage)
        session = (self._stage.session, self._stage.second)[self._which]
        events = self._begin(run, session)
        events += self._new_results()
        events += self._changes(session)
        now = self._studio.engine.clock.now()
        if events:
            self._written_at = now
        elif now - self._written_at >= HEARTBEAT_SECONDS:
            events = [b": still there\n\n"]
            self._written_at = now
        if self._at is not None:
            self.log.write(events, self._at, self._results, self._now)
        return True

    def _run(self) -> None:
        while not self._stopped.is_set():
            results, at = self._results, self._at
            if results is None or at is None:
                self._stopped.wait(LOOK_SECONDS)
            else:
                results.wait(at.number, LOOK_SECONDS)
            try:
                if not self.step():
                    return
            except Exception:  # those who listen must not wait for ever
                log.exception("the events of a session cannot go on")
                self.log.end(event("end", {"reason": "something went wrong inside genrescope"}))
                return

    def _begin(self, run: str, session: Session | None) -> list[bytes]:
        """A source, or a model, that is new."""
        results = None if session is None else session.results
        place = Place(run, 0 if results is None else results.generation, 0)
        if self._at is not None and place.follows(self._at) and results is self._results:
            return []
        if self._at is None and results is not None:
            # What was heard before anybody listened is not sent; whoever wants it says since when.
            place = Place(place.run, place.generation, results.next_prediction)
        self._at, self._results, self._segments = place, results, -1
        self._now = {}
        if session is None or results is None:
            return []
        self._now["model"] = event("model", _model(run, session, results))
        return [self._now["model"]]

    def _new_results(self) -> list[bytes]:
        if self._results is None or self._at is None:
            return []
        predictions = self._results.predictions_since(self._at.number)[:RESULTS_AT_ONCE]
        if predictions:
            self._at = Place(self._at.run, self._at.generation, predictions[-1].number + 1)
        return encoded(self._results, self._at, predictions)

    def _changes(self, session: Session | None) -> list[bytes]:
        """State and segments, where they have changed."""
        told = {"state": event("state", _state(None if session is None else session.status()))}
        chronicle = self._stage.chronicle(self._which)
        if chronicle is not None and chronicle.segments_version != self._segments:
            self._segments = chronicle.segments_version
            newest = [SessionSegment.of(segment).model_dump() for segment in chronicle.segments()[-NEWEST_SEGMENTS:]]
            if newest:
                told["segments"] = event("segments", {"version": self._segments, "newest": newest})
        changed = [event for name, event in told.items() if self._now.get(name) != event]
        self._now |= told
        return changed


def _model(run: str, session: Session, results: Results) -> dict[str, Any]:
    classifier = session.classifier
    return {
        "run": run,
        "generation": results.generation,
        "model": classifier.name,
        "labels": list(results.labels),
        "exclusive": classifier.exclusive,
        "window_seconds": classifier.window_seconds,
        "hop_seconds": session.settings.hop_seconds,
    }


def _state(status: SessionStatus | None) -> dict[str, Any]:
    if status is None:
        return {"state": "idle", "detail": ""}
    source = status.source
    return {
        "state": status.state.value,
        "detail": readable(status.detail),
        "title": "" if source is None else readable(source.title),
        "station": "" if source is None else readable(source.station),
        "track": 0 if source is None else source.track,
        "behind": status.behind,
        "skipped_windows": status.skipped_windows,
        "lost_seconds": round(status.inlet.lost_seconds + status.overrun_seconds, 1),
    }
