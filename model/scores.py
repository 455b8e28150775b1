"""Numbers that say how good predictions are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.calibration import expected_calibration_error

BOOTSTRAP_ROUNDS = 1000
BOOTSTRAP_SEED = 20_240_229


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.interval[0]:.3f} to {self.interval[1]:.3f})"


@dataclass(frozen=True)
class Scores:
    """How good a set of predictions is. Every label counts the same, however many examples it has.

    balanced_accuracy : mean over labels of the share named rightly; the interval is a bootstrap over groups.
    precision_at : share of examples whose label is among the first 1, 2 and 3.
    macro_f1 : mean over labels of the F1 score.
    calibration_error : ECE with 15 bins.
    sure_share, sure_accuracy : how often a label is named at all, and how often it is then right.
    """

    examples: int
    balanced_accuracy: Estimate
    precision_at: tuple[float, float, float]
    macro_f1: float
    calibration_error: float
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
    present, counts = np.unique(truth, return_counts=True)
    weights = (1.0 / counts)[np.searchsorted(present, truth)]
    weights /= weights.sum()
    order = np.argsort(-probabilities, axis=1, kind="stable")
    hits = order == truth[:, None]
    precision_at = tuple(float((hits[:, :count].any(axis=1) * weights).sum()) for count in (1, 2, 3))
    confidence = probabilities.max(axis=1)
    sure = confidence >= unsure_below
    sure_weight = float(weights[sure].sum())
    return Scores(
        examples=len(truth),
        balanced_accuracy=Estimate(precision_at[0], _interval(hits[:, 0], truth, groups)),
        precision_at=(precision_at[0], precision_at[1], precision_at[2]),
        macro_f1=_macro_f1(order[:, 0], truth),
        calibration_error=expected_calibration_error(confidence, hits[:, 0], weights=weights),
        sure_share=sure_weight,
        sure_accuracy=float((weights * hits[:, 0])[sure].sum() / sure_weight) if sure_weight else 0.0,
    )


def confusion(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """int [labels, labels]: examples of the row's label that were called by the column's."""
    labels = probabilities.shape[1]
    cells = truth * labels + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def _macro_f1(named: np.ndarray, truth: np.ndarray) -> float:
    values = []
    for label in np.unique(truth):
        right = float(((named == label) & (truth == label)).sum())
        values.append(2.0 * right / float((named == label).sum() + (truth == label).sum()))
    return float(np.mean(values))


def _interval(right: np.ndarray, truth: np.ndarray, groups: Sequence[str]) -> tuple[float, float]:
    """95 % of the balanced accuracies of as many artists drawn with replacement."""
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    present, label_of = np.unique(truth, return_inverse=True)
    total = np.zeros((len(names), len(present)))
    hit = np.zeros_like(total)
    np.add.at(total, (group_of, label_of), 1.0)
    np.add.at(hit, (group_of, label_of), right.astype(float))
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    drawn = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=BOOTSTRAP_ROUNDS)
    seen = drawn @ total
    # A label none of whose artists was drawn says nothing in that round.
    recall = np.where(seen > 0.0, (drawn @ hit) / np.maximum(seen, 1.0), np.nan)
    low, high = np.percentile(np.nanmean(recall, axis=1), [2.5, 97.5])
    return float(low), float(high)
