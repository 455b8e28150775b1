"""What was heard at each moment of a session: the last hour in full, everything before it ever more thinly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stream.records import Prediction, Verdict

FULL = 7200
"""So many of the newest moments at least are kept as they were (an hour at two a second)."""
THINNED = 7200
"""So many older ones at most are kept; whenever there are more, they are averaged in pairs."""
BLOCK = 1024
"""Moments are thinned so many at a time."""

VERDICTS = (Verdict.SURE, Verdict.NOT_SURE, Verdict.NO_MUSIC, Verdict.SILENCE)
"""The verdicts in the order of their codes; those of music first."""
OF_MUSIC = sum(verdict.of_music for verdict in VERDICTS)
"""Codes below are those of music."""


@dataclass(frozen=True)
class Moments:
    """Moments in order of time, as arrays of the same length.

    times : float64 [n], stream time at the end of what the moment speaks for, seconds.
    seconds : float32 [n], for how much sound it speaks.
    tracks, positions : int32 [n], float64 [n]: the track at that time, and the place in it, seconds.
    verdict_codes : uint8 [n], places in `VERDICTS`.
    probabilities : float32 [n, labels], smoothed; all zero without music.
    restarts : bool [n], a stretch of sound begins here, or (if averaged) within it.
    """

    times: np.ndarray
    seconds: np.ndarray
    tracks: np.ndarray
    positions: np.ndarray
    verdict_codes: np.ndarray
    probabilities: np.ndarray
    restarts: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        return [VERDICTS[code] for code in self.verdict_codes]

    def mean_probabilities(self) -> np.ndarray | None:
        """float64 [labels], over the moments with music; None if there is none."""
        return self._mean(self.probabilities)

    def share_of_time(self, enough: float) -> np.ndarray | None:
        """float64 [labels], 0..1: how much of the time with music each label had so much; None if there is none."""
        return self._mean(self.probabilities >= enough)

    def _mean(self, values: np.ndarray) -> np.ndarray | None:
        weights = np.where(self.verdict_codes < OF_MUSIC, self.seconds, 0.0)
        total = float(weights.sum())
        return weights @ values / total if total > 0.0 else None


class MomentStore:
    """Keeps at most `FULL + BLOCK + THINNED` moments, however long the session is. Not thread-safe.

    Averaging weighs each moment with its seconds. The mean gets the verdict that most of its time had, the time, track
    and place of its last moment, and the mean probabilities of the moments with music. It makes no difference in how
    many steps the averages were made.

    labels : how many probabilities there are.
    """

    def __init__(self, labels: int) -> None:
        fields = [
            ("time", "f8"),
            ("position", "f8"),
            ("seconds_of", "f4", (len(VERDICTS),)),
            ("track", "i4"),
            ("probabilities", "f4", (labels,)),
            ("restart", "?"),
        ]
        self._recent = np.zeros(FULL + BLOCK, np.dtype(fields, align=True))
        self._count = 0
        self._older = self._recent[:0].copy()
        self._step = 1

    def append(self, prediction: Prediction, seconds: float) -> None:
        """Take what was heard; it speaks for the `seconds` up to its time."""
        if self._count == len(self._recent):
            self._thin()
        self._recent[self._count] = (
            prediction.stream_time,
            prediction.position_seconds,
            [seconds if verdict is prediction.verdict else 0.0 for verdict in VERDICTS],
            prediction.track,
            np.nan_to_num(prediction.probabilities, nan=0.0, posinf=0.0, neginf=0.0),
            prediction.restart,
        )
        self._count += 1

    def read(self, *, after: float = -np.inf, until: float = np.inf, max_points: int | None = None) -> Moments:
        """Copies of the moments with `after` < time <= `until`, averaged to at most `max_points`, evenly in time."""
        parts = []
        for part in (self._older, self._recent[: self._count]):
            first, stop = np.searchsorted(part["time"], (after, until), side="right")
            parts.append(part[first:stop])
        records = np.concatenate(parts)
        if max_points is not None and len(records) > max_points:
            records = _averaged(records, _even_in_time(records, max(1, max_points)))
        codes = records["seconds_of"].argmax(axis=1).astype(np.uint8)
        return Moments(
            times=records["time"].copy(),
            seconds=records["seconds_of"].sum(axis=1),
            tracks=records["track"].copy(),
            positions=records["position"].copy(),
            verdict_codes=codes,
            probabilities=np.where(codes[:, np.newaxis] < OF_MUSIC, records["probabilities"], np.float32(0.0)),
            restarts=records["restart"].copy(),
        )

    def _thin(self) -> None:
        """The oldest block leaves the recent ones, averaged as the older ones are."""
        block = self._recent[:BLOCK]
        older = np.concatenate((self._older, _averaged(block, np.arange(0, BLOCK, min(self._step, BLOCK)))))
        while len(older) > THINNED:
            older = _averaged(older, np.arange(0, len(older), 2))
            self._step *= 2
        self._older = older
        self._recent[:-BLOCK] = self._recent[BLOCK:].copy()
        self._count -= BLOCK


def _even_in_time(records: np.ndarray, groups: int) -> np.ndarray:
    """int [at most `groups`]: where the groups begin if the whole time is cut into equally long parts."""
    start = records["time"][0] - records["seconds_of"][0].sum()
    part = (records["time"][-1] - start) / groups
    # A moment belongs where its time ends; the last one's end is the end of the last part.
    numbers = np.minimum(np.ceil((records["time"] - start) / part - 1e-6), groups)
    return np.flatnonzero(np.diff(numbers, prepend=-1.0))


def _averaged(records: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """One record for each group; group i goes from `starts[i]` to the next."""
    if len(starts) == len(records):
        return records.copy()
    means = records[np.append(starts[1:], len(records)) - 1].copy()
    means["seconds_of"] = np.add.reduceat(records["seconds_of"], starts, axis=0)
    means["restart"] = np.logical_or.reduceat(records["restart"], starts)
    weights = records["seconds_of"][:, :OF_MUSIC].sum(axis=1)
    sums = np.add.reduceat(records["probabilities"] * weights[:, np.newaxis], starts, axis=0)
    music = np.add.reduceat(weights, starts)
    means["probabilities"] = sums / np.where(music > 0.0, music, np.inf)[:, np.newaxis]
    return means
