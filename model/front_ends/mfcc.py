"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from model.front_ends.compression import DECIBELS
from model.front_ends.front_end import FrameComputation, Rows
from model.front_ends.log_mel import MelFrontEnd


@dataclass(frozen=True)
class Mfcc(MelFrontEnd):
    """The first `coefficients` of the orthonormal DCT-II of a mel spectrogram in decibels, as `librosa.feature.mfcc`.

    It differs from what librosa does when not told otherwise, and so from the seed, in one thing: librosa cuts levels
    80 dB under the loudest cell of the recording, this at a fixed level (`model.front_ends.compression`).
    People are shown the mel spectrogram.
    """

    kind: str = "mfcc"
    sample_rate: int = 22_050
    n_fft: int = 2_048
    hop_length: int = 512
    window_frames: int = 130
    bands: int = 128
    fmax_hz: float = 11_025.0
    compression: str = DECIBELS
    coefficients: int = 13

    def _choices(self) -> dict[str, tuple[str, ...]]:
        return {"kind": ("mfcc",), **super()._choices(), "compression": (DECIBELS,)}

    def _ranges(self) -> dict[str, tuple[int, int]]:
        bands = self.bands if isinstance(self.bands, int) else 0
        return {**super()._ranges(), "coefficients": (1, bands)}

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return (self.coefficients,)

    @property
    def hears_picture(self) -> bool:
        return False

    def open_computation(self) -> FrameComputation:
        filters, transform = self.filters(), cosine_transform(self.bands, self.coefficients)

        def compute(power: np.ndarray) -> Rows:
            mel = self.levels(power, filters)
            return Rows(mel @ transform, mel)

        return compute


@lru_cache(maxsize=8)
def cosine_transform(bands: int, coefficients: int) -> np.ndarray:
    """float32 [bands, coefficients]: the first columns of the orthonormal DCT-II."""
    places = (np.arange(bands) + 0.5) / bands
    matrix = np.sqrt(2.0 / bands) * np.cos(np.pi * places[:, None] * np.arange(coefficients))
    matrix[:, 0] *= np.sqrt(0.5)
    matrix = matrix.astype(np.float32)
    matrix.setflags(write=False)
    return matrix
