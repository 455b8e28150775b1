"""What the commands that build bundles have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.bundle_network import BundleNetwork
from model.evaluation import Results
from model.networks import musicnn, small

_HEARS_WITH = {
    musicnn.ARCHITECTURE: "MSD_musicnn of Jordi Pons and Xavier Serra (2019, arXiv 1909.06654), as they published it",
    small.NAME: "a small network of this project (`model/networks/small.py`)",
}
_TAUGHT = {
    musicnn.ARCHITECTURE: "MSD_musicnn: by its authors, on the Million Song Dataset.",
    small.NAME: (
        "The small network: what MSD_musicnn, MTT_musicnn and EfficientAT's mn04_as say of free and labelled music,\n"
        "  of speech and of noise; no human labels (docs/teaching.md). It has heard most of the music that is counted\n"
        "  below, without being told what it is."
    ),
}
"""Of the networks that shipped bundles have."""


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


def hears_with(networks: Sequence[BundleNetwork]) -> list[str]:
    """What a bundle hears with, network by network, for its card."""
    return [_HEARS_WITH[network.name] for network in networks]


def taught(networks: Sequence[BundleNetwork]) -> list[str]:
    """What networks were taught with: a sentence for each, for a card."""
    return [_TAUGHT[network.name] for network in networks]
