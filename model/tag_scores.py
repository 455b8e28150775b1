"""How good answers are where several labels hold at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.calibration import expected_calibration_error
from model.measures.bootstrap import Draws, Estimate, draw_artists, interval
from model.measures.ranking import Areas, areas, macro, macro_intervals


@dataclass(frozen=True)
class TagScores:
    """How good a set of predictions is; intervals are bootstraps over artists.

    roc_auc, pr_auc : means over the tags of the areas under the ROC and precision-recall curves; None if no tag has
        tracks with and tracks without it.
    precision_at : of the first 1, 2 and 3 tags, the share that holds; of the examples that have tags.
    macro_f1 : mean over the tags of the F1 score of what is shown; micro_f1 : that of all tags thrown together.
    calibration_error : ECE with 15 bins over all tags of all examples.
    shown : tags shown per example; held : tags that hold.
    """

    examples: int
    roc_auc: Estimate | None
    pr_auc: Estimate | None
    precision_at: tuple[float, float, float]
    precision_intervals: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    micro_f1: float
    calibration_error: float
    shown: float
    held: float


def score_tags(
    probabilities: np.ndarray,
    truth: np.ndarray,
    groups: Sequence[str],
    *,
    shown_from: float,
    known: np.ndarray | None = None,
) -> TagScores:
    """Score predictions.

    probabilities : float [n, tags], 0..1; truth : bool [n, tags]; groups : the artist of each example.
    shown_from : a tag is shown from this probability on.
    known : bool [n, tags], of which tags it is known whether they hold; all if not given. Others do not count.
    """
    known = np.ones(truth.shape, bool) if known is None else known
    draws = draw_artists(groups)
    mean = macro(areas(truth, probabilities, known))
    shown = (probabilities >= shown_from) & known
    order = np.argsort(-np.where(known, probabilities, -1.0), axis=1, kind="stable")[:, :3]
    hits = np.take_along_axis(truth, order, axis=1)
    tagged = np.asarray(truth.any(axis=1))
    first = [_mean_of(tagged, hits[:, : min(count, hits.shape[1])].mean(axis=1), draws) for count in (1, 2, 3)]
    return TagScores(
        examples=len(truth),
        **_area_estimates(mean, truth, probabilities, draws, known),
        precision_at=(first[0].value, first[1].value, first[2].value),
        precision_intervals=(first[0].interval, first[1].interval, first[2].interval),
        macro_f1=float(np.mean(f1_by_tag(shown, truth))),
        macro_f1_interval=_f1_interval(shown, truth, draws),
        micro_f1=float(f1_by_tag(shown.reshape(-1, 1), truth.reshape(-1, 1))[0]),
        calibration_error=expected_calibration_error(probabilities[known], truth[known]),
        shown=float(shown.sum(axis=1).mean()),
        held=float(truth.sum(axis=1).mean()),
    )


def f1_by_tag(shown: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """float64 [tags]; 0 for a tag that is never shown. Both bool [n, tags]."""
    both = (shown & truth).sum(axis=0)
    return np.asarray(2.0 * both / np.maximum(shown.sum(axis=0) + truth.sum(axis=0), 1))


def _mean_of(chosen: np.ndarray, values: np.ndarray, draws: Draws) -> Estimate:
    """The mean of values, float [n], over the chosen examples, bool [n], and its interval; 0 if none is chosen."""
    if not chosen.any():
        return Estimate(0.0, (0.0, 0.0))
    means = draws.sums(values * chosen) / np.maximum(draws.sums(chosen), 1.0)
    return Estimate(float(values[chosen].mean()), interval(means))


def _area_estimates(
    mean: Areas | None, truth: np.ndarray, probabilities: np.ndarray, draws: Draws, known: np.ndarray
) -> dict[str, Estimate | None]:
    if mean is None:
        return {"roc_auc": None, "pr_auc": None}
    roc, pr = macro_intervals(truth, probabilities, draws, known)
    return {"roc_auc": Estimate(mean.roc, roc), "pr_auc": Estimate(mean.pr, pr)}


def _f1_interval(shown: np.ndarray, truth: np.ndarray, draws: Draws) -> tuple[float, float]:
    seen = draws.sums(truth)
    both = np.maximum(draws.sums(shown) + seen, 1.0)
    f1 = np.where(seen > 0.0, 2.0 * draws.sums(shown & truth) / both, np.nan)
    known = np.isfinite(f1)
    return interval(np.where(known, f1, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))
