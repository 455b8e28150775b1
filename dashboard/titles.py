"""What a radio station was playing when: titles change while the sound goes on, without a new track."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque

TITLES_KEPT = 2000
"""The oldest are forgotten; at three minutes a song it is four days."""


class Titles:
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: deque[tuple[float, str]] = deque(maxlen=TITLES_KEPT)

    def note(self, stream_time: float, title: str) -> None:
        """This is what plays from this moment (seconds of the stream) on; nothing happens where it plays already."""
        with self._lock:
            if title and (not self._noted or self._noted[-1][1] != title):
                self._noted.append((stream_time, title))

    def all(self) -> tuple[tuple[float, str], ...]:
        """Stream times, seconds, with the title that began there, the oldest first."""
        with self._lock:
            return tuple(self._noted)


def title_at(titles: tuple[tuple[float, str], ...], stream_time: float) -> str:
    """What played at this moment; "" if that is not known."""
    place = bisect_right(titles, stream_time, key=lambda noted: noted[0])
    return titles[place - 1][1] if place else ""
