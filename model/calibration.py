"""How far confidence can be believed, and making it believable."""

from __future__ import annotations

import numpy as np

from model.errors import DataError
from model.parts import log_softmax

BINS = 15
_COLDEST, _HOTTEST = 0.05, 20.0
_SMALLEST = 1e-12


def fit_temperature(
    scores: np.ndarray,
    truth: np.ndarray,
    weights: np.ndarray | None = None,
    stretches: np.ndarray | None = None,
) -> float:
    """The temperature that makes `softmax(scores / temperature)` most likely (Guo et al. 2017, arXiv 1706.04599).

    Averaging probabilities over time makes them more modest than those of single windows. With `stretches` the
    temperature is fitted to the averages, which is what people are shown.

    Parameters
    ----------
    scores : float [n, labels], log-probabilities that need not add up to one, of examples not used in training.
    truth : int [n], the right labels.
    weights : float [n], how much each example counts; all the same if None.
    stretches : int [n], which examples (of the same label) are averaged; each stands alone if None.

    Returns
    -------
    The temperature, 0.05 to 20; more than one makes the classifier more modest.
    """
    if len(scores) == 0:
        raise DataError("there is nothing to fit a temperature on", rule="at least one labelled example is needed")
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    rows = np.arange(len(scores))
    place = rows if stretches is None else np.unique(stretches, return_inverse=True)[1]
    lengths = np.bincount(place)
    shares = np.bincount(place, weights)

    def loss(log_temperature: float) -> float:
        logs = log_softmax(np.asarray(scores, np.float64) / np.exp(log_temperature))
        means = np.bincount(place, np.exp(logs[rows, truth])) / lengths
        return float(-(np.log(means + _SMALLEST) * shares).sum())

    # Golden-section search: without stretches the loss is convex in 1 / temperature, so it has one valley.
    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2.0))


def expected_calibration_error(
    confidence: np.ndarray, correct: np.ndarray, *, weights: np.ndarray | None = None, bins: int = BINS
) -> float:
    """Mean distance between how sure it was and how often it was right (Naeini et al. 2015), 0..1; 0 is best.

    Parameters
    ----------
    confidence : float [n], 0..1, the highest probability of each example.
    correct : bool [n].
    weights : float [n], how much each example counts; all the same if None.
    bins : equally wide stretches of confidence; one includes its upper edge.
    """
    weights = np.ones(len(confidence)) if weights is None else np.asarray(weights, np.float64)
    place = calibration_bin(confidence, bins)
    gap = np.bincount(place, weights * (np.asarray(confidence, np.float64) - correct), minlength=bins)
    total = float(weights.sum())
    return float(np.abs(gap).sum() / total) if total > 0.0 else 0.0


def calibration_bin(confidence: np.ndarray, bins: int = BINS) -> np.ndarray:
    """int [n]: the bin, 0 .. bins - 1, of each confidence, 0..1."""
    return np.clip(np.ceil(np.asarray(confidence, np.float64) * bins).astype(int) - 1, 0, bins - 1)
