"""What a network says of whole tracks while it is trained, and how good that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from model.classifier import to_probabilities
from model.front_ends.front_end import FrontEnd
from model.networks.tensorflow_device import import_tensorflow
from model.parts import log_softmax
from model.training.batches import balancing_weights, label_targets
from model.training.feature_cache import Recording, WindowReader
from model.training.loop import SCORE

if TYPE_CHECKING:
    import keras

_BATCH = 64


class Validation:
    """Measures a network on recordings as they are: windows side by side, averaged for each track.

    The score is the balanced accuracy of tracks where labels exclude each other, else the mean area under the ROC
    curve over labels (0.5 is chance). The loss is that of windows, every label the same weight.
    """

    def __init__(
        self, recordings: Sequence[Recording], labels: Sequence[str], front_end: FrontEnd, *, exclusive: bool
    ) -> None:
        self._recordings = recordings
        self._exclusive = exclusive
        self._reader = WindowReader(front_end)
        self.targets = label_targets(recordings, labels)
        """float32 [tracks, labels]."""
        self.track_of = np.repeat(
            np.arange(len(recordings)), [recording.frames // front_end.window_frames for recording in recordings]
        )
        """int [windows]: the track that each window of `scores` is of."""
        self._call: tuple[Any, Callable[[Any], Any]] | None = None

    def __call__(self, network: keras.Model) -> dict[str, float]:
        """See `model.training.loop.Validate`."""
        scores = self.scores(network)
        targets = self.targets[self.track_of]
        if self._exclusive:
            losses = -(targets * log_softmax(scores)).sum(axis=1)
        else:
            losses = (np.logaddexp(0.0, scores) - targets * scores).mean(axis=1)
        weights = balancing_weights([""] * len(targets), targets)
        tracks = self.by_track(to_probabilities(scores, 1.0, exclusive=self._exclusive))
        measure = balanced_accuracy if self._exclusive else mean_area_under_curve
        return {SCORE: measure(tracks, self.targets), "loss": float(np.average(losses, weights=weights))}

    def scores(self, network: keras.Model) -> np.ndarray:
        """Logits of all windows, float32 [windows, labels]. network : from windows to scores."""
        if self._call is None or self._call[0] is not network:
            tensorflow = import_tensorflow()
            self._call = (network, tensorflow.function(lambda windows: network(windows, training=False)))
        found = []
        for recording in self._recordings:
            windows = self._reader.whole(recording)
            found += [self._call[1](windows[at : at + _BATCH]).numpy() for at in range(0, len(windows), _BATCH)]
        return np.concatenate(found).astype(np.float32)

    def by_track(self, windows: np.ndarray) -> np.ndarray:
        """Means over the windows of each track: float [windows, labels] -> [tracks, labels]."""
        sums = np.zeros((len(self._recordings), windows.shape[1]))
        np.add.at(sums, self.track_of, windows)
        return sums / np.bincount(self.track_of)[:, None]


def balanced_accuracy(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Mean over the labels that there are of the share of tracks called rightly; targets: [tracks, labels], one 1."""
    truth, called = targets.argmax(axis=1), probabilities.argmax(axis=1)
    return float(np.mean([(called[truth == label] == label).mean() for label in np.unique(truth)]))


def mean_area_under_curve(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Mean over labels of the area under the ROC curve: how often a track with the label has more of it than one
    without (equal counts half). Labels that all tracks have, or none, are left out; 0.5 if no other is there."""
    areas = []
    for values, holds in zip(probabilities.T, targets.T > 0.5, strict=True):
        with_label, without = values[holds], np.sort(values[~holds])
        if len(with_label) and len(without):
            below = np.searchsorted(without, with_label, "left") + np.searchsorted(without, with_label, "right")
            areas.append(below.sum() / 2.0 / len(with_label) / len(without))
    return float(np.mean(areas)) if areas else 0.5
