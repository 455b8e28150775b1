"""The waterfall of a whole session on a thousand columns."""

from __future__ import annotations

import numpy as np

COLUMNS = 1200
"""So many columns at most; even."""


class Overview:
    """Averages columns of the waterfall, more and more of them to one as the session grows. Not thread-safe.

    Whenever it is full, columns are averaged in pairs and one stands for twice the time. Sums are kept, so averages are
    exact. Columns lie by their time: where none came there is a dark gap.

    column_seconds : time one column of the waterfall stands for.
    """

    def __init__(self, column_seconds: float) -> None:
        self._column_seconds = column_seconds
        self._doublings = 0
        self._start = 0.0
        self._filled = 0
        self._sums = np.zeros((COLUMNS, 0), np.float32)
        self._counts = np.zeros(COLUMNS, np.int64)

    def add(self, times: np.ndarray, bands: np.ndarray) -> None:
        """The next columns: ends in stream time, float64 [n], growing, and uint8 [n, bands]."""
        if not len(times):
            return
        if not self._filled:
            self._start = float(times[0])
            self._sums = np.zeros((COLUMNS, bands.shape[1]), np.float32)
        numbers = np.rint((times - self._start) / self._column_seconds).astype(np.int64)
        while int(numbers[-1]) >> self._doublings >= COLUMNS:
            self._double()
        places = numbers >> self._doublings
        firsts = np.flatnonzero(np.diff(places, prepend=-1))
        self._sums[places[firsts]] += np.add.reduceat(bands.astype(np.float32), firsts, axis=0)
        self._counts[places[firsts]] += np.diff(firsts, append=len(times))
        self._filled = int(places[-1]) + 1

    def read(self) -> tuple[float, float, np.ndarray]:
        """Time one column stands for, stream time at which the first begins (both seconds), and uint8 [n, bands]."""
        step_seconds = self._column_seconds * 2**self._doublings
        counts = np.maximum(1, self._counts[: self._filled, np.newaxis])
        bands = np.rint(self._sums[: self._filled] / counts).astype(np.uint8)
        return step_seconds, self._start - self._column_seconds, bands

    def _double(self) -> None:
        half = COLUMNS // 2
        for kept in (self._sums, self._counts):
            kept[:half] = kept[0::2] + kept[1::2]
            kept[half:] = 0
        self._doublings += 1
        self._filled = (self._filled + 1) // 2
