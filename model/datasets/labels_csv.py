"""One's own music, listed in a CSV file: path,label[,group][,split][,dataset][,seconds].

Paths count from the CSV's folder. Several labels of a track are separated by ";". Without a group, it is the artist
that the file names, else the file itself.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from model.datasets.dataset import LabelledTrack, split_named
from model.datasets.listed import Groups, refuse_repeats, refuse_too_many
from model.datasets.remote import RemoteFile
from model.errors import DataError

NEEDED = ("path", "label")
OPTIONAL = ("group", "split", "dataset", "seconds", "bandwidth_hz")
_RULE = f"the first line names the columns: {', '.join(NEEDED)}, and if wanted {', '.join(OPTIONAL)}"
_NEXT_STEP = "Correct the file; docs/training.md has an example"


class LabelsCsv:
    """The tracks of a CSV file. DataError if it cannot be read or says what makes no sense."""

    title = "A CSV file"
    citation = "one's own"
    licence = "as the music"
    homepage = ""
    remote: tuple[RemoteFile, ...] = ()

    def __init__(self, listing: Path) -> None:
        # A listing is mostly called labels.csv; its folder says more.
        self.name = listing.stem if listing.stem != "labels" else listing.resolve().parent.name
        self._groups = Groups(self.name)
        self._tracks = self._read(listing)
        self.labels = tuple(sorted({label for track in self._tracks for label in track.labels}))
        self.exclusive = all(len(track.labels) == 1 for track in self._tracks)

    @property
    def notes(self) -> tuple[str, ...]:
        return self._groups.notes()

    def tracks(self) -> tuple[LabelledTrack, ...]:
        return self._tracks

    def checksums(self) -> Mapping[Path, str]:
        return {}

    def _read(self, listing: Path) -> tuple[LabelledTrack, ...]:
        rows = []
        try:
            with listing.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file, strict=True)
                columns = [str(name).strip().lower() for name in reader.fieldnames or ()]
                reader.fieldnames = columns
                missing = [name for name in NEEDED if name not in columns]
                if missing:
                    raise DataError(f"{listing} has no column {missing[0]}", rule=_RULE, next_step=_NEXT_STEP)
                for row in reader:
                    rows.append((row, f"{listing}, line {reader.line_num}"))
                    refuse_too_many(len(rows), str(listing))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{listing} cannot be read", rule=str(error), next_step="Save it as CSV in UTF-8"
            ) from error
        found = [(self._track(listing.parent, row, where), where) for row, where in rows]
        if not found:
            raise DataError(f"{listing} lists no tracks", rule="at least one is needed")
        refuse_repeats(found)
        return tuple(track for track, _ in found)

    def _track(self, folder: Path, row: dict, where: str) -> LabelledTrack:
        if None in row or None in row.values():
            raise DataError(
                f"{where} has {'more' if None in row else 'fewer'} fields than the first line",
                rule=_RULE,
                next_step='Put values that hold a comma into "quotation marks"',
            )
        values = {name: row.get(name, "").strip() for name in (*NEEDED, *OPTIONAL)}
        labels = tuple(dict.fromkeys(label.strip() for label in values["label"].split(";") if label.strip()))
        for name, value in (("path", values["path"]), ("label", labels)):
            if not value:
                raise DataError(f"{where} has no {name}", rule=_RULE, next_step=_NEXT_STEP)
        path = folder / values["path"]
        if values["group"]:
            group = self._groups.given(values["group"], "the column group")
        else:
            group = self._groups.of_file(path, values["path"])
        return LabelledTrack(
            path,
            values["dataset"] or self.name,
            labels,
            group,
            _number(values["seconds"], f"{where}, seconds"),
            _number(values["bandwidth_hz"], f"{where}, bandwidth_hz"),
            split_named(values["split"], where),
        )


def _number(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0.0):
        raise DataError(f"{where}: {text!r} is no length", rule="a number above 0 is wanted, or nothing")
    return value
