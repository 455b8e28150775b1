"""How good answers are of which exactly one is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.calibration import BINS, calibration_bin, expected_calibration_error
from model.measures.bootstrap import Draws, Estimate, draw_artists, interval

__all__ = ["Estimate", "Scores", "confusion", "score"]


@dataclass(frozen=True)
class Scores:
    """How good a set of predictions is. But for `accuracy`, every label counts the same, however many examples it has.

    balanced_accuracy : mean over labels of the share named rightly.
    accuracy : share of the examples named rightly.
    precision_at : share of examples whose label is among the first 1, 2 and 3.
    macro_f1 : mean over labels of the F1 score.
    calibration_error : ECE with 15 bins.
    sure_share, sure_accuracy : how often a label is named at all, and how often it is then right.

    Intervals are bootstraps over artists.
    """

    examples: int
    balanced_accuracy: Estimate
    accuracy: Estimate
    precision_at: tuple[float, float, float]
    precision_intervals: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    calibration_error: float
    calibration_interval: tuple[float, float]
    sure_share: float
    sure_accuracy: float


def score(probabilities: np.ndarray, truth: np.ndarray, groups: Sequence[str], *, unsure_below: float) -> Scores:
    """Score predictions.

    Parameters
    ----------
    probabilities : float [n, labels], rows add up to one.
    truth : int [n].
    groups : the artist of each example; the bootstrap draws artists, as examples of one artist are alike.
    unsure_below : a highest probability below it is "not sure".
    """
    weights = label_weights(truth)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    hits = order == truth[:, None]
    among = [hits[:, :count].any(axis=1) for count in (1, 2, 3)]
    first, second, third = (float((right * weights).sum()) for right in among)
    confidence = probabilities.max(axis=1)
    sure = confidence >= unsure_below
    sure_weight = float(weights[sure].sum())
    draws = draw_artists(groups)
    intervals = [balanced_interval(right, truth, draws) for right in among]
    return Scores(
        examples=len(truth),
        balanced_accuracy=Estimate(first, intervals[0]),
        accuracy=draws.mean(hits[:, 0]),
        precision_at=(first, second, third),
        precision_intervals=(intervals[0], intervals[1], intervals[2]),
        macro_f1=_macro_f1(order[:, 0], truth),
        macro_f1_interval=_macro_f1_interval(order[:, 0], truth, draws),
        calibration_error=expected_calibration_error(confidence, hits[:, 0], weights=weights),
        calibration_interval=_calibration_interval(confidence, hits[:, 0], weights, draws),
        sure_share=sure_weight,
        sure_accuracy=float((weights * hits[:, 0])[sure].sum() / sure_weight) if sure_weight else 0.0,
    )


def label_weights(truth: np.ndarray) -> np.ndarray:
    """float64 [n], adding up to one: every label that occurs counts the same. truth : int [n]."""
    present, counts = np.unique(truth, return_counts=True)
    weights = (1.0 / counts)[np.searchsorted(present, truth)]
    return np.asarray(weights / weights.sum())


def confusion(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """int [labels, labels]: examples of the row's label that were called by the column's."""
    labels = probabilities.shape[1]
    cells = truth * labels + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def balanced_rounds(right: np.ndarray, truth: np.ndarray, draws: Draws) -> np.ndarray:
    """float64 [rounds]: balanced accuracy of the artists drawn. right : bool [n]; truth : int [n]."""
    present = truth[:, None] == np.unique(truth)
    seen = draws.sums(present)
    # A label none of whose artists was drawn says nothing in that round.
    recall = np.where(seen > 0.0, draws.sums(present & right[:, None]) / np.maximum(seen, 1.0), np.nan)
    return np.asarray(np.nanmean(recall, axis=1))


def balanced_interval(right: np.ndarray, truth: np.ndarray, draws: Draws) -> tuple[float, float]:
    """95 % of the balanced accuracies of as many artists drawn with replacement."""
    return interval(balanced_rounds(right, truth, draws))


def _macro_f1(named: np.ndarray, truth: np.ndarray) -> float:
    values = []
    for label in np.unique(truth):
        right = float(((named == label) & (truth == label)).sum())
        values.append(2.0 * right / float((named == label).sum() + (truth == label).sum()))
    return float(np.mean(values))


def _macro_f1_interval(named: np.ndarray, truth: np.ndarray, draws: Draws) -> tuple[float, float]:
    labels = np.unique(truth)
    is_label, is_named = truth[:, None] == labels, named[:, None] == labels
    seen = draws.sums(is_label)
    both = seen + draws.sums(is_named)
    f1 = np.where(seen > 0.0, 2.0 * draws.sums(is_label & is_named) / np.maximum(both, 1.0), np.nan)
    return interval(np.nanmean(f1, axis=1))


def _calibration_interval(
    confidence: np.ndarray, right: np.ndarray, weights: np.ndarray, draws: Draws
) -> tuple[float, float]:
    cells = calibration_bin(confidence)[:, None] == np.arange(BINS)
    gaps = draws.sums(cells * (weights * (confidence - right))[:, None])
    total = np.maximum(draws.sums(weights), 1e-12)
    return interval(np.abs(gaps).sum(axis=1) / total)
