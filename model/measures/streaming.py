"""What somebody sees who watches while the music changes: how soon the right label comes, and whether it stays.

Counted on timelines: what was shown, prediction by prediction, while one piece of music followed another.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.measures.bootstrap import Estimate, draw_artists


@dataclass(frozen=True)
class Piece:
    """A piece of music in a timeline. labels : which are right; group : its artist."""

    labels: frozenset[str]
    group: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Shown:
    """One prediction as it was shown. label : the one named; None for "not sure"; "" for silence and "no music"."""

    seconds: float
    label: str | None


@dataclass(frozen=True)
class Timeline:
    """Pieces one after the other, and what was shown; both in order. A prediction at a piece's end belongs to it."""

    pieces: tuple[Piece, ...]
    shown: tuple[Shown, ...]


@dataclass(frozen=True)
class StreamingScores:
    """How the display behaves. Shares of time add up to one; their intervals are bootstraps over artists.

    changes : from one piece to the next; found : share of them after which the right label was named at all.
    delay_seconds : median time from a change to the first right answer, 90 % of them within `slow_delay_seconds`;
        None if there was none.
    first_answer_seconds : median time from the beginning of the sound to the first right answer; it contains the
        first window, which must be full.
    right, wrong, not_sure, silence : shares of the predictions; "no music" counts as silence.
    flips_per_minute : how often another label than before is named although the music is the same, counted from the
        first right answer on (or, where there is none, from the moment when the whole window is of this piece).
    """

    seconds: float
    timelines: int
    changes: int
    found: float
    delay_seconds: float | None
    slow_delay_seconds: float | None
    first_answer_seconds: float | None
    right: Estimate
    wrong: float
    not_sure: float
    silence: float
    flips_per_minute: float


@dataclass(frozen=True)
class _Course:
    """What happened during a piece. kinds : of every prediction; settled_seconds : in which flips count."""

    first: bool
    delay: float | None
    kinds: tuple[str, ...]
    flips: int
    settled_seconds: float


def score_timelines(timelines: Sequence[Timeline], *, window_seconds: float) -> StreamingScores:
    """Count what happened; there must be a piece with predictions at least.

    window_seconds : what the model hears at once.
    """
    groups: list[str] = []
    courses: list[_Course] = []
    for timeline in timelines:
        for number, piece in enumerate(timeline.pieces):
            shown = [each for each in timeline.shown if piece.start_seconds < each.seconds <= piece.end_seconds]
            courses.append(_course(piece, shown, window_seconds, first=number == 0))
            groups.extend([piece.group] * len(shown))
    kinds = np.array([kind for course in courses for kind in course.kinds])
    changed = [course for course in courses if not course.first]
    delays = [course.delay for course in changed if course.delay is not None]
    first = [course.delay for course in courses if course.first and course.delay is not None]
    settled = sum(course.settled_seconds for course in courses)
    return StreamingScores(
        seconds=sum(timeline.pieces[-1].end_seconds for timeline in timelines),
        timelines=len(timelines),
        changes=len(changed),
        found=len(delays) / len(changed) if changed else 0.0,
        delay_seconds=float(np.median(delays)) if delays else None,
        slow_delay_seconds=float(np.percentile(delays, 90, method="inverted_cdf")) if delays else None,
        first_answer_seconds=float(np.median(first)) if first else None,
        right=draw_artists(groups).mean(kinds == "right"),
        wrong=float(np.mean(kinds == "wrong")),
        not_sure=float(np.mean(kinds == "not sure")),
        silence=float(np.mean(kinds == "silence")),
        flips_per_minute=60.0 * sum(course.flips for course in courses) / settled if settled else 0.0,
    )


def _course(piece: Piece, shown: Sequence[Shown], window_seconds: float, *, first: bool) -> _Course:
    kinds = tuple(_kind(each.label, piece.labels) for each in shown)
    arrival = next((each.seconds for each, kind in zip(shown, kinds, strict=True) if kind == "right"), None)
    settled_from = piece.start_seconds + window_seconds if arrival is None else arrival
    named = [each.label for each in shown if each.label and each.seconds >= settled_from]
    return _Course(
        first=first,
        delay=None if arrival is None else arrival - piece.start_seconds,
        kinds=kinds,
        flips=sum(before != after for before, after in itertools.pairwise(named)),
        settled_seconds=max(0.0, piece.end_seconds - settled_from),
    )


def _kind(label: str | None, right: frozenset[str]) -> str:
    if label is None:
        return "not sure"
    if not label:
        return "silence"
    return "right" if label in right else "wrong"
