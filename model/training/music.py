"""The music of a training: opened, looked over, and put on its sides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.datasets.dataset import SPLITS, Dataset, LabelledTrack
from model.datasets.remote import RemoteFile
from model.datasets.requirements import check_broken, check_labels, list_broken, trainable_tracks
from model.datasets.spec import open_dataset
from model.errors import DataError
from model.training.splits import check_sides, split_tracks


@dataclass(frozen=True)
class Music:
    """Labelled tracks, each on one side, with artists apart.

    side_of : the side of every group.
    own_split : whether the data set came with a split.
    """

    dataset: Dataset
    labels: tuple[str, ...]
    tracks: tuple[LabelledTrack, ...]
    side_of: Mapping[str, str]
    own_split: bool

    def side(self, name: str) -> list[LabelledTrack]:
        """The tracks of one of `SPLITS`."""
        return [track for track in self.tracks if self.side_of[track.group] == name]

    def groups(self, *names: str) -> list[str]:
        """The groups on these sides, sorted."""
        return sorted(group for group, side in self.side_of.items() if side in names)

    def without(self, unreadable: Mapping[Path, str]) -> tuple[Music, list[str]]:
        """The readable music, and sentences about what is left out or missing.

        Raises DataError if more than a few files cannot be read, or if a label has none left to be trained on.
        """
        check_broken(unreadable, len(self.tracks))
        notes = []
        if unreadable:
            notes.append(
                f"{len(unreadable)} of {len(self.tracks)} files cannot be read and are left out: "
                f"{list_broken(unreadable)}."
            )
        kept = tuple(track for track in self.tracks if track.path not in unreadable)
        check_labels(self.dataset.name, self.labels, kept)
        music = Music(self.dataset, self.labels, kept, self.side_of, self.own_split)
        sides = {name: music.side(name) for name in SPLITS}
        for name, tracks in sides.items():
            if not tracks:
                raise DataError(f"no {name} music can be read", rule=next(iter(unreadable.values()), ""))
        return music, [*notes, *(f"{sentence}." for sentence in check_sides(sides, self.labels))]

    def digest(self, contents: Iterable[str]) -> str:
        """What stands for the very tracks, labels and sides. contents : of the tracks' files, in their order."""
        listed = [
            [content, track.dataset, list(track.labels), track.group, self.side_of[track.group]]
            for track, content in zip(self.tracks, contents, strict=True)
        ]
        return hashlib.sha256(json.dumps([list(self.labels), listed]).encode()).hexdigest()[:16]

    def counts(self) -> str:
        """For people: "120 tracks by 40 artists to train on, ..."."""
        told = []
        for side, purpose in zip(SPLITS, ("to train on", "to validate with", "to test with"), strict=True):
            tracks = self.side(side)
            told.append(f"{len(tracks)} tracks by {len({track.group for track in tracks})} artists {purpose}")
        return "; ".join(told)


def open_music(spec: str, labels: str, *, seed: int) -> Music:
    """The music that SPEC names, on its sides.

    Raises DataError if it cannot be read, if there are fewer than two labels or some without music, if a group is on
    several sides of the split it comes with, or if a label has too few groups for a split.
    """
    dataset = open_dataset(spec, labels=labels)
    tracks = trainable_tracks(dataset)
    side_of = split_tracks(tracks, dataset.labels, seed=seed)
    check_sides({side: [t for t in tracks if side_of[t.group] == side] for side in SPLITS}, dataset.labels)
    return Music(dataset, tuple(dataset.labels), tracks, side_of, any(track.split for track in tracks))


class SomeTracks:
    """Some tracks of a data set, as a data set: what a bundle is tested with."""

    remote: tuple[RemoteFile, ...] = ()

    def __init__(self, whole: Dataset, tracks: Sequence[LabelledTrack]) -> None:
        self.name, self.title, self.citation = whole.name, whole.title, whole.citation
        self.licence, self.homepage, self.notes = whole.licence, whole.homepage, whole.notes
        self.labels, self.exclusive = whole.labels, whole.exclusive
        self._tracks = tuple(tracks)

    def tracks(self) -> tuple[LabelledTrack, ...]:
        return self._tracks

    def checksums(self) -> Mapping[Path, str]:
        return {}
