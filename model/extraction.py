"""The spectrograms of a data set, written once: an .npy file per track, an index, and pictures if wanted.

    FOLDER/extraction.json                          the front end, the labels, what could not be read
    FOLDER/index.csv                                a line per track; itself a SPEC, see `model.datasets.spec`
    FOLDER/spectrograms/LABEL/NAME-0123456789.npy   float32 [frames, bands] or [frames, bands, channels]
    FOLDER/pictures/LABEL/NAME-0123456789.png
    FOLDER/pictures/LABEL.png                       an overview

A spectrogram has the time of change of the sound it was made from, and is made again when the sound has another. Both
lists are written at the end; a run that is interrupted leaves whole spectrograms, which the next run takes as they are.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.datasets.dataset import Dataset, LabelledTrack
from model.datasets.requirements import check_broken
from model.errors import DataError
from model.front_ends.front_end import FrontEnd
from model.front_ends.kinds import read_front_end
from model.spectrogram_picture import draw_sheet
from model.spectrogram_worker import Made, Order, make, safe_name
from model.training.workers import each
from model.whole_files import map_array, remove_partial, written_whole

FORMAT = 1
DESCRIPTION = "extraction.json"
INDEX = "index.csv"
COLUMNS = ("file", "path", "label", "group", "split", "dataset", "seconds", "frames")
MOST_JOBS = 256
ON_A_SHEET = 24
"""Pictures on the overview of a label: the first so many."""


@dataclass(frozen=True)
class ExtractedTrack:
    """One line of the index.

    file : of its spectrogram, in the extraction's folder.
    seconds : of sound that its frames stand for.
    """

    track: LabelledTrack
    file: Path
    frames: int
    seconds: float


@dataclass(frozen=True)
class Extraction:
    """Spectrograms on disk.

    there_before : how many of them an earlier run had made.
    broken : sound files that were left out, and why.
    """

    folder: Path
    name: str
    labels: tuple[str, ...]
    exclusive: bool
    front_end: FrontEnd
    tracks: tuple[ExtractedTrack, ...]
    broken: Mapping[Path, str]
    there_before: int = 0

    def frames(self, extracted: ExtractedTrack) -> np.ndarray:
        """Read-only float32 [frames, bands] or [frames, bands, channels], mapped into memory.

        Raises DataError if the file is gone or was cut off.
        """
        values = map_array(self.folder / extracted.file)
        if values is None or values.shape != (extracted.frames, *self.front_end.frame_shape):
            raise DataError(
                f"{self.folder / extracted.file} is missing or damaged",
                rule=f"{INDEX} lists it with {extracted.frames} frames",
                next_step="Start `genrescope data extract` again: it makes what is missing",
            )
        return values


def extract(
    dataset: Dataset,
    front_end: FrontEnd,
    folder: Path,
    *,
    jobs: int = 0,
    pictures: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Extraction:
    """Write the spectrograms of all tracks into `folder`, and the index; what is there whole is not made again.

    jobs : processes at a time; 0 for one per core.
    pictures : draw them too; needs matplotlib and librosa.
    progress : called with how many tracks are done, and how many there are.

    Raises DataError if more than 5 % of the files are broken (as soon as that is certain), the folder holds something
    else, or the disk is full. What is there by then stays, and is not made again by the next call.
    """
    if not 0 <= jobs <= MOST_JOBS:
        raise DataError(f"{jobs} processes", rule=f"1 to {MOST_JOBS} work at a time, or 0 for one per core")
    tracks = dataset.tracks()
    if not tracks:
        raise DataError(f"{dataset.name} has no tracks", rule="there must be something to make spectrograms of")
    _check_folder(folder, front_end)
    remove_partial(folder)
    _describe(folder, {**_described(dataset, front_end), "whole": False})
    orders = [Order.of(track, front_end, folder, pictures=pictures) for track in tracks]
    results: dict[Path, Made] = {}
    broken: dict[Path, str] = {}
    for order, made in each(make, orders, workers=min(jobs or os.cpu_count() or 1, len(orders))):
        results[order.spectrogram] = made
        if made.reason:
            broken[order.track.path] = made.reason
            check_broken(broken, len(tracks))
        progress(len(results), len(tracks))
    # They come in any order; what is written is in that of the tracks.
    whole = [(order, results[order.spectrogram]) for order in orders if not results[order.spectrogram].reason]
    if pictures:
        _draw_sheets(folder, whole)
    found = tuple(
        ExtractedTrack(
            order.track,
            order.spectrogram.relative_to(folder),
            made.frames,
            round(made.frames * front_end.hop_length / front_end.sample_rate, 3),
        )
        for order, made in whole
    )
    broken = {track.path: broken[track.path] for track in tracks if track.path in broken}
    _write_index(folder, found)
    described = {**_described(dataset, front_end), "whole": True, "tracks": len(found)}
    _describe(folder, {**described, "broken": {str(path): reason for path, reason in broken.items()}})
    return Extraction(
        folder=folder,
        name=dataset.name,
        labels=dataset.labels,
        exclusive=dataset.exclusive,
        front_end=front_end,
        tracks=found,
        broken=broken,
        there_before=sum(made.there_before for _, made in whole),
    )


def read_extraction(folder: Path) -> Extraction:
    """What `extract` wrote. Raises DataError if it is not there, not whole, or damaged."""
    described = _read_description(folder)
    if described is None or not described.get("whole"):
        raise DataError(
            f"{folder} holds no spectrograms"
            if described is None
            else f"the spectrograms in {folder} are not all there",
            rule=f"a folder of spectrograms has a {DESCRIPTION} that says it is whole",
            next_step="Make them with `genrescope data extract SPEC --out FOLDER`",
        )
    try:
        exclusive = bool(described["exclusive"])
        with (folder / INDEX).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            tracks = tuple(_read_row(row, exclusive=exclusive) for row in csv.DictReader(file, strict=True))
        labels = tuple(map(str, described["labels"]))
        broken = {Path(path): str(reason) for path, reason in dict(described["broken"]).items()}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(
            f"{folder / INDEX} or {DESCRIPTION} is damaged",
            rule=str(error),
            next_step="Start `genrescope data extract` again: it keeps the spectrograms that are there",
        ) from error
    front_end = read_front_end(described["front_end"])
    return Extraction(folder, str(described.get("name")), labels, exclusive, front_end, tracks, broken)


def _check_folder(folder: Path, front_end: FrontEnd) -> None:
    """Raises DataError if there is something else in it, that must not be mixed with these."""
    described = _read_description(folder)
    if described is not None:
        if described.get("front_end") != front_end.to_json():
            raise DataError(
                f"{folder} holds spectrograms of another front end",
                rule="all of a folder are made in the same way",
                next_step="Choose another folder with --out",
            )
        return
    try:
        if folder.is_dir() and next(folder.iterdir(), None) is not None:
            raise DataError(
                f"{folder} holds other files", rule="an empty or a new folder is wanted", next_step="Choose another"
            )
        if folder.exists() and not folder.is_dir():
            raise DataError(f"{folder} is a file", rule="a folder is wanted", next_step="Choose another")
    except OSError as error:
        raise DataError(f"{folder} cannot be read", rule=error.strerror or "", next_step="Choose another") from error


def _described(dataset: Dataset, front_end: FrontEnd) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": dataset.name,
        "title": dataset.title,
        "licence": dataset.licence,
        "labels": list(dataset.labels),
        "exclusive": dataset.exclusive,
        "front_end": front_end.to_json(),
        "frame_rate_hz": front_end.sample_rate / front_end.hop_length,
        "band_frequencies_hz": [round(float(value), 2) for value in front_end.band_frequencies_hz],
    }


def _describe(folder: Path, described: Mapping[str, Any]) -> None:
    with written_whole(folder / DESCRIPTION) as file:
        file.write((json.dumps(described, indent=1) + "\n").encode())


def _read_description(folder: Path) -> dict[str, Any] | None:
    """None if there is none; DataError if it cannot be understood, as then nobody knows what is in the folder."""
    try:
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if isinstance(described, dict) and described.get("format") == FORMAT:
            return described
        reason = f"this version reads format {FORMAT}"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error)
    raise DataError(f"{folder / DESCRIPTION} cannot be read", rule=reason, next_step="Choose another folder")


def _write_index(folder: Path, tracks: Sequence[ExtractedTrack]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(tracks))
    with written_whole(folder / INDEX) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))


def _rows(tracks: Sequence[ExtractedTrack]) -> Iterator[tuple[object, ...]]:
    for extracted in tracks:
        track = extracted.track
        yield (
            *(extracted.file.as_posix(), track.path.absolute(), ";".join(track.labels), track.group, track.split),
            *(track.dataset, extracted.seconds, extracted.frames),
        )


def _read_row(row: Mapping[str, str], *, exclusive: bool) -> ExtractedTrack:
    file = Path(row["file"])
    if file.is_absolute() or ".." in file.parts:
        raise ValueError(f"{row['file']} lies elsewhere")
    seconds = float(row["seconds"])
    labels = (row["label"],) if exclusive else tuple(filter(None, row["label"].split(";")))
    track = LabelledTrack(Path(row["path"]), row["dataset"], labels, row["group"], seconds, split=row["split"])
    return ExtractedTrack(track, file, int(row["frames"]), seconds)


def _draw_sheets(folder: Path, whole: Sequence[tuple[Order, Made]]) -> None:
    """The overview of every label, unless it is there and none of its pictures is new."""
    sheets: dict[str, list[Made]] = defaultdict(list)
    for order, made in whole:
        for label in order.track.labels:
            sheets[label].append(made)
    for label, members in sheets.items():
        path = folder / "pictures" / f"{safe_name(label)}.png"
        shown = members[:ON_A_SHEET]
        if not path.is_file() or any(made.drawn for made in shown):
            draw_sheet(path, label, [made.picture for made in shown if made.picture], len(members))
