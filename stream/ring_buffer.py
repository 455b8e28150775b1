"""A ring of samples between one writer and one reader; the writer never waits."""

from __future__ import annotations

import numpy as np


class RingBuffer:
    """Preallocated ring of float32 samples, mono `[n]` or with channels `[n, channels]`.

    One thread writes, one thread reads, without a lock: `write` overwrites the oldest samples, and `read` says how
    many were overwritten before it came. Samples are counted from 0 since the ring was made.
    """

    def __init__(self, capacity: int, *, channels: int | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"capacity={capacity} must be a positive integer")
        shape = (capacity,) if channels is None else (capacity, channels)
        self._ring = np.zeros(shape, dtype=np.float32)
        self._capacity = capacity
        # The writer announces in `_claimed` what it is about to overwrite, so that a reader can tell, after copying,
        # whether what it copied was still whole. Both only grow, and the interpreter stores them in one step.
        self._claimed = 0
        self._written = 0

    @property
    def capacity(self) -> int:
        return self._capacity

    @property
    def written(self) -> int:
        """Samples written since the ring was made."""
        return self._written

    def write(self, block: np.ndarray) -> None:
        """Append `block` (float32, the ring's number of channels). Never waits; allocates nothing."""
        count = len(block)
        if count > self._capacity:  # only its end can survive
            skipped = count - self._capacity
            self._claimed = self._written = self._written + skipped
            block, count = block[skipped:], self._capacity
        start = self._written % self._capacity
        self._claimed = self._written + count
        first = min(count, self._capacity - start)
        self._ring[start : start + first] = block[:first]
        if count > first:
            self._ring[: count - first] = block[first:]
        self._written += count

    def read(self, start: int, limit: int) -> tuple[np.ndarray, int]:
        """Copy up to `limit` samples from sample number `start` on.

        Returns the samples and the number of the first of them. That number is greater than `start` when the writer
        has overwritten what was asked for; the difference is what was lost.
        """
        while True:
            first = max(start, self._claimed - self._capacity)
            stop = min(self._written, first + limit)
            count = max(0, stop - first)
            samples = np.empty((count, *self._ring.shape[1:]), dtype=np.float32)
            offset = first % self._capacity
            head = min(count, self._capacity - offset)
            samples[:head] = self._ring[offset : offset + head]
            samples[head:] = self._ring[: count - head]
            if self._claimed - self._capacity <= first:
                return samples, first
