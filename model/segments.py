"""Stretches of music with one description: "0:31 to 1:12 metal"."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.errors import SettingError

NOT_SURE = "not sure"
SILENCE = "silence"
NO_MUSIC = "no music"
"""There is sound, but no music."""

MINIMUM_SECONDS = 4.0
"""Shorter stretches are given to a neighbour."""
MARGIN = 0.05
"""By so much another label must be more probable, so that two equally good labels do not take turns."""
HELD_RUNS = 64
"""`RunningSegments` reconsiders so many stretches; what is older is final."""


@dataclass(frozen=True)
class Heard:
    """What was heard at one moment.

    time_seconds : the end of the hop it speaks for.
    probabilities : float32 [labels], smoothed; None without music.
    sure : whether the best label may be named.
    without_music : what it is called where there are no probabilities.
    """

    time_seconds: float
    probabilities: np.ndarray | None
    sure: bool = True
    without_music: str = SILENCE

    @property
    def silent(self) -> bool:
        return self.probabilities is None and self.without_music == SILENCE


@dataclass(frozen=True)
class Segment:
    """A stretch of music with one description.

    label : a label, "not sure", "no music" or "silence".
    probability : mean smoothed probability of the label over the stretch; 0 where none is named.
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


class Hearing:
    """Puts what is said at the ends of windows where it was heard, as moments for `merge` or `RunningSegments`.

    A window with sound speaks for its middle. Silence is said as soon as it has lasted for the gate's hold, and ends
    when it is no longer said; so where sound gives way to it, one more moment of the sound stands before the silence.

    window_seconds : length of a window; silence_hold_seconds : how long it must be quiet before it is called silence.
    start_seconds : no moment lies before.
    """

    def __init__(self, *, window_seconds: float, silence_hold_seconds: float = 0.6, start_seconds: float = 0.0) -> None:
        self._half_seconds = window_seconds / 2
        self._hold_seconds = silence_hold_seconds
        self._last = Heard(start_seconds, None)

    def at(
        self, end_seconds: float, probabilities: np.ndarray | None, sure: bool, without_music: str = SILENCE
    ) -> list[Heard]:
        """The moments of the window that ends there.

        probabilities : None without music; then it is called `without_music`, "silence" or "no music".
        """
        moments = []
        heard = Heard(end_seconds, probabilities, sure, without_music)
        if not heard.silent:
            moments.append(replace(heard, time_seconds=end_seconds - self._half_seconds))
        else:
            if not self._last.silent:
                moments.append(replace(self._last, time_seconds=end_seconds - self._hold_seconds))
            moments.append(heard)
        # Where sound begins again the middle of its first windows still lies within the silence.
        earliest = self._last.time_seconds
        moments = [replace(moment, time_seconds=max(earliest, moment.time_seconds)) for moment in moments]
        self._last = moments[-1]
        return moments


def merge(
    heard: Sequence[Heard],
    labels: Sequence[str],
    *,
    start_seconds: float = 0.0,
    minimum_seconds: float = MINIMUM_SECONDS,
    margin: float = MARGIN,
) -> tuple[Segment, ...]:
    """Segments of a stream, from its start to its last moment, without gaps.

    A label holds until another is more probable by `margin` (so that two equally good labels do not take turns).
    Stretches shorter than `minimum_seconds` are then given to the longer of their neighbours, shortest first.

    Parameters
    ----------
    heard : in order of time; each speaks for the time since the one before it.
    """
    running = RunningSegments(
        labels, start_seconds=start_seconds, minimum_seconds=minimum_seconds, margin=margin, held_runs=sys.maxsize
    )
    for moment in heard:
        running.push(moment)
    return running.open()


class RunningSegments:
    """`merge` for a stream that goes on: a moment at a time, at a cost that does not grow with the stream.

    The stretches before merging ("runs") are held until there are more than `held_runs`. Then the segments in the older
    half become final, and their runs are forgotten. Whether a short run belongs to the left or to the right hangs on
    the lengths of its neighbours when its turn comes, and these on what their own neighbours got; in principle such a
    chain may be of any length. So the segments equal those of `merge` over the whole stream unless a chain of close
    calls spans half of the held runs, which takes that many stretches in a row that are nearly equally long and hardly
    longer than `minimum_seconds`.

    Parameters
    ----------
    start_seconds : where the first moment's time begins.
    held_runs : at least eight.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        start_seconds: float = 0.0,
        minimum_seconds: float = MINIMUM_SECONDS,
        margin: float = MARGIN,
        held_runs: int = HELD_RUNS,
    ) -> None:
        if minimum_seconds < 0.0 or not 0.0 <= margin < 1.0:
            raise SettingError(
                f"segments of at least {minimum_seconds} s with a margin of {margin}",
                rule="the length is at least zero, the margin at least zero and less than one",
            )
        if held_runs < 8:
            raise SettingError(f"held_runs={held_runs}", rule="segments are reconsidered over at least eight stretches")
        self._labels = tuple(labels)
        self._minimum_seconds = minimum_seconds
        self._margin = margin
        self._held_runs = held_runs
        self._runs: list[_Run] = []
        self._end = start_seconds
        self._best = -1

    def push(self, heard: Heard) -> list[Segment]:
        """Take the next moment; returns the segments that are final now, oldest first, usually none."""
        name = self._name(heard)
        if not self._runs or self._runs[-1].name != name:
            self._runs.append(_Run(self._end, heard.time_seconds, name, np.zeros(len(self._labels)), 0))
        run = self._runs[-1]
        run.end = self._end = heard.time_seconds
        if heard.probabilities is not None:
            run.total += heard.probabilities
            run.count += 1
        return self._settle() if len(self._runs) > self._held_runs else []

    def open(self, end_seconds: float | None = None) -> tuple[Segment, ...]:
        """The segments that are not final yet, as they stand.

        end_seconds : the last moment speaks for the time up to here; without it, up to its own.
        """
        runs = list(self._runs)
        if runs and end_seconds is not None:
            runs[-1] = replace(runs[-1], end=max(runs[-1].end, end_seconds))
        return tuple(self._segment(run) for run in _absorb_short(runs, self._minimum_seconds))

    def _name(self, heard: Heard) -> str:
        if heard.probabilities is None:
            self._best = -1
            return heard.without_music
        best = int(np.argmax(heard.probabilities))
        if self._best < 0 or heard.probabilities[best] > heard.probabilities[self._best] + self._margin:
            self._best = best
        return self._labels[self._best] if heard.sure else NOT_SURE

    def _settle(self) -> list[Segment]:
        final: list[Segment] = []
        while len(self._runs) > self._held_runs:
            merged = _absorb_short(self._runs, self._minimum_seconds)
            middle = len(self._runs) // 2
            older = [run for run in merged if run.start <= self._runs[middle].start]
            if len(older) > 1:
                # The segment in the middle may still change, and with it its beginning counts as the stream's.
                final += [self._segment(run) for run in older[:-1]]
                self._runs = [run for run in self._runs if run.end > older[-1].start]
            else:
                # All of it is one segment. Nothing is final, but its older half need not be told apart any more.
                # (Neighbouring runs differ in name, so one step is enough not to leave two of the same.)
                middle += self._runs[middle].name == older[0].name
                self._runs = [_join(self._runs[:middle], older[0].name), *self._runs[middle:]]
        return final

    def _segment(self, run: _Run) -> Segment:
        named = run.name not in (NOT_SURE, NO_MUSIC, SILENCE) and run.count
        probability = float(run.total[self._labels.index(run.name)]) / run.count if named else 0.0
        return Segment(run.start, run.end, run.name, probability)


@dataclass
class _Run:
    """A stretch with one name, and what is needed for the mean probability of any label over it."""

    start: float
    end: float
    name: str
    total: np.ndarray
    """Sum of the probabilities of the moments with music, float64 [labels]."""
    count: int

    @property
    def seconds(self) -> float:
        return self.end - self.start


def _join(runs: Sequence[_Run], name: str) -> _Run:
    total = np.sum([run.total for run in runs], axis=0)
    return _Run(runs[0].start, runs[-1].end, name, total, sum(run.count for run in runs))


def _absorb_short(runs: Iterable[_Run], minimum_seconds: float) -> list[_Run]:
    """Runs none of which is too short (but for a single one), neighbours with different names."""
    runs = list(runs)
    while len(runs) > 1:
        place = min(range(len(runs)), key=lambda index: runs[index].seconds)
        if runs[place].seconds >= minimum_seconds:
            break
        neighbours = [index for index in (place - 1, place + 1) if 0 <= index < len(runs)]
        name = runs[max(neighbours, key=lambda index: runs[index].seconds)].name
        # It may now be like both of its neighbours, and join them.
        alike = [place, *(index for index in neighbours if runs[index].name == name)]
        runs[min(alike) : max(alike) + 1] = [_join(runs[min(alike) : max(alike) + 1], name)]
    return runs
