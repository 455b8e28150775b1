"""From what probability on a tag is said: each gets a scale of its own, so that 50 % means the same for all of them.

Tags have probabilities on scales of their own: a network gives "rock" .5 and "country" seldom more than .1. With one
threshold for all, the common ones are named always and the rare ones never.

- Where labelled music tells whether a tag holds, a slope and an offset are fitted to its logit (J. Platt,
  "Probabilistic outputs for support vector machines", 1999): at 50 % the tag is as often right as wrong.
- Where it does not, the slope is the middle one of the others, and the offset is such that the tag reaches 50 % in as
  much music as it may hold for: the network's own expectation, times what this falls short for the others.

Every kind of music counts the same, however many tracks it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.embeddings import TrackOutputs
from model.errors import DataError
from model.parts import TagsPart
from model.recipe import STRETCH_WINDOWS

FEWEST_ARTISTS = 5
"""A tag that fewer artists of the data have is treated as if the data said nothing about it."""
DECIMALS = 3
_LEAST_SLOPE, _MOST_SLOPE = 0.25, 8.0
_FARTHEST_OFFSET = 60.0
_SMALLEST = 1e-9


@dataclass(frozen=True)
class TagScale:
    """How one label came to its scale.

    artists : of the music whose labels say that it holds; measured : whether there were enough of them.
    said_from : the network's own probability that has become 50 %.
    """

    label: str
    artists: int
    measured: bool
    said_from: float


def calibrate(
    part: TagsPart,
    labels: Sequence[str],
    heard: Sequence[TrackOutputs],
    kinds: Mapping[Path, str],
    *,
    fewest_artists: int = FEWEST_ARTISTS,
) -> tuple[TagsPart, tuple[TagScale, ...]]:
    """The part with a slope and an offset for every label, and where they come from.

    Both suit averages over `STRETCH_WINDOWS` windows, which is about what smoothing shows.

    heard : tracks whose labels are the tags that hold (see `model.tag_meanings`); kinds : of music, by path.

    Raises DataError if no tag has enough artists.
    """
    music = _Music(part, heard, kinds)
    columns, offsets, slopes = range(len(labels)), np.zeros(len(labels)), np.ones(len(labels))
    artists = [len({o.track.group for o in heard if label in o.track.labels}) for label in labels]
    measured = [count >= fewest_artists for count in artists]
    if not any(measured):
        raise DataError(
            "there is no music to choose thresholds by",
            rule=f"some tag must hold for the music of {fewest_artists} artists",
            next_step="Give music with labels such as rock, jazz and electronic",
        )
    shortfalls = []
    for column in columns:
        if measured[column]:
            slopes[column], offsets[column], shortfall = music.fit(column, labels[column])
            shortfalls.append(shortfall)
    slope, shortfall = float(np.median(slopes[measured])), float(np.median(shortfalls))
    for column in columns:
        if not measured[column]:
            slopes[column] = slope
            offsets[column] = music.offset(column, slope, shortfall)
    slopes, offsets = slopes.round(DECIMALS), offsets.round(DECIMALS)
    scales = tuple(
        TagScale(label, count, known, float(1.0 / (1.0 + np.exp(offset / slope))))
        for label, count, known, slope, offset in zip(labels, artists, measured, slopes, offsets, strict=True)
    )
    return replace(part, slopes=slopes.astype(np.float32), offsets=offsets.astype(np.float32)), scales


class _Music:
    """The logits of music, by stretches of windows, and how much each stretch counts."""

    def __init__(self, part: TagsPart, heard: Sequence[TrackOutputs], kinds: Mapping[Path, str]) -> None:
        self._tracks = [outputs.track for outputs in heard]
        own = [kinds[track.path] for track in self._tracks]
        lengths = [len(outputs.tags) for outputs in heard]
        counts = [-(-length // STRETCH_WINDOWS) for length in lengths]
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._logits = part.logits({"tags": np.concatenate([outputs.tags for outputs in heard])}).astype(np.float64)
        self._stretch = np.concatenate(
            [begin + np.arange(length) // STRETCH_WINDOWS for begin, length in zip(first, lengths, strict=True)]
        )
        self._windows = np.bincount(self._stretch)
        self._track = np.repeat(np.arange(len(heard)), counts)
        of_kind = {kind: own.count(kind) for kind in own}
        shares = np.array([1.0 / (of_kind[kind] * count) for kind, count in zip(own, counts, strict=True)])
        self._shares = shares[self._track] / shares[self._track].sum()

    def fit(self, column: int, label: str) -> tuple[float, float, float]:
        """Slope, offset, and how often it holds for one that the network expects."""
        from scipy.optimize import minimize

        known = np.array([label not in track.perhaps for track in self._tracks])
        holds = np.array([label in track.labels for track in self._tracks])
        has, lacks = (len({t.group for t, is_so in zip(self._tracks, of, strict=True) if is_so}) for of in (
            holds, known & ~holds
        ))  # fmt: skip
        # A few artists who are all told rightly prove no certainty: Platt's targets are short of one and of zero.
        targets = np.where(holds, (has + 1.0) / (has + 2.0), 1.0 / (lacks + 2.0))[self._track]
        shares = (self._shares * known[self._track]) / (self._shares * known[self._track]).sum()

        def loss(values: np.ndarray) -> float:
            mean = np.clip(self._means(column, *_in_bounds(values)), _SMALLEST, 1.0 - _SMALLEST)
            return -float(shares @ (targets * np.log(mean) + (1.0 - targets) * np.log(1.0 - mean)))

        found = minimize(loss, (0.0, 1.0), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9})
        slope, offset = _in_bounds(found.x)
        expected = float(shares @ self._means(column, 1.0, 0.0))
        return slope, offset, float(shares @ holds[self._track]) / max(expected, _SMALLEST)

    def offset(self, column: int, slope: float, shortfall: float) -> float:
        """The offset with which the tag reaches 50 % in the share of the music that it is expected to hold for."""
        wanted = shortfall * float(self._shares @ self._means(column, 1.0, 0.0))
        low, high = -_FARTHEST_OFFSET, _FARTHEST_OFFSET
        for _ in range(40):
            middle = (low + high) / 2.0
            said = float(self._shares @ (self._means(column, slope, middle) >= 0.5))
            low, high = (middle, high) if said < wanted else (low, middle)
        return (low + high) / 2.0

    def _means(self, column: int, slope: float, offset: float) -> np.ndarray:
        windows = 1.0 / (1.0 + np.exp(-(slope * self._logits[:, column] + offset)))
        return np.asarray(np.bincount(self._stretch, windows) / self._windows)


def _in_bounds(values: np.ndarray) -> tuple[float, float]:
    slope = float(np.clip(np.exp(np.clip(values[0], -5.0, 5.0)), _LEAST_SLOPE, _MOST_SLOPE))
    return slope, float(np.clip(values[1], -_FARTHEST_OFFSET, _FARTHEST_OFFSET))
