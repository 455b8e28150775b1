"""What all data sets have in common: labelled tracks, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model.datasets.remote import RemoteFile
from model.errors import DataError

SPLITS = ("train", "validation", "test")
_OTHER_NAMES = {"training": "train", "valid": "validation", "val": "validation", "dev": "validation", "testing": "test"}


@dataclass(frozen=True)
class LabelledTrack:
    """One sound file and what is known about it.

    dataset : the source it came from; sources are balanced in training and left out in turn in tests.
    labels : one if labels exclude each other, else all that hold.
    group : the artist, or the recording that excerpts were cut from: what must never be on both sides of a test.
    seconds : its length, where somebody has written it down.
    bandwidth_hz : where its content ends, where that is known.
    split : the side its makers put it on: "train", "validation" or "test"; "" where they did not.
    perhaps : labels of which nobody knows whether they hold.
    """

    path: Path
    dataset: str
    labels: tuple[str, ...]
    group: str
    seconds: float | None = None
    bandwidth_hz: float | None = None
    split: str = ""
    perhaps: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The only label; DataError if the track has several, or none."""
        if len(self.labels) != 1:
            raise DataError(
                f"{self.path.name} has {len(self.labels)} labels",
                rule="here exactly one must be right",
                next_step="Choose a model or network for several labels at once, or other data",
            )
        return self.labels[0]


class Dataset(Protocol):
    """Music with labels, on disk. Reading `tracks` opens no sound files but where it has to look for an artist's name.

    name : the short one, as in SPEC; a track's `dataset` begins with it, except where a listing says otherwise.
    labels : everything that a track can have, also what no track has.
    exclusive : exactly one label is right for every track.
    remote : what can be downloaded, as far as it is known before anything is there.
    notes : what one should know of these tracks, one sentence each: how groups were found, what was left out.
    """

    name: str
    title: str
    citation: str
    licence: str
    homepage: str

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def exclusive(self) -> bool: ...

    @property
    def remote(self) -> tuple[RemoteFile, ...]: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def tracks(self) -> tuple[LabelledTrack, ...]:
        """All tracks, always in the same order; DataError if they cannot be listed."""

    def checksums(self) -> Mapping[Path, str]:
        """Published checksums of sound files ("md5:..."), as far as there are any."""


def split_named(text: str, where: str) -> str:
    """One of `SPLITS`, or "", from how people write them; DataError for anything else."""
    name = text.strip().lower()
    name = _OTHER_NAMES.get(name, name)
    if name and name not in SPLITS:
        raise DataError(f"{where} has the split {text!r}", rule=f"a split is {', '.join(SPLITS)}, or left empty")
    return name


def alike(label: str) -> str:
    """What two spellings of a label have in common: "Hip-Hop" and "hiphop", "cha cha" and "chacha"."""
    return "".join(character for character in label.casefold() if character.isalnum()) or label
