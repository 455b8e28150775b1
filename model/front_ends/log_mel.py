"""Log-mel spectrograms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from model.front_ends.compression import COMPRESSIONS, DECIBELS, LOG_10000
from model.front_ends.front_end import FrameComputation, FrontEnd, Rows, cannot_reproduce
from model.front_ends.mel import MEL_NORMS, MEL_SCALES, mel_edges_hz, mel_filters


@dataclass(frozen=True)
class MelFrontEnd(FrontEnd):
    """The parameters of all front ends that begin with a mel spectrogram, which is also their picture.

    The frames' power spectra are summed by the mel filters and compressed.
    """

    bands: int = 96
    fmin_hz: float = 0.0
    fmax_hz: float = 8_000.0
    mel_scale: str = "slaney"
    mel_norm: str = "slaney"
    compression: str = LOG_10000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.fmin_hz < self.fmax_hz <= self.sample_rate / 2:
            raise cannot_reproduce("fmin_hz, fmax_hz", (self.fmin_hz, self.fmax_hz), "0 <= fmin < fmax <= rate / 2")

    def _choices(self) -> dict[str, tuple[str, ...]]:
        compressions = tuple(COMPRESSIONS)
        return {**super()._choices(), "mel_scale": MEL_SCALES, "mel_norm": MEL_NORMS, "compression": compressions}

    def _ranges(self) -> dict[str, tuple[int, int]]:
        return {**super()._ranges(), "bands": (1, self.n_fft // 2 if isinstance(self.n_fft, int) else 0)}

    @property
    def band_frequencies_hz(self) -> np.ndarray:
        """float64 [bands]: the frequency at which each mel filter peaks."""
        return mel_edges_hz(self.bands, self.fmin_hz, self.fmax_hz, self.mel_scale)[1:-1]

    @property
    def display_range(self) -> tuple[float, float]:
        """For musicnn's from 36 dB under to 24 dB over power one; others are shifted so that noise looks the same."""
        gain = (self.n_fft / 512) ** 2 * (16_000 / self.sample_rate) if self.mel_norm == "slaney" else 1.0
        return COMPRESSIONS[self.compression].display_range(10.0 * math.log10(gain))

    def filters(self, bands: int | None = None) -> np.ndarray:
        """float32 [n_fft // 2 + 1, bands]: the mel filters; or others that divide the same range into `bands`."""
        return mel_filters(
            sample_rate=self.sample_rate,
            n_fft=self.n_fft,
            bands=bands or self.bands,
            fmin_hz=self.fmin_hz,
            fmax_hz=self.fmax_hz,
            scale=self.mel_scale,
            norm=self.mel_norm,
        )

    def levels(self, power: np.ndarray, filters: np.ndarray) -> np.ndarray:
        """Power spectra float32 [n, bins] -> compressed float32 [n, bands], a new array."""
        mel = np.matmul(power, filters)
        COMPRESSIONS[self.compression].apply(mel)
        return mel


@dataclass(frozen=True)
class LogMel(MelFrontEnd):
    """The network hears the mel spectrogram itself. The defaults are those of musicnn."""

    kind: str = "log-mel"

    def _choices(self) -> dict[str, tuple[str, ...]]:
        return {"kind": ("log-mel",), **super()._choices()}

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return (self.bands,)

    def open_computation(self) -> FrameComputation:
        filters = self.filters()

        def compute(power: np.ndarray) -> Rows:
            mel = self.levels(power, filters)
            return Rows(mel, mel)

        return compute


__all__ = ["DECIBELS", "LOG_10000", "LogMel", "MelFrontEnd"]
