"""Ctrl-C, taken politely: the first asks, the second stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

INTERRUPTED_EXIT_CODE = 130
"""What shells expect of a command that was stopped by ctrl-C."""


class Interruption:
    """While it is entered, the first SIGINT or SIGTERM only sets `requested`; the next one raises KeyboardInterrupt.

    Signals can be taken in the main thread only; in another one it does nothing, and `request` is the only way.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._received)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def request(self) -> None:
        """Ask for an end, as the first signal does."""
        self.requested = True

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
