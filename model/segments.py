"""Stretches of music with one description: "0:31 to 1:12 metal"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.errors import SettingError

NOT_SURE = "not sure"
SILENCE = "silence"


@dataclass(frozen=True)
class Heard:
    """What was heard at one moment.

    time_seconds : the end of the hop it speaks for.
    probabilities : float32 [labels], smoothed; None during silence.
    sure : whether the best label may be named.
    """

    time_seconds: float
    probabilities: np.ndarray | None
    sure: bool = True


@dataclass(frozen=True)
class Segment:
    """A stretch of music with one description.

    label : a label, "not sure" or "silence".
    probability : mean smoothed probability of the label over the stretch; 0 for "not sure" and "silence".
    """

    start_seconds: float
    end_seconds: float
    label: str
    probability: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds

    def __str__(self) -> str:
        minutes, seconds = divmod(int(self.start_seconds), 60)
        return f"{minutes}:{seconds:02d} {self.label}"


def merge(
    heard: Sequence[Heard],
    labels: Sequence[str],
    *,
    start_seconds: float = 0.0,
    minimum_seconds: float = 4.0,
    margin: float = 0.05,
) -> tuple[Segment, ...]:
    """Segments of a stream, from its start to its last moment, without gaps.

    A label holds until another is more probable by `margin` (so that two equally good labels do not take turns).
    Stretches shorter than `minimum_seconds` are then given to the longer of their neighbours, shortest first.

    Parameters
    ----------
    heard : in order of time; each speaks for the time since the one before it.
    """
    if minimum_seconds < 0.0 or not 0.0 <= margin < 1.0:
        raise SettingError(
            f"segments of at least {minimum_seconds} s with a margin of {margin}",
            rule="the length is at least zero, the margin at least zero and less than one",
        )
    names = _names(heard, labels, margin)
    runs: list[tuple[float, float, str]] = []
    start = start_seconds
    for moment, name in zip(heard, names, strict=True):
        if runs and runs[-1][2] == name:
            runs[-1] = (runs[-1][0], moment.time_seconds, name)
        else:
            runs.append((start, moment.time_seconds, name))
        start = moment.time_seconds
    runs = _absorb_short(runs, minimum_seconds)
    return tuple(Segment(begin, end, name, _mean(heard, labels, begin, end, name)) for begin, end, name in runs)


def _names(heard: Sequence[Heard], labels: Sequence[str], margin: float) -> list[str]:
    names: list[str] = []
    held = -1
    for moment in heard:
        if moment.probabilities is None:
            held = -1
            names.append(SILENCE)
            continue
        best = int(np.argmax(moment.probabilities))
        if held < 0 or moment.probabilities[best] > moment.probabilities[held] + margin:
            held = best
        names.append(labels[held] if moment.sure else NOT_SURE)
    return names


def _absorb_short(runs: list[tuple[float, float, str]], minimum_seconds: float) -> list[tuple[float, float, str]]:
    def length(run: tuple[float, float, str]) -> float:
        return run[1] - run[0]

    runs = list(runs)
    while len(runs) > 1:
        place = min(range(len(runs)), key=lambda index: length(runs[index]))
        if length(runs[place]) >= minimum_seconds:
            break
        neighbours = [index for index in (place - 1, place + 1) if 0 <= index < len(runs)]
        name = runs[max(neighbours, key=lambda index: length(runs[index]))][2]
        runs[place] = (*runs[place][:2], name)
        merged: list[tuple[float, float, str]] = []
        for run in runs:
            if merged and merged[-1][2] == run[2]:
                merged[-1] = (merged[-1][0], run[1], run[2])
            else:
                merged.append(run)
        runs = merged
    return runs


def _mean(heard: Sequence[Heard], labels: Sequence[str], start: float, end: float, name: str) -> float:
    if name in (NOT_SURE, SILENCE):
        return 0.0
    column = list(labels).index(name)
    values = [
        float(moment.probabilities[column])
        for moment in heard
        if start < moment.time_seconds <= end and moment.probabilities is not None
    ]
    return sum(values) / len(values) if values else 0.0
