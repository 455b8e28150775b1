"""MFCC, and the mel spectrograms of what sustains and of what strikes, side by side.

Reference: D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010. Tones are lines along
time in a spectrogram, strokes are lines along frequency: the median over time removes strokes, the median over
frequency removes tones, and what is larger of a cell's two medians tells whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.front_ends.front_end import FrameComputation, Rows, cannot_reproduce
from model.front_ends.mfcc import Mfcc, cosine_transform

_TINY = np.float32(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class HarmonicPercussive(Mfcc):
    """Three channels: `coefficients` MFCC, and as many mel bands each of the harmonic and of the percussive part.

    The parts are those of `librosa.decompose.hpss` with its soft masks (power 2, margin 1). The median over time looks
    `kernel_frames // 2` frames back and ahead; each frame is therefore that much late (0.35 s), and has the same
    numbers in a stream, in a whole recording and in every window. Before the first frame the sound is mirrored, as
    librosa does at both ends; at the other end frames are made only as long as they have all they look ahead to.

    It differs from the seed in three things: the seed separated every clip of 3 s by itself, mirrored at both ends; it
    made sound of the two parts and analysed that again, which blurs them a little; and its levels were relative to the
    clip's loudest.
    """

    kind: str = "mfcc-harmonic-percussive"
    coefficients: int = 40
    kernel_frames: int = 31
    kernel_bins: int = 31

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_frames", "kernel_bins"):
            if getattr(self, name) % 2 == 0:
                raise cannot_reproduce(name, getattr(self, name), "an odd number")

    def _choices(self) -> dict[str, tuple[str, ...]]:
        return {**super()._choices(), "kind": ("mfcc-harmonic-percussive",)}

    def _ranges(self) -> dict[str, tuple[int, int]]:
        kernel = (3, 101)
        return {**super()._ranges(), "kernel_frames": kernel, "kernel_bins": kernel}

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return (self.coefficients, 3)

    @property
    def lookahead_frames(self) -> int:
        return self.kernel_frames // 2

    def open_computation(self) -> FrameComputation:
        return _Separation(self)


class _Separation:
    """Separates one stream; remembers the frames that the median over time still needs."""

    def __init__(self, front_end: HarmonicPercussive) -> None:
        self._front_end = front_end
        self._filters = front_end.filters()
        self._part_filters = front_end.filters(front_end.coefficients)
        self._transform = cosine_transform(front_end.bands, front_end.coefficients)
        self._reach = front_end.kernel_frames // 2
        self._mirrored = False
        self._power = np.zeros((0, front_end.n_fft // 2 + 1), np.float32)

    def __call__(self, power: np.ndarray) -> Rows:
        front_end, reach = self._front_end, self._reach
        self._power = np.concatenate([self._power, power])
        if not self._mirrored and len(self._power) > reach:
            self._power = np.concatenate([self._power[:reach][::-1], self._power])
            self._mirrored = True
        count = len(self._power) - 2 * reach if self._mirrored else 0
        if count <= 0:
            nothing = np.zeros((0, *front_end.frame_shape), np.float32)
            return Rows(nothing, np.zeros((0, front_end.bands), np.float32))
        ready = self._power[reach : reach + count]
        # The median of powers is the square of the median of magnitudes, which is what the masks are made of.
        harmonic = _running_median(self._power, front_end.kernel_frames, axis=0)
        edge = front_end.kernel_bins // 2
        mirrored = np.pad(ready, ((0, 0), (edge, edge)), mode="symmetric")
        percussive = _running_median(mirrored, front_end.kernel_bins, axis=1)
        total = harmonic + percussive
        mask = np.where(total > _TINY, harmonic / np.maximum(total, _TINY), np.float32(0.5))
        # The mask holds for magnitudes.
        parts = (ready * np.square(mask), ready * np.square(1.0 - mask))
        mel = front_end.levels(ready, self._filters)
        channels = [mel @ self._transform, *(front_end.levels(part, self._part_filters) for part in parts)]
        self._power = self._power[count:].copy()
        return Rows(np.stack(channels, axis=-1), mel)


def _running_median(values: np.ndarray, length: int, *, axis: int) -> np.ndarray:
    """Medians of every `length` (odd) neighbours along an axis; that axis becomes `length - 1` shorter."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length, axis=axis)
    middle = length // 2
    return np.partition(windows, middle, axis=-1)[..., middle]
