"""What the engine asks of a classifier. The model room fulfils it; tests hand in small ones of their own.

Arrays between the two rooms:
    samples        float32 [n], mono, -1..1, at `sample_rate`
    windows        float32 [batch, window_frames, bands]
    outputs        by name, each float32 [batch, ...]: those of the network, and those of the context beside them
    probabilities  float32 [batch, labels], 0..1 (rows add up to one where `exclusive`)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class SpectrogramStream(Protocol):
    """The spectrogram of one stream, computed frame by frame, each frame once."""

    frame_count: int
    """Frames computed since the stream began; frame `i` is centred on sample `i * hop_length`."""

    def push(self, samples: np.ndarray) -> None:
        """Take the next samples, any number of them."""

    def window(self, end_frame: int) -> np.ndarray:
        """The `window_frames` frames before `end_frame`, float32 [window_frames, bands]: a view, valid until `push`."""

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Frames `start .. stop`, float32 [stop - start, bands], as far as they are still held."""

    def reset(self) -> None:
        """Forget everything: the next samples begin a new stream."""


class Network(Protocol):
    """A network on its device. One network may serve several classifiers; the engine calls it once for all of them."""

    @property
    def key(self) -> str: ...

    @property
    def device(self) -> str:
        """ "CPU" or "GPU"."""

    def __call__(self, windows: np.ndarray) -> Mapping[str, np.ndarray]:
        """windows -> outputs by name, each float32 [batch, ...]."""


class Smoother(Protocol):
    """Per-session smoothing of probabilities over time; the time constant is in seconds."""

    def update(self, probabilities: np.ndarray) -> np.ndarray:
        """float32 [labels] in, smoothed float32 [labels] out."""

    def reset(self) -> None: ...


class LabelMap(Protocol):
    """A bundle's map of its labels: music like it lies near it."""

    def describe(self, labels: tuple[str, ...]) -> dict[str, list[list[float]]]:
        """JSON-ready: "points" and "anchors", each a list of [x, y, index of the label], x and y in -1..1."""


class Classifier(Protocol):
    """A bundle ready to be used: everything but the network is at hand without loading TensorFlow."""

    name: str
    title: str
    labels: tuple[str, ...]
    exclusive: bool
    sample_rate: int
    hop_length: int
    window_frames: int
    window_seconds: float
    context_seconds: float
    """Sound before a window's end that it makes use of: `window_seconds`, or more. It is no reason to wait: what has
    been heard by then is given."""
    band_frequencies_hz: np.ndarray
    """Centre of each band of the spectrogram, float32 [bands], Hz."""
    display_range: tuple[float, float]
    """Values of the spectrogram between which the waterfall's colours run."""

    thresholds: Mapping[str, float]
    """"unsure_below", and where several labels hold at once "shown_from"."""
    music_from: float | None
    """From here on what `music` gives speaks for music, above 0 and below 1; None where nobody asks."""

    @property
    def genre_map(self) -> LabelMap | None:
        """None where the bundle has none."""

    @property
    def loaded(self) -> bool: ...

    @property
    def network(self) -> Network:
        """The network; only after `load`."""

    def load(self) -> None:
        """Load the network onto its device and run it once, so that the first real window is not slow. Blocking."""

    def open_spectrogram(self, *, history_seconds: float) -> SpectrogramStream: ...

    def open_smoother(self, *, hop_seconds: float, time_constant_seconds: float) -> Smoother: ...

    def context_outputs(self, frames: np.ndarray) -> Mapping[str, np.ndarray]:
        """What one window's context says besides the network, each float32 [1, ...]; nothing for most classifiers.

        frames : the spectrogram's frames before the window's end, float32 [up to `context_seconds` of them, bands].
        """

    def probabilities(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outputs of the network and of the context -> probabilities [batch, labels]."""

    def music(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Outputs of the network -> how much they speak for music of any kind, float32 [batch], 0..1; None as
        `music_from` is."""

    def sure(self, probabilities: np.ndarray) -> bool:
        """Whether smoothed probabilities [labels] are good enough to name a label; otherwise it is "not sure"."""

    def place(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Outputs of the network -> places on the map, float32 [batch, 2], each -1..1; None without a map."""

    def explain(
        self, window: np.ndarray, label_index: int, context_outputs: Mapping[str, np.ndarray] = ...
    ) -> np.ndarray:
        """How much each cell of a window spoke for a label: float32 [window_frames, bands], 0..1. Takes a while."""
