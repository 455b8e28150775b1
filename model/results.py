"""Gathers what models said of music that they were not trained on, and turns it into a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from model.classifier import to_probabilities
from model.embeddings import TrackOutputs
from model.evaluation_report import EvaluationReport, Report
from model.label_lines import LabelLine, label_lines
from model.measures.answers import Answers
from model.parts import Part
from model.recipe import add_scores, window_truth
from model.scores import Scores, confusion, score
from model.tag_report import TagReport, tag_lines
from model.tag_scores import TagScores, score_tags

MAIN_TEST = "track"
UNSEEN_SOURCE = "unseen source"
RENDERED_ONLY_TEST = "rendered only"
"""Recordings of a label that was learned from rendered music alone."""
RENDERED_TEST = "rendered"
"""Rendered music by other makers."""


@dataclass(frozen=True)
class Trained:
    """A model of a test, and the tracks that it was tested on: it heard none of their artists in training."""

    parts: tuple[Part, ...]
    temperature: float
    tested: tuple[TrackOutputs, ...]


@dataclass
class _Collected:
    tracks: list[TrackOutputs] = field(default_factory=list)
    windows: list[np.ndarray] = field(default_factory=list)
    models: list[Trained] = field(default_factory=list)


class Results:
    """Gathers predictions, from one model or from one for each fold.

    labels : what the models can say; exclusive : whether exactly one label is right.
    window_seconds : what a model hears at once.
    """

    def __init__(self, labels: tuple[str, ...], *, exclusive: bool = True, window_seconds: float = 3.0) -> None:
        self.labels = labels
        self.exclusive = exclusive
        self.window_seconds = window_seconds
        self._collected: dict[str, _Collected] = {}

    def add(self, name: str, tracks: Sequence[TrackOutputs], parts: Sequence[Part], temperature: float) -> None:
        """Ask a model about the tracks of a test; `name` is one of `model.evaluation.TESTS`, or of those above."""
        collected = self._collected.setdefault(name, _Collected())
        collected.models.append(Trained(tuple(parts), temperature, tuple(tracks)))
        for outputs in tracks:
            scores = add_scores(parts, [outputs])
            collected.tracks.append(outputs)
            collected.windows.append(to_probabilities(scores, temperature, exclusive=self.exclusive))

    def windows(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 [windows, labels] and truth int [windows] of a test of exclusive labels."""
        collected = self._collected[name]
        return np.concatenate(collected.windows), window_truth(collected.tracks, self.labels)

    def answers(self, name: str = MAIN_TEST) -> Answers:
        """Everything that was said in a test; where several labels hold, only of labels that some track has."""
        collected = self._collected[name]
        tracks = tuple(outputs.track for outputs in collected.tracks)
        found = Answers(self.labels, tracks, tuple(collected.windows))
        if self.exclusive:
            return found
        # Of a label that no track has it is not known whether it holds.
        main = self._collected[MAIN_TEST].tracks
        held = {label for outputs in main for label in outputs.track.labels}
        return found.only_labels(tuple(label for label in self.labels if label in held))

    def models(self, name: str = MAIN_TEST) -> tuple[Trained, ...]:
        """The models of a test: one for each fold, or one."""
        return tuple(self._collected[name].models)

    def report(self, bundle: str, protocol: str, threshold: float) -> Report:
        """All tests scored.

        threshold : where labels exclude each other a highest probability below it is "not sure"; else a label is shown
            from it on.
        """
        return self._report(bundle, protocol, threshold) if self.exclusive else self._tags(bundle, protocol, threshold)

    def _report(self, bundle: str, protocol: str, unsure_below: float) -> EvaluationReport:
        answers = self.answers()
        truth = answers.truth.argmax(axis=1)
        variants = {name: self._scores(name, unsure_below) for name in self._collected if name != MAIN_TEST}
        return EvaluationReport(
            bundle=bundle,
            protocol=protocol,
            labels=self.labels,
            groups=len(set(answers.groups)),
            sources=tuple(sorted({track.dataset for track in answers.tracks})),
            track=self._scores(MAIN_TEST, unsure_below),
            window=score(
                answers.window_probabilities,
                truth[answers.track_of_window],
                np.array(answers.groups)[answers.track_of_window].tolist(),
                unsure_below=unsure_below,
            ),
            unseen_source=variants.get(UNSEEN_SOURCE),
            band_limited=variants.get("band-limited"),
            microphone=variants.get("microphone"),
            faster=variants.get("faster"),
            slower=variants.get("slower"),
            rendered_only=variants.get(RENDERED_ONLY_TEST),
            rendered=variants.get(RENDERED_TEST),
            lines=self._lines(),
            confusion=tuple(tuple(row) for row in confusion(answers.probabilities, truth).tolist()),
            window_seconds=round(self.window_seconds, 1),
        )

    def _lines(self) -> tuple[LabelLine, ...]:
        if RENDERED_TEST not in self._collected:
            return ()
        tests = (UNSEEN_SOURCE, RENDERED_ONLY_TEST, RENDERED_TEST)
        others = (self.answers(name) if name in self._collected else None for name in tests)
        return label_lines(self.labels, self.answers(), *others)

    def _scores(self, name: str, unsure_below: float) -> Scores:
        answers = self.answers(name)
        truth = answers.truth.argmax(axis=1)
        return score(answers.probabilities, truth, answers.groups, unsure_below=unsure_below)

    def _tags(self, bundle: str, protocol: str, shown_from: float) -> TagReport:
        answers = self.answers()
        of_window = answers.track_of_window
        variants = {name: self._tag_scores(name, shown_from) for name in self._collected if name != MAIN_TEST}
        return TagReport(
            bundle=bundle,
            protocol=protocol,
            labels=answers.labels,
            groups=len(set(answers.groups)),
            sources=tuple(sorted({track.dataset for track in answers.tracks})),
            shown_from=shown_from,
            track=self._tag_scores(MAIN_TEST, shown_from),
            window=score_tags(
                answers.window_probabilities,
                answers.truth[of_window],
                np.array(answers.groups)[of_window].tolist(),
                shown_from=shown_from,
                known=answers.known[of_window],
            ),
            unseen_source=variants.get("unseen source"),
            band_limited=variants.get("band-limited"),
            microphone=variants.get("microphone"),
            faster=variants.get("faster"),
            slower=variants.get("slower"),
            tags=tag_lines(answers, shown_from),
            window_seconds=round(self.window_seconds, 1),
        )

    def _tag_scores(self, name: str, shown_from: float) -> TagScores:
        answers = self.answers(name)
        return score_tags(
            answers.probabilities, answers.truth, answers.groups, shown_from=shown_from, known=answers.known
        )
