"""The formats of samples that a program may send: little-endian, interleaved, full scale -1..1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SampleFormat:
    """How a sample is written.

    sample_bytes : of one sample of one channel.
    read : bytes of whole samples -> float32 [n].
    """

    sample_bytes: int
    read: Callable[[bytes], np.ndarray]

    def block(self, content: bytes, channels: int) -> np.ndarray:
        """float32 [n, channels] of n whole frames. Full scale is -1..1; what floats say beyond that is left as it is.

        Raises ValueError if the bytes are no whole frames.
        """
        if len(content) % (self.sample_bytes * channels):
            raise ValueError(f"{len(content)} bytes are no whole frames")
        return self.read(content).reshape(-1, channels)


def _float32(content: bytes) -> np.ndarray:
    return np.frombuffer(content, "<f4").astype(np.float32, copy=False)


def _int16(content: bytes) -> np.ndarray:
    return np.frombuffer(content, "<i2").astype(np.float32) / np.float32(2**15)


def _int24(content: bytes) -> np.ndarray:
    # Into the upper three bytes of four, so that the sign is where it belongs.
    wide = np.zeros((len(content) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
    return _int32(wide.tobytes())


def _int32(content: bytes) -> np.ndarray:
    return np.frombuffer(content, "<i4").astype(np.float32) / np.float32(2**31)


FORMATS = {
    "f32": SampleFormat(4, _float32),
    "s16": SampleFormat(2, _int16),
    "s24": SampleFormat(3, _int24),
    "s32": SampleFormat(4, _int32),
}
"""By the name that the first message of the socket gives them."""
