"""Batches of windows for training: balanced, altered, and always the same for the same seed, epoch and step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from model.front_ends.front_end import FrontEnd
from model.networks.tensorflow_device import import_tensorflow
from model.training.feature_augmentation import FeatureAugmentation
from model.training.feature_cache import Recording, WindowReader

BALANCES = ("sampling", "weights", "off")
LEAST_STEPS = 25
"""Of an epoch: little music is heard several times in each, or the averages of batch normalisation would lag behind
the weights when the first epochs are validated, and training would stop early for that."""
_READ_AHEAD = 2


def label_targets(recordings: Sequence[Recording], labels: Sequence[str]) -> np.ndarray:
    """float32 [recordings, labels]: 1 where a track has the label."""
    places = {label: place for place, label in enumerate(labels)}
    targets = np.zeros((len(recordings), len(labels)), np.float32)
    for row, recording in enumerate(recordings):
        for label in recording.track.labels:
            targets[row, places[label]] = 1.0
    return targets


def balancing_weights(sources: Sequence[str], targets: np.ndarray) -> np.ndarray:
    """float64 [n], mean one: every (source, label) counts the same in all.

    With one label each these are the weights of `model.head.source_class_weights`. An example with several labels has
    the mean of what it would have with each of them; one with none counts as a label of its own.
    """
    extended = np.concatenate([targets, targets.sum(axis=1, keepdims=True) == 0.0], axis=1)
    counts: Counter[tuple[str, int]] = Counter()
    held = [np.flatnonzero(row) for row in extended]
    for source, places in zip(sources, held, strict=True):
        counts.update((source, int(place)) for place in places)
    weights = np.array(
        [
            np.mean([1.0 / counts[source, int(place)] for place in places])
            for source, places in zip(sources, held, strict=True)
        ]
    )
    return weights * (len(weights) / weights.sum())


class WindowBatches:
    """What a loop trains on: windows at random places of the recordings.

    In an epoch there are as many windows as the recordings hold side by side, but for `LEAST_STEPS`. Every batch is
    full: the last one of an epoch is filled up.

    balance : "sampling": what is rare, by (source, label), is drawn more often; "weights": every window is drawn, and
        what is rare counts more; "off": every window is drawn and counts the same.
    augmentation : on features, see there; None for none. Which of a recording's versions (`Recording.arrays`) is heard
        is drawn too.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        labels: Sequence[str],
        front_end: FrontEnd,
        *,
        batch_size: int,
        seed: int,
        balance: str = "sampling",
        augmentation: FeatureAugmentation | None = None,
    ) -> None:
        self.batch_size = batch_size
        self._recordings = recordings
        self._front_end = front_end
        self._seed = seed
        self._balance = balance
        self._augmentation = augmentation
        self._reader = WindowReader(front_end)
        self._targets = label_targets(recordings, labels)
        counts = [recording.frames // front_end.window_frames for recording in recordings]
        self._of_window = np.repeat(np.arange(len(recordings)), counts)
        sources = [recording.track.dataset for recording in recordings]
        self._weights = balancing_weights(
            [sources[number] for number in self._of_window], self._targets[self._of_window]
        )
        self.steps = max(LEAST_STEPS, -(-len(self._of_window) // batch_size))

    def dataset(self, epoch: int, first_step: int) -> Any:
        """See `model.training.loop.Batches`."""
        tensorflow = import_tensorflow()
        drawn, weights = self._drawn(epoch)
        versions, places = self._places(epoch, drawn)
        shape, labels = self._front_end.window_shape, self._targets.shape[1]

        def read(step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            rows = slice(int(step) * self.batch_size, (int(step) + 1) * self.batch_size)
            files = zip(drawn[rows], versions[rows], places[rows], strict=True)
            windows = self._reader.read(
                (self._recordings[number].arrays[version], place) for number, version, place in files
            )
            return windows, self._targets[drawn[rows]], weights[rows]

        def batch(step: Any) -> tuple[Any, Any, Any]:
            windows, targets, counted = tensorflow.numpy_function(read, [step], [tensorflow.float32] * 3)
            windows = tensorflow.ensure_shape(windows, [self.batch_size, *shape])
            targets = tensorflow.ensure_shape(targets, [self.batch_size, labels])
            if self._augmentation is not None:
                seed = tensorflow.stack([self._seed * 1_000 + epoch, tensorflow.cast(step, tensorflow.int32)])
                windows, targets = self._augmentation.apply(self._front_end, windows, targets, seed)
            return windows, targets, tensorflow.ensure_shape(counted, [self.batch_size])

        steps = tensorflow.data.Dataset.range(first_step, self.steps)
        return steps.map(batch, num_parallel_calls=tensorflow.data.AUTOTUNE, deterministic=True).prefetch(_READ_AHEAD)

    def _drawn(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The recordings of an epoch's windows, int [steps * batch_size], and how much each counts, float32."""
        rng = np.random.default_rng([self._seed, epoch, 1])
        wanted, there = self.steps * self.batch_size, len(self._of_window)
        if self._balance == "sampling":
            # Evenly spaced draws: each window comes as often as it should, give or take one.
            edges = np.cumsum(self._weights / self._weights.sum())
            points = (np.arange(wanted) + rng.random()) / wanted
            rows = rng.permutation(np.minimum(np.searchsorted(edges, points), there - 1))
            return self._of_window[rows], np.ones(wanted, np.float32)
        rounds = [rng.permutation(there) for _ in range(-(-wanted // there))]
        rows = np.concatenate(rounds)[:wanted]
        weights = self._weights[rows] if self._balance == "weights" else np.ones(wanted)
        return self._of_window[rows], weights.astype(np.float32)

    def _places(self, epoch: int, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By lot, for each: the recording's version, and the first frame."""
        rng = np.random.default_rng([self._seed, epoch, 2])
        versions = np.array([len(recording.arrays) for recording in self._recordings])[drawn]
        room = np.array([r.frames - self._front_end.window_frames for r in self._recordings])[drawn]
        return rng.integers(0, versions), rng.integers(0, room + 1)
