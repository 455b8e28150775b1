"""Splitting music so that no artist is on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from model.datasets.dataset import LabelledTrack
from model.errors import DataError


def check_apart(training: Iterable[LabelledTrack], testing: Iterable[LabelledTrack]) -> None:
    """Raises DataError if a group is on both sides: a test on artists heard in training proves nothing."""
    shared = sorted({track.group for track in training} & {track.group for track in testing})
    if shared:
        raise DataError(
            f"{len(shared)} groups are in training and in the test, for example {shared[0]}",
            rule="an artist is on one side only",
            next_step="Split by group, not by file or by window",
        )


def check_copies(tracks: Sequence[LabelledTrack]) -> None:
    """Raises DataError if the same file is there under two groups: its copies could land on both sides."""
    groups: dict[str, LabelledTrack] = {}
    for track in tracks:
        try:
            content = hashlib.sha256(track.path.read_bytes()).hexdigest()
        except OSError:
            continue
        known = groups.setdefault(content, track)
        if known.group != track.group:
            raise DataError(
                f"{known.path.name} and {track.path.name} are the same recording in two groups",
                rule="copies of a recording belong to one group",
                next_step="Correct the group in labels.csv, or leave one of the files out",
            )


def grouped_folds(tracks: Sequence[LabelledTrack], *, folds: int = 5, seed: int | None = None) -> np.ndarray:
    """int [tracks]: the fold in which each track is tested; all tracks of a group are in the same one.

    Largest groups first, each goes where its labels (within its source) are rarest, so that folds resemble each
    other as far as whole groups allow. Deterministic.

    seed : another one, another order among groups of the same size, and so other folds; None is the usual order.
    """
    groups = sorted({track.group for track in tracks})
    if len(groups) < folds:
        raise DataError(
            f"there are {len(groups)} groups for {folds} folds",
            rule="every fold needs at least one group of its own",
            next_step="Give music by more artists",
        )
    kinds = sorted({(track.dataset, track.labels, track.perhaps) for track in tracks})
    members = {group: np.zeros(len(kinds)) for group in groups}
    for track in tracks:
        members[track.group][kinds.index((track.dataset, track.labels, track.perhaps))] += 1.0
    totals = np.sum(list(members.values()), axis=0)
    held = np.zeros((folds, len(kinds)))
    fold_of: dict[str, int] = {}
    if seed is not None:
        groups = [groups[index] for index in np.random.default_rng(seed).permutation(len(groups))]
    for group in sorted(groups, key=lambda name: -members[name].sum()):
        growth = ((2.0 * held + members[group]) * members[group] / totals).sum(axis=1)
        fold = int(np.argmin(np.round(growth, 9) + 1e-6 * held.sum(axis=1)))
        held[fold] += members[group]
        fold_of[group] = fold
    return np.array([fold_of[track.group] for track in tracks])
