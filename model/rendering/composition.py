"""Pieces of music written by chance: harmony, melody and arrangement over an accompaniment, as a score for MMA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.rendering.patterns import Pattern

_MAJOR = {
    "C": (("F", 3), ("G7", 3), ("Am", 2), ("Dm", 2), ("Em", 1), ("C7", 1), ("D7", 1)),
    "C7": (("F", 4), ("Fm", 1)),
    "Dm": (("G7", 5), ("Em", 1), ("F", 1)),
    "D7": (("G7", 5),),
    "Em": (("Am", 3), ("F", 2), ("A7", 1)),
    "F": (("C", 2), ("G7", 3), ("Dm", 1), ("Fm", 1)),
    "Fm": (("C", 3), ("G7", 1)),
    "G7": (("C", 5), ("Am", 1), ("Em", 1)),
    "Am": (("Dm", 3), ("F", 2), ("D7", 1), ("G7", 1)),
    "A7": (("Dm", 4),),
}
_MINOR = {
    "Am": (("Dm", 3), ("E7", 4), ("F", 2), ("G", 2), ("C", 1), ("Bm7b5", 1)),
    "Bm7b5": (("E7", 4),),
    "C": (("F", 2), ("G", 1), ("E7", 1), ("Dm", 1)),
    "Dm": (("E7", 3), ("Am", 2), ("G", 1), ("Bm7b5", 1)),
    "E7": (("Am", 5), ("F", 1)),
    "F": (("E7", 3), ("Dm", 1), ("C", 1), ("G", 1)),
    "G": (("C", 3), ("F", 2), ("Am", 1)),
}
_CHORD_NOTES = {
    "C": "ceg",
    "C7": "ceg",
    "Dm": "dfa",
    "D7": "dfa",
    "Em": "egb",
    "F": "fac",
    "Fm": "fac",
    "G7": "gbd",
    "G": "gbd",
    "Am": "ace",
    "A7": "aeg",
    "Bm7b5": "bdf",
    "E7": "ebd",
}
_SCALE = "cdefgab"
# Lengths of melody notes in beats.
_CELLS: dict[int, tuple[tuple[float, ...], ...]] = {
    4: ((2, 2), (1, 1, 2), (1, 1, 1, 1), (1.5, 0.5, 2), (1.5, 0.5, 1, 1), (0.5,) * 8, (3, 1), (4,), (1, 0.5, 0.5, 2)),
    3: ((3,), (2, 1), (1, 1, 1), (1.5, 0.5, 1), (1, 0.5, 0.5, 1), (0.5,) * 6, (1, 2)),
}
_SYNCOPATED: dict[int, tuple[tuple[float, ...], ...]] = {
    4: ((0.5, 1, 0.5, 2), (1.5, 1.5, 1), (0.5, 0.5, 0.5, 1, 0.5, 1), (0.75, 0.75, 0.5, 2))
}
_LENGTHS = {4: "1", 3: "2.", 2: "2", 1.5: "4.", 1: "4", 0.75: "8.", 0.5: "8"}


@dataclass(frozen=True)
class Arrangement:
    """What a piece is made of.

    grooves : MMA's names of accompaniments that go together, the first the commonest; or
    pattern : one of our own instead.
    beats : of a bar. tempo : MMA's, in quarters a minute.
    melody_voices : General MIDI programs that may play the tune.
    swing : whether the tune's eighths are uneven. minor : how often it is in a minor key, 0..1.
    syncopated : how often a bar of the tune is, 0..1.
    """

    tempo: float
    beats: int
    grooves: tuple[str, ...] = ()
    pattern: Pattern | None = None
    melody_voices: tuple[int, ...] = (0, 40, 56, 65, 73)
    swing: bool = False
    minor: float = 0.3
    syncopated: float = 0.0


def compose(arrangement: Arrangement, seconds: float, rng: np.random.Generator) -> str:
    """A score in MMA's language that lasts at least so long; the same generator writes the same score."""
    bars = min(200, int(seconds * arrangement.tempo / 60.0 / arrangement.beats) + 2)
    minor = rng.random() < arrangement.minor
    lines = [
        f"RndSeed {int(rng.integers(1, 1_000_000))}",
        f"Tempo {arrangement.tempo:.2f}",
        f"Transpose {int(rng.integers(-5, 7))}",
    ]
    grooves = arrangement.grooves
    if arrangement.pattern is not None:
        grooves = _define(arrangement.pattern, lines, rng)
    volumes = _volumes(rng)
    tune = _open_tune(arrangement, rng)
    section = int(rng.choice([4, 8]))
    chords = {name: _chords(minor, section, rng) for name in "AB"}
    tunes = {name: _tune(chords[name], arrangement, rng) for name in "AB"}
    drums_silent_until = int(rng.choice([0, 0, 0, 0, 4, 8]))
    for bar in range(bars):
        number, place = divmod(bar, section)
        if place == 0:
            name = "AABA"[number % 4]
            groove = grooves[0] if len(grooves) == 1 or rng.random() < 0.6 else str(rng.choice(grooves[1:]))
            # Setting a groove brings its own volumes back.
            lines += [f"Groove {groove}", *volumes]
            if bar < drums_silent_until:
                lines.append("AllTracks Drum Volume 8")
            playing = tune and rng.random() < 0.8
            lines += tune
        if 0 < drums_silent_until == bar and place:
            lines += [f"Groove {groove}", *volumes, *tune]
        riff = f" {{{tunes[name][place]}}}" if playing else ""
        lines.append(f"{bar + 1} {chords[name][place]}{riff}")
    return "\n".join(lines) + "\n"


def _define(pattern: Pattern, lines: list[str], rng: np.random.Generator) -> tuple[str, ...]:
    """Two forms of a pattern of our own: as it is, and with a drum or two silent."""
    chord_voice, bass_voice = int(rng.choice([0, 4, 24, 25, 27, 48, 21, 16])), int(rng.choice([32, 33, 38]))
    drums = list(pattern.drums)
    fewer = tuple(rng.choice(drums, size=min(2, len(drums) - 1), replace=False)) if len(drums) > 1 else ()
    lines += pattern.define("OwnA", chord_voice, bass_voice)
    lines += pattern.define("OwnB", chord_voice, bass_voice, without=tuple(map(str, fewer)))
    return ("OwnA", "OwnB")


def _volumes(rng: np.random.Generator) -> list[str]:
    """How loud the sections of the band are; how far from the beat and how unevenly they play."""
    loud = {
        "Drum": rng.uniform(40, 160),
        "Bass Walk": rng.uniform(60, 150),
        "Chord Arpeggio Plectrum Scale Aria": rng.uniform(25, 120),
    }
    if rng.random() < 0.12:
        loud["Drum"] = 10.0
    return [
        *(f"AllTracks {kinds} Volume {volume:.0f}" for kinds, volume in loud.items()),
        f"AllTracks RTime {int(rng.integers(0, 10))}",
        f"AllTracks RVolume {int(rng.integers(0, 20))}",
    ]


def _open_tune(arrangement: Arrangement, rng: np.random.Generator) -> list[str]:
    if rng.random() < 0.12:
        return []
    voice = int(rng.choice(arrangement.melody_voices))
    lines = [
        f"Solo-Tune Voice {voice}",
        f"Solo-Tune Octave {int(rng.integers(4, 6))}",
        f"Solo-Tune Volume {int(rng.integers(60, 140))}",
        f"Solo-Tune Articulate {int(rng.integers(60, 100))}",
        f"Solo-Tune RTime {int(rng.integers(0, 12))}",
    ]
    return [*lines, "SwingMode On"] if arrangement.swing else lines


def _chords(minor: bool, bars: int, rng: np.random.Generator) -> list[str]:
    steps, home, dominant = (_MINOR, "Am", "E7") if minor else (_MAJOR, "C", "G7")
    chords = [home]
    while len(chords) < bars - 1:
        if rng.random() < 0.35:
            chords.append(chords[-1])
            continue
        following, weights = zip(*steps[chords[-1]], strict=True)
        chords.append(str(rng.choice(following, p=np.array(weights) / sum(weights))))
    return [*chords, dominant if rng.random() < 0.6 else home]


def _tune(chords: Sequence[str], arrangement: Arrangement, rng: np.random.Generator) -> list[str]:
    """For every bar a riff as MMA writes it, such as "4c;8d;8e;2g;"."""
    favourites = [_cell(arrangement, rng) for _ in range(int(rng.integers(1, 4)))]
    degree = int(rng.integers(0, 7))
    riffs = []
    for chord in chords:
        notes, beat = [], 0.0
        for length in favourites[int(rng.integers(len(favourites)))]:
            degree = int(np.clip(degree + rng.integers(-2, 3), 0, 13))
            if beat in (0.0, 2.0):
                inside = [step for step in range(14) if _SCALE[step % 7] in _CHORD_NOTES[chord]]
                degree = min(inside, key=lambda step: abs(step - degree))
            rest = rng.random() < 0.08
            name = "r" if rest else _SCALE[degree % 7] + "+" * (degree // 7)
            notes.append(f"{_LENGTHS[length]}{name};")
            beat += length
        riffs.append("".join(notes))
    return riffs


def _cell(arrangement: Arrangement, rng: np.random.Generator) -> tuple[float, ...]:
    cells = _CELLS[arrangement.beats]
    if rng.random() < arrangement.syncopated:
        cells = _SYNCOPATED.get(arrangement.beats, cells)
    return cells[int(rng.integers(len(cells)))]
