"""One's own music in folders: a folder for every label, in it files, or a folder for every artist.

    music/jazz/Miles Davis/So What.flac
    music/jazz/a file by itself.mp3
    music/rock/...

The topmost folders may also be train, validation and test, each with folders of labels in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from model.datasets.dataset import LabelledTrack, split_named
from model.datasets.listed import Groups, refuse_too_many
from model.datasets.remote import RemoteFile
from model.datasets.sound import SOUND_SUFFIXES
from model.errors import DataError

_LAYOUT = "every label has a folder of its own: FOLDER/LABEL/ARTIST/FILE or FOLDER/LABEL/FILE"


class FolderOfFolders:
    """The sound files in a folder of folders. DataError if there are none, or it is laid out otherwise."""

    title = "A folder of folders"
    citation = "one's own"
    licence = "as the music"
    homepage = ""
    exclusive = True
    remote: tuple[RemoteFile, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self._groups = Groups(self.name)
        self._others = 0
        try:
            sides = _sides(folder)
            labelled = [(split, label) for split, side in sides for label in _folders(side)]
            self.labels = tuple(sorted({label.name for _, label in labelled}))
            self._tracks = tuple(
                track for split, label in labelled for track in self._tracks_of(folder, label, split)
            )  # fmt: skip
        except OSError as error:
            raise DataError(f"{error.filename or folder} cannot be read", rule=error.strerror or _LAYOUT) from error
        if not self._tracks:
            raise DataError(f"{folder} holds no sound files in folders of labels", rule=_LAYOUT)

    @property
    def notes(self) -> tuple[str, ...]:
        left_out = (f"{self._others} other files were left alone",) if self._others else ()
        return (*self._groups.notes(), *left_out)

    def tracks(self) -> tuple[LabelledTrack, ...]:
        return self._tracks

    def checksums(self) -> Mapping[Path, str]:
        return {}

    def _tracks_of(self, folder: Path, label: Path, split: str) -> list[LabelledTrack]:
        found = []
        for place, folders, files in os.walk(label, onerror=_fail):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                path = Path(place, name)
                if name.startswith(".") or path.suffix.lower() not in SOUND_SUFFIXES:
                    self._others += 1
                    continue
                inside = path.relative_to(label).parts
                if len(inside) > 1:
                    group = self._groups.given(inside[0], "the artist's folder")
                else:
                    group = self._groups.of_file(path, path.relative_to(folder).as_posix())
                found.append(LabelledTrack(path, self.name, (label.name,), group, split=split))
                refuse_too_many(len(found), str(label))
        return found


def _sides(folder: Path) -> list[tuple[str, Path]]:
    """The folders in which the labels' folders are, each with its split."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder", rule=_LAYOUT, next_step="Check the path")
    named = []
    for inner in _folders(folder):
        try:
            named.append((split_named(inner.name, str(inner)), inner))
        except DataError:
            return [("", folder)]
    return named or [("", folder)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _fail(error: OSError) -> None:
    raise error
