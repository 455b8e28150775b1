"""Is there sound at all? With hysteresis and a hold, so that it neither flutters nor shuts in a pause for breath."""

from __future__ import annotations

import numpy as np

from stream.level import to_dbfs
from stream.settings import StreamSettings

SLOT_SECONDS = 0.05
"""Level is judged over slots of this length, counted from the stream's beginning, whatever the blocks are."""


class SilenceGate:
    """Open while there is sound. Judged on the mono stream the classifier hears.

    Opens as soon as a slot is louder than `silence_opens_dbfs`; shuts after `silence_hold_seconds` in which no slot
    was louder than `silence_closes_dbfs`. A constant offset is not sound: the slot's mean does not count.
    """

    def __init__(self, settings: StreamSettings, sample_rate: int) -> None:
        self._settings = settings
        self._slot = np.empty(max(1, round(SLOT_SECONDS * sample_rate)), dtype=np.float32)
        self._hold_slots = max(1, round(settings.silence_hold_seconds / SLOT_SECONDS))
        self.reset()

    def reset(self) -> None:
        """Begin a new stream: shut until sound is heard."""
        self._filled = 0
        self._quiet_slots = self._hold_slots
        self._open_slots = 0
        self.open = False

    @property
    def open_seconds(self) -> float:
        """For how long the gate has been open without a break."""
        return self._open_slots * SLOT_SECONDS

    def push(self, samples: np.ndarray) -> None:
        """Take the next samples, float32 [n]."""
        position = 0
        while position < len(samples):
            count = min(len(self._slot) - self._filled, len(samples) - position)
            self._slot[self._filled : self._filled + count] = samples[position : position + count]
            self._filled += count
            position += count
            if self._filled == len(self._slot):
                self._judge(to_dbfs(float(np.std(self._slot))))
                self._filled = 0

    def _judge(self, level_dbfs: float) -> None:
        settings = self._settings
        if level_dbfs > settings.silence_opens_dbfs:
            self.open = True
        if level_dbfs > settings.silence_closes_dbfs:
            self._quiet_slots = 0
        else:
            self._quiet_slots += 1
            if self._quiet_slots >= self._hold_slots:
                self.open = False
        self._open_slots = self._open_slots + 1 if self.open else 0
