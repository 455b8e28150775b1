"""Whether what has a label is ranked before what has not: areas under two curves, label by label.

ROC-AUC is the chance that a track with the label is ranked before one without (Hanley and McNeil 1982). PR-AUC, here
average precision, tells more where a label is rare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.measures.bootstrap import Draws, interval

_CELLS_AT_ONCE = 2_000_000
"""Numbers in one array of a bootstrap: 16 MB."""
_MOST_CELLS = 200_000_000
"""Examples x labels x rounds: some seconds. More examples get fewer rounds, but never less than `_LEAST_ROUNDS`."""
_LEAST_ROUNDS = 100


@dataclass(frozen=True)
class Areas:
    """Areas under the ROC curve and the precision-recall curve, 0..1."""

    roc: float
    pr: float


def areas(truth: np.ndarray, probabilities: np.ndarray, known: np.ndarray | None = None) -> tuple[Areas | None, ...]:
    """The areas of every label; None where all tracks, or none, have it.

    truth : bool [n, labels]; probabilities : float [n, labels].
    known : bool [n, labels], of which labels it is known whether they hold; all if not given.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    found: list[Areas | None] = []
    for column in range(truth.shape[1]):
        rows = slice(None) if known is None else known[:, column]
        has = truth[rows, column]
        if has.all() or not has.any():
            found.append(None)
            continue
        scores = probabilities[rows, column]
        found.append(Areas(float(roc_auc_score(has, scores)), float(average_precision_score(has, scores))))
    return tuple(found)


def macro(found: tuple[Areas | None, ...]) -> Areas | None:
    """Mean over the labels that have areas; None if none has."""
    known = [area for area in found if area is not None]
    if not known:
        return None
    return Areas(float(np.mean([area.roc for area in known])), float(np.mean([area.pr for area in known])))


def macro_intervals(
    truth: np.ndarray, probabilities: np.ndarray, draws: Draws, known: np.ndarray | None = None
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of the means over labels, of ROC-AUC and of PR-AUC, over artists drawn."""
    rounds = min(len(draws.counts), max(_LEAST_ROUNDS, _MOST_CELLS // max(truth.size, 1)))
    roc, pr = np.full((2, rounds, truth.shape[1]), np.nan)
    step = max(1, _CELLS_AT_ONCE // max(len(truth), 1))
    for start in range(0, rounds, step):
        weights = draws.counts[start : min(start + step, rounds)][:, draws.group_of].astype(np.float64)
        for column in range(truth.shape[1]):
            counted = weights if known is None else weights * known[:, column]
            part = _weighted_areas(truth[:, column], probabilities[:, column], counted)
            roc[start : start + step, column], pr[start : start + step, column] = part
    return interval(_mean_of_known(roc)), interval(_mean_of_known(pr))


def _weighted_areas(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both areas, float64 [rounds] each, for weights float64 [rounds, n]; NaN where one side weighs nothing."""
    order = np.argsort(-scores, kind="stable")
    # Examples with the same score stand at the same place of the curve.
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    ordered, has = weights[:, order], truth[order]
    right = np.add.reduceat(ordered * has, starts, axis=1)
    wrong = np.add.reduceat(ordered * ~has, starts, axis=1)
    total_right, total_wrong = right.sum(axis=1), wrong.sum(axis=1)
    right_so_far = right.cumsum(axis=1)
    so_far = right_so_far + wrong.cumsum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        roc = (wrong * (right_so_far - right / 2.0)).sum(axis=1) / (total_right * total_wrong)
        precision = right_so_far / np.maximum(so_far, 1e-12)
        pr = (right * precision).sum(axis=1) / total_right
    known = (total_right > 0.0) & (total_wrong > 0.0)
    return np.where(known, roc, np.nan), np.where(known, pr, np.nan)


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
