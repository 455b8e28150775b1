"""How loud it is, and whether it clips."""

from __future__ import annotations

import math

import numpy as np

from stream.records import Level

FLOOR_DBFS = -120.0
FULL_SCALE = 0.9995
"""A little under one: 16-bit sound at its limit is 32767/32768."""
CLIPPED_RUN = 3
"""So many samples in a row at full scale are clipping; a single one is just a loud peak."""


HOLD_SECONDS = 0.3
"""A page that looks four times a second must not miss a peak between two looks."""


class LevelMeter:
    """Level of a stream, block by block: RMS of the last block, peak and clipping of the last 0.3 seconds of sound."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._peak = (FLOOR_DBFS, 0.0)
        self._clipped_at = -HOLD_SECONDS

    def push(self, block: np.ndarray, seconds: float) -> Level:
        """The next block, float32 [n, channels], that lasts so long."""
        self._seconds += seconds
        level = measure(block)
        if level.peak_dbfs >= self._peak[0] or self._seconds - self._peak[1] > HOLD_SECONDS:
            self._peak = (level.peak_dbfs, self._seconds)
        if level.clipped:
            self._clipped_at = self._seconds
        return Level(level.rms_dbfs, self._peak[0], self._seconds - self._clipped_at < HOLD_SECONDS)


def to_dbfs(amplitude: float) -> float:
    """Amplitude 0..1 (or more) in dB relative to full scale, not below -120."""
    return max(FLOOR_DBFS, 20.0 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DBFS


def measure(block: np.ndarray) -> Level:
    """Level of a block, float32 [n, channels]: RMS over all channels, peak and clipping over the worst one."""
    if block.size == 0:
        return Level()
    magnitude = np.abs(block)
    peak = float(magnitude.max())
    rms = math.sqrt(float(np.mean(np.square(block, dtype=np.float64))))
    clipped = False
    if peak >= FULL_SCALE and len(block) >= CLIPPED_RUN:
        full = magnitude >= FULL_SCALE
        run = full[: -CLIPPED_RUN + 1].copy()
        for step in range(1, CLIPPED_RUN):
            run &= full[step : len(full) - CLIPPED_RUN + 1 + step]
        clipped = bool(run.any())
    return Level(rms_dbfs=to_dbfs(rms), peak_dbfs=to_dbfs(peak), clipped=clipped)
