"""What is done to sound after it was played: filters, room, echo, ducking, saturation.

Sounds are float32 [samples], mono. Loops are treated as rings: what rings on after the end is heard at the beginning,
so that a loop can be repeated without a seam.
"""

from __future__ import annotations

import numpy as np

from model.styles.waves import noise

_FRAME = 1024
_HOP = 256


def band(
    samples: np.ndarray,
    sample_rate: int,
    *,
    above_hz: float = 0.0,
    below_hz: float = 0.0,
    order: int = 2,
    ring: bool = False,
) -> np.ndarray:
    """float32 [n] with Butterworth slopes and without delay; a limit of 0 is none.

    order : 6 dB per octave each.
    ring : whether the sound is a loop. Otherwise it is given room to ring out, and cut.
    """
    length = len(samples) if ring else 2 ** int(np.ceil(np.log2(len(samples) + 256)))
    spectrum = np.fft.rfft(samples, length)
    frequencies_hz = np.maximum(np.fft.rfftfreq(length, 1.0 / sample_rate), 1.0).astype(np.float32)
    response = np.ones(len(spectrum), np.float32)
    if below_hz:
        response /= np.sqrt(1.0 + (frequencies_hz / below_hz) ** (2 * order))
    if above_hz:
        response /= np.sqrt(1.0 + (above_hz / frequencies_hz) ** (2 * order))
    return np.fft.irfft(spectrum * response, length)[: len(samples)].astype(np.float32)


def sweep(samples: np.ndarray, sample_rate: int, cutoff_hz: np.ndarray, *, resonance: float = 0.0) -> np.ndarray:
    """float32 [n]: a low-pass whose cut-off moves, in short frames that overlap.

    cutoff_hz : float [any number], spread evenly over the sound.
    resonance : height of the peak at the cut-off, as a factor less one.
    """
    count = -(-len(samples) // _HOP) + _FRAME // _HOP
    padded = np.zeros((count - 1) * _HOP + _FRAME, np.float32)
    padded[_FRAME // 2 : _FRAME // 2 + len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    # The square root of Hann before and after: overlapping frames add up to one.
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_FRAME) / _FRAME)).astype(np.float32)
    spectra = np.fft.rfft(frames * window)
    places = np.linspace(0.0, len(cutoff_hz) - 1.0, len(frames))
    cutoffs = np.interp(places, np.arange(len(cutoff_hz)), cutoff_hz).astype(np.float32)[:, None]
    octaves = np.log2(np.maximum(np.fft.rfftfreq(_FRAME, 1.0 / sample_rate), 15.0)).astype(np.float32)
    distance = octaves - np.log2(np.maximum(cutoffs, 20.0))
    response = 1.0 / np.sqrt(1.0 + 2.0 ** np.clip(8.0 * distance, -40.0, 40.0))
    if resonance:
        response += np.float32(resonance) * np.exp(-np.square(distance / 0.25))
    parts = np.fft.irfft(spectra * response, _FRAME) * (window * np.float32(_HOP / _FRAME * 2.0))
    parts = parts.astype(np.float32)
    total = np.zeros(len(padded), np.float32)
    for offset in range(_FRAME // _HOP):
        # Every fourth frame lies end to end, so four additions are enough.
        some = parts[offset :: _FRAME // _HOP].reshape(-1)
        start = offset * _HOP
        total[start : start + len(some)] += some[: len(total) - start]
    return total[_FRAME // 2 : _FRAME // 2 + len(samples)]


def room(
    samples: np.ndarray,
    sample_rate: int,
    rng: np.random.Generator,
    *,
    decay_seconds: float,
    share: float,
    above_hz: float = 180.0,
    below_hz: float = 6_000.0,
) -> np.ndarray:
    """float32 [n]: a loop in a room, made of noise that fades to a thousandth within the decay; share 0..1."""
    length = min(len(samples), round(1.2 * decay_seconds * sample_rate))
    times = np.arange(length, dtype=np.float32) / np.float32(sample_rate)
    impulse = noise(length, rng) * np.exp(-6.9 * times / np.float32(decay_seconds))
    impulse = band(impulse, sample_rate, above_hz=above_hz, below_hz=below_hz)
    impulse /= np.sqrt(np.sum(np.square(impulse))) + 1e-9
    wet = np.fft.irfft(np.fft.rfft(samples) * np.fft.rfft(impulse, len(samples)), len(samples))
    return (samples * np.float32(1.0 - share) + wet.astype(np.float32) * np.float32(1.4 * share)).astype(np.float32)


def echo(samples: np.ndarray, delay: int, *, feedback: float, share: float) -> np.ndarray:
    """float32 [n]: a loop with its echoes, `delay` samples apart, each weaker by the factor `feedback`."""
    total = samples.copy()
    gain = share
    for number in range(1, 7):
        total += np.roll(samples, number * delay) * np.float32(gain)
        gain *= feedback
        if gain < 0.02:
            break
    return total


def ducking(length: int, onsets: np.ndarray, *, depth: float, recovery: int) -> np.ndarray:
    """float32 [length], 1 - depth .. 1: the gain of a loop that makes way for every kick at `onsets` (samples)."""
    gain = np.ones(length, np.float32)
    recovery = min(recovery, length)
    shape = 1.0 - depth * (1.0 - np.arange(recovery, dtype=np.float32) / recovery) ** 1.5
    for onset in onsets:
        places = (int(onset) + np.arange(recovery)) % length
        gain[places] = np.minimum(gain[places], shape)
    return gain


def saturated(samples: np.ndarray, drive: float) -> np.ndarray:
    """float32 [n]: louder by `drive` and softly held within -1..1; small sounds keep their level."""
    return (np.tanh(samples * np.float32(drive)) / np.float32(np.tanh(drive))).astype(np.float32)


def riser(length: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [length], -1..1: noise that rises in pitch and level, as before a drop."""
    rising = np.linspace(0.0, 1.0, 64)
    swept = sweep(noise(length, rng), sample_rate, 300.0 * 30.0**rising, resonance=rng.uniform(1.0, 5.0))
    swept *= np.linspace(0.0, 1.0, length, dtype=np.float32) ** 2
    return swept / (np.max(np.abs(swept)) + np.float32(1e-9))
