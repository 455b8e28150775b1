"""What every source can do: start, stop, say how it is; pause and seek where that makes sense."""

from __future__ import annotations

from abc import ABC, abstractmethod

from model.errors import SettingError
from stream.inlet import Sink
from stream.records import SourceStatus


class Source(ABC):
    """A thread that pushes sound into an inlet and never waits for anybody but the clock."""

    @abstractmethod
    def start(self, inlet: Sink) -> None:
        """Begin to push. Raises a GenrescopeError if that is impossible from the outset."""

    @abstractmethod
    def stop(self) -> None:
        """End the thread and free the device or file. May be called twice."""

    @abstractmethod
    def status(self) -> SourceStatus:
        """How it is, from any thread."""

    @property
    def patient(self) -> bool:
        """Whether its sound need not be heard when it comes: no window is left out then to keep up."""
        return False

    def pause(self) -> None:
        raise self._unsupported("paused")

    def resume(self) -> None:
        raise self._unsupported("resumed")

    def seek(self, seconds: float, *, track: int | None = None) -> None:
        """Go to this place of a track (an index; None is the one that is playing)."""
        raise self._unsupported("wound to another place")

    def skip(self, tracks: int) -> None:
        """Go forward (or back) by so many tracks."""
        raise self._unsupported("moved to another track")

    def _unsupported(self, what: str) -> SettingError:
        return SettingError(
            f"a {self.status().kind} cannot be {what}",
            rule="only files can",
            next_step="Stop listening, or choose another source",
        )
