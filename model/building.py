"""What the commands that build bundles have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from model.datasets.dataset import LabelledTrack, alike
from model.evaluation import Results


def choose_threshold(results: Results, wanted_accuracy: float, *, test: str) -> tuple[float, float]:
    """The lowest threshold from which on so many windows of a test are right, and the share of windows then named.

    Every label counts the same. Where no threshold is high enough it is 0.9.
    """
    probabilities, truth = results.windows(test)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    _, place, counts = np.unique(truth, return_inverse=True, return_counts=True)
    weights = 1.0 / counts[place]
    for threshold in np.arange(0.2, 0.91, 0.01):
        sure = confidence >= threshold
        if (weights * right)[sure].sum() >= wanted_accuracy * weights[sure].sum():
            break
    return round(float(threshold), 2), float(weights[sure].sum() / weights.sum())


def known_tracks(
    tracks: Sequence[LabelledTrack], labels: Sequence[str], meanings: Mapping[str, str]
) -> list[LabelledTrack]:
    """The tracks that have one of the labels, called by it; case, spaces and hyphens do not matter.

    meanings : other names of labels.
    """
    names = {alike(name): label for name, label in meanings.items()} | {alike(label): label for label in labels}
    return [replace(track, labels=(names[alike(track.label)],)) for track in tracks if alike(track.label) in names]
