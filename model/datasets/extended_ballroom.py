"""Extended Ballroom: 4,180 clips of 30 s, thirteen ballroom dances."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from model.datasets.dataset import LabelledTrack
from model.datasets.remote import RemoteFile
from model.errors import DataError

CITATION = (
    "U. Marchand and G. Peeters: Scale and shift invariant time/frequency representation using auditory statistics: "
    "application to rhythm description. IEEE MLSP 2016; The Extended Ballroom Dataset. ISMIR 2016, late-breaking"
)

LICENCE = "list: none known; sound: excerpts of ballroomdancers.com, for research only"

# The list has the MD5 of every clip; of the list itself none is published, nor an address that lasts.
LIST_FILE = "extendedballroom_v1.1.xml"
_CLIP_URL = "http://media.ballroomdancers.com/mp3/{number}.mp3"
_LIST = RemoteFile(LIST_FILE, "", about_bytes=1_200_000)
_CLIP_BYTES = 500_000

# No split is published: folds are made by group.
DANCES = {
    "Chacha": "chacha",
    "Foxtrot": "foxtrot",
    "Jive": "jive",
    "Pasodoble": "paso_doble",
    "Quickstep": "quickstep",
    "Rumba": "rumba",
    "Salsa": "salsa",
    "Samba": "samba",
    "Slowwaltz": "slow_waltz",
    "Tango": "tango",
    "Viennesewaltz": "viennese_waltz",
    "Waltz": "waltz",
    "Wcswing": "west_coast_swing",
}
LARGEST = ("Chacha", "Foxtrot", "Quickstep", "Rumba", "Samba", "Tango", "Waltz")
_RELATIONS = ("version", "exact", "time", "karaoke")
"""Attributes that name another clip of which this one is a version or a copy."""
_MOST_LIST_BYTES = 50_000_000
_NUMBER = re.compile(r"[0-9A-Za-z_-]{1,32}")
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class _Song:
    dance: str
    number: str
    artist: str
    album: str
    title: str
    md5: str
    related: tuple[str, ...]


class ExtendedBallroom:
    """The clips of the list; the seven dances with the most, or all thirteen.

    Groups hold all clips of an artist, of a song on an album where no artist is known, and versions and copies, which
    the list names, of any of these.
    """

    citation = CITATION
    licence = LICENCE
    homepage = "http://anasynth.ircam.fr/home/media/ExtendedBallroom"
    exclusive = True

    def __init__(self, folder: Path, *, all_dances: bool = False) -> None:
        self._folder = folder
        self._dances = tuple(DANCES) if all_dances else LARGEST
        self.name = "extended-ballroom-13" if all_dances else "extended-ballroom"
        self.title = f"Extended Ballroom, {len(self._dances)} dances"
        self.labels = tuple(DANCES[dance] for dance in self._dances)
        self.notes = ("Groups: artists, with all versions and copies of their songs that the list names",)

    @property
    def remote(self) -> tuple[RemoteFile, ...]:
        """The list, and once that is there, the clips in it."""
        if not (self._folder / LIST_FILE).is_file():
            return (_LIST,)
        clips = (
            RemoteFile(
                f"{song.dance}/{song.dance}.{song.number}.mp3",
                _CLIP_URL.format(number=song.number),
                about_bytes=_CLIP_BYTES,
                checksum=f"md5:{song.md5}" if song.md5 else "",
                missing_is_fine=True,
            )
            for song in self._songs
            if song.dance in self._dances
        )
        return (_LIST, *clips)

    def tracks(self) -> tuple[LabelledTrack, ...]:
        groups = _groups(self._songs)
        return tuple(
            LabelledTrack(
                self._clip(song), "extended-ballroom", (DANCES[song.dance],), f"extended-ballroom:{groups[song.number]}"
            )
            for song in self._songs
            if song.dance in self._dances
        )

    def checksums(self) -> Mapping[Path, str]:
        return {self._clip(song): f"md5:{song.md5}" for song in self._songs if song.md5}

    def _clip(self, song: _Song) -> Path:
        """As the makers' script calls it, or with its number alone, as in its first version."""
        alone = self._folder / song.dance / f"{song.number}.mp3"
        return alone if alone.is_file() else self._folder / song.dance / f"{song.dance}.{song.number}.mp3"

    @cached_property
    def _songs(self) -> tuple[_Song, ...]:
        path = self._folder / LIST_FILE
        try:
            if path.stat().st_size > _MOST_LIST_BYTES:
                raise DataError(f"{path} is larger than {_MOST_LIST_BYTES / 1e6:.0f} MB", rule="it has about 1 MB")
            text = path.read_bytes()
            # Entities can make a small file endless; the list has none.
            if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                raise DataError(f"{path} declares a document type", rule="the list of Extended Ballroom does not")
            root = ElementTree.fromstring(text)
        except (OSError, ElementTree.ParseError, ValueError) as error:
            raise DataError(
                f"{path} cannot be read",
                rule=str(error),
                next_step=f"Put the list into the folder; it comes from {self.homepage}",
            ) from error
        songs = [_song(dance.tag, node) for dance in root for node in dance]
        known: dict[str, _Song] = {}
        for song in songs:
            if song.number in known:
                raise DataError(f"{path} lists the clip {song.number} twice", rule="every clip has a number of its own")
            known[song.number] = song
        if not songs:
            raise DataError(
                f"{path} lists no clips", rule="it has a node for every dance, and in these one for every song"
            )
        return tuple(songs)


def _song(dance: str, node: ElementTree.Element) -> _Song:
    number = node.get("id", "")
    if dance not in DANCES:
        raise DataError(f"{LIST_FILE} has the dance {dance[:40]!r}", rule=f"known are {', '.join(DANCES)}")
    if _NUMBER.fullmatch(number) is None:
        raise DataError(f"{LIST_FILE} has a song with the id {number[:40]!r}", rule="an id is a number")
    text = {name: " ".join(node.get(name, "").split()).casefold() for name in ("artist", "album", "title", "hash")}
    if text["hash"] and _MD5.fullmatch(text["hash"]) is None:
        raise DataError(f"{LIST_FILE}: the hash of {number} is {text['hash'][:40]!r}", rule="it is an MD5")
    related = tuple(node.get(name, "").strip() for name in _RELATIONS if node.get(name, "").strip())
    return _Song(dance, number, text["artist"], text["album"], text["title"], text["hash"], related)


def _groups(songs: Iterable[_Song]) -> dict[str, str]:
    """The group of every clip: what is connected by an artist, a song of an album, or a relation, is one."""
    above: dict[str, str] = {}

    def top(key: str) -> str:
        above.setdefault(key, key)
        while above[key] != key:
            above[key] = above[above[key]]
            key = above[key]
        return key

    def join(one: str, other: str) -> None:
        # The smaller name stays on top, so that the result does not depend on the order.
        first, second = sorted((top(one), top(other)))
        above[second] = first

    listed = list(songs)
    for song in listed:
        clip = f"clip {song.number}"
        top(clip)
        if song.artist:
            join(clip, f"artist {song.artist}")
        if song.title and song.album:
            join(clip, f"song {song.title} on {song.album}")
        for other in song.related:
            join(clip, f"clip {other}")
    return {song.number: top(f"clip {song.number}") for song in listed}
