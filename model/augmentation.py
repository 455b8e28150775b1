"""What a room, a microphone or a codec does to music, so that a head can learn not to mind.

Genres are not spread evenly over recording qualities (old blues is dull, new metal is bright), and a head trained on
clean files learns "dull means blues". Every training track is therefore also heard through other ears.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr

TEMPO_CHANGE = 0.06
"""What DJs and bands allow themselves with a dance."""

Alteration = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


def band_limited(samples: np.ndarray, sample_rate: int, cutoff_hz: float) -> np.ndarray:
    """float32 [n] without what is above `cutoff_hz` (a steep slope, a tenth of the cutoff wide)."""
    spectrum = np.fft.rfft(samples)
    frequencies_hz = np.fft.rfftfreq(len(samples), 1.0 / sample_rate)
    spectrum *= np.clip((1.05 * cutoff_hz - frequencies_hz) / (0.1 * cutoff_hz), 0.0, 1.0)
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def plain(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """As it is."""
    return samples


def telephone(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Nothing above 4 kHz: the narrowest bandwidth in use for music. Not random: evaluations use it too."""
    return band_limited(samples, sample_rate, 4_000.0)


def quiet(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """16 dB weaker: turned down, or played far from its loudness on a record."""
    return (samples * np.float32(10.0 ** (-16.0 / 20.0))).astype(np.float32)


def microphone(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A loudspeaker, a room and a cheap microphone: all at random, and mild enough to know the music by.

    In order: a loudness of -30 to -12 dBFS (rms); a tilt of up to 6 dB per octave around 1 kHz; no bass below 40 to
    200 Hz and a roll-off at 4 to 7.5 kHz; a room of 0.1 to 0.5 s; noise 15 to 40 dB below; clipping at full scale.
    """
    rms = float(np.sqrt(np.mean(np.square(samples)))) + 1e-6
    altered = samples * (10.0 ** (rng.uniform(-30.0, -12.0) / 20.0) / rms)
    length = 2 ** int(np.ceil(np.log2(len(altered) + sample_rate // 2)))
    frequencies_hz = np.fft.rfftfreq(length, 1.0 / sample_rate)
    octaves = np.log2(np.maximum(frequencies_hz, 30.0) / 1_000.0)
    response = 10.0 ** (rng.uniform(-6.0, 3.0) * np.clip(octaves, -3.0, 3.0) / 20.0)
    response /= np.sqrt(1.0 + (rng.uniform(40.0, 200.0) / np.maximum(frequencies_hz, 1.0)) ** 4)
    response /= np.sqrt(1.0 + (frequencies_hz / rng.uniform(4_000.0, 7_500.0)) ** 12)
    echo = _room(sample_rate, rng)
    spectrum = np.fft.rfft(altered, length) * response * np.fft.rfft(echo, length)
    altered = np.fft.irfft(spectrum, length)[: len(samples)]
    noise = rng.standard_normal(len(samples)) * np.sqrt(np.mean(np.square(altered)))
    altered += noise * 10.0 ** (rng.uniform(-40.0, -15.0) / 20.0)
    return np.clip(altered, -1.0, 1.0).astype(np.float32)


def faster(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Played 6 % faster, and higher by as much, as on a turntable; float32 [n / 1.06]."""
    return _played(samples, sample_rate, 1.0 + TEMPO_CHANGE)


def slower(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Played 6 % slower, and lower by as much; float32 [n / 0.94]."""
    return _played(samples, sample_rate, 1.0 - TEMPO_CHANGE)


ALTERATIONS: dict[str, Alteration] = {
    "plain": plain,
    "quiet": quiet,
    "telephone": telephone,
    "microphone": microphone,
    "faster": faster,
    "slower": slower,
}


def _played(samples: np.ndarray, sample_rate: int, speed: float) -> np.ndarray:
    return soxr.resample(samples, sample_rate * speed, sample_rate).astype(np.float32)


def _room(sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """An impulse response: the direct sound and a decaying tail of noise, the tail 3 to 15 dB weaker."""
    decay_seconds = rng.uniform(0.1, 0.5)
    times = np.arange(round(decay_seconds * sample_rate)) / sample_rate
    tail = rng.standard_normal(len(times)) * np.exp(-6.9 * times / decay_seconds)
    tail *= 10.0 ** (rng.uniform(-15.0, -3.0) / 20.0) / np.sqrt(np.sum(np.square(tail)))
    tail[0] += 1.0
    return tail
