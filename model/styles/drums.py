"""Drums made by calculation: each stroke is one sound, float32 [samples], mono, of peak 1."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model.styles.effects import band, saturated
from model.styles.waves import falling, noise, tone

# What kicks, snares are like: lowest and highest of what is drawn.
# end and start of the pitch in Hz, its fall in seconds, the decay in seconds, the drive, how loud the click is.
KICKS: Mapping[str, tuple[tuple[float, float], ...]] = {
    "punchy": ((46, 58), (180, 380), (0.018, 0.04), (0.10, 0.20), (1.2, 2.5), (0.1, 0.5)),
    "soft": ((44, 54), (100, 180), (0.015, 0.03), (0.09, 0.16), (0.8, 1.4), (0.0, 0.1)),
    "hard": ((44, 56), (250, 600), (0.02, 0.05), (0.14, 0.26), (4.0, 12.0), (0.2, 0.7)),
    "booming": ((42, 55), (250, 450), (0.03, 0.06), (0.22, 0.36), (2.0, 5.0), (0.3, 0.8)),
    "tight": ((55, 75), (180, 320), (0.012, 0.025), (0.06, 0.11), (1.2, 3.0), (0.3, 0.9)),
    "acoustic": ((55, 72), (110, 180), (0.01, 0.02), (0.06, 0.12), (0.8, 1.5), (0.3, 0.8)),
}
# tone in Hz, its decay, the noise's decay in seconds, share of the noise, its limits in Hz, drive.
SNARES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "acoustic": ((165, 220), (0.05, 0.10), (0.08, 0.16), (0.5, 0.8), (900, 2_000), (6_000, 10_000), (0.8, 1.6)),
    "break": ((190, 280), (0.04, 0.08), (0.05, 0.11), (0.5, 0.75), (900, 2_500), (7_000, 12_000), (1.5, 4.0)),
    "huge": ((180, 240), (0.08, 0.16), (0.12, 0.28), (0.45, 0.7), (500, 1_500), (7_000, 12_000), (2.0, 5.0)),
    "dry": ((170, 330), (0.02, 0.05), (0.03, 0.08), (0.4, 0.8), (1_200, 3_000), (6_000, 10_000), (1.0, 2.0)),
}
DRUMS = (
    "kick", "snare", "clap", "closed_hat", "open_hat", "ride", "shaker", "tom", "percussion", "rim", "crash",
)  # fmt: skip
_METAL = (2.0, 3.0, 4.16, 5.43, 6.79, 8.21)
"""Ratios of the six oscillators from which drum machines make cymbals."""


def make_kit(rng: np.random.Generator, sample_rate: int, *, kick: str, snare: str) -> dict[str, np.ndarray]:
    """One sound for each of `DRUMS`; another `rng` is another kit.

    kick, snare : one of `KICKS` and of `SNARES`.
    """
    brightness = rng.uniform(0.75, 1.3)
    makers = {
        "kick": lambda: _kick(rng, sample_rate, kick),
        "snare": lambda: _snare(rng, sample_rate, snare),
        "clap": lambda: _clap(rng, sample_rate),
        "closed_hat": lambda: _metal(rng, sample_rate, brightness, rng.uniform(0.012, 0.04)),
        "open_hat": lambda: _metal(rng, sample_rate, brightness, rng.uniform(0.08, 0.22)),
        "ride": lambda: _metal(rng, sample_rate, 0.8 * brightness, rng.uniform(0.2, 0.4)),
        "shaker": lambda: _shaker(rng, sample_rate),
        "tom": lambda: _skin(rng, sample_rate, rng.uniform(80, 160), rng.uniform(0.12, 0.25)),
        "percussion": lambda: _skin(rng, sample_rate, rng.uniform(180, 650), rng.uniform(0.03, 0.12)),
        "rim": lambda: _skin(rng, sample_rate, rng.uniform(700, 1_600), rng.uniform(0.008, 0.025)),
        "crash": lambda: _metal(rng, sample_rate, 0.7, rng.uniform(0.5, 0.9)),
    }
    return {drum: makers[drum]() for drum in DRUMS}


def _kick(rng: np.random.Generator, sample_rate: int, kind: str) -> np.ndarray:
    end_hz, start_hz, fall, decay, drive, click = (float(rng.uniform(*limits)) for limits in KICKS[kind])
    length = round(min(4.0 * decay, 0.6) * sample_rate)
    times = np.arange(length) / sample_rate
    pitch = end_hz + (start_hz - end_hz) * np.exp(-times / fall)
    pitch += 1_500.0 * np.exp(-times / 0.003) * (click > 0.05)
    body = tone("sine", pitch, length, sample_rate) * falling(
        length, sample_rate, attack_seconds=0.0008, decay_seconds=decay
    )
    body = saturated(body, drive)
    snap = noise(length, rng) * falling(length, sample_rate, attack_seconds=0.0002, decay_seconds=0.004)
    body += np.float32(0.25 * click) * band(snap, sample_rate, above_hz=1_500.0)
    if kind == "soft":
        body = band(body, sample_rate, below_hz=float(rng.uniform(400, 1_500)))
    return _peak_one(body, sample_rate)


def _snare(rng: np.random.Generator, sample_rate: int, kind: str) -> np.ndarray:
    tone_hz, tone_decay, decay, share, low_hz, high_hz, drive = (float(rng.uniform(*x)) for x in SNARES[kind])
    length = round(5.0 * max(decay, tone_decay) * sample_rate)
    times = np.arange(length) / sample_rate
    pitch = tone_hz * (1.0 + 0.8 * np.exp(-times / 0.01))
    shell = tone("sine", pitch, length, sample_rate) + 0.5 * tone("sine", pitch * 1.6, length, sample_rate)
    shell *= falling(length, sample_rate, attack_seconds=0.0005, decay_seconds=tone_decay)
    wires = band(noise(length, rng), sample_rate, above_hz=low_hz, below_hz=high_hz)
    wires *= falling(length, sample_rate, attack_seconds=0.0005, decay_seconds=decay)
    return _peak_one(saturated(np.float32(1.0 - share) * shell + np.float32(1.5 * share) * wires, drive), sample_rate)


def _clap(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    decay = float(rng.uniform(0.05, 0.14))
    length = round((5.0 * decay + 0.05) * sample_rate)
    level = np.zeros(length, np.float32)
    hands, gap = int(rng.integers(2, 5)), float(rng.uniform(0.007, 0.013))
    for hand in range(hands):
        start = round(hand * gap * sample_rate)
        last = hand == hands - 1
        level[start:] += falling(
            length - start, sample_rate, attack_seconds=0.0005, decay_seconds=decay if last else 0.004
        )
    low_hz, high_hz = float(rng.uniform(700, 1_300)), float(rng.uniform(2_500, 9_000))
    return _peak_one(band(noise(length, rng), sample_rate, above_hz=low_hz, below_hz=high_hz) * level, sample_rate)


def _metal(rng: np.random.Generator, sample_rate: int, brightness: float, decay: float) -> np.ndarray:
    length = round(min(5.0 * decay, 2.0) * sample_rate)
    base_hz = float(rng.uniform(330, 620)) * brightness
    ringing = np.zeros(length, np.float32)
    for ratio in _METAL:
        ringing += tone("square", base_hz * ratio * rng.uniform(0.98, 1.02), length, sample_rate, phase=rng.random())
    share = np.float32(rng.uniform(0.3, 0.9))
    mixed = (1.0 - share) * ringing / 2.4 + share * noise(length, rng)
    mixed = band(mixed, sample_rate, above_hz=float(rng.uniform(4_500, 8_000)) * brightness, order=3)
    return _peak_one(mixed * falling(length, sample_rate, attack_seconds=0.0005, decay_seconds=decay), sample_rate)


def _shaker(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    decay = float(rng.uniform(0.02, 0.05))
    length = round(6.0 * decay * sample_rate)
    level = falling(length, sample_rate, attack_seconds=float(rng.uniform(0.01, 0.03)), decay_seconds=decay)
    hissing = band(noise(length, rng), sample_rate, above_hz=float(rng.uniform(3_500, 6_000)), below_hz=11_000.0)
    return _peak_one(hissing * level, sample_rate)


def _skin(rng: np.random.Generator, sample_rate: int, frequency_hz: float, decay: float) -> np.ndarray:
    length = round(6.0 * decay * sample_rate)
    times = np.arange(length) / sample_rate
    pitch = frequency_hz * (1.0 + rng.uniform(0.1, 0.8) * np.exp(-times / 0.02))
    sound = tone("sine", pitch, length, sample_rate) + np.float32(rng.uniform(0.05, 0.5)) * noise(length, rng)
    return _peak_one(sound * falling(length, sample_rate, attack_seconds=0.0005, decay_seconds=decay), sample_rate)


def _peak_one(sound: np.ndarray, sample_rate: int) -> np.ndarray:
    """Faded out at the very end, so that no stroke ends with a click."""
    fade = min(len(sound), round(0.004 * sample_rate))
    sound = sound.astype(np.float32)
    sound[len(sound) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return sound / (np.max(np.abs(sound)) + np.float32(1e-9))
