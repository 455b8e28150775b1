"""Several bundles on the same music: who is better, by how much, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import Bundle
from model.datasets.dataset import Dataset, LabelledTrack, alike
from model.errors import DataError
from model.evaluation import Evaluation
from model.measures.answers import Answers
from model.measures.bootstrap import Draws, Estimate, draw_artists, interval
from model.measures.cost import Cost
from model.measures.ranking import areas, macro, macro_intervals
from model.measures.rounding import rounded
from model.measures.text_table import table
from model.scores import balanced_rounds, label_weights


@dataclass(frozen=True)
class ComparedBundle:
    """score : balanced accuracy of tracks, or ROC-AUC, the mean over labels, where several hold.
    difference : of the score to the first bundle's, with the interval of the difference itself: the same artists are
        drawn for both. None for the first, and where several labels hold.
    """

    bundle: str
    network: str
    protocol: str
    score: Estimate
    difference: Estimate | None
    cost: Cost


@dataclass(frozen=True)
class Comparison:
    """Bundles on the tracks that all of them were tested on."""

    exclusive: bool
    tracks: int
    groups: int
    sources: tuple[str, ...]
    labels: tuple[str, ...]
    bundles: tuple[ComparedBundle, ...]

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`."""
        return dict(rounded(asdict(self)))

    def rows(self) -> list[tuple[str, ...]]:
        """The table, its head first."""
        score = "balanced accuracy" if self.exclusive else "ROC-AUC"
        found: list[tuple[str, ...]] = [
            ("bundle", "network", f"{score} (95 %)", "difference (95 %)", "network", "front end", "weights", "on disk")
        ]
        for row in self.bundles:
            difference = "" if row.difference is None else _signed(row.difference)
            cost = (f"{row.cost.network_ms:.1f} ms", f"{row.cost.front_end_ms:.1f} ms")
            size = (f"{row.cost.parameters / 1e6:.2f} million", f"{row.cost.size_bytes / 1e6:.1f} MB")
            found.append((row.bundle, row.network, str(row.score), difference, *cost, *size))
        return found

    def to_text(self) -> str:
        """Markdown."""
        head = (
            f"{self.tracks} tracks by {self.groups} artists from {', '.join(self.sources)}, "
            f"{len(self.labels)} labels; times are of one window on this machine."
        )
        return "\n".join([head, "", *table(self.rows())]) + "\n"


def compare(evaluations: Sequence[Evaluation], costs: Sequence[Cost]) -> Comparison:
    """Compare bundles on the tracks that all were tested on; the first is what the others are compared with.

    Raises DataError if they cannot be compared: some name one label and some several, or no track is common.
    """
    exclusive = evaluations[0].results.exclusive
    if any(evaluation.results.exclusive != exclusive for evaluation in evaluations):
        raise DataError(
            "some of these models name one label and some several at once",
            rule="only models of one kind can be compared",
            next_step="Measure them one by one",
        )
    answers = [evaluation.results.answers() for evaluation in evaluations]
    asked = [{track.path: row for row, track in enumerate(each.tracks)} for each in answers]
    common = [path for path in asked[0] if all(path in paths for paths in asked)]
    if not common:
        raise DataError("there is no track on which all these models were tested", rule="at least one must be common")
    rows = [np.array([paths[path] for path in common]) for paths in asked]
    tracks = [answers[0].tracks[row] for row in rows[0]]
    draws = draw_artists([track.group for track in tracks])
    labels = _common_labels(answers)
    found: list[ComparedBundle] = []
    rounds: list[np.ndarray] = []
    for evaluation, each, chosen, cost in zip(evaluations, answers, rows, costs, strict=True):
        difference = None
        if exclusive:
            truth = np.array([alike(track.label) for track in tracks])
            right = each.truth[chosen, each.probabilities[chosen].argmax(axis=1)]
            rounds.append(balanced_rounds(right, truth, draws))
            estimate = Estimate(float((label_weights(truth) * right).sum()), interval(rounds[-1]))
            if found:
                change = estimate.value - found[0].score.value
                difference = Estimate(change, interval(rounds[-1] - rounds[0]))
        else:
            estimate = _tag_estimate(each.only_labels(_own(each, labels)), chosen, draws)
        name = evaluation.bundle
        found.append(ComparedBundle(name.name, name.architecture, evaluation.protocol, estimate, difference, cost))
    sources = tuple(sorted({track.dataset for track in tracks}))
    return Comparison(exclusive, len(tracks), len({t.group for t in tracks}), sources, labels, tuple(found))


class CommonTracks:
    """A data set, as far as all of some bundles know the labels: then their folds are the same."""

    def __init__(self, whole: Dataset, bundles: Sequence[Bundle]) -> None:
        self.name, self.title, self.citation = whole.name, whole.title, whole.citation
        self.licence, self.homepage, self.notes = whole.licence, whole.homepage, whole.notes
        self.labels, self.exclusive, self.remote = whole.labels, whole.exclusive, whole.remote
        known = [{alike(label) for label in (*b.labels, *b.meanings)} for b in bundles]
        self._tracks = tuple(
            track for track in whole.tracks() if all({alike(label) for label in track.labels} & each for each in known)
        )
        if not self._tracks:
            raise DataError(
                f"no track in {whole.name} has a label that all of {', '.join(b.name for b in bundles)} know",
                rule="models are compared on labels that all of them know",
            )

    def tracks(self) -> tuple[LabelledTrack, ...]:
        return self._tracks

    def checksums(self) -> Mapping[Path, str]:
        return {}


def _common_labels(answers: Sequence[Answers]) -> tuple[str, ...]:
    known = [{alike(label) for label in each.labels} for each in answers]
    return tuple(label for label in answers[0].labels if all(alike(label) in each for each in known))


def _own(answers: Answers, labels: Sequence[str]) -> tuple[str, ...]:
    """Its own spelling of the labels, in their order."""
    spelling = {alike(label): label for label in answers.labels}
    return tuple(spelling[alike(label)] for label in labels)


def _tag_estimate(answers: Answers, chosen: np.ndarray, draws: Draws) -> Estimate:
    truth, probabilities, known = answers.truth[chosen], answers.probabilities[chosen], answers.known[chosen]
    mean = macro(areas(truth, probabilities, known))
    if mean is None:
        raise DataError("no label tells the tracks apart", rule="some must have it and some not")
    return Estimate(mean.roc, macro_intervals(truth, probabilities, draws, known)[0])


def _signed(difference: Estimate) -> str:
    low, high = difference.interval
    return f"{difference.value:+.3f} ({low:+.3f} to {high:+.3f})"
