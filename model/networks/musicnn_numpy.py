"""The forward pass of musicnn in NumPy: what runs where there is no GPU.

It gives the numbers of `model.networks.musicnn` (to 1e-6) at the same speed as TensorFlow on a CPU, and is ready in a
tenth of a second where importing TensorFlow alone takes two to ten. Two things make it fast:

- Activations and batch norms come after the maximum over frequency, on one value in place of up to 59. Both are
  monotone, so the maximum may be taken first; where a batch norm has a negative scale it turns the maximum into a
  minimum, which is the maximum of the negated filter.
- Convolutions are matrix products on views. With the 7 frames under the kernel side by side (`[frames, bands * 7]`),
  the patch at each frequency is a slice of columns, which BLAS reads in place.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from model.networks.musicnn import BANDS, EMBEDDING_SIZE, FRAMES, TAGS, TEMPORAL_KERNELS, TIMBRAL_KERNELS

_TIME = 7
"""Frames under a timbral or a middle kernel."""
_POSITIONS_AT_ONCE = 3
"""Neighbouring frequencies in one product: larger products, at the price of a few multiplications by zero."""
_BANDS_AT_ONCE = 8
_NORM_EPSILON = 1e-3

Weights = Mapping[str, np.ndarray]


class _Norm:
    """A batch norm at inference, as `x * scale + shift`."""

    def __init__(self, weights: Weights, layer: str) -> None:
        variance = weights[f"{layer}/moving_variance"].astype(np.float64)
        scale = weights[f"{layer}/gamma"] / np.sqrt(variance + _NORM_EPSILON)
        self.scale = scale.astype(np.float32)
        self.shift = (weights[f"{layer}/beta"] - weights[f"{layer}/moving_mean"] * scale).astype(np.float32)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        values *= self.scale
        values += self.shift
        return values


class _PooledFilters:
    """Filters [..., channels] whose relu and batch norm are applied after the maximum over frequency."""

    def __init__(self, weights: Weights, layer: str) -> None:
        self._norm = _Norm(weights, f"{layer}_norm")
        self._sign = np.where(self._norm.scale < 0.0, -1.0, 1.0).astype(np.float32)
        self._bias = weights[f"{layer}/bias"]
        self.kernel = weights[f"{layer}/kernel"][:, :, 0, :] * self._sign

    def finish(self, maximum: np.ndarray) -> np.ndarray:
        """Maximum over frequency of the bare products, [frames, channels] -> output of the block."""
        values = maximum * self._sign
        values += self._bias
        np.maximum(values, 0.0, out=values)
        return self._norm(values)


class _Timbral(_PooledFilters):
    """7 frames x 38 or 67 bands."""

    def __init__(self, weights: Weights, layer: str) -> None:
        super().__init__(weights, layer)
        _, self._bands, self._channels = self.kernel.shape
        columns = self.kernel.transpose(1, 0, 2).reshape(self._bands * _TIME, self._channels)
        shape = ((self._bands + _POSITIONS_AT_ONCE - 1) * _TIME, _POSITIONS_AT_ONCE, self._channels)
        shifted = np.zeros(shape, np.float32)
        for position in range(_POSITIONS_AT_ONCE):
            shifted[position * _TIME : position * _TIME + len(columns), position] = columns
        self._columns = shifted.reshape(shape[0], -1)

    def __call__(self, patches: np.ndarray) -> np.ndarray:
        maximum = np.full((FRAMES, self._columns.shape[1]), -np.inf, np.float32)
        product = np.empty_like(maximum)
        last = BANDS - self._bands + 1 - _POSITIONS_AT_ONCE
        # The last step may overlap the one before it: a maximum does not mind.
        for band in (*range(0, last, _POSITIONS_AT_ONCE), last):
            columns = patches[:, band * _TIME : band * _TIME + len(self._columns)]
            np.matmul(columns, self._columns, out=product)
            np.maximum(maximum, product, out=maximum)
        return self.finish(maximum.reshape(FRAMES, _POSITIONS_AT_ONCE, self._channels).max(axis=1))


class _Temporal:
    """128, 64 and 32 frames x 1 band, all three on the same copy of the frames around each frame."""

    def __init__(self, weights: Weights) -> None:
        self._blocks = [_PooledFilters(weights, f"temporal_{frames}") for frames in TEMPORAL_KERNELS]
        self._kernels = [np.ascontiguousarray(block.kernel[:, 0, :]) for block in self._blocks]
        self._longest = max(TEMPORAL_KERNELS)
        # An even kernel with "same" padding has one frame less before its centre than after it.
        self._before = (self._longest - 1) // 2
        starts = [self._before - (frames - 1) // 2 for frames in TEMPORAL_KERNELS]
        self._columns = [slice(start, start + frames) for start, frames in zip(starts, TEMPORAL_KERNELS, strict=True)]

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        padded = np.zeros((BANDS, FRAMES + self._longest - 1), np.float32)
        padded[:, self._before : self._before + FRAMES] = image.T
        around = sliding_window_view(padded, self._longest, axis=1)
        copied = np.empty((_BANDS_AT_ONCE * FRAMES, self._longest), np.float32)
        channels = self._kernels[0].shape[1]
        product = np.empty((_BANDS_AT_ONCE * FRAMES, channels), np.float32)
        maxima = [np.full((FRAMES, channels), -np.inf, np.float32) for _ in self._kernels]
        for band in range(0, BANDS, _BANDS_AT_ONCE):
            copied.reshape(_BANDS_AT_ONCE, FRAMES, -1)[...] = around[band : band + _BANDS_AT_ONCE]
            for maximum, kernel, columns in zip(maxima, self._kernels, self._columns, strict=True):
                np.matmul(copied[:, columns], kernel, out=product)
                for rows in product.reshape(_BANDS_AT_ONCE, FRAMES, channels):
                    np.maximum(maximum, rows, out=maximum)
        return [block.finish(maximum) for block, maximum in zip(self._blocks, maxima, strict=True)]


class _Middle:
    """7 frames x all channels, relu, batch norm."""

    def __init__(self, weights: Weights, layer: str) -> None:
        kernel = weights[f"{layer}/kernel"]
        self._channels = kernel.shape[1]
        self._kernel = kernel.reshape(_TIME * self._channels, -1)
        self._bias = weights[f"{layer}/bias"]
        self._norm = _Norm(weights, f"{layer}_norm")

    def __call__(self, values: np.ndarray) -> np.ndarray:
        padded = np.zeros((FRAMES + _TIME - 1, self._channels), np.float32)
        padded[_TIME // 2 : _TIME // 2 + FRAMES] = values
        step = padded.itemsize
        patches = as_strided(padded, (FRAMES, _TIME * self._channels), (self._channels * step, step), writeable=False)
        result = patches @ self._kernel
        result += self._bias
        np.maximum(result, 0.0, out=result)
        return self._norm(result)


class MusicnnOnNumpy:
    """musicnn on the CPU. Keeps nothing between calls, so several threads may call it.

    Parameters
    ----------
    weights : the layers of `build_musicnn` by name, `"layer/variable"`: float32.
    """

    device = "CPU"

    def __init__(self, weights: Weights, *, key: str) -> None:
        self.key = key
        self._input_norm = _Norm(weights, "input_norm")
        self._timbral = [_Timbral(weights, f"timbral_{bands}") for _, bands in TIMBRAL_KERNELS]
        self._temporal = _Temporal(weights)
        self._middle = [_Middle(weights, f"middle_{number}") for number in (1, 2, 3)]
        pooled_norm = _Norm(weights, "pooled_norm")
        kernel = weights["penultimate/kernel"]
        self._hidden_kernel = pooled_norm.scale[:, None] * kernel
        self._hidden_bias = weights["penultimate/bias"] + pooled_norm.shift @ kernel
        self._embedding_norm = _Norm(weights, "embedding")
        self._tag_kernel, self._tag_bias = weights["tags/kernel"], weights["tags/bias"]

    def __call__(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """float32 [batch, 187, 96] -> tags float32 [batch, 50], 0..1, and embedding float32 [batch, 200]."""
        embedding = np.empty((len(windows), EMBEDDING_SIZE), np.float32)
        tags = np.empty((len(windows), TAGS), np.float32)
        for row, window in enumerate(windows):
            embedding[row] = self._embed(window)
            tags[row] = embedding[row] @ self._tag_kernel + self._tag_bias
        np.clip(tags, -80.0, 80.0, out=tags)
        return {"tags": 1.0 / (1.0 + np.exp(-tags)), "embedding": embedding}

    def _embed(self, window: np.ndarray) -> np.ndarray:
        image = self._input_norm(window.astype(np.float32))
        padded = np.zeros((FRAMES + _TIME - 1, BANDS), np.float32)
        padded[_TIME // 2 : _TIME // 2 + FRAMES] = image
        patches = np.ascontiguousarray(sliding_window_view(padded, _TIME, axis=0)).reshape(FRAMES, BANDS * _TIME)
        front = [block(patches) for block in self._timbral] + self._temporal(image)
        levels = [np.concatenate(front, axis=1)]
        for number, middle in enumerate(self._middle):
            values = middle(levels[-1])
            levels.append(values if number == 0 else levels[-1] + values)
        channels = np.concatenate(levels, axis=1)
        pooled = np.stack([channels.max(axis=0), channels.mean(axis=0)], axis=1).reshape(-1)
        return self._embedding_norm(np.maximum(pooled @ self._hidden_kernel + self._hidden_bias, 0.0))
