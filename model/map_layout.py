"""Laying a map out: tracks in two dimensions, and places for the names of their labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERPLEXITY = 30.0
SEED = 20_240_229
_LETTER_WIDTH = 0.03
_NAME_HEIGHT = 0.1
"""Room for a name on a map that is two wide and two high, drawn 400 pixels wide in 12 pixel type."""
_ROUNDS = 500


def lay_out(references: np.ndarray) -> np.ndarray:
    """float32 [n, axes] -> float32 [n, 2], -1..1: what is near in many dimensions is near in two.

    L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008. Always with the same seed.
    """
    from sklearn.manifold import TSNE

    # Two labels are told apart along one axis; the search for a beginning wants two.
    references = np.pad(references, ((0, 0), (0, max(0, 2 - references.shape[1]))))
    perplexity = min(PERPLEXITY, (len(references) - 1) / 3.0)
    places = TSNE(2, perplexity=perplexity, init="pca", random_state=SEED).fit_transform(references)
    lowest, highest = places.min(axis=0), places.max(axis=0)
    spread = np.maximum(highest - lowest, 1e-9)
    return np.clip(2.0 * (places - lowest) / spread - 1.0, -1.0, 1.0).astype(np.float32)


def find_anchors(
    points: np.ndarray, owners: np.ndarray, labels: Sequence[str], *, fewest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where the names of labels stand: float32 [m, 2], -1..1, and whose they are, int32 [m].

    A label stands in the middle of the densest half of its points, moved a little where names would overlap. A label
    with fewer points than `fewest` has no name.
    """
    found = [label for label in range(len(labels)) if np.count_nonzero(owners == label) >= fewest]
    if not found:
        return np.zeros((0, 2), np.float32), np.zeros(0, np.int32)
    centres = np.stack([_robust_centre(points[owners == label]) for label in found])
    widths = np.array([_LETTER_WIDTH * (len(labels[label]) + 1) for label in found])
    return push_apart(centres, widths), np.array(found, np.int32)


def _robust_centre(points: np.ndarray) -> np.ndarray:
    """float64 [2]: the mean of the half of the points that lies closest around one of them."""
    half = max(1, len(points) // 2)
    distances = np.sort(np.linalg.norm(points[:, None] - points[None], axis=2), axis=1)
    densest = points[distances[:, half - 1].argmin()]
    near = np.argsort(np.linalg.norm(points - densest, axis=1), kind="stable")[:half]
    return np.asarray(points[near].mean(axis=0), np.float64)


def push_apart(centres: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """float [m, 2] -> float32 [m, 2], -1..1: moved as little as it takes for names of these widths not to overlap."""
    places = centres.astype(np.float64)
    margins = np.stack([widths / 2.0, np.full(len(widths), _NAME_HEIGHT / 2.0)], axis=1)
    for _ in range(_ROUNDS):
        moved = False
        for first in range(len(places)):
            for second in range(first + 1, len(places)):
                apart = places[second] - places[first]
                overlap = margins[first] + margins[second] - np.abs(apart)
                if (overlap <= 1e-6).any():
                    continue
                # Along the direction in which less is needed; both give way.
                axis = int(overlap.argmin())
                step = 0.5 * overlap[axis] * (1.0 if apart[axis] >= 0.0 else -1.0)
                places[first, axis] -= step
                places[second, axis] += step
                moved = True
        # A name stays on the map as a whole.
        places = np.clip(places, np.minimum(margins - 1.0, 0.0), np.maximum(1.0 - margins, 0.0))
        if not moved:
            break
    return places.astype(np.float32)
