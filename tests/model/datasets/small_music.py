"""Published data sets as they are published, only tiny: the same files, names and columns, with real sound in them."""

from __future__ import annotations

import csv
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from model.datasets import extended_ballroom, gtzan

SAMPLE_RATE = 22_050
SPLIT = {"train": (0, 1), "validation": (2,), "test": (3,)}
"""Numbers of the clips of each genre of the small GTZAN on each side; clip 4 is left out as faulty."""

# id, artist, subset, split, top genre, all genres
FMA_TRACKS = (
    (2, 1, "small", "training", "Hip-Hop", (21,)),
    (5, 1, "small", "training", "Hip-Hop", (21,)),
    (10, 6, "small", "validation", "Rock", (12, 25)),
    (1140, 54, "small", "test", "Rock", (12, 45)),
    (140, 7, "medium", "training", "Folk", (17, 12)),
    (134, 8, "large", "training", "Hip-Hop", (21,)),
    (150, 9, "medium", "training", "", (17,)),
)
FMA_GENRES = (
    (12, 0, "Rock", 12),
    (17, 0, "Folk", 17),
    (21, 0, "Hip-Hop", 21),
    (25, 12, "Punk", 12),
    (45, 12, "Loud-Rock", 12),
)

# dance, id, artist, album, title, other attributes
BALLROOM_SONGS = (
    ("Chacha", "100701", "Prandi Sound", "Cha Album", "Uno", {}),
    ("Chacha", "100702", "prandi  sound", "Other Album", "Dos", {}),
    ("Waltz", "100801", "Werner Tauber", "Waltz Album", "Eins", {}),
    ("Waltz", "100802", "", "Waltz Album", "Eins", {}),
    ("Tango", "100901", "Somebody", "Tango Album", "Un", {"version": "100701"}),
    ("Salsa", "101001", "Salsero", "Salsa Album", "One", {}),
)


def tone(frequency_hz: float, *, seconds: float = 0.3) -> np.ndarray:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.float32)


def write_tone(path: Path, frequency_hz: float, *, artist: str = "", seconds: float = 0.3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        if artist:
            file.artist = artist
        file.write(tone(frequency_hz, seconds=seconds))
    return path


def mp3(frequency_hz: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(frequency_hz), SAMPLE_RATE, format="MP3")
    return buffer.getvalue()


def wav(frequency_hz: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(frequency_hz), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


# GTZAN


def gtzan_clips() -> dict[str, bytes]:
    """Five clips of each genre, by their names in the archive."""
    return {
        f"genres/{genre}/{genre}.{number:05d}.wav": wav(200 + 50 * place + 7 * number)
        for place, genre in enumerate(gtzan.LABELS)
        for number in range(5)
    }


def gtzan_lists() -> dict[str, bytes]:
    return {
        gtzan.LISTS[side]: "\n".join(
            f"{genre}/{genre}.{number:05d}.wav" for genre in gtzan.LABELS for number in numbers
        ).encode()
        for side, numbers in SPLIT.items()
    }


def gtzan_mirror(folder: Path) -> Path:
    """What a mirror of GTZAN has: the archive and the lists of the split."""
    write_files(folder, gtzan_lists())
    with tarfile.open(folder / "genres.tar.gz", "w:gz") as archive:
        for name, content in gtzan_clips().items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder


def gtzan_folder(folder: Path) -> Path:
    write_files(folder, {**gtzan_lists(), **gtzan_clips()})
    return folder


# FMA


def fma_tables() -> dict[str, str]:
    """tracks.csv with its header of two lines, and genres.csv; fewer columns, in the same order."""
    first = ["", "album", "artist", "artist", "set", "set", "track", "track", "track", "track"]
    second = ["", "title", "id", "bio", "split", "subset", "genre_top", "genres", "genres_all", "title"]
    rows: list[list[object]] = [first, second, ["track_id", *[""] * 9]]
    for number, artist, subset, split, top, genres in FMA_TRACKS:
        listed = f"[{', '.join(map(str, genres))}]"
        bio = "<p>line one,\nline two</p>" + "x" * 200_000
        rows.append([number, "An album", artist, bio, split, subset, top, listed, listed, 'A "title"'])
    tables = {"tracks.csv": rows, "genres.csv": [["genre_id", "#tracks", "parent", "title", "top_level"]]}
    tables["genres.csv"] += [[number, 5, parent, title, top] for number, parent, title, top in FMA_GENRES]
    written = {}
    for name, table in tables.items():
        text = io.StringIO()
        csv.writer(text).writerows(table)
        written[name] = text.getvalue()
    return written


def fma_clips(*subsets: str) -> dict[str, bytes]:
    names = {track[0]: f"{track[0]:06d}" for track in FMA_TRACKS if track[2] in subsets}
    return {f"{name[:3]}/{name}.mp3": mp3(200 + number % 97 * 10) for number, name in names.items()}


def fma_mirror(folder: Path) -> Path:
    """What a mirror of FMA small has: the clips with their checksums, and the metadata with more than is needed."""
    clips = fma_clips("small")
    sums = "".join(f"{hashlib.sha1(content).hexdigest()}  {name}\n" for name, content in clips.items())
    write_zip(
        folder / "fma_small.zip",
        {f"fma_small/{name}": content for name, content in clips.items()}
        | {"fma_small/checksums": sums.encode(), "fma_small/README.txt": b"hello"},
    )
    tables = {f"fma_metadata/{name}": text.encode() for name, text in fma_tables().items()}
    write_zip(folder / "fma_metadata.zip", {**tables, "fma_metadata/features.csv": b"1,2\n" * 1000})
    return folder


def fma_folder(folder: Path, size: str = "small") -> Path:
    clips = fma_clips("small") if size == "small" else fma_clips("small", "medium")
    write_files(folder, {f"fma_{size}/{name}": content for name, content in clips.items()})
    write_files(folder, {f"fma_metadata/{name}": text.encode() for name, text in fma_tables().items()})
    return folder


# Extended Ballroom


def ballroom_clips() -> dict[str, bytes]:
    return {
        f"{dance}/{dance}.{number}.mp3": mp3(200 + 40 * place)
        for place, (dance, number, *_) in enumerate(BALLROOM_SONGS)
    }


def ballroom_list(clips: Mapping[str, bytes] | None = None) -> bytes:
    """The list as XML, with the MD5 of every clip."""
    clips = ballroom_clips() if clips is None else clips
    dances: dict[str, list[str]] = {}
    for dance, number, artist, album, title, more in BALLROOM_SONGS:
        known = hashlib.md5(clips[f"{dance}/{dance}.{number}.mp3"]).hexdigest()
        attributes = {
            "album": album,
            "artist": artist,
            "bpm": "120",
            "hash": known,
            "id": number,
            "title": title,
            **more,
        }
        written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
        dances.setdefault(dance, []).append(f"<song {written} />")
    nodes = "".join(f"<{dance}>{''.join(songs)}</{dance}>" for dance, songs in dances.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><extendedballroom>{nodes}</extendedballroom>'.encode()


def ballroom_mirror(folder: Path) -> Path:
    clips = ballroom_clips()
    write_files(folder, {extended_ballroom.LIST_FILE: ballroom_list(clips), **clips})
    return folder


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
