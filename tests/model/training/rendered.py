"""Rendered music that is easily told apart: chords, bursts of noise, clicks; by several "artists" each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 16_000


def chords(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Steady tones of a scale that is the artist's, a new chord every second."""
    root_hz = rng.uniform(150.0, 300.0)
    sound = np.zeros(len(times))
    for second in range(int(times[-1]) + 1):
        inside = (times >= second) & (times < second + 1)
        for step in rng.choice(12, 3, replace=False):
            sound[inside] += np.sin(2 * np.pi * root_hz * 2.0 ** (step / 12.0) * times[inside])
    return sound / 3.0


def bursts(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Noise that swells and stops, at the artist's tempo."""
    rate_hz = rng.uniform(1.5, 2.5)
    return rng.standard_normal(len(times)) * (1.0 - (times * rate_hz) % 1.0) ** 2 / 2.0


def clicks(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Short strokes at the artist's tempo, of the artist's pitch."""
    rate_hz, pitch_hz = rng.uniform(4.0, 7.0), rng.uniform(1_500.0, 3_000.0)
    since = (times % (1.0 / rate_hz)) * 1.0
    return np.exp(-since * 150.0) * np.sin(2 * np.pi * pitch_hz * since)


KINDS: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "chords": chords,
    "bursts": bursts,
    "clicks": clicks,
}


def write_song(path: Path, kind: str, seed: int, *, seconds: float = 7.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = KINDS[kind](rng, times) * 10.0 ** (rng.uniform(-20.0, -6.0) / 20.0)
    soundfile.write(path, np.clip(sound, -1.0, 1.0), SAMPLE_RATE)
    return path


def write_music(folder: Path, *, artists: int = 6, songs: int = 2, kinds: tuple[str, ...] = tuple(KINDS)) -> Path:
    """FOLDER/KIND/ARTIST/SONG.wav."""
    for kind in kinds:
        for artist in range(artists):
            for song in range(songs):
                path = folder / kind / f"{kind} artist {artist}" / f"{song}.wav"
                write_song(path, kind, artist * 100 + song)
    return folder
