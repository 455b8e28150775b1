"""What a data set must be like so that training on it, or testing with it, means something."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from model.datasets.dataset import Dataset, LabelledTrack
from model.errors import DataError

MOST_BROKEN = 0.05
"""Share of files that may be unreadable; with more, something is wrong with all of them."""
_NAMED = 20


def trainable_tracks(dataset: Dataset) -> tuple[LabelledTrack, ...]:
    """The tracks of a data set that a model can be trained on.

    Raises DataError if there are fewer than two labels, labels without any track, or a group on both sides of a split.
    """
    tracks = dataset.tracks()
    check_labels(dataset.name, dataset.labels, tracks)
    check_split(tracks)
    return tracks


def check_labels(name: str, labels: Sequence[str], tracks: Sequence[LabelledTrack]) -> None:
    """Raises DataError if nothing can be told apart, or a label has no track."""
    counted = Counter(label for track in tracks for label in track.labels)
    empty = [label for label in labels if not counted[label]]
    if empty:
        raise DataError(
            f"{name} has no track of {_some(empty)}",
            rule="every label needs music",
            next_step="Add some, or choose the other labels with --labels",
        )
    if len(labels) < 2:
        raise DataError(
            f"{name} has only the label {_some(labels)}" if labels else f"{name} has no labels",
            rule="there must be two at least, or there is nothing to tell apart",
            next_step="Add music with other labels",
        )
    everywhere = [label for label in labels if counted[label] == len(tracks)]
    if everywhere and len(everywhere) == len(labels):
        raise DataError(f"every track of {name} has every label", rule="there is nothing to tell apart")


def check_split(tracks: Sequence[LabelledTrack]) -> None:
    """Raises DataError if a group is on several sides of the split that the data set comes with."""
    shared = groups_across(tracks)
    if shared:
        group, sides = next(iter(shared.items()))
        raise DataError(
            f"{len(shared)} groups are on several sides of the split, for example {group} in {' and '.join(sides)}",
            rule="an artist is on one side only: a test on artists heard in training proves nothing",
            next_step="Correct the column split, or leave it out: then artists are kept apart by themselves",
        )


def groups_across(tracks: Sequence[LabelledTrack]) -> dict[str, tuple[str, ...]]:
    """Groups with tracks on several sides, and which."""
    sides: dict[str, set[str]] = defaultdict(set)
    for track in tracks:
        if track.split:
            sides[track.group].add(track.split)
    return {group: tuple(sorted(found)) for group, found in sorted(sides.items()) if len(found) > 1}


def check_broken(broken: Mapping[Path, str], total: int) -> None:
    """Raises DataError, with the list, if more than `MOST_BROKEN` of the files cannot be read."""
    if total and len(broken) > MOST_BROKEN * total:
        raise DataError(
            f"{len(broken)} of {total} sound files cannot be read",
            rule=f"at most {MOST_BROKEN:.0%} may be broken; these are: {list_broken(broken)}",
            next_step="Copy or download them again, or take them out of the list",
        )


def list_broken(broken: Mapping[Path, str]) -> str:
    """Broken files in one line, each with the reason; the first twenty."""
    named = "; ".join(f"{reason.rstrip('.')}" for reason in list(broken.values())[:_NAMED])
    return named if len(broken) <= _NAMED else f"{named}; and {len(broken) - _NAMED} more"


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (f" and {len(labels) - 5} others" if len(labels) > 5 else "")
