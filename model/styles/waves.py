"""Tones from wavetables, frequency modulation and envelopes: what every instrument of the styles is made of.

Sounds are float32 [samples], mono. A table of a wave holds only the harmonics that fit under half the sample rate, so
that nothing folds back.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_TABLE_BITS = 12
_FULL_TURN = 2**32


@lru_cache(maxsize=64)
def _table(wave: str, harmonics: int) -> np.ndarray:
    """float32 [4096], one period, of loudness (rms) 1."""
    turns = np.arange(2**_TABLE_BITS) / 2**_TABLE_BITS
    numbers = np.arange(1, harmonics + 1)
    odd = numbers % 2 == 1
    amplitudes = {
        "sine": numbers == 1,
        "triangle": odd / numbers**2 * np.where(numbers % 4 == 3, -1.0, 1.0),
        "square": odd / numbers,
        "saw": 1.0 / numbers,
        # A string damped by the hand, or an organ: the first few harmonics alone.
        "hollow": (numbers <= 6) * odd / numbers**1.5,
    }[wave].astype(np.float64)
    spectrum = np.zeros(2 ** (_TABLE_BITS - 1) + 1, np.complex128)
    spectrum[1 : harmonics + 1] = -1j * amplitudes
    period = np.fft.irfft(spectrum, len(turns))
    return (period / np.sqrt(np.mean(period**2))).astype(np.float32)


def tone(
    wave: str, frequency_hz: float | np.ndarray, length: int, sample_rate: int, *, phase: float = 0.0
) -> np.ndarray:
    """float32 [length], of loudness (rms) 1.

    wave : "sine", "triangle", "square", "saw" or "hollow".
    frequency_hz : one for the whole tone, or float [length].
    phase : where the period begins, 0..1.
    """
    highest_hz = float(np.max(frequency_hz))
    fitting = max(1, int(0.45 * sample_rate / highest_hz))
    # Rounded down to a power of two, so that there are few tables.
    table = _table(wave, min(2 ** int(np.log2(fitting)), 512))
    start = np.uint32(int(phase % 1.0 * _FULL_TURN))
    # Unsigned numbers wrap round at a full turn by themselves.
    if isinstance(frequency_hz, np.ndarray):
        steps = np.cumsum((frequency_hz / sample_rate * _FULL_TURN).astype(np.uint32), dtype=np.uint32)
    else:
        steps = np.arange(length, dtype=np.uint32) * np.uint32(int(frequency_hz / sample_rate * _FULL_TURN))
    return table[(steps[:length] + start) >> np.uint32(32 - _TABLE_BITS)]


def detuned(
    wave: str,
    frequency_hz: float | np.ndarray,
    length: int,
    sample_rate: int,
    rng: np.random.Generator,
    *,
    voices: int,
    spread_cents: float,
) -> np.ndarray:
    """float32 [length]: several tones a little apart, as in a supersaw or a reese."""
    offsets = np.linspace(-spread_cents, spread_cents, voices) if voices > 1 else np.zeros(1)
    total = np.zeros(length, np.float32)
    for cents in offsets:
        total += tone(wave, frequency_hz * 2.0 ** (cents / 1200.0), length, sample_rate, phase=rng.random())
    return total / np.float32(np.sqrt(voices))


def modulated(
    frequency_hz: float, length: int, sample_rate: int, *, ratio: float, index: float | np.ndarray
) -> np.ndarray:
    """float32 [length]: a sine whose phase another sine moves (Chowning 1973).

    ratio : of the modulator's frequency to the carrier's; whole numbers sound harmonic, others like bells.
    index : how far, in radians; float [length] for a timbre that changes.
    """
    turns = (np.arange(length) * (2.0 * np.pi * frequency_hz / sample_rate)).astype(np.float64)
    modulator = np.sin((turns * ratio) % (2.0 * np.pi))
    return (np.sqrt(2.0) * np.sin(turns % (2.0 * np.pi) + index * modulator)).astype(np.float32)


def falling(length: int, sample_rate: int, *, attack_seconds: float, decay_seconds: float) -> np.ndarray:
    """float32 [length], 0..1: rises within the attack and then falls to a third in each decay."""
    times = np.arange(length, dtype=np.float32) / np.float32(sample_rate)
    rise = np.minimum(1.0, times / np.float32(max(attack_seconds, 1e-4)))
    return (rise * np.exp(-times / np.float32(decay_seconds))).astype(np.float32)


def held(gate: int, sample_rate: int, *, attack_seconds: float, release_seconds: float) -> np.ndarray:
    """float32 [gate + release samples], 0..1: rises, stays while the key is down, fades away."""
    release = max(1, round(release_seconds * sample_rate))
    times = np.arange(gate + release, dtype=np.float32) / np.float32(sample_rate)
    level = np.minimum(1.0, times / np.float32(max(attack_seconds, 1e-4)))
    fade = np.clip((gate + release - np.arange(gate + release, dtype=np.float32)) / np.float32(release), 0.0, 1.0)
    return (level * fade * fade).astype(np.float32)


def noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [length]: white, of loudness (rms) 1."""
    return rng.standard_normal(length, dtype=np.float32)


def pitch_hz(midi: float) -> float:
    """The frequency of a key; 69 is the A of 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))
