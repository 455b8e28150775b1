"""What the commands that build bundles have in common."""

from __future__ import annotations

import numpy as np

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
