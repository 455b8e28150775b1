"""What an evaluation found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from model.label_lines import LabelLine, label_table
from model.measures.conditions import measured
from model.measures.rounding import rounded
from model.measures.text_table import table
from model.scores import Scores


class Figures(Protocol):
    """What scores of one label and of several have in common."""

    @property
    def examples(self) -> int: ...

    @property
    def precision_at(self) -> tuple[float, float, float]: ...

    @property
    def precision_intervals(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]: ...

    @property
    def calibration_error(self) -> float: ...


class Report(Protocol):
    """What all reports have."""

    @property
    def track(self) -> Figures: ...

    @property
    def window(self) -> Figures: ...

    @property
    def protocol(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def groups(self) -> int: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def window_seconds(self) -> float: ...

    @property
    def HEADINGS(self) -> tuple[str, ...]: ...  # noqa: N802 - a constant of the records

    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows, see `HEADINGS`."""

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`; numbers to four places. It stands under `metrics` in `bundle.json`."""

    def to_text(self) -> str:
        """Markdown that reads well in a terminal too: stands in the bundle's card and is what the command prints."""


@dataclass(frozen=True)
class EvaluationReport:
    """The outcome of `model.evaluation.evaluate`.

    protocol : how artists were kept apart.
    groups : artists (or source recordings) in the test.
    track, window : scores of whole tracks (mean probabilities of their windows) and of single windows.
    unseen_source : scores of tracks when all of their source was left out of training, if that was measured.
    band_limited : scores of tracks with everything above 4 kHz taken away before listening.
    microphone : scores of tracks heard through a simulated loudspeaker, room and microphone.
    confusion : tracks of the row's label that were called by the column's.
    window_seconds : sound that the model hears at once.
    faster, slower : scores of tracks played 6 % faster or slower, if the bundle hears the rhythm.
    rendered_only, rendered : see `model.rendered_tests`; lines : what stands on recordings, label by label. Only of
        bundles whose head learns of rendered music.
    """

    bundle: str
    protocol: str
    labels: tuple[str, ...]
    groups: int
    sources: tuple[str, ...]
    track: Scores
    window: Scores
    unseen_source: Scores | None
    band_limited: Scores | None
    microphone: Scores | None
    confusion: tuple[tuple[int, ...], ...]
    window_seconds: float = 3.0
    faster: Scores | None = None
    slower: Scores | None = None
    rendered_only: Scores | None = None
    rendered: Scores | None = None
    lines: tuple[LabelLine, ...] = ()

    HEADINGS = ("", "balanced accuracy (95 %)", "in first 2", "in first 3", "macro F1", "ECE", "right when sure")

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`; numbers to four places."""
        return dict(rounded(asdict(self)))

    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows: what, balanced accuracy, precision at 2 and 3, macro F1, ECE, when sure."""
        return [
            (
                name,
                str(scores.balanced_accuracy),
                f"{scores.precision_at[1]:.3f}",
                f"{scores.precision_at[2]:.3f}",
                f"{scores.macro_f1:.3f}",
                f"{scores.calibration_error:.3f}",
                f"{scores.sure_accuracy:.3f} of {scores.sure_share:.0%}",
            )
            for name, scores in measured(self)
        ]

    def to_text(self) -> str:
        """Markdown that reads well in a terminal too: stands in the bundle's card and is what the command prints."""
        lines = [
            f"{self.bundle}: {self.protocol}; {self.track.examples} tracks and {self.window.examples} windows by "
            f"{self.groups} artists from {', '.join(self.sources)}.",
            "",
            *table([self.HEADINGS, *self.rows()]),
            "",
            "Tracks by label (row) and what they were called (column):",
            "",
            *table(
                [
                    ("", *self.labels, "right"),
                    *(
                        (label, *map(str, row), f"{row[place] / sum(row):.0%}" if sum(row) else "")
                        for place, (label, row) in enumerate(zip(self.labels, self.confusion, strict=True))
                    ),
                ]
            ),
        ]
        if self.lines:
            lines += ["", "Share of tracks whose label is among the first 1, 2 and 3:", "", *label_table(self.lines)]
        return "\n".join(lines) + "\n"
