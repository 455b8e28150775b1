"""Label by label what stands on recordings and what on rendered music alone, and how often it is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.measures.answers import Answers
from model.measures.text_table import table

Shares = tuple[float, float, float]


@dataclass(frozen=True)
class LabelLine:
    """What stands behind a label.

    tracks, artists, sources : recordings in the test, and how many artists and sources they come from.
    apart, unseen_source, rendered_only, rendered : share of tracks whose label is among the first 1, 2 and 3: with
        artists apart, with the whole source left out, with all recordings of the label left out, and of rendered music
        by other makers; None where there is nothing to test.
    """

    label: str
    tracks: int
    artists: int
    sources: int
    apart: Shares | None
    unseen_source: Shares | None
    rendered_only: Shares | None
    rendered: Shares | None

    HEADINGS = (
        "label", "tracks", "artists", "sources", "artists apart", "source not in training", "no recording in training",
        "rendered",
    )  # fmt: skip

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        shares = (self.apart, self.unseen_source, self.rendered_only, self.rendered)
        texts = (" ".join(f"{value:.2f}" for value in found) if found else "none" for found in shares)
        return (self.label, *map(str, (self.tracks, self.artists, self.sources)), *texts)


def label_lines(
    labels: Sequence[str],
    apart: Answers,
    unseen_source: Answers | None,
    rendered_only: Answers | None,
    rendered: Answers | None,
) -> tuple[LabelLine, ...]:
    """A line for every label, from what was said in the tests that were made."""
    tests = (apart, unseen_source, rendered_only, rendered)
    found = []
    for index, label in enumerate(labels):
        real = [track for track in apart.tracks if track.label == label]
        artists, sources = {track.group for track in real}, {track.dataset for track in real}
        shares = (_shares(answers, index) for answers in tests)
        found.append(LabelLine(label, len(real), len(artists), len(sources), *shares))
    return tuple(found)


def label_table(lines: Sequence[LabelLine]) -> list[str]:
    """The lines of a Markdown table."""
    return table([LabelLine.HEADINGS, *(line.cells() for line in lines)])


def _shares(answers: Answers | None, index: int) -> Shares | None:
    if answers is None:
        return None
    rows = answers.truth[:, index]
    if not rows.any():
        return None
    order = np.argsort(-answers.probabilities[rows], axis=1, kind="stable")
    first, second, third = (float((order[:, :count] == index).any(axis=1).mean()) for count in (1, 2, 3))
    return first, second, third
