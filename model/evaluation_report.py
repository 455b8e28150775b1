"""What an evaluation found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from model.scores import Scores


@dataclass(frozen=True)
class EvaluationReport:
    """The outcome of `model.evaluation.evaluate`.

    protocol : how artists were kept apart.
    groups : artists (or source recordings) in the test.
    track, window : scores of whole tracks (mean probabilities of their windows) and of single 3 s windows.
    unseen_source : scores of tracks when all of their source was left out of training, if that was measured.
    band_limited : scores of tracks with everything above 4 kHz taken away before listening.
    microphone : scores of tracks heard through a simulated loudspeaker, room and microphone.
    confusion : tracks of the row's label that were called by the column's.
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

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`; numbers to four places."""
        return _rounded(asdict(self))

    def rows(self) -> list[tuple[str, str, str, str, str, str, str]]:
        """The table's rows: what, balanced accuracy, precision at 2 and 3, macro F1, ECE, when sure."""
        found = [
            ("tracks", self.track),
            ("windows of 3 s", self.window),
            ("tracks, source not in training", self.unseen_source),
            ("tracks, nothing above 4 kHz", self.band_limited),
            ("tracks, through a microphone", self.microphone),
        ]
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
            for name, scores in found
            if scores is not None
        ]

    HEADINGS = ("", "balanced accuracy (95 %)", "in first 2", "in first 3", "macro F1", "ECE", "right when sure")

    def to_text(self) -> str:
        """Markdown that reads well in a terminal too: stands in the bundle's card and is what the command prints."""
        lines = [
            f"{self.bundle}: {self.protocol}; {self.track.examples} tracks and {self.window.examples} windows by "
            f"{self.groups} artists from {', '.join(self.sources)}.",
            "",
            *_table([self.HEADINGS, *self.rows()]),
            "",
            "Tracks by label (row) and what they were called (column):",
            "",
            *_table(
                [
                    ("", *self.labels, "right"),
                    *(
                        (label, *map(str, row), f"{row[place] / sum(row):.0%}" if sum(row) else "")
                        for place, (label, row) in enumerate(zip(self.labels, self.confusion, strict=True))
                    ),
                ]
            ),
        ]
        return "\n".join(lines) + "\n"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
