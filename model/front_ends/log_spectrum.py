"""Spectrograms in decibels with the bins of the FFT as their bands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from model.front_ends.compression import COMPRESSIONS, DECIBELS
from model.front_ends.front_end import FrameComputation, FrontEnd, Rows


@dataclass(frozen=True)
class LogSpectrum(FrontEnd):
    """`bands` bins of the power spectrum, from bin `first_bin` on, compressed."""

    kind: str = "log-spectrum"
    first_bin: int = 1
    bands: int = 128
    compression: str = DECIBELS

    def _choices(self) -> dict[str, tuple[str, ...]]:
        return {"kind": ("log-spectrum",), **super()._choices(), "compression": tuple(COMPRESSIONS)}

    def _ranges(self) -> dict[str, tuple[int, int]]:
        bins = self.n_fft // 2 + 1 if isinstance(self.n_fft, int) else 1
        first = self.first_bin if isinstance(self.first_bin, int) else 0
        return {**super()._ranges(), "first_bin": (0, bins - 1), "bands": (1, bins - first)}

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return (self.bands,)

    @property
    def band_frequencies_hz(self) -> np.ndarray:
        return np.arange(self.first_bin, self.first_bin + self.bands) * (self.sample_rate / self.n_fft)

    @property
    def display_range(self) -> tuple[float, float]:
        # Of white noise a bin holds as much more than a band of musicnn's spectrogram.
        return COMPRESSIONS[self.compression].display_range(10.0 * math.log10(self.n_fft / 512 * (16_000 / 512)))

    def open_computation(self) -> FrameComputation:
        bins = slice(self.first_bin, self.first_bin + self.bands)
        apply = COMPRESSIONS[self.compression].apply

        def compute(power: np.ndarray) -> Rows:
            levels = power[:, bins].copy()
            apply(levels)
            return Rows(levels, levels)

        return compute
