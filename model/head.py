"""Training a head: logistic regression on the embedding of a network that stays as it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from model.errors import DataError
from model.parts import HeadPart

_ABSENT_INTERCEPT = -12.0
"""Score of a label that training had no example of: as good as never."""
_SMALLEST_SCALE = 1e-3


def source_class_weights(sources: Sequence[str], truth: np.ndarray) -> np.ndarray:
    """float64 [n]: every (source, label) counts the same in all, and the mean weight is one.

    A source that knows only some labels would otherwise teach the head to tell sources apart: this is what made
    additional sources help where they used to hurt.
    """
    pairs = list(zip(sources, truth.tolist(), strict=True))
    counts = Counter(pairs)
    weights = np.array([1.0 / counts[pair] for pair in pairs])
    return weights * (len(weights) / weights.sum())


def label_weights(sources: Sequence[str], truth: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """float64 [n]: every label counts the same in all, and the mean weight is one.

    What a label has is shared out among its sources by the square roots of their numbers of artists: fifty artists tell
    more about a genre than one, but not fifty times as much, as a source has a sound of its own. A label that few
    sources have is no rarer for that: with the same weight for every (source, label) it would be.

    groups : the artist of each example.
    """
    artists: dict[tuple[str, int], set[str]] = {}
    pairs = list(zip(sources, truth.tolist(), strict=True))
    for pair, group in zip(pairs, groups, strict=True):
        artists.setdefault(pair, set()).add(group)
    counts = Counter(pairs)
    share = {pair: len(names) ** 0.5 for pair, names in artists.items()}
    total: defaultdict[int, float] = defaultdict(float)
    for (_, label), value in share.items():
        total[label] += value
    weights = np.array([share[pair] / total[pair[1]] / counts[pair] for pair in pairs])
    return weights * (len(weights) / weights.sum())


def fit_head(
    embeddings: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray,
    *,
    label_count: int,
    inverse_regularisation: float,
    clip: float,
    weight: float = 1.0,
) -> HeadPart:
    """Fit a head; deterministic.

    Parameters
    ----------
    embeddings : float32 [n, embedding].
    truth : int [n], 0 .. label_count - 1.
    weights : float [n], how much each example counts.
    inverse_regularisation : `C` of scikit-learn's LogisticRegression; smaller is simpler.
    clip : standardised embeddings are kept within -clip .. clip.
    weight : of the head among the parts of its bundle.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(truth)) < 2:
        raise DataError("a head cannot be trained", rule="there must be examples of at least two labels")
    share = (weights / weights.sum())[:, None]
    mean = (embeddings * share).sum(axis=0)
    scale = np.sqrt((np.square(embeddings - mean) * share).sum(axis=0)) + _SMALLEST_SCALE
    standard = np.clip((embeddings - mean) / scale, -clip, clip)
    regression = LogisticRegression(C=inverse_regularisation, max_iter=500, tol=1e-5)
    regression.fit(standard, truth, sample_weight=weights)
    found, intercept = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:
        # scikit-learn describes two labels by one row: the odds of the second.
        found, intercept = np.concatenate([-found, found]) / 2.0, np.concatenate([-intercept, intercept]) / 2.0
    coefficients = np.zeros((embeddings.shape[1], label_count))
    intercepts = np.full(label_count, _ABSENT_INTERCEPT)
    coefficients[:, regression.classes_] = found.T
    intercepts[regression.classes_] = intercept
    arrays = {"mean": mean, "scale": scale, "coefficients": coefficients, "intercepts": intercepts}
    return HeadPart(**{name: values.astype(np.float32) for name, values in arrays.items()}, clip=clip, weight=weight)
