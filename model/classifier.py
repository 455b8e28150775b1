"""A bundle ready to be used: the model room's answer to `stream.classifier.Classifier`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from model.bundle import Bundle
from model.explanation import explain
from model.front_ends.stream import FrontEndStream
from model.genre_map import GenreMap
from model.networks.loading import Network
from model.parts import RHYTHM, log_softmax
from model.rhythm import rhythm_before
from model.smoothing import ExponentialSmoother

_NOTHING: Mapping[str, np.ndarray] = {}


class BundleClassifier:
    """What a bundle says about sound. Everything but the network is at hand at once; `load` brings the network.

    Parameters
    ----------
    load_network : gives the network of a bundle, loading it only if no other bundle has done so (`Library` does this).
    """

    def __init__(self, bundle: Bundle, load_network: Callable[[Bundle], Network]) -> None:
        self.bundle = bundle
        self.name = bundle.name
        self.title = bundle.title
        self.labels = bundle.labels
        self.exclusive = bundle.exclusive
        self.sample_rate = bundle.front_end.sample_rate
        self.hop_length = bundle.front_end.hop_length
        self.window_frames = bundle.front_end.window_frames
        self.window_seconds = bundle.front_end.window_seconds
        self.context_seconds = bundle.context_seconds
        self._hears_rhythm = bundle.hears_rhythm
        self.band_frequencies_hz = bundle.front_end.band_frequencies_hz
        self.display_range = bundle.front_end.display_range
        self.thresholds = bundle.thresholds
        self.music_from = None if bundle.music is None else bundle.music.threshold
        self._load_network = load_network
        self._network: Network | None = None

    @property
    def loaded(self) -> bool:
        return self._network is not None

    @property
    def network(self) -> Network:
        """The network; only after `load`."""
        if self._network is None:
            raise RuntimeError(f"the network of {self.name} is used before it is loaded")
        return self._network

    def load(self) -> None:
        """Load the network onto its device and run it once. Blocking; raises BundleError if the weights are damaged."""
        if self._network is None:
            network = self._load_network(self.bundle)
            network(self.bundle.front_end.silence()[None])
            self._network = network

    def open_spectrogram(self, *, history_seconds: float) -> FrontEndStream:
        """A new spectrogram that remembers at least `history_seconds`."""
        frames = math.ceil(history_seconds * self.sample_rate / self.hop_length) + 1
        return self.bundle.front_end.open_stream(history_frames=frames)

    def open_smoother(self, *, hop_seconds: float, time_constant_seconds: float) -> ExponentialSmoother:
        """A new smoother for one session."""
        return ExponentialSmoother(hop_seconds=hop_seconds, time_constant_seconds=time_constant_seconds)

    def context_outputs(self, frames: np.ndarray) -> Mapping[str, np.ndarray]:
        """What is heard in more sound than the network's window, to be put beside the network's outputs.

        frames : float32 [n, bands], up to `context_seconds` before a window's end, fewer when a stretch begins.

        Returns "rhythm" as float32 [1, features] for a bundle with a rhythm part, else nothing.
        """
        if not self._hears_rhythm:
            return _NOTHING
        return {RHYTHM: rhythm_before(frames, self.bundle.front_end)[None]}

    def probabilities(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outputs of the network, and of the context -> float32 [batch, labels], 0..1.

        Rows add up to one where `exclusive`.
        """
        scores = np.asarray(sum(part.scores(outputs) for part in self.bundle.parts))
        return to_probabilities(scores, self.bundle.temperature, exclusive=self.exclusive)

    def music(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Outputs of the network -> how much they speak for music of any kind, float32 [batch], 0..1.

        There is music from `music_from` on. None, as that is, for a bundle that does not ask.
        """
        return None if self.bundle.music is None else self.bundle.music.scores(outputs)

    @property
    def genre_map(self) -> GenreMap | None:
        """The map of the labels, None where the bundle has none."""
        return self.bundle.genre_map

    def place(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Outputs of the network -> places on the map, float32 [batch, 2], -1..1; None without a map."""
        return None if self.bundle.genre_map is None else self.bundle.genre_map.place(outputs)

    def explain(
        self, window: np.ndarray, label_index: int, context_outputs: Mapping[str, np.ndarray] = _NOTHING
    ) -> np.ndarray:
        """How much each cell of a window spoke for a label: float32 [frames, bands of the picture], 0..1.

        context_outputs : what `context_outputs` gave for it; it is not explained, but it counts.

        Only after `load`; takes a good while longer than classifying, and longest when first asked.
        """
        return explain(self, window, label_index, context_outputs)

    def sure(self, probabilities: np.ndarray) -> bool:
        """Whether the best of the smoothed probabilities [labels] is good enough to be named."""
        return bool(np.max(probabilities) >= self.bundle.thresholds.get("unsure_below", 0.0))


def to_probabilities(scores: np.ndarray, temperature: float, *, exclusive: bool) -> np.ndarray:
    """The added scores of the parts [batch, labels] -> float32 [batch, labels], 0..1."""
    scores = scores / np.float32(temperature)
    if exclusive:
        return np.exp(log_softmax(scores)).astype(np.float32)
    return (1.0 / (1.0 + np.exp(-scores))).astype(np.float32)
