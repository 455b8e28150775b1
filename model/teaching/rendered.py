"""Music that programs play, for the student to hear: every style of MMA's library, and the songs of `model.styles`.

General MIDI sounds like no recording, but it has what recordings at hand lack: sitars and banjos, salsa and bluegrass.
The teachers say what they hear in it, so it needs no labels.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import DataError
from model.rendering.composition import Arrangement, compose
from model.rendering.synthesis import Sound, Synthesiser, save_flac
from model.styles.writing import write_dataset

MMA_LIBRARY = Path("/usr/share/mma/lib/stdlib")
"""Where Debian's package mma keeps its accompaniments."""
SECONDS = 30.0
_FIRST_ARTIST = 500
"""Of the electronic songs: others than `python -m model.styles` makes, which bundles are trained and tested with."""
_TEMPO = (72.0, 176.0)
_BEATS = (3, 4)
"""Of a bar; there are tunes for no others."""
_VOICES = 112
"""General MIDI's programs that play tunes; the others are noises."""
_NOT_MUSIC = re.compile(r"metronome|none", re.IGNORECASE)
_PASSING = re.compile(r"(Intro|End|Fill)\d*$")


@dataclass(frozen=True)
class Accompaniment:
    """A file of MMA's library: its name, the beats of its bars, and its grooves."""

    name: str
    beats: int
    grooves: tuple[str, ...]


def read_library(folder: Path = MMA_LIBRARY) -> tuple[Accompaniment, ...]:
    """All accompaniments in bars of three or four beats. DataError if there are none."""
    found = []
    for path in sorted(folder.glob("*.mma")):
        text = path.read_text(encoding="latin-1")
        beats = {int(number) for number in re.findall(r"^\s*Time\s+(\d+)", text, re.MULTILINE | re.IGNORECASE)}
        names = re.findall(r"^\s*DefGroove\s+(\S+)", text, re.MULTILINE | re.IGNORECASE)
        grooves = tuple(name for name in names if not _PASSING.search(name))
        if grooves and len(beats) == 1 and beats <= set(_BEATS) and not _NOT_MUSIC.match(path.stem):
            found.append(Accompaniment(path.stem, beats.pop(), grooves))
    if not found:
        raise DataError(
            f"there are no accompaniments in {folder}",
            rule="MMA's library is played",
            next_step="Install Debian's package mma",
        )
    return tuple(found)


def render(
    out: Path,
    *,
    pieces: int,
    songs: int,
    seed: int = 1,
    library: Sequence[Accompaniment] | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> int:
    """Render `pieces` over each accompaniment, and `songs` electronic ones; returns how many files there are now.

    What is there is kept. A piece that MMA refuses is passed over, with a word to `warn`.
    """
    accompaniments = read_library() if library is None else library
    synthesiser = Synthesiser()
    total = pieces * len(accompaniments) + songs
    for number in range(pieces * len(accompaniments)):
        of, take = divmod(number, pieces)
        accompaniment = accompaniments[of]
        path = out / accompaniment.name / f"{take:03d}.flac"
        if not path.is_file():
            score, sound = write_piece(accompaniment, take, seed)
            try:
                save_flac(path, synthesiser.render(score, sound), sound.sample_rate, SECONDS)
            except DataError as error:
                warn(f"{accompaniment.name}: {error}")
        progress(number + 1, total)
    if songs:
        first = pieces * len(accompaniments)
        write_dataset(
            out,
            songs,
            first_artist=_FIRST_ARTIST,
            workers=workers,
            progress=lambda done, _: progress(first + done, total),
        )
    return sum(1 for _ in out.rglob("*.flac"))


def write_piece(accompaniment: Accompaniment, number: int, seed: int) -> tuple[str, Sound]:
    """A score and how it sounds; the same arguments give the same."""
    rng = np.random.default_rng([seed, number, zlib.crc32(accompaniment.name.encode())])
    arrangement = Arrangement(
        tempo=float(np.exp(rng.uniform(*np.log(_TEMPO)))),
        beats=accompaniment.beats,
        grooves=tuple(map(str, rng.permutation(accompaniment.grooves))),
        melody_voices=tuple(range(_VOICES)),
        swing=bool(rng.random() < 0.3),
        minor=float(rng.random() < 0.5),
        syncopated=float(rng.uniform(0.0, 0.6)),
    )
    sound = Sound(
        gain=0.5,
        reverb_level=float(rng.uniform(0.0, 0.9)),
        reverb_room=float(rng.uniform(0.1, 0.9)),
        sample_rate=32_000,
    )
    return compose(arrangement, SECONDS, rng), sound
