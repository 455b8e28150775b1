"""How sound becomes the pictures a network was trained on: the parameters, and what this version can reproduce."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np

from model.errors import BundleError

KIND = "log-mel"
COMPRESSION = "log10(10000x+1)"


@dataclass(frozen=True)
class FrontEnd:
    """A log-mel spectrogram, in every detail that changes its numbers. The defaults are those of musicnn.

    Frame `i` is centred on sample `i * hop_length`; before the first sample the sound is taken as zeros.
    The frames' power spectra, `|rfft(window * frame)|**2`, are summed by the mel filters and compressed against a
    fixed reference, never against the loudest frame, so that the same sound always gives the same numbers.
    """

    kind: str = KIND
    sample_rate: int = 16_000
    n_fft: int = 512
    hop_length: int = 256
    window: str = "hann-periodic"
    centre_padding: str = "zeros"
    bands: int = 96
    fmin_hz: float = 0.0
    fmax_hz: float = 8_000.0
    mel_scale: str = "slaney"
    mel_norm: str = "slaney"
    compression: str = COMPRESSION
    window_frames: int = 187

    def __post_init__(self) -> None:
        choices = {
            "kind": (KIND,),
            "window": ("hann-periodic",),
            "centre_padding": ("zeros",),
            "mel_scale": ("slaney", "htk"),
            "mel_norm": ("slaney", "none"),
            "compression": (COMPRESSION,),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise _cannot_reproduce(name, getattr(self, name), " or ".join(allowed))
        ranges = {
            "sample_rate": (4_000, 192_000),
            "n_fft": (32, 16_384),
            "hop_length": (1, self.n_fft),
            "bands": (1, self.n_fft // 2),
            "window_frames": (1, 10_000),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise _cannot_reproduce(name, value, f"a whole number from {low} to {high}")
        if self.n_fft % 2:
            raise _cannot_reproduce("n_fft", self.n_fft, "an even number")
        if not 0 <= self.fmin_hz < self.fmax_hz <= self.sample_rate / 2:
            raise _cannot_reproduce("fmin_hz, fmax_hz", (self.fmin_hz, self.fmax_hz), "0 <= fmin < fmax <= rate / 2")

    @classmethod
    def from_json(cls, values: object) -> FrontEnd:
        """Read what `to_json` wrote; raises BundleError for anything this version cannot reproduce."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != names:
            raise BundleError(
                "the bundle's front end cannot be read",
                rule=f"it says exactly {', '.join(sorted(names))}",
                next_step="Build the bundle again, or use another",
            )
        numbers = {"fmin_hz", "fmax_hz"}
        for name in numbers:
            if isinstance(values[name], bool) or not isinstance(values[name], int | float):
                raise _cannot_reproduce(name, values[name], "a number")
        checked: dict[str, Any] = {name: float(values[name]) if name in numbers else values[name] for name in names}
        return cls(**checked)

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`."""
        return asdict(self)

    @property
    def display_range(self) -> tuple[float, float]:
        """Compressed values between which a picture of it runs: from 36 dB under to 24 dB over power one."""
        return (0.4, 6.4)

    @property
    def window_samples(self) -> int:
        """Samples after which the first window is complete: the last half frame reaches past the last centre."""
        return (self.window_frames - 1) * self.hop_length + self.n_fft // 2

    @property
    def window_seconds(self) -> float:
        """What a window is called by people: its samples, rounded up to a tenth of a second."""
        return math.ceil(self.window_samples / self.sample_rate * 10) / 10

    @property
    def band_frequencies_hz(self) -> np.ndarray:
        """float64 [bands]: the frequency at which each mel filter peaks."""
        return _mel_edges_hz(self)[1:-1]


@lru_cache(maxsize=8)
def mel_filters(front_end: FrontEnd) -> np.ndarray:
    """float32 [n_fft // 2 + 1, bands]: triangles on the mel scale of Slaney's Auditory Toolbox, or of HTK."""
    edges_hz = _mel_edges_hz(front_end)
    bins_hz = np.arange(front_end.n_fft // 2 + 1) * (front_end.sample_rate / front_end.n_fft)
    widths_hz = np.diff(edges_hz)
    distance = edges_hz[None, :] - bins_hz[:, None]
    rising = -distance[:, :-2] / widths_hz[:-1]
    falling = distance[:, 2:] / widths_hz[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if front_end.mel_norm == "slaney":
        # Every filter has the same area, so that white noise gives a flat picture.
        filters *= 2.0 / (edges_hz[2:] - edges_hz[:-2])
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


def _mel_edges_hz(front_end: FrontEnd) -> np.ndarray:
    low, high = (_to_mel(value, front_end.mel_scale) for value in (front_end.fmin_hz, front_end.fmax_hz))
    mels = np.linspace(low, high, front_end.bands + 2)
    if front_end.mel_scale == "htk":
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    return np.where(mels < _KNEE_MEL, mels * _HZ_PER_MEL, _KNEE_HZ * np.exp(_LOG_STEP * (mels - _KNEE_MEL)))


# Slaney's scale: linear below 1 kHz, logarithmic above, 27 steps from 1 to 6.4 kHz.
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1_000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27.0


def _to_mel(frequency_hz: float, scale: str) -> float:
    if scale == "htk":
        return 2595.0 * math.log10(1.0 + frequency_hz / 700.0)
    if frequency_hz < _KNEE_HZ:
        return frequency_hz / _HZ_PER_MEL
    return _KNEE_MEL + math.log(frequency_hz / _KNEE_HZ) / _LOG_STEP


def _cannot_reproduce(name: str, value: object, rule: str) -> BundleError:
    return BundleError(
        f"the front end's {name} is {value!r}, which this version cannot reproduce",
        rule=f"it must be {rule}",
        next_step="Use a bundle made for this version",
    )
