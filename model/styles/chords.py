"""Keys, chords and their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.styles.patterns import LOOP_BARS

SCALES = {
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "major": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
# Degrees of the scale, one for each bar; "one" stays where it is.
PROGRESSIONS = {
    "pop": ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (3, 0, 4, 5), (0, 3, 4, 3)),
    "epic": ((0, 5, 2, 6), (5, 6, 0, 0), (0, 6, 5, 6), (5, 2, 6, 0), (0, 2, 6, 5), (0, 5, 3, 6)),
    "soulful": ((0, 3, 0, 3), (3, 6, 2, 5), (0, 3, 6, 2), (3, 4, 0, 0), (0, 0, 3, 4), (3, 2, 0, 0)),
    "one": ((0, 0, 0, 0), (0, 0, 0, 5), (0, 0, 0, 1), (0, 0, 5, 5), (0, 0, 6, 6)),
}


@dataclass(frozen=True)
class Chord:
    """root : key of its root in the octave from C2 (36) to B2; notes : keys around C4 (60), from low to high."""

    root: int
    notes: tuple[int, ...]


@dataclass(frozen=True)
class Harmony:
    """The chords of a loop, one for each bar, and the keys of their scale around C5 (72)."""

    chords: tuple[Chord, ...]
    melody: tuple[int, ...]


def choose_harmony(
    rng: np.random.Generator, *, scales: tuple[str, ...], progressions: tuple[str, ...], size: int
) -> Harmony:
    """A key and an order of chords; size : notes in a chord, 2 to 5 (2 is root and fifth)."""
    scale = SCALES[str(rng.choice(scales))]
    orders = PROGRESSIONS[str(rng.choice(progressions))]
    order = orders[int(rng.integers(len(orders)))]
    tonic = int(rng.integers(12))
    chords = []
    for bar in range(LOOP_BARS):
        degree = order[bar % len(order)]
        root = 36 + (tonic + _above(scale, degree)) % 12
        steps = (0, 4) if size == 2 else tuple(2 * number for number in range(size))
        keys = [tonic + _above(scale, degree + step) for step in steps]
        # Close to each other and around middle C, so that the hand hardly moves.
        notes = sorted(54 + (key - 54) % 12 for key in keys)
        chords.append(Chord(root, tuple(dict.fromkeys(notes))))
    melody = tuple(sorted(67 + (tonic + key - 67) % 12 for key in scale))
    return Harmony(tuple(chords), melody)


def _above(scale: tuple[int, ...], degree: int) -> int:
    octave, place = divmod(degree, len(scale))
    return 12 * octave + scale[place]
