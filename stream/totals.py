"""What all sessions together have come to since the program began: counts that only grow, a histogram of latency."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from stream.records import Prediction, Verdict

LATENCY_BOUNDS_SECONDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)
"""Upper bounds of the histogram's classes; the last class has none."""


@dataclass(frozen=True)
class Counts:
    """What one session counts by itself.

    skipped_windows : left out because the machine was behind.
    lost_seconds : sound that never arrived; overrun_seconds : sound that was overwritten before the engine came to it.
    invalid_samples : samples that were not numbers.
    heard_seconds : sound that came in.
    """

    skipped_windows: int = 0
    lost_seconds: float = 0.0
    overrun_seconds: float = 0.0
    invalid_samples: int = 0
    heard_seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.skipped_windows + other.skipped_windows,
            self.lost_seconds + other.lost_seconds,
            self.overrun_seconds + other.overrun_seconds,
            self.invalid_samples + other.invalid_samples,
            self.heard_seconds + other.heard_seconds,
        )


@dataclass(frozen=True)
class TotalsSnapshot:
    """The totals at one moment.

    windows : predictions made, by verdict.
    latency_classes : predictions by latency, one for each of `LATENCY_BOUNDS_SECONDS` and one beyond; not those of
        windows that waited for the network to load. latency_sum_seconds : of all of them.
    network_calls, network_seconds : calls of networks, and the time they took.
    failures : sessions that could not go on.
    sessions : sessions that were begun.
    counts : of all sessions, also those that have ended.
    """

    windows: dict[Verdict, int]
    latency_classes: tuple[int, ...]
    latency_sum_seconds: float
    network_calls: int
    network_seconds: float
    failures: int
    sessions: int
    counts: Counts


class Totals:
    """Written by the engine, read by whoever wants to know. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows = dict.fromkeys(Verdict, 0)
        self._classes = [0] * (len(LATENCY_BOUNDS_SECONDS) + 1)
        self._latency_sum_seconds = 0.0
        self._network_calls = 0
        self._network_seconds = 0.0
        self._failures = 0
        self._sessions = 0
        self._ended = Counts()

    def began(self) -> None:
        """A session was begun."""
        with self._lock:
            self._sessions += 1

    def ended(self, counts: Counts) -> None:
        """A session has ended; what it has counted is kept."""
        with self._lock:
            self._ended += counts

    def failed(self) -> None:
        """A session cannot go on."""
        with self._lock:
            self._failures += 1

    def called(self, seconds: float) -> None:
        """A network was called."""
        with self._lock:
            self._network_calls += 1
            self._network_seconds += seconds

    def predicted(self, prediction: Prediction) -> None:
        """A window was judged."""
        with self._lock:
            self._windows[prediction.verdict] += 1
            if not prediction.caught_up:
                seconds = max(0.0, prediction.latency_ms / 1000.0)
                self._classes[bisect_left(LATENCY_BOUNDS_SECONDS, seconds)] += 1
                self._latency_sum_seconds += seconds

    def snapshot(self, running: Iterable[Counts]) -> TotalsSnapshot:
        """The totals now. running : what the sessions that have not ended count."""
        with self._lock:
            return TotalsSnapshot(
                windows=dict(self._windows),
                latency_classes=tuple(self._classes),
                latency_sum_seconds=self._latency_sum_seconds,
                network_calls=self._network_calls,
                network_seconds=self._network_seconds,
                failures=self._failures,
                sessions=self._sessions,
                counts=sum(running, self._ended),
            )
