"""What happens in a session, encoded once for all who listen to its events (Server-Sent Events).

For each session with listeners there is one publisher: a thread that waits for the next result, encodes it, and puts it
into a bounded log. Listeners wait for the log, each in the thread of its own request. One that is slow finds what it
missed gone from the log, and then gets the results it lacks from the session itself; it holds up nobody.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.api.schemas import Result
from stream.results import Results

KEPT_EVENTS = 512
RECONNECT_MS = 2000
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


def follow(log: EventLog, since: Place | None) -> Iterator[bytes]:
    """The events of a log for one listener, until it ends.

    since : the results it has; those it lacks come first. None: only what is new.
    """
    joined = log.join()
    yield f"retry: {RECONNECT_MS}\n\n".encode() + joined.greeting
    yield from _lacking(joined, since)
    position, at = joined.position, joined.place
    while True:
        events, position, place, ended = log.after(position)
        if events is None:
            # It was too slow for the log.
            joined = log.join()
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
        + event("result", Result.of(prediction, results.labels).model_dump_json())
        for prediction in predictions
    ]


def event(name: str, data: str | dict[str, Any]) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()
