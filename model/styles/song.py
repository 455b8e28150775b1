"""A song in a style, from two numbers: who makes it, and which of the artist's songs it is."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from model.styles.arrangement import Stretch, arrange, gain_curve
from model.styles.basses import Bass
from model.styles.chords import Harmony, choose_harmony
from model.styles.drums import make_kit
from model.styles.effects import band, ducking, echo, riser, room, saturated, sweep
from model.styles.grid import Grid
from model.styles.layers import Instrument
from model.styles.patterns import STEPS, Hit, play, snare_roll
from model.styles.style import Limits, Style

SAMPLE_RATE = 32_000
_DRUM_DB = {
    "kick": -2.0, "snare": -4.0, "clap": -6.0, "closed_hat": -13.0, "open_hat": -10.0, "ride": -14.0, "shaker": -16.0,
    "tom": -9.0, "percussion": -12.0, "rim": -12.0, "crash": -11.0,
}  # fmt: skip
"""Peaks of the strokes against full scale; an artist's own are up to 3 dB off."""
_REFERENCE_RMS = 0.25
"""Loudness of a part at 0 dB."""
_PHRASES = 2
"""Different loops of the drums, which take turns."""


@dataclass(frozen=True)
class Song:
    """samples : float32 [n], mono, within -1..1; tempo_bpm : of the quarters; plan : see `model.styles.arrangement`."""

    samples: np.ndarray
    tempo_bpm: float
    plan: str


class Artist:
    """Drum kit, instruments, room and mastering: what an artist's songs have in common."""

    def __init__(self, style: Style, number: int, sample_rate: int = SAMPLE_RATE) -> None:
        rng = np.random.default_rng([zlib.crc32(style.slug.encode()), number])
        self._style = style
        self._number = number
        self._sample_rate = sample_rate
        self._kit = make_kit(rng, sample_rate, kick=str(rng.choice(style.kicks)), snare=str(rng.choice(style.snares)))
        self._drum_gains = {drum: _factor(level + rng.uniform(-3, 3)) for drum, level in _DRUM_DB.items()}
        self._drum_gains["kick"] *= _factor(style.kick_db)
        self._basses = [Bass(timbre, rng, sample_rate) for timbre, _ in style.basses]
        self._instruments = [
            (layer, Instrument(layer.timbre, rng, sample_rate)) for layer in style.layers if rng.random() < layer.chance
        ]
        self._bass_gain = _factor(style.bass_db + rng.uniform(-2.5, 2.5))
        self._layer_gains = [_factor(layer.level_db + rng.uniform(-3, 3)) for layer, _ in self._instruments]
        self._depth = _drawn(rng, style.ducking)
        self._recovery_beats = float(rng.uniform(0.4, 0.9))
        self._decay_seconds = _drawn(rng, style.room_seconds)
        self._room_share = _drawn(rng, style.room_share)
        self._echo = float(rng.uniform(0.15, 0.4)) * (rng.random() < style.echo_chance)
        self._swing = _drawn(rng, style.swing)
        self._drive = _drawn(rng, style.drive)
        self._tilt_db = float(rng.uniform(-3.0, 2.0))
        self._peak = float(rng.uniform(0.5, 0.97))
        self._preferred_bpm = _drawn(rng, style.tempo_bpm)

    def song(self, number: int, seconds: float = 30.0) -> Song:
        """One of the artist's songs, or rather `seconds` from it; the same numbers give the same samples."""
        style, rate = self._style, self._sample_rate
        rng = np.random.default_rng([zlib.crc32(style.slug.encode()), self._number, number])
        # Half of the way back from anywhere in the style's range to what the artist likes.
        grid = Grid.at((self._preferred_bpm + _drawn(rng, style.tempo_bpm)) / 2.0, rate)
        total = round(seconds * rate)
        # It begins anywhere in a bar, as excerpts do.
        early = int(rng.integers(round(STEPS * grid.step)))
        length = total + early
        plans = list(style.plans)
        weights = np.array([style.plans[plan] for plan in plans])
        plan = str(rng.choice(plans, p=weights / weights.sum()))
        stretches = arrange(plan, length, STEPS * grid.step, rng)
        silent_drums = rng.random() < style.drumless
        groove = style.grooves[int(rng.integers(len(style.grooves)))]
        phrases = [
            play(groove, rng, swing=self._swing, fill_chance=style.fill_chance, roll_chance=style.roll_chance)
            for _ in range(_PHRASES)
        ]
        kicks = phrases[0].get("kick", [])
        duck = ducking(
            grid.length,
            np.array([hit.step * grid.step for hit in kicks]),
            depth=0.0 if silent_drums else self._depth,
            recovery=round(self._recovery_beats * 4 * grid.step),
        )
        mix = np.zeros(length, np.float32)
        if not silent_drums:
            for group in ("kick", "drums"):
                loops = [self._drums(phrase, grid, rng, kick=group == "kick") for phrase in phrases]
                mix += _repeated(loops, length) * gain_curve(stretches, group, length, round(0.01 * rate))
        harmony = choose_harmony(
            rng,
            scales=style.scales,
            progressions=style.progressions,
            size=int(rng.choice(style.chord_sizes)),
        )
        if self._basses:
            chosen = int(rng.integers(len(self._basses)))
            bass = self._basses[chosen].play(style.basses[chosen][1], harmony, grid, rng, kicks)
            bass = _levelled(bass, self._bass_gain, grid) * duck
            mix += _repeated([bass], length) * gain_curve(stretches, "bass", length, round(0.01 * rate))
        layers = self._layers(harmony, grid, rng)
        ducked = _repeated([layers * duck], length)
        # Where the kick is silent nothing makes way for it.
        free = _repeated([layers], length)
        kick_curve = gain_curve(stretches, "kick", length, round(0.01 * rate))
        layers = (ducked * kick_curve + free * (1.0 - kick_curve)) * gain_curve(
            stretches, "layers", length, round(0.05 * rate)
        )
        mix += self._opened(layers, stretches, rng)
        self._add_effects(mix, stretches, grid, rng)
        return Song(self._mastered(mix[early:]), grid.tempo_bpm, plan)

    def _drums(self, played: dict[str, list[Hit]], grid: Grid, rng: np.random.Generator, *, kick: bool) -> np.ndarray:
        loop = grid.silence()
        for drum, hits in played.items():
            if (drum == "kick") is kick:
                for hit in hits:
                    grid.put(loop, self._kit[drum], hit.step, hit.loudness * self._drum_gains[drum])
        if kick:
            return loop
        return room(loop, self._sample_rate, rng, decay_seconds=0.5 * self._decay_seconds, share=0.4 * self._room_share)

    def _layers(self, harmony: Harmony, grid: Grid, rng: np.random.Generator) -> np.ndarray:
        total = grid.silence()
        for (layer, instrument), gain in zip(self._instruments, self._layer_gains, strict=True):
            loop = instrument.play(layer.playing, harmony, grid, rng, octave=layer.octave)
            if self._echo and layer.timbre not in ("pad", "drone", "texture"):
                # Three sixteenths: the echo falls between the beats.
                loop = echo(loop, round(3 * grid.step), feedback=0.55, share=self._echo)
            total += _levelled(loop, gain, grid)
        return room(total, self._sample_rate, rng, decay_seconds=self._decay_seconds, share=self._room_share)

    def _opened(self, layers: np.ndarray, stretches: list[Stretch], rng: np.random.Generator) -> np.ndarray:
        """A low-pass on the layers that opens during breaks."""
        if not any(stretch.section.opening for stretch in stretches):
            return layers
        points = 256
        curve = np.full(points, 15_000.0)
        start_hz = rng.uniform(300.0, 1_500.0)
        opening = [stretch for stretch in stretches if stretch.section.opening]
        first, end = opening[0].first / len(layers) * points, opening[-1].end / len(layers) * points
        inside = (np.arange(points) >= first) & (np.arange(points) < end)
        share = (np.arange(points)[inside] - first) / max(end - first, 1.0)
        curve[inside] = start_hz * (15_000.0 / start_hz) ** share
        return sweep(layers, self._sample_rate, curve)

    def _add_effects(self, mix: np.ndarray, stretches: list[Stretch], grid: Grid, rng: np.random.Generator) -> None:
        """Risers and rolls before a drop, a cymbal at its beginning; in place."""
        for stretch in stretches:
            length = stretch.end - stretch.first
            if stretch.section.rising and length > grid.step * 4:
                if rng.random() < 0.8:
                    mix[stretch.first : stretch.end] += riser(length, self._sample_rate, rng) * np.float32(
                        rng.uniform(0.08, 0.3)
                    )
                if rng.random() < 0.75:
                    bars = max(1, round(length / (STEPS * grid.step)))
                    drum = str(rng.choice(["snare", "snare", "clap"]))
                    for hit in snare_roll(bars, rng):
                        _put(
                            mix, self._kit[drum], stretch.first + round(hit.step * grid.step), 0.35 * hit.loudness,
                            stretch.end,
                        )  # fmt: skip
            if stretch.section.strike and rng.random() < 0.8:
                _put(mix, self._kit["crash"], stretch.first, self._drum_gains["crash"], len(mix))

    def _mastered(self, mix: np.ndarray) -> np.ndarray:
        """Loud as records are: nothing below hearing, a tilt, soft clipping, a peak below full scale."""
        rate = self._sample_rate
        dark = band(mix, rate, below_hz=2_500.0, order=1)
        mix = band(dark + _factor(self._tilt_db) * (mix - dark), rate, above_hz=24.0)
        loudness = np.sqrt(np.mean(np.square(mix))) + 1e-6
        mix = saturated(mix * np.float32(0.22 / loudness), self._drive)
        return (mix * np.float32(self._peak / (np.max(np.abs(mix)) + 1e-9))).astype(np.float32)


def _drawn(rng: np.random.Generator, limits: Limits) -> float:
    return float(rng.uniform(*limits))


def _factor(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def _levelled(loop: np.ndarray, gain: float, grid: Grid) -> np.ndarray:
    """At the wanted loudness where it plays: the loudest quarter of its sixteenths counts."""
    steps = loop[: len(loop) // 64 * 64].reshape(64, -1)
    loudness = np.sort(np.sqrt(np.mean(np.square(steps), axis=1)))[-16:].mean()
    return loop * np.float32(gain * _REFERENCE_RMS / (loudness + 1e-6)) if loudness > 1e-6 else loop


def _repeated(loops: list[np.ndarray], length: int) -> np.ndarray:
    """float32 [length]: the loops in turn, over and over."""
    return np.resize(np.concatenate(loops) if len(loops) > 1 else loops[0], length)


def _put(mix: np.ndarray, sound: np.ndarray, start: int, gain: float, end: int) -> None:
    if start < end:
        sound = sound[: end - start]
        mix[start : start + len(sound)] += sound * np.float32(gain)
