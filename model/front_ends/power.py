"""Power spectra of a stream of samples: the step that all front ends begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

_FRAMES_AT_ONCE = 64
"""Frames computed together: enough to keep NumPy busy, few enough to stay in the cache (0.3 MB for musicnn)."""


class PowerSpectra:
    """`|rfft(taper * frame)|**2` of every frame of one stream, each frame once, however the samples arrive.

    Frame `i` is centred on sample `i * hop_length`; before the first sample there are zeros.
    """

    def __init__(self, n_fft: int, hop_length: int, taper: str) -> None:
        self._n_fft, self._hop = n_fft, hop_length
        self._pending = np.zeros(n_fft + (_FRAMES_AT_ONCE - 1) * hop_length, np.float32)
        self._framed = np.lib.stride_tricks.sliding_window_view(self._pending, n_fft)[::hop_length]
        self._taper = TAPERS[taper](n_fft).astype(np.float32)
        self._tapered = np.empty((_FRAMES_AT_ONCE, n_fft), np.float32)
        self._spectrum = np.empty((_FRAMES_AT_ONCE, n_fft // 2 + 1), np.complex64)
        self._power = np.empty((_FRAMES_AT_ONCE, n_fft // 2 + 1), np.float32)
        self._pending_count = n_fft // 2

    def push(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        """Take the next samples, float32 [any number], mono; gives float32 [frames, n_fft // 2 + 1], several times.

        Each is a view, valid until the next; all must be taken before more is pushed.
        """
        taken = 0
        while taken < len(samples):
            count = min(len(samples) - taken, len(self._pending) - self._pending_count)
            self._pending[self._pending_count : self._pending_count + count] = samples[taken : taken + count]
            self._pending_count += count
            taken += count
            if self._pending_count >= self._n_fft:
                yield self._compute()

    def reset(self) -> None:
        """Forget everything: the next samples begin a new stream."""
        self._pending_count = self._n_fft // 2
        self._pending[: self._pending_count] = 0.0

    def _compute(self) -> np.ndarray:
        """The spectra of all complete frames that are pending."""
        count = (self._pending_count - self._n_fft) // self._hop + 1
        tapered, spectrum, power = self._tapered[:count], self._spectrum[:count], self._power[:count]
        np.multiply(self._framed[:count], self._taper, out=tapered)
        np.fft.rfft(tapered, axis=1, out=spectrum)  # type: ignore[arg-type] # NumPy's types know double precision only
        np.multiply(spectrum.real, spectrum.real, out=power)
        # The real parts are used up, so their place takes the squares of the imaginary parts.
        np.multiply(spectrum.imag, spectrum.imag, out=spectrum.real)
        power += spectrum.real
        kept = self._pending_count - count * self._hop
        self._pending[:kept] = self._pending[count * self._hop : self._pending_count].copy()
        self._pending_count = kept
        return power


def _hann(length: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)


def _tukey_quarter(length: int) -> np.ndarray:
    """Flat, with an eighth of a raised cosine at either end: what scipy.signal.spectrogram takes when not told."""
    place = np.arange(length) / length
    edge = np.minimum(np.minimum(place, 1.0 - place) / 0.125, 1.0)
    return 0.5 - 0.5 * np.cos(np.pi * edge)


TAPERS: Mapping[str, Callable[[int], np.ndarray]] = {
    "hann-periodic": _hann,
    "tukey-0.25-periodic": _tukey_quarter,
}
"""Windows of the STFT by name: a length in samples -> float64 [length]."""
