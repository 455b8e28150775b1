"""Not asking a server too often."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE_SECONDS = 1.0
SPACING_SECONDS = 0.1
"""Between the beginnings of two requests."""


class Politeness:
    """Keeps all threads together from asking a server too often; after "too many requests" all of them wait."""

    def __init__(
        self,
        *,
        spacing_seconds: float = SPACING_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[threading.Event, float], object] = lambda stopped, seconds: stopped.wait(seconds),
    ) -> None:
        self.first_pause_seconds = first_pause_seconds
        self._spacing_seconds = spacing_seconds
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = 0.0

    def wait_for_turn(self, stopped: threading.Event) -> None:
        """Returns when a request may be made, or all is to end."""
        with self._lock:
            at = max(self._now(), self._next_at)
            self._next_at = at + self._spacing_seconds
        self.pause(stopped, at - self._now())

    def pause(self, stopped: threading.Event, seconds: float) -> None:
        if seconds > 0.0 and not stopped.is_set():
            self._sleep(stopped, seconds)

    def hold(self, seconds: float) -> None:
        """Nobody asks for so long."""
        with self._lock:
            self._next_at = max(self._next_at, self._now() + seconds)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After`, which is a number or a date; None if it says nothing that makes sense."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
