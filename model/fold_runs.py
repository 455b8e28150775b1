"""The same folds as in the cross-validation, for other questions: what a part is worth, how much music is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.embeddings import TrackOutputs
from model.evaluation import FOLDS
from model.folds import check_apart, grouped_folds
from model.measures.bootstrap import Estimate, draw_artists
from model.parts import Part
from model.recipe import Heard, add_scores, only
from model.scores import balanced_interval, label_weights


@dataclass(frozen=True, eq=False)
class Fold:
    """What is trained on, under every alteration, and the tracks that are tested as they are."""

    training: Heard
    tested: Sequence[TrackOutputs]


def split_folds(heard: Heard, *, folds: int = FOLDS) -> Iterator[Fold]:
    """Folds with artists apart, as `model.evaluation.cross_validate` makes them of the same music."""
    tracks = [outputs.track for outputs in heard["plain"]]
    fold_of = dict(zip((track.group for track in tracks), grouped_folds(tracks, folds=folds), strict=True))
    for fold in range(folds):
        training = only(heard, lambda track: fold_of[track.group] != fold)  # noqa: B023 - used at once
        tested = [o for o in heard["plain"] if fold_of[o.track.group] == fold]
        if tested:
            check_apart((o.track for o in training["plain"]), (o.track for o in tested))
            yield Fold(training, tested)


class TrackHits:
    """Collects whether each tested track was named rightly."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._right: list[bool] = []
        self._truth: list[int] = []
        self._groups: list[str] = []

    def add(self, tested: Sequence[TrackOutputs], parts: Sequence[Part]) -> None:
        """Ask a model. The temperature is left out: with it, means of probabilities differ a little."""
        for outputs in tested:
            scores = add_scores(parts, [outputs]).astype(np.float64)
            likely = np.exp(scores - scores.max(axis=1, keepdims=True))
            mean = (likely / likely.sum(axis=1, keepdims=True)).mean(axis=0)
            truth = self._labels.index(outputs.track.label)
            self._right.append(int(mean.argmax()) == truth)
            self._truth.append(truth)
            self._groups.append(outputs.track.group)

    def balanced_accuracy(self) -> Estimate:
        """Of all tracks that were added; the interval is a bootstrap over artists."""
        right, truth = np.array(self._right), np.array(self._truth)
        value = float((label_weights(truth) * right).sum())
        return Estimate(value, balanced_interval(right, truth, draw_artists(self._groups)))
