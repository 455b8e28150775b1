"""Everything above drums and bass: chords, plucks, melodies, pads, textures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model.styles.chords import Harmony
from model.styles.effects import band, saturated, sweep
from model.styles.grid import Grid
from model.styles.patterns import LOOP_BARS, STEPS, strokes
from model.styles.waves import detuned, falling, held, modulated, noise, pitch_hz, tone

TIMBRES = (
    "pad", "supersaw", "stab", "organ", "rhodes", "pluck", "bell", "strings", "guitar", "piano", "brass", "lead",
    "voice", "metal", "drone", "texture",
)  # fmt: skip
# What is played when, for those that play chords in a rhythm.
_STABS: Mapping[str, tuple[str, ...]] = {
    "stabs": ("X..X..X...x.....", "..x..x..x..x..o.", "X.....X...x..x..", "...x..x....x..x.", "X..x..x.X..x..x."),
    "offbeats": ("..X...X...X...X.", "..X...X...X..xX.", "..X..oX...X.x.X."),
    "anthem": ("X..X..X.X..X..X.", "X..X..X..X..X.X.", "X.X..X.XX..X..X.", "X...X..X...X..X."),
    "strum": ("X.oxx.oxX.oxx.ox", "..xx..xo..xx.oxx", "x-xox-xox-xox-xo"),
    "hits": ("X...............................", "...x......x.....", "..........x....."),
    "gallop": ("X.xxX.xxX.xxX.xx", "XxxXxxXxxXxxXxxX", "X.XX.XX.X.XX.XX."),
}
PLAYING = ("held", "arp", "slow arp", "melody", "long melody", "still", *_STABS)
_SUSTAINED = {
    "pad": (0.25, 0.4), "supersaw": (0.006, 0.12), "strings": (0.09, 0.25), "brass": (0.03, 0.08),
    "lead": (0.008, 0.06), "voice": (0.03, 0.1), "drone": (0.5, 0.5),
}  # fmt: skip
"""Attack and release in seconds of timbres that sound as long as they are held."""

Note = tuple[float, tuple[int, ...], float, float]
"""Step, keys, length in steps, loudness."""


class Instrument:
    """An instrument with settings of its own; another `rng` is another instrument."""

    def __init__(self, timbre: str, rng: np.random.Generator, sample_rate: int) -> None:
        self._timbre = timbre
        self._sample_rate = sample_rate
        self._wave = str(rng.choice(["saw", "saw", "square", "triangle"]))
        self._spread = float(rng.uniform(8, 28))
        self._decay = float(rng.uniform(0.08, 0.3))
        self._cutoff_hz = float(rng.uniform(500, 2_500))
        self._ratio = float(rng.choice([1.41, 2.76, 3.5, 5.4]))
        self._index = float(rng.uniform(0.8, 3.5))
        self._formants_hz = tuple(float(f) for f in rng.uniform((350, 900, 2_200), (800, 1_800, 3_200)))
        self._mover = float(rng.uniform(0.3, 1.5))

    def play(self, playing: str, harmony: Harmony, grid: Grid, rng: np.random.Generator, *, octave: int) -> np.ndarray:
        """float32 [loop]: what it plays over the chords; playing : one of `PLAYING`."""
        loop = grid.silence()
        if self._timbre == "texture":
            curve = 400.0 * 2.0 ** (2.0 + 2.0 * np.sin(np.linspace(0, 2 * np.pi, 64) + rng.uniform(0, 6)))
            return band(sweep(noise(grid.length, rng), self._sample_rate, curve), self._sample_rate, above_hz=200.0)
        for step, keys, steps, loudness in self._score(playing, harmony, rng):
            for key in keys:
                # A little early or late, as hands are: notes of a chord then do not add up to a click.
                late = rng.uniform(0.0, 0.04)
                sound = self._note(pitch_hz(key + 12 * octave), round(steps * grid.step), rng)
                grid.put(loop, sound, step + late, loudness)
        return self._finish(loop, rng)

    def _score(self, playing: str, harmony: Harmony, rng: np.random.Generator) -> list[Note]:
        """All notes of the loop."""
        if playing in ("held", "still"):
            chords = [harmony.chords[0]] * LOOP_BARS if playing == "still" else harmony.chords
            return [(float(bar * STEPS), chord.notes, 15.5, 1.0) for bar, chord in enumerate(chords)]
        if playing in ("arp", "slow arp"):
            return self._arpeggio(harmony, 1 if playing == "arp" else int(rng.choice([2, 4])), rng)
        if playing in ("melody", "long melody"):
            return self._melody(harmony, rng, long=playing == "long melody")
        hits = strokes(str(rng.choice(_STABS[playing])), rng)
        length = float(rng.choice([1.0, 1.5, 2.0]))
        return [(hit.step, harmony.chords[int(hit.step) // STEPS].notes, length, hit.loudness) for hit in hits]

    def _arpeggio(self, harmony: Harmony, every: int, rng: np.random.Generator) -> list[Note]:
        size = int(rng.choice([3, 4, 6, 8, 16]))
        order = rng.permutation(size) if rng.random() < 0.5 else np.arange(size)
        rests = rng.random(16) < rng.choice([0.0, 0.15, 0.3])
        score: list[Note] = []
        for number, step in enumerate(range(0, LOOP_BARS * STEPS, every)):
            if rests[number % 16]:
                continue
            notes = harmony.chords[step // STEPS].notes
            place = int(order[number % size])
            key = notes[place % len(notes)] + 12 * (place // len(notes) % 2)
            score.append((float(step), (key,), 0.9 * every, float(rng.uniform(0.7, 1.0))))
        return score

    def _melody(self, harmony: Harmony, rng: np.random.Generator, *, long: bool) -> list[Note]:
        motif_bars = int(rng.choice([1, 2]))
        pattern = (
            "X...o...x...o.o."
            if long
            else str(rng.choice(["X..x..x.x.o.x.o.", "x.ox..xo.x.xo.x.", "X.x.xx.xX.x.x.xo"]))
        )
        hits = strokes(pattern, rng, bars=motif_bars)
        # A walk along the scale, the same in every repetition but for the bar's chord on strong beats.
        places = np.clip(np.cumsum(rng.integers(-2, 3, size=max(len(hits), 1))) + 3, 0, len(harmony.melody) - 1)
        score: list[Note] = []
        for repetition in range(LOOP_BARS // motif_bars):
            for number, hit in enumerate(hits):
                step = hit.step + repetition * motif_bars * STEPS
                key = harmony.melody[int(places[number])]
                if hit.step % 8 == 0:
                    notes = np.array(harmony.chords[int(step) // STEPS].notes) + 12
                    key = int(notes[np.argmin(np.abs(notes - key))])
                following = hits[number + 1].step if number + 1 < len(hits) else motif_bars * STEPS
                score.append((step, (key,), min(following - hit.step, 12.0 if long else 3.0) * 0.9, hit.loudness))
        return score

    def _note(self, frequency_hz: float, gate: int, rng: np.random.Generator) -> np.ndarray:
        rate, timbre = self._sample_rate, self._timbre
        if timbre in _SUSTAINED:
            attack, release = _SUSTAINED[timbre]
            envelope = held(gate, rate, attack_seconds=attack, release_seconds=release)
            length = len(envelope)
            voices = {"supersaw": 6, "strings": 4, "pad": 3, "drone": 4}.get(timbre, 2)
            wave = self._wave if timbre in ("pad", "lead", "drone") else "saw"
            deep = frequency_hz / 4 if timbre == "drone" else frequency_hz
            sound = detuned(wave, deep, length, rate, rng, voices=voices, spread_cents=self._spread)
            return sound * envelope
        length = round(min(max(gate / rate, 5.0 * self._length()), 2.5) * rate)
        envelope = falling(length, rate, attack_seconds=0.0015, decay_seconds=self._length())
        bright = falling(length, rate, attack_seconds=0.0015, decay_seconds=0.4 * self._length())
        if timbre in ("bell", "metal"):
            ratio = self._ratio if timbre == "bell" else self._ratio * 0.77
            return modulated(frequency_hz, length, rate, ratio=ratio, index=self._index * bright) * envelope
        if timbre == "rhodes":
            body = modulated(frequency_hz, length, rate, ratio=1.0, index=0.8 * self._index * bright)
            return (body + 0.15 * tone("sine", 7 * frequency_hz, length, rate) * bright) * envelope
        if timbre == "piano":
            body = modulated(frequency_hz, length, rate, ratio=1.0, index=1.5 * bright)
            return (body + 0.5 * tone("saw", frequency_hz, length, rate) * bright) * envelope
        if timbre == "organ":
            body = tone("hollow", frequency_hz, length, rate) + 0.5 * tone("sine", 2 * frequency_hz, length, rate)
            return (body + tone("sine", 0.5 * frequency_hz, length, rate)) * envelope
        raw = detuned(
            "saw", frequency_hz, length, rate, rng, voices=2 if timbre != "stab" else 4, spread_cents=self._spread
        )
        # Bright at first: the highs fade faster than the lows.
        soft = tone("triangle", frequency_hz, length, rate)
        sound = 0.6 * soft + raw * bright
        if timbre == "guitar":
            sound += np.float32(0.3) * noise(length, rng) * np.square(bright)
        return sound * envelope

    def _length(self) -> float:
        """Decay in seconds."""
        return self._decay * {"guitar": 0.3, "pluck": 0.7, "bell": 3.0, "rhodes": 2.0, "piano": 1.8}.get(
            self._timbre, 1.0
        )

    def _finish(self, loop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rate = self._sample_rate
        if self._timbre in ("pad", "drone"):
            moving = np.sin(np.linspace(0, 2 * np.pi, 64) + rng.uniform(0, 6))
            return sweep(loop, rate, self._cutoff_hz * 2.0 ** (self._mover * moving), resonance=0.3)
        if self._timbre == "voice":
            parts = [
                band(loop, rate, above_hz=0.85 * f, below_hz=1.15 * f, order=3, ring=True) for f in self._formants_hz
            ]
            return (parts[0] + 0.6 * parts[1] + 0.3 * parts[2]).astype(np.float32)
        if self._timbre == "guitar":
            return band(loop, rate, above_hz=350.0, below_hz=4_500.0, ring=True)
        if self._timbre in ("lead", "brass"):
            return band(saturated(loop, 0.6), rate, above_hz=150.0, below_hz=3.0 * self._cutoff_hz, ring=True)
        if self._timbre in ("strings", "stab", "organ"):
            return band(loop, rate, above_hz=150.0, below_hz=2.5 * self._cutoff_hz, ring=True)
        return band(loop, rate, above_hz=120.0, ring=True)
