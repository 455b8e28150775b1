"""What an evaluation found where several labels hold at once, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from model.measures.answers import Answers
from model.measures.conditions import measured
from model.measures.ranking import areas
from model.measures.rounding import rounded
from model.measures.text_table import table
from model.tag_scores import TagScores, f1_by_tag


@dataclass(frozen=True)
class TagLine:
    """One tag: how many tracks have it, and how well it is told. The areas are None where all tracks have it.

    precision : where it is shown, how often it holds; recall : where it holds, how often it is shown.
    """

    label: str
    tracks: int
    roc_auc: float | None
    pr_auc: float | None
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class TagReport:
    """The outcome of `model.evaluation.evaluate` for a bundle of several labels at once.

    labels : those that some track has, which are the ones measured.
    shown_from : probability from which a tag is shown.

    The rest is as in `model.evaluation_report.EvaluationReport`.
    """

    bundle: str
    protocol: str
    labels: tuple[str, ...]
    groups: int
    sources: tuple[str, ...]
    shown_from: float
    track: TagScores
    window: TagScores
    unseen_source: TagScores | None
    band_limited: TagScores | None
    microphone: TagScores | None
    tags: tuple[TagLine, ...]
    window_seconds: float = 3.0
    faster: TagScores | None = None
    slower: TagScores | None = None

    HEADINGS = ("", "ROC-AUC (95 %)", "PR-AUC (95 %)", "in first", "in first 2", "in first 3", "macro F1", "ECE")

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`; numbers to four places."""
        return dict(rounded(asdict(self)))

    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows, see `HEADINGS`."""
        return [
            (
                name,
                "" if scores.roc_auc is None else str(scores.roc_auc),
                "" if scores.pr_auc is None else str(scores.pr_auc),
                *(f"{value:.3f}" for value in scores.precision_at),
                f"{scores.macro_f1:.3f}",
                f"{scores.calibration_error:.3f}",
            )
            for name, scores in measured(self)
        ]

    def to_text(self) -> str:
        """Markdown that reads well in a terminal too: stands in the bundle's card and is what the command prints."""
        lines = [
            f"{self.bundle}: {self.protocol}; {self.track.examples} tracks and {self.window.examples} windows by "
            f"{self.groups} artists from {', '.join(self.sources)}. Of {len(self.labels)} tags a track has "
            f"{self.track.held:.1f} and is given {self.track.shown:.1f} (from {self.shown_from:g} on).",
            "",
            *table([self.HEADINGS, *self.rows()]),
            "",
            *table(
                [
                    ("", "tracks", "ROC-AUC", "PR-AUC", "precision", "recall", "F1"),
                    *(
                        (
                            line.label,
                            str(line.tracks),
                            *map(_figure, (line.roc_auc, line.pr_auc, line.precision, line.recall, line.f1)),
                        )
                        for line in self.tags
                    ),
                ]
            ),
        ]
        return "\n".join(lines) + "\n"


def tag_lines(answers: Answers, shown_from: float) -> tuple[TagLine, ...]:
    """Every tag for itself."""
    found = areas(answers.truth, answers.probabilities, answers.known)
    shown = (answers.probabilities >= shown_from) & answers.known
    right, f1 = shown & answers.truth, f1_by_tag(shown, answers.truth)
    precision = right.sum(axis=0) / np.maximum(shown.sum(axis=0), 1)
    recall = right.sum(axis=0) / np.maximum(answers.truth.sum(axis=0), 1)
    return tuple(
        TagLine(
            label,
            int(tracks),
            area.roc if area else None,
            area.pr if area else None,
            float(f1[column]),
            float(precision[column]),
            float(recall[column]),
        )
        for column, (label, tracks, area) in enumerate(
            zip(answers.labels, answers.truth.sum(axis=0), found, strict=True)
        )
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
