"""Drum patterns as text, and what a drummer makes of them: choices, swing, variations, fills.

A pattern is a line of sixteenths (sixteen for a bar, thirty-two for two bars): "X" is always played, "x" mostly, "o"
half the time, "-" seldom, "." never. What is played mostly is also louder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

STEPS = 16
"""Sixteenths in a bar."""
LOOP_BARS = 4
_CHANCE = {"X": 1.0, "x": 0.85, "o": 0.5, "-": 0.2, ".": 0.0}
_LOUDNESS = {"X": 1.0, "x": 0.85, "o": 0.6, "-": 0.4, ".": 0.0}
_SECOND_THOUGHT = 0.12


@dataclass(frozen=True)
class Hit:
    """One stroke; step : sixteenths from the loop's beginning, not whole when swung; loudness : 0..1."""

    step: float
    loudness: float


def strokes(pattern: str, rng: np.random.Generator, *, bars: int = LOOP_BARS) -> list[Hit]:
    """What is played of a pattern: decided once for the loop, and now and then otherwise in a single bar."""
    decided = np.array([rng.random() < _CHANCE[sign] for sign in pattern])
    found = []
    for step in range(bars * STEPS):
        sign = pattern[step % len(pattern)]
        played = decided[step % len(pattern)]
        if _CHANCE[sign] < 1.0 and rng.random() < _SECOND_THOUGHT:
            played = rng.random() < _CHANCE[sign]
        if played and sign != ".":
            found.append(Hit(float(step), _LOUDNESS[sign] * rng.uniform(0.85, 1.0)))
    return found


def play(
    grooves: Mapping[str, str],
    rng: np.random.Generator,
    *,
    swing: float,
    fill_chance: float,
    roll_chance: float = 0.0,
) -> dict[str, list[Hit]]:
    """What each drum plays in a loop of four bars.

    swing : how much later every other sixteenth comes, in sixteenths, 0..0.5.
    fill_chance : of an upbeat on the snare (or toms) in the last bar.
    roll_chance : of a roll of the closed hat in each half bar, as in trap.
    """
    played = {drum: strokes(pattern, rng) for drum, pattern in grooves.items()}
    if roll_chance and "closed_hat" in played:
        played["closed_hat"] = _rolled(played["closed_hat"], rng, roll_chance)
    if rng.random() < fill_chance:
        _add_fill(played, rng)
    return {
        drum: [Hit(hit.step + (swing if hit.step % 2.0 == 1.0 else 0.0), hit.loudness) for hit in hits]
        for drum, hits in played.items()
    }


def snare_roll(bars: int, rng: np.random.Generator) -> list[Hit]:
    """The strokes before a drop: quarters, eighths, sixteenths, ever louder."""
    found = []
    total = bars * STEPS
    step = 0.0
    while step < total:
        done = step / total
        found.append(Hit(step, (0.35 + 0.65 * done) * rng.uniform(0.9, 1.0)))
        step += 4.0 if done < 0.4 and bars > 1 else 2.0 if done < 0.7 else 1.0 if done < 0.9 else 0.5
    return found


def _rolled(hits: list[Hit], rng: np.random.Generator, chance: float) -> list[Hit]:
    found = list(hits)
    for half in range(LOOP_BARS * 2):
        if rng.random() >= chance:
            continue
        start = half * 8.0 + float(rng.choice([0.0, 2.0, 4.0, 6.0]))
        length = float(rng.choice([1.0, 2.0, 2.0, 4.0]))
        count = int(rng.choice([2, 3, 3, 4, 6]) * max(1.0, length / 2.0))
        found = [hit for hit in found if not start <= hit.step < start + length]
        rising = rng.random() < 0.5
        for number in range(count):
            loudness = 0.4 + 0.5 * (number if rising else count - number) / count
            found.append(Hit(start + number * length / count, loudness))
    return sorted(found, key=lambda hit: hit.step)


def _add_fill(played: dict[str, list[Hit]], rng: np.random.Generator) -> None:
    """In place: the last beats of the loop get strokes of their own, and perhaps lose the kick."""
    length = int(rng.choice([2, 4, 4, 8]))
    start = LOOP_BARS * STEPS - length
    drum = str(rng.choice(["snare", "tom", "clap", "percussion"]))
    pattern = "".join(rng.choice(["X", "x", "o", "."], size=length, p=[0.25, 0.25, 0.25, 0.25]))
    fill = [Hit(start + step, _LOUDNESS[sign]) for step, sign in enumerate(pattern) if rng.random() < _CHANCE[sign]]
    played[drum] = [hit for hit in played.get(drum, []) if hit.step < start] + fill
    if rng.random() < 0.4:
        played["kick"] = [hit for hit in played.get("kick", []) if hit.step < start]
