"""Which music a network is trained, chosen and tested on; an artist is on one side only."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from model.datasets.dataset import SPLITS, LabelledTrack
from model.datasets.requirements import check_split
from model.errors import DataError
from model.folds import check_apart

SHARES = {"train": 4.0, "validation": 1.0, "test": 1.0}
"""How music without a split of its own is shared out."""


def split_tracks(tracks: Sequence[LabelledTrack], labels: Sequence[str], *, seed: int) -> dict[str, str]:
    """The side, of `SPLITS`, of every group.

    Groups that the data set itself puts on a side stay there. The others are shared out, largest first, each to where
    its labels (within its source) are missing most; another seed shares groups of the same size out differently. If
    the data set has a training side and no validation side, one is taken from its training groups.

    Raises DataError if a group is on several sides, or if a label has not enough groups to be on all.
    """
    check_split(tracks)
    side_of = {track.group: track.split for track in tracks if track.split}
    given = set(side_of.values())
    if given and given >= {"train", "test"} and "validation" not in given:
        own = {group for group, side in side_of.items() if side == "train"}
        taken = _share_out(
            [track for track in tracks if track.group in own],
            labels,
            {side: share for side, share in SHARES.items() if side != "test"},
            seed,
            {},
        )
        side_of.update(taken)
    loose = [track for track in tracks if track.group not in side_of]
    if loose:
        # Where only some sides are given (folders named train and test only), the loose ones fill up all three.
        side_of.update(_share_out(tracks, labels, SHARES, seed, side_of))
    missing = [side for side in SPLITS if side not in side_of.values()]
    if missing:
        raise DataError(
            f"the split has no {' and no '.join(missing)} side",
            rule=f"it names {', '.join(SPLITS)} (validation may be left out)",
            next_step="Complete the split, or leave it out: then artists are kept apart by themselves",
        )
    check_apart(*([t for t in tracks if side_of[t.group] == side] for side in ("train", "test")))
    return side_of


def check_sides(sides: Mapping[str, Sequence[LabelledTrack]], labels: Sequence[str]) -> tuple[str, ...]:
    """Sentences about labels that are not on every side; DataError for one that cannot be learned at all."""
    found = {side: {label for track in tracks for label in track.labels} for side, tracks in sides.items()}
    unheard = [label for label in labels if label not in found["train"]]
    if unheard:
        raise DataError(
            f"there is no training music of {', '.join(unheard[:5])}",
            rule="what is not heard cannot be learned",
            next_step="Correct the split, or choose the other labels with --labels",
        )
    return tuple(
        f"No {side} music of {', '.join(absent[:8])}{' and others' if len(absent) > 8 else ''}"
        for side in ("validation", "test")
        if (absent := [label for label in labels if label not in found[side]])
    )


def _share_out(
    tracks: Sequence[LabelledTrack],
    labels: Sequence[str],
    shares: Mapping[str, float],
    seed: int,
    fixed: Mapping[str, str],
) -> dict[str, str]:
    """The side of every group of these tracks; those in `fixed` stay where they are."""
    _check_enough(tracks, labels, len(shares))
    kinds = {kind: place for place, kind in enumerate(sorted({kind for track in tracks for kind in _kinds(track)}))}
    members: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(kinds)))
    for track in tracks:
        for kind in _kinds(track):
            members[track.group][kinds[kind]] += 1.0
    totals = np.maximum(np.sum(list(members.values()), axis=0), 1.0)
    weight = np.array([shares[side] for side in shares]) / sum(shares.values())
    held = np.zeros((len(shares), len(kinds)))
    names = list(shares)
    for group, side in fixed.items():
        if group in members and side in names:
            held[names.index(side)] += members[group]
    side_of: dict[str, str] = {}
    for group in sorted(members, key=lambda name: (-members[name].sum(), _drawn(name, seed))):
        if group in fixed:
            continue
        # The growth of the sum of squared shares, each in relation to what the side should hold.
        growth = ((2.0 * held + members[group]) * members[group] / totals / weight[:, None]).sum(axis=1)
        place = int(np.argmin(np.round(growth, 9) + 1e-6 * held.sum(axis=1) / weight))
        held[place] += members[group]
        side_of[group] = names[place]
    _mend(tracks, labels, names, side_of, fixed)
    return side_of


def _mend(
    tracks: Sequence[LabelledTrack],
    labels: Sequence[str],
    names: Sequence[str],
    side_of: dict[str, str],
    fixed: Mapping[str, str],
) -> None:
    """Bring every label to every side: of those that have it twice, a small group moves where it is missing."""
    groups_of: dict[str, dict[str, int]] = {label: defaultdict(int) for label in labels}
    sizes: dict[str, int] = defaultdict(int)
    labels_of: dict[str, set[str]] = defaultdict(set)
    for track in tracks:
        sizes[track.group] += 1
        labels_of[track.group].update(track.labels)
        for label in track.labels:
            groups_of[label][track.group] += 1
    where = {**side_of, **{group: side for group, side in fixed.items() if group in sizes}}

    def on(label: str, side: str) -> list[str]:
        return [group for group in groups_of[label] if where.get(group) == side]

    # Rare labels first: frequent ones can spare a group later.
    for label in sorted(labels, key=lambda name: (len(groups_of[name]), name)):
        for side in names:
            if on(label, side):
                continue
            spare = [
                group
                for group in groups_of[label]
                if group in side_of and all(len(on(other, where[group])) > 1 for other in labels_of[group])
            ]
            if spare:
                moved = min(spare, key=lambda group: (sizes[group], group))
                side_of[moved] = where[moved] = side


def _check_enough(tracks: Sequence[LabelledTrack], labels: Sequence[str], sides: int) -> None:
    groups: dict[str, set[str]] = {label: set() for label in labels}
    for track in tracks:
        for label in track.labels:
            groups[label].add(track.group)
    few = {label: len(found) for label, found in groups.items() if len(found) < sides}
    if few:
        listed = ", ".join(f"{label} ({count})" for label, count in list(few.items())[:8])
        raise DataError(
            f"too few artists (groups): {listed}",
            rule=f"every label needs {sides} at least, one for each side: training, validation"
            + (" and test" if sides > 2 else ""),
            next_step="Add music by others, name the artists (folders, tags, the column group), or choose the other "
            "labels with --labels",
        )


def _kinds(track: LabelledTrack) -> list[tuple[str, str]]:
    return [(track.dataset, label) for label in track.labels]


def _drawn(group: str, seed: int) -> str:
    """A place in the order of groups of the same size, by lot."""
    return hashlib.sha256(f"{seed} {group}".encode()).hexdigest()
