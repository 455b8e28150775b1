"""Tracks from one's own listings: groups found where none are given, and what no listing may say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from model.datasets.dataset import LabelledTrack
from model.datasets.sound import inspect
from model.errors import AudioFileError, DataError

MOST_TRACKS = 1_000_000


class Groups:
    """Finds the group of one's own tracks, and remembers how, because that decides what a test is worth."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._found: Counter[str] = Counter()

    def given(self, name: str, how: str) -> str:
        """A group that a listing or a folder names."""
        self._found[how] += 1
        return name

    def of_file(self, path: Path, relative: str) -> str:
        """The artist that the file itself names, else the file alone; files that cannot be read stand alone too."""
        try:
            artist = inspect(path).artist
        except AudioFileError:
            artist = ""
        if artist:
            return self.given(artist, 'the tag "artist"')
        self._found["the file itself"] += 1
        return f"{self._dataset}/{relative}"

    def notes(self) -> tuple[str, ...]:
        """How groups were found."""
        if not self._found:
            return ()
        ways = ", ".join(f"{how} for {count}" for how, count in self._found.items())
        notes = [f"Groups: {ways} of {sum(self._found.values())} tracks"]
        alone = self._found["the file itself"]
        if alone:
            notes.append(
                f"The artist of {alone} tracks is unknown: they may be on both sides of a test, which flatters it. "
                "Put an artist's files into a folder of their own, or tag them"
            )
        return tuple(notes)


def refuse_repeats(tracks: Iterable[tuple[LabelledTrack, str]]) -> None:
    """Raises DataError if a file is listed twice; each track comes with where it is listed."""
    seen: dict[Path, str] = {}
    for track, where in tracks:
        path = track.path.resolve()
        if path in seen:
            raise DataError(
                f"{where} lists {track.path} again",
                rule=f"a file is listed once, and {seen[path]} has it already",
                next_step="Leave one of the two out; several labels of a track are separated by ;",
            )
        seen[path] = where


def refuse_too_many(count: int, name: str) -> None:
    """Raises DataError beyond `MOST_TRACKS`."""
    if count > MOST_TRACKS:
        raise DataError(f"{name} has more than {MOST_TRACKS:,} tracks", rule="that is as many as are kept in memory")
