"""Basses: what they sound like, and the lines they play."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.styles.chords import Harmony
from model.styles.effects import band, saturated, sweep
from model.styles.grid import Grid
from model.styles.patterns import LOOP_BARS, STEPS, Hit, strokes
from model.styles.waves import detuned, falling, held, modulated, pitch_hz, tone


@dataclass(frozen=True)
class Line:
    """patterns : one of them is played; gate : how much of the time to the next note it sounds.

    longest : sixteenths; pitches : "root", "octaves", "fifths" (now and then) or "riff" (notes of the chord).
    """

    patterns: tuple[str, ...]
    gate: float
    longest: float
    pitches: str


LINES: Mapping[str, Line] = {
    "offbeat": Line(("..X...X...X...X.",), 1.0, 1.9, "root"),
    "rolling": Line((".XXX.XXX.XXX.XXX", "..XX..XX..XX..XX", ".XXX.XXX.XxX.XoX"), 0.8, 1.0, "root"),
    "eighths": Line(("X.X.X.X.X.X.X.X.", "..X.X.X...X.X.X."), 0.8, 2.0, "root"),
    "octaves": Line(("X.X.X.X.X.X.X.X.", "X.XoX.XoX.XoX.Xx", "X.xXX.x.X.xXX.xx"), 0.7, 1.8, "octaves"),
    "funky": Line(("X..x.xX...Xx.o-o", "X.-x..Xo.xX..x.x", "X..X..xoX..x.ox."), 0.7, 2.5, "fifths"),
    "syncopated": Line(
        ("X..x..x...x..x..", "..x..xX...x..xo.", "X.....x..x....o.", ".-x..x..x.-x..x."), 0.7, 3.0, "fifths"
    ),
    "riff": Line(("X.xo.xx.X.o.xxo.", "xxoxx.xoxxo.x.xx", "X..X..X.x..x..x."), 0.8, 2.0, "riff"),
    "bouncing": Line(
        ("..X..X..X...x.X.", "..XX..X...XX.oX.", "X..X..X..xX...x.", "..X.xX....X.x.Xo"), 0.7, 1.6, "riff"
    ),
    "long": Line(("X...............", "X...............X.........o.....", "X.........o....."), 1.0, 16.0, "root"),
    "halftime": Line(
        ("X.....x...X..o..", "X..x........X.o.", "X.........X..x..", "X..X..x...o....."), 0.95, 8.0, "fifths"
    ),
    "talking": Line(
        ("X...X...X...X.x.", "X.x.X...X.x.XxX.", "X...xxX.X..xX...", "X..X..X.X.X.XXX."), 0.9, 4.0, "fifths"
    ),
    "rumble": Line(("..xx..xx..xx..xx", ".xxx.xxx.xxx.xxx"), 1.0, 1.0, "root"),
}


class Bass:
    """A bass with settings of its own; another `rng` is another instrument."""

    def __init__(self, timbre: str, rng: np.random.Generator, sample_rate: int) -> None:
        self._timbre = timbre
        self._sample_rate = sample_rate
        self._spread = float(rng.uniform(8, 35))
        self._voices = int(rng.integers(2, 4))
        self._drive = float(rng.uniform(1.2, 5.0))
        self._cutoff_hz = float(rng.uniform(180, 700))
        self._decay = float(rng.uniform(0.07, 0.22))
        self._ratio = float(rng.choice([0.5, 1.0, 1.0, 2.0, 3.0, 1.5]))
        self._index = float(rng.uniform(1.5, 7.0))
        self._resonance = float(rng.uniform(1.5, 6.0))
        self._wave = str(rng.choice(["saw", "square"]))
        self._sub = float(rng.uniform(0.4, 1.0))
        self._rates = tuple(float(rate) for rate in rng.choice([0.5, 1.0, 2.0, 3.0, 4.0, 6.0], size=3))

    def play(
        self, line: str, harmony: Harmony, grid: Grid, rng: np.random.Generator, kicks: Sequence[Hit]
    ) -> np.ndarray:
        """float32 [loop]; kicks : the strokes of the kick drum, which "808" follows."""
        loop, sub = grid.silence(), grid.silence()
        chosen = LINES[line]
        hits = strokes(str(rng.choice(chosen.patterns)), rng)
        if self._timbre == "808":
            # The long bass is the kick drum's tail.
            extra = [hit for hit in hits if rng.random() < 0.3]
            hits = sorted({hit.step: hit for hit in [*extra, *kicks]}.values(), key=lambda hit: hit.step)
        for number, hit in enumerate(hits):
            following = hits[(number + 1) % len(hits)].step
            room = (following - hit.step) % (LOOP_BARS * STEPS) or LOOP_BARS * STEPS
            gate = round(min(room * chosen.gate, chosen.longest) * grid.step)
            key = self._key(chosen.pitches, harmony, int(hit.step), number, rng)
            grid.put(loop, self._note(pitch_hz(key), max(gate, 64), grid.length), hit.step, hit.loudness)
            if self._timbre in ("growl", "wobble", "reese"):
                low = 12 * (key >= 41)
                sub_note = (
                    tone("sine", pitch_hz(key - low), gate, self._sample_rate)
                    * held(gate, self._sample_rate, attack_seconds=0.004, release_seconds=0.02)[:gate]
                )
                grid.put(sub, sub_note, hit.step, hit.loudness)
        return self._finish(loop, sub, grid, rng)

    def _key(self, pitches: str, harmony: Harmony, step: int, number: int, rng: np.random.Generator) -> int:
        chord = harmony.chords[min(step // STEPS, LOOP_BARS - 1)]
        # A bass goes down to about 30 Hz; where loudspeakers end, it is played an octave higher.
        root = chord.root - 12 if chord.root >= 43 and self._timbre in ("sub", "808", "rumble") else chord.root
        if pitches == "octaves":
            return root + 12 * (number % 2)
        if pitches == "fifths" and rng.random() < 0.2:
            return root + int(rng.choice([7, 12, -2]))
        if pitches == "riff" and rng.random() < 0.45:
            return root + int(rng.choice([note - chord.root for note in chord.notes])) % 12 + 12 * (rng.random() < 0.3)
        return root

    def _note(self, frequency_hz: float, gate: int, longest: int) -> np.ndarray:
        rate = self._sample_rate
        seed = np.random.default_rng(int(1000 * frequency_hz))
        if self._timbre == "808":
            length = min(longest, max(gate, round(0.25 * rate)))
            bend = frequency_hz * (1.0 + 1.5 * np.exp(-np.arange(length) / (0.03 * rate)))
            sound = tone("sine", bend, length, rate) * falling(length, rate, attack_seconds=0.002, decay_seconds=0.7)
            return saturated(sound, self._drive) * _end(length, rate)
        envelope = held(gate, rate, attack_seconds=0.004, release_seconds=0.03)
        length = len(envelope)
        if self._timbre in ("sub", "rumble"):
            sound = tone("sine", frequency_hz, length, rate) + 0.15 * tone("triangle", 2 * frequency_hz, length, rate)
            return saturated(sound, 0.8) * envelope
        if self._timbre == "round":
            sound = tone("triangle", frequency_hz, length, rate) + 0.4 * tone(self._wave, frequency_hz, length, rate)
            return band(sound, rate, below_hz=self._cutoff_hz) * envelope
        if self._timbre in ("pluck", "slap", "acid"):
            raw = detuned(self._wave, frequency_hz, length, rate, seed, voices=self._voices - 1, spread_cents=6.0)
            if self._timbre == "acid":
                return raw * envelope
            dark = band(raw, rate, below_hz=self._cutoff_hz)
            opening = falling(length, rate, attack_seconds=0.001, decay_seconds=self._decay * 0.6)
            sound = dark + 0.8 * (raw - dark) * opening
            if self._timbre == "slap":
                sound += 0.5 * tone("hollow", 2 * frequency_hz, length, rate) * opening
            return sound * envelope
        if self._timbre == "donk":
            index = self._index * falling(length, rate, attack_seconds=0.001, decay_seconds=self._decay * 0.5)
            sound = modulated(frequency_hz * 2, length, rate, ratio=self._ratio, index=index)
            body = tone("square", frequency_hz, length, rate)
            decay = falling(length, rate, attack_seconds=0.002, decay_seconds=2.5 * self._decay)
            return (0.8 * sound + 0.4 * band(body, rate, below_hz=900.0)) * decay * envelope
        if self._timbre == "growl":
            index = self._index * (0.6 + 0.4 * np.sin(np.arange(length) / rate * 2 * np.pi * self._rates[0] * 2))
            sound = modulated(frequency_hz, length, rate, ratio=self._ratio, index=index)
            sound += detuned("saw", frequency_hz, length, rate, seed, voices=2, spread_cents=self._spread)
            return saturated(sound, self._drive) * envelope
        # A reese or a wobble begins as a few saws that beat against each other.
        sound = detuned("saw", frequency_hz, length, rate, seed, voices=self._voices, spread_cents=self._spread)
        return sound * envelope

    def _finish(self, loop: np.ndarray, sub: np.ndarray, grid: Grid, rng: np.random.Generator) -> np.ndarray:
        """What is done to the whole line: filters that move, distortion, the sub below."""
        rate = self._sample_rate
        if self._timbre == "reese":
            moving = self._cutoff_hz * 2.0 ** (1.2 + np.sin(np.linspace(0, 2 * np.pi, 64) + rng.uniform(0, 6)))
            moved = band(sweep(loop, rate, moving, resonance=0.5), rate, above_hz=90.0, ring=True)
            return saturated(moved, 0.5 * self._drive) + np.float32(self._sub) * sub
        if self._timbre in ("growl", "wobble"):
            curve = self._wobble(rng)
            talking = sweep(loop, rate, curve, resonance=self._resonance)
            if self._timbre == "growl":
                talking += 0.7 * sweep(loop, rate, curve[::-1] * 2.2, resonance=self._resonance)
            talking = saturated(talking, self._drive)
            return band(talking, rate, above_hz=90.0, ring=True) + np.float32(self._sub) * sub
        if self._timbre == "acid":
            beats = np.linspace(0, LOOP_BARS * STEPS, len(loop) // 256) % 1.0
            slow = np.sin(np.linspace(0, 2 * np.pi, len(beats)) + rng.uniform(0, 6))
            cutoff = self._cutoff_hz * 2.0 ** (1.0 + 0.8 * slow + 2.0 * np.exp(-beats * 4.0))
            return saturated(sweep(loop, rate, cutoff, resonance=2 * self._resonance), 0.5 * self._drive)
        if self._timbre == "rumble":
            return band(saturated(loop, self._drive), rate, below_hz=150.0, ring=True)
        return loop

    def _wobble(self, rng: np.random.Generator) -> np.ndarray:
        """Cut-off in Hz, 64 values a beat: an oscillation whose rate changes from half bar to half bar."""
        points = 128
        parts = []
        for _ in range(LOOP_BARS * 2):
            cycles = float(rng.choice(self._rates)) * 2.0
            turn = np.arange(points) / points * cycles
            shapes: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
                lambda x: 0.5 - 0.5 * np.cos(2 * np.pi * x),
                lambda x: 1.0 - x % 1.0,
                lambda x: x % 1.0,
            )
            parts.append(shapes[int(rng.integers(3))](turn))
        return 140.0 * 2.0 ** (4.0 * np.concatenate(parts))


def _end(length: int, sample_rate: int) -> np.ndarray:
    fade = min(length, round(0.02 * sample_rate))
    level = np.ones(length, np.float32)
    level[length - fade :] = np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return level
