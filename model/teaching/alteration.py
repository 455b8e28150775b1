"""What an example goes through before teachers and student hear it: equaliser, room, noise, loudness, clipping, codecs.

`model.augmentation` holds the few, fixed ways in which heads hear whole tracks and evaluations listen; here everything
is random, and mild and hard cases lie on one scale.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile

_EQUALISER_HZ = np.geomspace(40.0, 14_000.0, 7)


def alter(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [n] -> float32 [n], -1..1: each of these by chance, in this order.

    an equaliser of seven bands, up to 9 dB each way (.4); a low-pass at 2.5 to 14 kHz (.35); a high-pass at 60 to
    350 Hz (.15); a room of 0.08 to 0.8 s (.25); noise, white to brown, 6 to 40 dB below (.3); a loudness of -36 to -9
    dBFS (always); too much gain, by up to 12 dB, clipped (.1); MP3 or Vorbis at a low rate (.12).
    """
    length = len(samples)
    padded = 2 ** int(np.ceil(np.log2(length + sample_rate // 2)))
    frequencies_hz = np.fft.rfftfreq(padded, 1.0 / sample_rate)
    response = np.ones(len(frequencies_hz), np.complex128)
    filtered = False
    if rng.random() < 0.4:
        response *= _equaliser(frequencies_hz, rng.uniform(-9.0, 9.0, len(_EQUALISER_HZ)))
        filtered = True
    if rng.random() < 0.35:
        cutoff_hz = np.exp(rng.uniform(np.log(2_500.0), np.log(14_000.0)))
        response /= np.sqrt(1.0 + (frequencies_hz / cutoff_hz) ** rng.choice([8, 16, 40]))
        filtered = True
    if rng.random() < 0.15:
        response /= np.sqrt(1.0 + (rng.uniform(60.0, 350.0) / np.maximum(frequencies_hz, 1.0)) ** 4)
        filtered = True
    if rng.random() < 0.25:
        response *= np.fft.rfft(_room(sample_rate, rng), padded)
        filtered = True
    if filtered:
        samples = np.fft.irfft(np.fft.rfft(samples, padded) * response, padded)[:length]
    if rng.random() < 0.3:
        samples = samples + _noise(length, sample_rate, rng) * _rms(samples) * 10.0 ** (rng.uniform(-40.0, -6.0) / 20.0)
    samples = samples / _rms(samples) * 10.0 ** (rng.uniform(-36.0, -9.0) / 20.0)
    if rng.random() < 0.1:
        samples = samples * 10.0 ** (rng.uniform(0.0, 12.0) / 20.0)
    samples = np.clip(samples, -1.0, 1.0).astype(np.float32)
    return coded(samples, sample_rate, rng) if rng.random() < 0.12 else samples


def coded(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [n] after MP3 or Vorbis of a random, mostly low, quality."""
    content = io.BytesIO()
    soundfile.write(
        content,
        samples,
        sample_rate,
        format=str(rng.choice(["MP3", "OGG"])),
        compression_level=float(rng.uniform(0.3, 0.98)),
    )
    content.seek(0)
    decoded, _ = soundfile.read(content, dtype="float32")
    return np.asarray(np.pad(decoded[: len(samples)], (0, max(0, len(samples) - len(decoded)))))


def _equaliser(frequencies_hz: np.ndarray, gains_db: np.ndarray) -> np.ndarray:
    gain_db = np.interp(np.log(np.maximum(frequencies_hz, 20.0)), np.log(_EQUALISER_HZ), gains_db)
    return np.asarray(10.0 ** (gain_db / 20.0))


def _room(sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """An impulse response: the direct sound, and a decaying tail of noise that is up to as strong."""
    decay_seconds = rng.uniform(0.08, 0.8)
    times = np.arange(round(min(decay_seconds, 0.5) * sample_rate)) / sample_rate
    tail = rng.standard_normal(len(times)) * np.exp(-6.9 * times / decay_seconds)
    tail *= 10.0 ** (rng.uniform(-15.0, 0.0) / 20.0) / np.sqrt(np.sum(np.square(tail)))
    tail[0] += 1.0
    return tail


def _noise(length: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum *= np.maximum(np.fft.rfftfreq(length, 1.0 / sample_rate), 40.0) ** rng.uniform(-1.0, 0.0)
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / (noise.std() + 1e-9))


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) + 1e-6
