"""The worst mistakes, to be listened to: often it is the label that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.measures.answers import Answers

MOST_CLIPS = 20


@dataclass(frozen=True)
class WorstClip:
    """A track of which something wrong was said, and surely.

    truth : its right labels.
    answer : the label that was named, or, with `missed`, that should have been.
    probability : of the answer; truth_probability : of the likeliest right label.
    at_seconds : where the window begins that speaks most for the mistake.
    """

    path: Path
    source: str
    group: str
    truth: tuple[str, ...]
    answer: str
    missed: bool
    probability: float
    truth_probability: float
    at_seconds: float


def worst_clips(
    answers: Answers, *, exclusive: bool, hop_seconds: float, most: int = MOST_CLIPS
) -> tuple[WorstClip, ...]:
    """The most confident mistakes, the worst first.

    hop_seconds : between the beginnings of a track's windows.
    Where labels exclude each other a mistake is a wrong label on top. Else it is a label that is likely and does not
    hold, or one that holds and is not likely; of each track only the worst counts.
    """
    probabilities, truth = answers.probabilities.astype(np.float64), answers.truth
    errors = np.where(truth, 0.0 if exclusive else 1.0 - probabilities, probabilities * answers.known)
    column = errors.argmax(axis=1)
    rows = np.arange(len(truth))
    size = errors[rows, column]
    mistaken = ~truth[rows, probabilities.argmax(axis=1)] if exclusive else size > 0.5
    found = []
    for row in sorted(np.flatnonzero(mistaken), key=lambda row: -size[row])[:most]:
        label = int(column[row])
        missed = bool(truth[row, label])
        of_label = answers.windows[row][:, label]
        track = answers.tracks[row]
        found.append(
            WorstClip(
                path=track.path,
                source=track.dataset,
                group=track.group,
                truth=tuple(name for name, holds in zip(answers.labels, truth[row], strict=True) if holds),
                answer=answers.labels[label],
                missed=missed,
                probability=float(probabilities[row, label]),
                truth_probability=float(probabilities[row][truth[row]].max(initial=0.0)),
                at_seconds=hop_seconds * int(of_label.argmin() if missed else of_label.argmax()),
            )
        )
    return tuple(found)
