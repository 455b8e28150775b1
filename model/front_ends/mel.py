"""Mel filters: which frequencies each band of a mel spectrogram adds up."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

# Slaney's scale: linear below 1 kHz, logarithmic above, 27 steps from 1 to 6.4 kHz.
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1_000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27.0

MEL_SCALES = ("slaney", "htk")
MEL_NORMS = ("slaney", "none")


@lru_cache(maxsize=16)
def mel_filters(
    *, sample_rate: int, n_fft: int, bands: int, fmin_hz: float, fmax_hz: float, scale: str, norm: str
) -> np.ndarray:
    """float32 [n_fft // 2 + 1, bands]: triangles on the mel scale of Slaney's Auditory Toolbox, or of HTK."""
    edges_hz = mel_edges_hz(bands, fmin_hz, fmax_hz, scale)
    bins_hz = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    widths_hz = np.diff(edges_hz)
    distance = edges_hz[None, :] - bins_hz[:, None]
    rising = -distance[:, :-2] / widths_hz[:-1]
    falling = distance[:, 2:] / widths_hz[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        # Every filter has the same area, so that white noise gives a flat picture.
        filters *= 2.0 / (edges_hz[2:] - edges_hz[:-2])
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


def mel_edges_hz(bands: int, fmin_hz: float, fmax_hz: float, scale: str) -> np.ndarray:
    """float64 [bands + 2]: filter `i` rises from edge `i` to `i + 1` and falls to `i + 2`."""
    low, high = (_to_mel(value, scale) for value in (fmin_hz, fmax_hz))
    mels = np.linspace(low, high, bands + 2)
    if scale == "htk":
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    return np.where(mels < _KNEE_MEL, mels * _HZ_PER_MEL, _KNEE_HZ * np.exp(_LOG_STEP * (mels - _KNEE_MEL)))


def _to_mel(frequency_hz: float, scale: str) -> float:
    if scale == "htk":
        return 2595.0 * math.log10(1.0 + frequency_hz / 700.0)
    if frequency_hz < _KNEE_HZ:
        return frequency_hz / _HZ_PER_MEL
    return _KNEE_MEL + math.log(frequency_hz / _KNEE_HZ) / _LOG_STEP
