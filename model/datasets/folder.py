"""A folder of labelled music: sound files and a `labels.csv`.

Columns: path (inside the folder), dataset (the source it came from), label, group (the artist, or the recording that
excerpts were cut from: what must never be on both sides of a test), seconds, bandwidth_hz (where its content ends).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from model.datasets.dataset import LabelledTrack
from model.datasets.remote import RemoteFile
from model.errors import DataError

LABELS_FILE = "labels.csv"
COLUMNS = ("path", "dataset", "label", "group", "seconds", "bandwidth_hz")


class LabelledFolder:
    """A folder with a complete `labels.csv`. `labels` and `exclusive` follow from it."""

    title = "A folder with labels.csv"
    citation = "one's own"
    licence = "as the music"
    homepage = ""
    exclusive = True
    remote: tuple[RemoteFile, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self._tracks = read_labels(folder)
        self.labels = tuple(sorted({track.label for track in self._tracks}))

    def tracks(self) -> tuple[LabelledTrack, ...]:
        return self._tracks

    def checksums(self) -> Mapping[Path, str]:
        return {}


def read_labels(folder: Path) -> tuple[LabelledTrack, ...]:
    """The tracks of a folder in the order of its `labels.csv`; raises DataError if that cannot be read."""
    listing = Path(folder) / LABELS_FILE
    try:
        with listing.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{listing} cannot be read",
            rule=f"a data folder holds sound files and a {LABELS_FILE} with {', '.join(COLUMNS)}",
            next_step="Check the path given with --data, or write folder:FOLDER if every label has a folder of its own",
        ) from error
    tracks = [_track(Path(folder), row, f"{listing}, line {line}") for line, row in enumerate(rows, start=2)]
    if not tracks:
        raise DataError(f"{listing} lists no tracks", rule="at least one is needed")
    return tuple(tracks)


def _track(folder: Path, row: dict[str, str | None], where: str) -> LabelledTrack:
    values = {column: (row.get(column) or "").strip() for column in COLUMNS}
    missing = [column for column in COLUMNS if not values[column]]
    if missing:
        raise DataError(f"{where} has no {missing[0]}", rule=f"every line says {', '.join(COLUMNS)}")
    try:
        seconds, bandwidth_hz = float(values["seconds"]), float(values["bandwidth_hz"])
    except ValueError as error:
        raise DataError(f"{where} has a length or bandwidth that is no number", rule=str(error)) from error
    if not (math.isfinite(seconds) and seconds > 0.0):
        raise DataError(f"{where} has a length of {seconds} s", rule="a track is longer than nothing")
    path = folder / values["path"]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{where} names {values['path']}", rule="the sound files lie inside the data folder")
    return LabelledTrack(path, values["dataset"], (values["label"],), values["group"], seconds, bandwidth_hz)
