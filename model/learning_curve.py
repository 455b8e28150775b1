"""How much music is enough: the accuracy against the number of artists in training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.errors import DataError
from model.evaluation import FOLDS
from model.fold_runs import TrackHits, split_folds
from model.measures.text_table import table
from model.recipe import Heard, Recipe, Rendered, only

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
SEEDS = 3


@dataclass(frozen=True)
class CurvePoint:
    """artists : in training, on average over folds. accuracies : balanced, of tracks, one for each seed."""

    artists: float
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


@dataclass(frozen=True)
class LearningCurve:
    """Points with ever more artists, and what they are made with."""

    points: tuple[CurvePoint, ...]
    folds: int
    seeds: int

    def rows(self) -> list[tuple[str, ...]]:
        """A table: artists in training; balanced accuracy, its lowest and highest over the seeds."""
        found: list[tuple[str, ...]] = [("artists in training", "balanced accuracy", "lowest", "highest")]
        for point in self.points:
            values = (point.mean, min(point.accuracies), max(point.accuracies))
            found.append((f"{point.artists:.0f}", *(f"{value:.3f}" for value in values)))
        return found

    def to_text(self) -> str:
        """The table in Markdown."""
        return "\n".join(table(self.rows())) + "\n"


def learning_curve(
    recipe: Recipe,
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    heard: Heard,
    *,
    shares: Sequence[float] = SHARES,
    seeds: int = SEEDS,
    folds: int = FOLDS,
    rendered: Rendered = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LearningCurve:
    """Train a recipe on ever more of the artists of each fold's training music, and test it on all of the fold.

    The artists of a smaller share are among those of a larger one, and every share has of each (source, label) about
    as large a part. With all artists nothing is left to chance, so this is done once.

    rendered : music made by a program, which is always trained on too.
    """
    runs = [(share, seed) for share in shares for seed in range(seeds if share < 1.0 else 1)]
    total, done = len(runs) * folds, 0
    hits = {run: TrackHits(labels) for run in runs}
    counted: dict[float, list[int]] = defaultdict(list)
    for fold in split_folds(heard, folds=folds):
        for share, seed in runs:
            chosen = nested_artists(fold.training, share, seed)
            part = only(fold.training, lambda track: track.group in chosen)  # noqa: B023 - used at once
            hits[share, seed].add(fold.tested, recipe.train(part, labels, tags, rendered))
            counted[share].append(len(chosen))
            done += 1
            progress(done, total)
    if not counted:
        raise DataError("there is no learning curve to be drawn", rule="some tracks must be there to be tested")
    points = [
        CurvePoint(
            float(np.mean(counted[share])),
            tuple(hits[each].balanced_accuracy().value for each in runs if each[0] == share),
        )
        for share in shares
    ]
    return LearningCurve(tuple(points), folds, seeds)


def nested_artists(training: Heard, share: float, seed: int) -> set[str]:
    """A part of the artists: those of a smaller share are among those of a larger one with the same seed."""
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for group, dataset, label in sorted({(o.track.group, o.track.dataset, o.track.label) for o in training["plain"]}):
        kinds[dataset, label].append(group)
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for _, groups in sorted(kinds.items()):
        order = rng.permutation(groups)
        # At least one: a label that is never heard cannot be learned, which says nothing about the number of artists.
        chosen.update(order[: max(1, round(share * len(order)))].tolist())
    return chosen
