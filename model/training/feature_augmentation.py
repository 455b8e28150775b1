"""Other loudnesses, bandwidths and mixtures of what a network hears, made on features while it is trained.

On levels (log-mel, spectra) gain, bandwidth and mixtures are those of sound: cells are turned back into powers. On
cepstra a gain adds to what the first coefficient holds, and mixtures are of the features themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.front_ends.compression import DECIBELS
from model.front_ends.front_end import FrontEnd
from model.front_ends.harmonic_percussive import HarmonicPercussive
from model.front_ends.log_mel import LogMel
from model.front_ends.log_spectrum import LogSpectrum
from model.front_ends.mfcc import Mfcc
from model.networks.tensorflow_device import import_tensorflow


@dataclass(frozen=True)
class FeatureAugmentation:
    """How much of each. Every draw comes from the seed that is handed in, so that it can be repeated.

    gain_db : the loudness changes by up to so much, either way.
    dull_share : of the windows so many lose what is above a band, which lies in the upper `dull_bands` of all.
    mixed_share : of the windows so many have another one mixed in, up to as loud (mix-up, Zhang et al. 2018,
        arXiv 1710.09412); targets are mixed alike.
    mask_frames, mask_bands : share of the window that each of two masks over time, and each of two over bands, covers
        at most (SpecAugment, Park et al. 2019, arXiv 1904.08779); there is the band's mean of the window.
    """

    gain_db: float = 9.0
    dull_share: float = 0.3
    dull_bands: float = 0.5
    mixed_share: float = 0.3
    mask_frames: float = 0.1
    mask_bands: float = 0.1

    def apply(self, front_end: FrontEnd, windows: Any, targets: Any, seed: Any) -> tuple[Any, Any]:
        """In a TensorFlow graph.

        windows : float32 [batch, *window_shape]; targets : float32 [batch, labels]; seed : int32 [2].
        Returns both, altered.
        """
        tensorflow = import_tensorflow()
        draw = _Draws(tensorflow, seed, tensorflow.shape(windows)[0])
        shape = [-1] + [1] * len(front_end.window_shape)
        gain_db = tensorflow.reshape(draw.uniform(-self.gain_db, self.gain_db), shape)
        share = self._mixture(draw)
        if isinstance(front_end, LogMel | LogSpectrum):
            powers = _expand(tensorflow, windows, front_end.compression)
            powers *= 10.0 ** (gain_db / 10.0) * self._dullness(draw, front_end.bands)
            mixed_in = tensorflow.reshape(share, shape)
            powers = powers * (1.0 - mixed_in) + tensorflow.reverse(powers, [0]) * mixed_in
            windows = _compress(tensorflow, powers, front_end.compression)
        else:
            windows += gain_db * _per_decibel(front_end)
            mixed_in = tensorflow.reshape(share, shape)
            windows = windows * (1.0 - mixed_in) + tensorflow.reverse(windows, [0]) * mixed_in
        share = share[:, None]
        targets = targets * (1.0 - share) + tensorflow.reverse(targets, [0]) * share
        return self._masked(draw, windows, bands=isinstance(front_end, LogMel | LogSpectrum)), targets

    def _mixture(self, draw: _Draws) -> Any:
        """How much of each window is another one, float32 [batch], 0..0.5."""
        mixed = draw.uniform(0.0, 1.0) < self.mixed_share
        return draw.tensorflow.where(mixed, draw.uniform(0.0, 0.5), 0.0)

    def _dullness(self, draw: _Draws, bands: int) -> Any:
        """What is left of each band's power, float32 [batch, 1, bands]; a slope of some bands, as filters have."""
        tensorflow = draw.tensorflow
        dull = draw.uniform(0.0, 1.0) < self.dull_share
        end = tensorflow.where(dull, draw.uniform((1.0 - self.dull_bands) * bands, float(bands)), 2.0 * bands)
        beyond = tensorflow.range(bands, dtype=tensorflow.float32)[None, :] - end[:, None]
        return (10.0 ** (-2.0 * tensorflow.clip_by_value(beyond, 0.0, 5.0)))[:, None, :]

    def _masked(self, draw: _Draws, windows: Any, *, bands: bool) -> Any:
        tensorflow = draw.tensorflow
        axes = [(1, self.mask_frames)] + ([(2, self.mask_bands)] if bands else [])
        mean = tensorflow.reduce_mean(windows, axis=1, keepdims=True)
        for axis, largest in axes:
            size = int(windows.shape[axis])
            for _ in range(2):
                length = draw.uniform(0.0, largest * size)
                begin = draw.uniform(0.0, 1.0) * (size - length)
                place = tensorflow.range(size, dtype=tensorflow.float32)[None, :]
                hidden = (place >= begin[:, None]) & (place < (begin + length)[:, None])
                shape = [-1] + [size if number == axis else 1 for number in range(1, len(windows.shape))]
                windows = tensorflow.where(tensorflow.reshape(hidden, shape), mean, windows)
        return windows


class _Draws:
    """Numbers by lot, one for each window, every call others."""

    def __init__(self, tensorflow: Any, seed: Any, count: Any) -> None:
        self.tensorflow = tensorflow
        self._seed = tensorflow.cast(seed, tensorflow.int32)
        self._count = count
        self._calls = 0

    def uniform(self, low: float, high: float) -> Any:
        self._calls += 1
        # The second number counts the steps; between two of them there is room for the draws of one.
        seed = self._seed * np.array([1, 64], np.int32) + np.array([0, self._calls], np.int32)
        return self.tensorflow.random.stateless_uniform([self._count], seed, low, high)


def _expand(tensorflow: Any, levels: Any, compression: str) -> Any:
    """Compressed levels -> powers."""
    if compression == DECIBELS:
        return 10.0 ** (levels / 10.0)
    return tensorflow.maximum(10.0**levels - 1.0, 0.0) / 10_000.0


def _compress(tensorflow: Any, powers: Any, compression: str) -> Any:
    """As `model.front_ends.compression`, in a graph."""
    scale = 1.0 / math.log(10.0)
    if compression == DECIBELS:
        return 10.0 * scale * tensorflow.math.log(tensorflow.maximum(powers, 1e-5))
    return scale * tensorflow.math.log1p(powers * 10_000.0)


def _per_decibel(front_end: FrontEnd) -> np.ndarray:
    """float32 [*frame_shape]: by how much a cell grows with every decibel, above the floor."""
    grows = np.zeros(front_end.frame_shape, np.float32)
    if isinstance(front_end, HarmonicPercussive):
        grows[:, 1:] = 1.0
        grows[0, 0] = math.sqrt(front_end.bands)
    elif isinstance(front_end, Mfcc):
        grows[0] = math.sqrt(front_end.bands)
    return grows
