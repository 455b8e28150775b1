"""What happens in a session, encoded once for all who listen to its events (Server-Sent Events).

For each session with listeners there is one publisher: a thread that waits for the next result, encodes it, and puts it
into a bounded log. Listeners wait for the log, each in the thread of its own request. One that is slow finds what it
missed gone from the log, and then gets the results it lacks from the session itself; it holds up nobody.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.api.results import SessionSegment
from dashboard.api.schemas import Result, readable
from dashboard.stage import Stage
from dashboard.studio import NoStageError, Studio
from stream.records import SessionStatus
from stream.results import Results
from stream.session import Session

log = logging.getLogger(__name__)

KEPT_EVENTS = 512
LOOK_SECONDS = 0.25
"""How often a publisher looks for another state, while no result comes."""
HEARTBEAT_SECONDS = 15.0
"""After so long without an event there is a comment, so that a connection that is dead is found out."""
RECONNECT_MS = 2000
NEWEST_SEGMENTS = 10
RESULTS_AT_ONCE = 300


@dataclass(frozen=True)
class Place:
    """Where a listener stands: it has all results with lower numbers, of this run and generation."""

    run: str
    generation: int
    number: int

    def follows(self, other: Place) -> bool:
        """Whether the numbers of the two mean the same results."""
        return (self.run, self.generation) == (other.run, other.generation)

    @property
    def last_event(self) -> str:
        """The id of the event before."""
        return f"{self.run}-{self.generation}-{self.number - 1}"


@dataclass(frozen=True)
class Joined:
    """What a newcomer needs: the next event's number, what holds now, and which results have been sent."""

    position: int
    greeting: bytes
    place: Place
    results: Results | None


class EventLog:
    """The newest events, encoded. Written by one publisher, waited for by many."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[bytes] = deque(maxlen=KEPT_EVENTS)
        self._next = 0
        self._ended = False
        self._now: dict[str, bytes] = {}
        self._place = Place("", 0, 0)
        self._results: Results | None = None

    def write(self, events: list[bytes], place: Place, results: Results | None, now: Mapping[str, bytes]) -> None:
        """The next events. now : what a newcomer is told of model, state and segments."""
        with self._changed:
            self._events.extend(events)
            self._next += len(events)
            self._place, self._results, self._now = place, results, dict(now)
            if events:
                self._changed.notify_all()

    def end(self, farewell: bytes) -> None:
        """The last event."""
        with self._changed:
            self._events.append(farewell)
            self._next += 1
            self._ended = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """No more will come."""
        return self._ended

    def join(self) -> Joined:
        """Listen from now on; of a log that has ended the last event comes all the same."""
        with self._changed:
            position = self._next - 1 if self._ended else self._next
            return Joined(position, b"".join(self._now.values()), self._place, self._results)

    def after(self, position: int) -> tuple[list[bytes] | None, int, Place, bool]:
        """Wait for events from this number on: them (None if some are gone), the next number, and what stands then.

        The last value says that there will be no more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._next > position or self._ended)
            missing = self._next - position
            events = None if missing > len(self._events) else list(self._events)[len(self._events) - missing :]
            return events, self._next, self._place, self._ended


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
            self.log.end(_event("end", {"reason": "genrescope is being closed"}))
            return False
        try:
            # Whoever listens counts as somebody who asks.
            self._studio.kept_stage(self._stage.identifier)
        except NoStageError:
            self.log.end(_event("end", {"reason": "the session has ended"}))
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
                self.log.end(_event("end", {"reason": "something went wrong inside genrescope"}))
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
        self._now["model"] = _event("model", _model(run, session, results))
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
        told = {"state": _event("state", _state(None if session is None else session.status()))}
        chronicle = self._stage.chronicle(self._which)
        if chronicle is not None and chronicle.segments_version != self._segments:
            self._segments = chronicle.segments_version
            newest = [SessionSegment.of(segment).model_dump() for segment in chronicle.segments()[-NEWEST_SEGMENTS:]]
            if newest:
                told["segments"] = _event("segments", {"version": self._segments, "newest": newest})
        changed = [event for name, event in told.items() if self._now.get(name) != event]
        self._now |= told
        return changed


def follow(events_log: EventLog, since: Place | None) -> Iterator[bytes]:
    """The events of a log for one listener, until it ends.

    since : the results it has; those it lacks come first. None: only what is new.
    """
    joined = events_log.join()
    yield f"retry: {RECONNECT_MS}\n\n".encode() + joined.greeting
    yield from _lacking(joined, since)
    position, at = joined.position, joined.place
    while True:
        events, position, place, ended = events_log.after(position)
        if events is None:
            # It was too slow for the log.
            joined = events_log.join()
            yield joined.greeting
            yield from _lacking(joined, at)
            position, at = joined.position, joined.place
            continue
        at = place
        if events:
            yield b"".join(events)
        if ended:
            return


def _lacking(joined: Joined, since: Place | None) -> Iterator[bytes]:
    """Results that were made before a listener joined, and that it has not got. Of another run it has got none."""
    if since is None or joined.results is None:
        return
    number = since.number if since.follows(joined.place) else 0
    while number < joined.place.number:
        found = joined.results.predictions_since(number)[:RESULTS_AT_ONCE]
        predictions = [prediction for prediction in found if prediction.number < joined.place.number]
        if not predictions:
            return
        number = predictions[-1].number + 1
        yield b"".join(encoded(joined.results, joined.place, predictions))


def encoded(results: Results, place: Place, predictions: list[Any]) -> list[bytes]:
    """Results as events; their ids say where to go on."""
    return [
        f"id: {Place(place.run, place.generation, prediction.number + 1).last_event}\n".encode()
        + _event("result", Result.of(prediction, results.labels).model_dump_json())
        for prediction in predictions
    ]


def _event(name: str, data: str | dict[str, Any]) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()


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
