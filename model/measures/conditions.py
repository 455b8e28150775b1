"""The conditions under which a bundle is measured, as people call them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_NAMES = {
    "track": "tracks",
    "window": "windows of {window_seconds:g} s",
    "unseen_source": "tracks, source not in training",
    "band_limited": "tracks, nothing above 4 kHz",
    "microphone": "tracks, through a microphone",
    "faster": "tracks, 6 % faster",
    "slower": "tracks, 6 % slower",
    "rendered_only": "tracks, no recording of their label in training",
    "rendered": "rendered music, other instruments",
}
"""By the field of a report."""


def measured(report: Any) -> Iterator[tuple[str, Any]]:
    """Name and scores of every condition that a report has figures of.

    report : an `EvaluationReport` or a `TagReport`.
    """
    for field, name in _NAMES.items():
        if (scores := getattr(report, field, None)) is not None:
            yield name.format(window_seconds=report.window_seconds), scores
