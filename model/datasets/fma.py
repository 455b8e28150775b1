"""FMA: clips of 30 s from the Free Music Archive, in two sizes, with one genre or several."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from model.datasets.dataset import LabelledTrack, split_named
from model.datasets.listed import refuse_too_many
from model.datasets.remote import RemoteFile
from model.errors import DataError

CITATION = (
    "M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson: FMA: a dataset for music analysis. ISMIR 2017 "
    "(arXiv 1612.01840)"
)

LICENCE = "metadata CC BY 4.0; each track under the Creative Commons licence its artist chose"

# Checksums as its makers publish them (github.com/mdeff/fma), sizes as they round them.
_URL = "https://os.unil.cloud.switch.ch/fma"
_METADATA = RemoteFile(
    "fma_metadata.zip",
    f"{_URL}/fma_metadata.zip",
    about_bytes=359_000_000,
    checksum="sha1:f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
    unpacked_bytes=300_000_000,
    wanted=("fma_metadata/tracks.csv", "fma_metadata/genres.csv"),
)
REMOTE = {
    "small": (
        _METADATA,
        RemoteFile(
            "fma_small.zip",
            f"{_URL}/fma_small.zip",
            about_bytes=7_730_000_000,
            checksum="sha1:ade154f733639d52e35e32f5593efe5be76c6d70",
            unpacked_bytes=7_900_000_000,
        ),
    ),
    "medium": (
        _METADATA,
        RemoteFile(
            "fma_medium.zip",
            f"{_URL}/fma_medium.zip",
            about_bytes=23_600_000_000,
            checksum="sha1:c67b69ea232021025fca9231fc1c7c1a063ab50b",
            unpacked_bytes=24_500_000_000,
        ),
    ),
}

_SUBSETS = {"small": ("small",), "medium": ("small", "medium")}
"""A track is marked with the smallest size that it is in."""
_COLUMNS = {
    "split": ("set", "split"),
    "subset": ("set", "subset"),
    "artist": ("artist", "id"),
    "genre_top": ("track", "genre_top"),
    "genres_all": ("track", "genres_all"),
}
_LONGEST_FIELD = 1 << 24  # biographies of artists
_ID_LIST = re.compile(r"\[\s*(?:\d+\s*(?:,\s*\d+\s*)*)?\]")


class Fma:
    """FMA small (8,000 clips, 8 genres) or medium (25,000 clips, 16 genres), with the official split.

    labels_of : "genre_top": the one top genre. "tags": the top genres of all of a track's genres, several at once.
        "styles": all of its genres and what is above them (`genres_all`), several at once.
    Groups are the ids of artists.
    """

    citation = CITATION
    licence = LICENCE
    homepage = "https://github.com/mdeff/fma"

    def __init__(self, folder: Path, *, size: str = "small", labels_of: str = "genre_top") -> None:
        self._folder = folder
        self._size = size
        self._labels_of = labels_of
        self.exclusive = labels_of == "genre_top"
        kind = "" if self.exclusive else f"-{labels_of}"
        self.name = f"fma-{size}{kind}"
        self.title = f"FMA {size}" + {"genre_top": "", "tags": ", top genres", "styles": ", all genres"}[labels_of]
        self.remote = REMOTE[size]
        self.notes = ("Groups: artists, by their number in the archive",)
        self._tracks: tuple[LabelledTrack, ...] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({label for track in self.tracks() for label in track.labels}))

    def tracks(self) -> tuple[LabelledTrack, ...]:
        if self._tracks is None:
            self._tracks = tuple(self._read())
            if not self._tracks:
                raise DataError(
                    f"{_metadata(self._folder, 'tracks.csv')} lists no tracks of FMA {self._size}",
                    rule="the column set, subset says what belongs to it",
                    next_step="Download the metadata again",
                )
        return self._tracks

    def checksums(self) -> Mapping[Path, str]:
        audio = _audio(self._folder, self._size)
        try:
            lines = (audio / "checksums").read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        matches = (re.fullmatch(r"([0-9a-f]{40})\s+\*?(\d{3}/\d{6}\.mp3)", line.strip()) for line in lines)
        return {audio / match[2]: f"sha1:{match[1]}" for match in matches if match is not None}

    def _read(self) -> Iterator[LabelledTrack]:
        audio = _audio(self._folder, self._size)
        genres = {} if self.exclusive else _read_genres(_metadata(self._folder, "genres.csv"))
        path = _metadata(self._folder, "tracks.csv")
        with _opened(path) as file:
            rows = csv.reader(file)
            columns = _columns(next(rows, []), next(rows, []), path)
            for count, row in enumerate(rows):
                # The third line of the header names the first column only.
                if not row or row[0] == "track_id":
                    continue
                where = f"{path}, line {rows.line_num}"
                refuse_too_many(count, str(path))
                if len(row) <= max(columns.values()) or not row[0].isdecimal() or len(row[0]) > 6:
                    raise _malformed(where)
                values = {name: row[column].strip() for name, column in columns.items()}
                labels = self._labels(values, genres, where)
                if values["subset"] not in _SUBSETS[self._size] or not labels:
                    continue
                if not values["artist"].isdecimal():
                    raise DataError(f"{where} has no artist", rule="groups are artists")
                number = f"{int(row[0]):06d}"
                yield LabelledTrack(
                    audio / number[:3] / f"{number}.mp3",
                    # All sizes and kinds are one source, and artists have the same numbers in all of them.
                    "fma",
                    labels,
                    f"fma:{values['artist']}",
                    split=split_named(values["split"], where),
                )

    def _labels(self, values: Mapping[str, str], genres: Mapping[int, tuple[str, int]], where: str) -> tuple[str, ...]:
        if self.exclusive:
            return (values["genre_top"],) if values["genre_top"] else ()
        if _ID_LIST.fullmatch(values["genres_all"] or "[]") is None:
            raise _malformed(where)
        numbers = [int(number) for number in re.findall(r"\d+", values["genres_all"])]
        unknown = [number for number in numbers if number not in genres]
        if unknown:
            raise DataError(f"{where} has the genre {unknown[0]}", rule="genres.csv does not list it")
        if self._labels_of == "tags":
            numbers = [genres[number][1] for number in numbers]
        return tuple(sorted({genres[number][0] for number in numbers}))


def _read_genres(path: Path) -> dict[int, tuple[str, int]]:
    """Title and top genre of every genre."""
    with _opened(path) as file:
        rows = csv.DictReader(file)
        try:
            found = {int(row["genre_id"]): (row["title"].strip(), int(row["top_level"])) for row in rows}
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise _malformed(f"{path}, line {rows.line_num}") from error
    orphans = [title for title, top in found.values() if top not in found]
    if orphans:
        raise DataError(f"{path}: the top genre of {orphans[0]} is not listed", rule="every genre has one")
    return found


def _columns(first: list[str], second: list[str], path: Path) -> dict[str, int]:
    """Where the columns are whose two names stand one above the other."""
    named = {names: column for column, names in enumerate(zip(first, second, strict=False))}
    missing = [" / ".join(names) for names in _COLUMNS.values() if names not in named]
    if missing:
        raise DataError(
            f"{path} has no column {missing[0]}",
            rule="its first two lines name the columns",
            next_step="Download the metadata again",
        )
    return {name: named[names] for name, names in _COLUMNS.items()}


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            yield file
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read",
            rule=str(error),
            next_step="Fetch it: genrescope data download fma-small FOLDER",
        ) from error
    finally:
        csv.field_size_limit(before)


def _metadata(folder: Path, name: str) -> Path:
    beside = folder / name
    return beside if beside.is_file() else folder / "fma_metadata" / name


def _audio(folder: Path, size: str) -> Path:
    """Where the folders 000, 001, ... are."""
    for place in (folder / f"fma_{size}", folder):
        if (place / "000").is_dir():
            return place
    raise DataError(
        f"{folder} does not hold FMA {size}",
        rule=f"it has fma_{size} with the folders 000 to 155, and fma_metadata",
        next_step=f"Fetch it: genrescope data download fma-{size} FOLDER",
    )


def _malformed(where: str) -> DataError:
    return DataError(
        f"{where} cannot be understood", rule="this is not how FMA writes it", next_step="Download it again"
    )
