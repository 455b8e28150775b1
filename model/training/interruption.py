"""Ctrl-C, taken politely: the first asks, the second stops at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

INTERRUPTED_EXIT_CODE = 130
"""What shells expect of a command that was stopped by ctrl-C."""


class Interruption:
    """While it is entered, the first SIGINT or SIGTERM only sets `requested`; the next one raises KeyboardInterrupt.

    Signals can be taken in the main thread only; in another one it does nothing, and `request` is the only way.

    answer : what people are told at the first one.
    """

    def __init__(self, answer: str = "") -> None:
        self.requested = False
        self._answer = answer
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
        if self._answer:
            # Not with print or rich: the signal may have come while they hold their locks.
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\n{self._answer}\n".encode())
