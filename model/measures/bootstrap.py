"""How far a figure depends on which artists happened to be in the test (Efron 1979; drawn by artist, not by track)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 1000
SEED = 20_240_229
_EDGES = (2.5, 97.5)


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.interval[0]:.3f} to {self.interval[1]:.3f})"


@dataclass(frozen=True, eq=False)
class Draws:
    """As many artists as there are, drawn with replacement, again and again; always the same draws.

    counts : int [rounds, groups], how often each artist was drawn.
    group_of : int [n], the artist of each example.
    """

    counts: np.ndarray
    group_of: np.ndarray

    def sums(self, values: np.ndarray) -> np.ndarray:
        """values float [n, ...] -> their sum over the drawn artists' examples, float64 [rounds, ...]."""
        values = np.asarray(values, np.float64)
        by_group = np.zeros((self.counts.shape[1], *values.shape[1:]))
        np.add.at(by_group, self.group_of, values)
        return np.tensordot(self.counts.astype(np.float64), by_group, axes=1)

    def mean(self, values: np.ndarray) -> Estimate:
        """The mean of values, float [n], and its interval."""
        means = self.sums(values) / np.maximum(self.sums(np.ones(len(values))), 1.0)
        return Estimate(float(np.mean(values)), interval(means))


def draw_artists(groups: Sequence[str], rounds: int = ROUNDS) -> Draws:
    """Draws for examples by these artists."""
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(SEED)
    return Draws(rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=rounds), group_of)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Where 95 % of the rounds lie; values float [rounds], NaN in rounds that say nothing."""
    if not np.isfinite(values).any():
        return (0.0, 0.0)
    low, high = np.nanpercentile(values, _EDGES)
    return float(low), float(high)
