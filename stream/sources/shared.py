"""One source, several listeners: two models that hear the same sound, and the recorder."""

from __future__ import annotations

import threading

import numpy as np

from stream.inlet import Sink
from stream.records import SourceStatus
from stream.sources.source import Source


class _Distributor:
    """Passes on what the source hands over to every sink there is.

    The lock is held for the length of a push, so a sink that joins or leaves does so between two blocks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sinks: tuple[Sink, ...] = ()
        self._rate: float | None = None
        self._track = 0
        self._position_seconds = 0.0

    def add(self, sink: Sink) -> None:
        """Let it hear everything from now on."""
        with self._lock:
            if self._rate is not None:
                sink.begin(self._rate, track=self._track, position_seconds=self._position_seconds)
            self._sinks += (sink,)

    def remove(self, sink: Sink) -> int:
        """Let it hear nothing more; returns how many are left."""
        with self._lock:
            self._sinks = tuple(other for other in self._sinks if other is not sink)
            return len(self._sinks)

    def begin(self, rate: float, *, track: int = 0, position_seconds: float = 0.0) -> None:
        with self._lock:
            self._rate, self._track, self._position_seconds = rate, track, position_seconds
            for sink in self._sinks:
                sink.begin(rate, track=track, position_seconds=position_seconds)

    def push(self, block: np.ndarray, captured_at: float) -> None:
        with self._lock:
            if self._rate is not None:
                self._position_seconds += len(block) / self._rate
            for sink in self._sinks:
                sink.push(block, captured_at)

    def finish(self) -> None:
        with self._lock:
            for sink in self._sinks:
                sink.finish()

    def lost(self, seconds: float) -> None:
        with self._lock:
            for sink in self._sinks:
                sink.lost(seconds)

    def quiet(self) -> None:
        with self._lock:
            for sink in self._sinks:
                sink.quiet()


class SharedSource:
    """Starts its source with the first listener and stops it with the last.

    Every listener gets a tap, which is a source like any other: `SharedSource(source).tap()`.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._distributor = _Distributor()
        self._lock = threading.Lock()
        self._started = False

    def tap(self) -> Source:
        """A source for one more listener."""
        return _Tap(self)

    def listen(self, sink: Sink) -> None:
        """Hand over the sound to this sink too. Raises a GenrescopeError if the source cannot be started."""
        with self._lock:
            self._distributor.add(sink)
            if not self._started:
                try:
                    self.source.start(self._distributor)
                except BaseException:
                    self._distributor.remove(sink)
                    raise
                self._started = True

    def leave(self, sink: Sink) -> None:
        """Hand over nothing more to this sink."""
        with self._lock:
            left = self._distributor.remove(sink)
            if left or not self._started:
                return
            self._started = False
        # Outside the lock: it waits for the source's thread.
        self.source.stop()


class _Tap(Source):
    """A listener's view of a shared source. A command of one listener holds for all."""

    def __init__(self, shared: SharedSource) -> None:
        self._shared = shared
        self._sink: Sink | None = None

    def start(self, inlet: Sink) -> None:
        self._shared.listen(inlet)
        self._sink = inlet

    def stop(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            self._shared.leave(sink)

    def status(self) -> SourceStatus:
        return self._shared.source.status()

    @property
    def patient(self) -> bool:
        return self._shared.source.patient

    def pause(self) -> None:
        self._shared.source.pause()

    def resume(self) -> None:
        self._shared.source.resume()

    def seek(self, seconds: float, *, track: int | None = None) -> None:
        self._shared.source.seek(seconds, track=track)

    def skip(self, tracks: int) -> None:
        self._shared.source.skip(tracks)
