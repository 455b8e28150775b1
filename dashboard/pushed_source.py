"""A source that is pushed for by whoever measures."""

from __future__ import annotations

from stream.inlet import Sink
from stream.records import SourceState, SourceStatus
from stream.sources.source import Source


class PushedSource(Source):
    """Hands over what is pushed into its `inlet`, from the caller's thread; rate : Hz."""

    def __init__(self, rate: int, *, title: str = "benchmark") -> None:
        self._rate = rate
        self._title = title

    def start(self, inlet: Sink) -> None:
        self.inlet = inlet
        inlet.begin(self._rate)

    def stop(self) -> None:
        """Nothing is open."""

    def status(self) -> SourceStatus:
        return SourceStatus("file", self._title, SourceState.RUNNING)
