"""A loop of four bars counted in samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.styles.patterns import LOOP_BARS, STEPS

_GRAIN = 256
"""Loops are as long as a multiple of this, so that their Fourier transforms are fast."""


@dataclass(frozen=True)
class Grid:
    """length : samples in the loop."""

    length: int
    sample_rate: int

    @classmethod
    def at(cls, tempo_bpm: float, sample_rate: int) -> Grid:
        """The loop whose tempo is next to this one (within a thousandth)."""
        exact = LOOP_BARS * 4 * 60.0 / tempo_bpm * sample_rate
        return cls(round(exact / _GRAIN) * _GRAIN, sample_rate)

    @property
    def tempo_bpm(self) -> float:
        """The tempo it really has."""
        return LOOP_BARS * 4 * 60.0 * self.sample_rate / self.length

    @property
    def step(self) -> float:
        """Samples in a sixteenth."""
        return self.length / (LOOP_BARS * STEPS)

    def silence(self) -> np.ndarray:
        """float32 [length]."""
        return np.zeros(self.length, np.float32)

    def put(self, loop: np.ndarray, sound: np.ndarray, step: float, loudness: float = 1.0) -> None:
        """Add a sound at a sixteenth of the loop, in place; what does not fit goes on at the loop's beginning."""
        start = round(step * self.step) % self.length
        sound = sound[: self.length]
        first = min(len(sound), self.length - start)
        loop[start : start + first] += sound[:first] * np.float32(loudness)
        loop[: len(sound) - first] += sound[first:] * np.float32(loudness)
