"""What every front end has: its parameters, their check, and two ways to use it, whole recordings and streams.

Frame `i` is centred on sample `i * hop_length`; before the first sample the sound is taken as zeros, as a centred STFT
has them (librosa: `center=True, pad_mode="constant"`). A frame is made only when its last sample has arrived, and with
it `lookahead_frames` more where a kind needs to see what comes after; librosa would make the last few frames of a
recording out of zeros, which a live stream cannot know.

Levels are compressed against a fixed reference, never against the loudest frame of a window or of a recording, so that
the same sound always gives the same numbers.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from model.errors import BundleError
from model.front_ends.power import TAPERS, PowerSpectra

if TYPE_CHECKING:
    from model.front_ends.stream import FrontEndStream


class Rows(NamedTuple):
    """Consecutive frames: `features` is what the network hears, float32 [n, ...], `picture` what people see of them,
    float32 [n, bands]. The same array where the network hears the picture."""

    features: np.ndarray
    picture: np.ndarray


class FrameComputation(Protocol):
    """Turns power spectra of one stream into frames, in order."""

    def __call__(self, power: np.ndarray) -> Rows:
        """The next spectra, float32 [n, bins] -> frames that they complete: as many, but for the look-ahead."""


@dataclass(frozen=True)
class FrontEnd(abc.ABC):
    """The parameters that all kinds have; each kind adds its own. Whatever changes the numbers is a parameter.

    window : the taper of the STFT, one of `model.front_ends.power.TAPERS`.
    window_frames : frames that a network hears at once.
    """

    kind: str = ""
    sample_rate: int = 16_000
    n_fft: int = 512
    hop_length: int = 256
    window: str = "hann-periodic"
    centre_padding: str = "zeros"
    window_frames: int = 187

    def __post_init__(self) -> None:
        for name, allowed in self._choices().items():
            if getattr(self, name) not in allowed:
                raise cannot_reproduce(name, getattr(self, name), " or ".join(allowed))
        for name, (low, high) in self._ranges().items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise cannot_reproduce(name, value, f"a whole number from {low} to {high}")
        if self.n_fft % 2:
            raise cannot_reproduce("n_fft", self.n_fft, "an even number")

    def _choices(self) -> dict[str, tuple[str, ...]]:
        """Parameters that are words, and those that this version knows."""
        return {"window": tuple(TAPERS), "centre_padding": ("zeros",)}

    def _ranges(self) -> dict[str, tuple[int, int]]:
        """Parameters that are whole numbers, and where they lie."""
        return {
            "sample_rate": (4_000, 192_000),
            "n_fft": (32, 16_384),
            "hop_length": (1, self.n_fft if isinstance(self.n_fft, int) else 0),
            "window_frames": (1, 10_000),
        }

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Read what `to_json` wrote; raises BundleError for anything this version cannot reproduce."""
        kinds = {field.name: field.type for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != set(kinds):
            raise BundleError(
                f"the bundle's front end, of the kind {cls.__dataclass_fields__['kind'].default!r}, cannot be read",
                rule=f"it says exactly {', '.join(sorted(kinds))}",
                next_step="Build the bundle again, or use another",
            )
        checked: dict[str, Any] = dict(values)
        for name in (name for name, kind in kinds.items() if kind == "float"):
            if isinstance(values[name], bool) or not isinstance(values[name], int | float):
                raise cannot_reproduce(name, values[name], "a number")
            checked[name] = float(values[name])
        return cls(**checked)

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`."""
        return asdict(self)

    # ---- what a kind says of itself ------------------------------------------------------------------------------

    @property
    @abc.abstractmethod
    def frame_shape(self) -> tuple[int, ...]:
        """What the network hears of one frame: (bands,) or (bands, channels)."""

    @property
    @abc.abstractmethod
    def band_frequencies_hz(self) -> np.ndarray:
        """float64 [bands]: centres of the picture's bands."""

    @property
    @abc.abstractmethod
    def display_range(self) -> tuple[float, float]:
        """Values between which the picture's colours run."""

    @property
    def lookahead_frames(self) -> int:
        """Frames after a frame that are needed to compute it."""
        return 0

    @property
    def hears_picture(self) -> bool:
        """Whether what the network hears is the picture itself."""
        return True

    @abc.abstractmethod
    def open_computation(self) -> FrameComputation:
        """What turns the power spectra of one stream into frames."""

    # ---- what follows from it ------------------------------------------------------------------------------------

    @property
    def window_shape(self) -> tuple[int, ...]:
        """What the network hears at once: (window_frames, bands) or (window_frames, bands, channels)."""
        return (self.window_frames, *self.frame_shape)

    @property
    def window_samples(self) -> int:
        """Samples after which the first window is complete: the last half frame reaches past the last centre."""
        return (self.window_frames + self.lookahead_frames - 1) * self.hop_length + self.n_fft // 2

    @property
    def window_seconds(self) -> float:
        """What a window is called by people: its samples, rounded up to a tenth of a second.

        So long does a live listener wait for the first answer.
        """
        return math.ceil(self.window_samples / self.sample_rate * 10) / 10

    def frame_count(self, samples: int) -> int:
        """Frames that so many samples give."""
        return max(0, (samples - self.n_fft // 2) // self.hop_length + 1 - self.lookahead_frames)

    def compute(self, samples: np.ndarray) -> np.ndarray:
        """A whole recording.

        samples : float32 [n], mono, -1..1, at `sample_rate`.

        Returns float32 [frame_count(n), bands] or [frame_count(n), bands, channels]. Any `window_frames` consecutive
        frames of it are a window as live sound gives it.
        """
        return self._whole(samples)[0]

    def picture(self, samples: np.ndarray) -> np.ndarray:
        """A whole recording as people see it: float32 [frame_count(n), bands]."""
        return self._whole(samples)[1]

    def silence(self) -> np.ndarray:
        """A window of digital silence, float32 [*window_shape]."""
        return self.compute(np.zeros(self.window_samples, np.float32))

    def open_stream(self, *, history_frames: int) -> FrontEndStream:
        """For sound that comes in pieces: it remembers at least `history_frames`."""
        from model.front_ends.stream import FrontEndStream

        return FrontEndStream(self, history_frames=history_frames)

    def _whole(self, samples: np.ndarray) -> Rows:
        computation = self.open_computation()
        spectra = PowerSpectra(self.n_fft, self.hop_length, self.window)
        rows = [computation(power) for power in spectra.push(samples)]
        nothing = Rows(
            np.zeros((0, *self.frame_shape), np.float32), np.zeros((0, len(self.band_frequencies_hz)), np.float32)
        )
        features, picture = zip(nothing, *rows, strict=True)
        return Rows(np.concatenate(features), np.concatenate(picture))


def cannot_reproduce(name: str, value: object, rule: str) -> BundleError:
    """What is raised for a parameter that this version does not know."""
    return BundleError(
        f"the front end's {name} is {value!r}, which this version cannot reproduce",
        rule=f"it must be {rule}",
        next_step="Use a bundle made for this version",
    )
