"""How well the twelve styles are told apart: on recordings, style by style, and on songs of artists never heard."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from model.embeddings import TrackOutputs
from model.folds import check_apart, grouped_folds
from model.measures.answers import Answers
from model.measures.rounding import rounded
from model.measures.text_table import table
from model.recipe import Heard, Recipe, only
from model.results import MAIN_TEST, Results
from model.scores import Scores, score

UNSEEN_SOURCE = "unseen source"
RENDERED = "rendered"
FOLDS = 5
_NAMES = {
    MAIN_TEST: "recordings, artists apart",
    UNSEEN_SOURCE: "recordings, source not in training",
    RENDERED: "rendered songs, other instruments",
}


@dataclass(frozen=True)
class StyleLine:
    """What stands behind a style.

    tracks, artists, sources : recordings in the test, and how many artists and sources they come from.
    apart, unseen, rendered : share of tracks whose style is among the first 1, 2 and 3; None where there is none.
    """

    style: str
    tracks: int
    artists: int
    sources: int
    apart: tuple[float, float, float] | None
    unseen: tuple[float, float, float] | None
    rendered: tuple[float, float, float] | None


@dataclass(frozen=True)
class StyleReport:
    """tests : scores of whole tracks by the names of `_NAMES`; every style counts the same in them."""

    tests: dict[str, Scores]
    lines: tuple[StyleLine, ...]

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`; numbers to four places."""
        return dict(rounded(asdict(self)))

    def to_text(self) -> str:
        """Two tables in Markdown."""
        head = ("", "tracks", "in first 1 (95 %)", "in first 2 (95 %)", "in first 3 (95 %)")
        tests = [head, *(self._test_row(name, scores) for name, scores in self.tests.items())]
        lines = [
            ("style", "tracks", "artists", "sources", "artists apart", "source not in training", "rendered"),
            *(
                (
                    line.style,
                    *map(str, (line.tracks, line.artists, line.sources)),
                    *map(_shares, (line.apart, line.unseen, line.rendered)),
                )
                for line in self.lines
            ),
        ]
        return "\n".join([*table(tests), "", *table(lines)]) + "\n"

    @staticmethod
    def _test_row(name: str, scores: Scores) -> tuple[str, ...]:
        cells = [
            f"{value:.3f} ({low:.3f} to {high:.3f})"
            for value, (low, high) in zip(scores.precision_at, scores.precision_intervals, strict=True)
        ]
        return (_NAMES[name], str(scores.examples), *cells)


def measure(
    recipe: Recipe, labels: tuple[str, ...], tags: tuple[str, ...], heard: Heard, temperature: float
) -> Results:
    """Recordings by artists (in folds), and from sources, that training never had; then rendered songs by every second
    artist, learned from the recordings and from the other artists' songs.

    heard : recordings under labels of the bundle; rendered songs under other labels (`Recipe.also_means`).
    """
    results = Results(labels)
    real = [outputs.track for outputs in heard["plain"] if outputs.track.label in labels]
    fold_of = dict(zip((track.group for track in real), grouped_folds(real, folds=FOLDS), strict=True))
    splits = [(MAIN_TEST, {track for track in real if fold_of[track.group] == fold}) for fold in range(FOLDS)]
    for source in sorted({track.dataset for track in real}):
        splits.append((UNSEEN_SOURCE, {track for track in real if track.dataset == source}))
    songs = {outputs.track for outputs in heard["plain"]} - set(real)
    hidden = set(sorted({track.group for track in songs})[1::2])
    splits.append((RENDERED, {track for track in songs if track.group in hidden}))
    for name, held_out in splits:
        groups = {track.group for track in held_out}
        training = only(heard, lambda track: track not in held_out and track.group not in groups)  # noqa: B023
        tested = [_as_style(outputs, recipe) for outputs in heard["plain"] if outputs.track in held_out]
        if tested:
            check_apart((o.track for o in training["plain"]), (o.track for o in tested))
            results.add(name, tested, recipe.train(training, labels, tags), temperature)
    return results


def _as_style(outputs: TrackOutputs, recipe: Recipe) -> TrackOutputs:
    """A rendered song under the name of its style; a recording as it is."""
    label = (recipe.also_means or {}).get(outputs.track.label, outputs.track.label)
    return replace(outputs, track=replace(outputs.track, labels=(label,)))


def style_report(results: Results, unsure_below: float) -> StyleReport:
    """Scores of all tests, and a line for every style."""
    answers = {name: results.answers(name) for name in _NAMES}
    tests = {
        name: score(found.probabilities, found.truth.argmax(axis=1), found.groups, unsure_below=unsure_below)
        for name, found in answers.items()
    }
    lines = []
    for index, style in enumerate(results.labels):
        real = [track for track in answers[MAIN_TEST].tracks if track.label == style]
        lines.append(
            StyleLine(
                style,
                len(real),
                len({track.group for track in real}),
                len({track.dataset for track in real}),
                *(_hits(found, index) for found in answers.values()),
            )
        )
    return StyleReport(tests, tuple(lines))


def _hits(answers: Answers, index: int) -> tuple[float, float, float] | None:
    of_style = answers.truth[:, index] if answers.tracks else np.zeros(0, bool)
    if not of_style.any():
        return None
    order = np.argsort(-answers.probabilities[of_style], axis=1, kind="stable")
    first, second, third = (float((order[:, :count] == index).any(axis=1).mean()) for count in (1, 2, 3))
    return first, second, third


def _shares(values: tuple[float, float, float] | None) -> str:
    return " ".join(f"{value:.2f}" for value in values) if values else "none"
