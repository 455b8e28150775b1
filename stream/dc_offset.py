"""Removes a constant offset, which some sound cards add, without touching sound that has none."""

from __future__ import annotations

import math

import numpy as np

SLOT_SECONDS = 0.05
TIME_CONSTANT_SECONDS = 1.0
TOLERATED = 0.002
"""Offsets below this (-54 dBFS) are left alone, so that clean sound passes bit for bit."""


class DcOffsetRemover:
    """Subtracts the slowly tracked mean of a mono stream.

    The estimate used in a slot comes from the slots before it, so nothing is delayed, and the result does not depend
    on how the stream is cut into blocks. Within a slot the correction moves in a straight line: no steps, no clicks.
    """

    def __init__(self, sample_rate: int) -> None:
        self._slot_length = max(1, round(SLOT_SECONDS * sample_rate))
        self._ramp = np.arange(self._slot_length, dtype=np.float32) / self._slot_length
        self._rate = -math.expm1(-SLOT_SECONDS / TIME_CONSTANT_SECONDS)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._filled = 0
        self._sum = 0.0
        self._slots = 0
        self._from = 0.0
        self._to = 0.0
        self.offset = 0.0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Next samples in, float32 [n]; the same samples without their offset out (the same array if it has none)."""
        if not len(samples):
            return samples
        pieces = []
        position = 0
        while position < len(samples):
            count = min(self._slot_length - self._filled, len(samples) - position)
            piece = samples[position : position + count]
            # Summed one by one in float64, or the sum would depend on where blocks begin.
            self._sum = float(np.add.accumulate(np.concatenate(([self._sum], piece)), dtype=np.float64)[-1])
            if self._from or self._to:
                ramp = self._ramp[self._filled : self._filled + count]
                piece = piece - (np.float32(self._from) + np.float32(self._to - self._from) * ramp)
            pieces.append(piece)
            self._filled += count
            position += count
            if self._filled == self._slot_length:
                self._close_slot()
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _close_slot(self) -> None:
        self._slots += 1
        # The first slots are averaged plainly: a tracker that starts at zero would need seconds to arrive.
        rate = max(self._rate, 1.0 / self._slots)
        self.offset += rate * (self._sum / self._slot_length - self.offset)
        self._from = self._to
        self._to = math.copysign(max(0.0, abs(self.offset) - TOLERATED), self.offset)
        self._sum = 0.0
        self._filled = 0
