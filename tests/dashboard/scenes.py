"""What a made-up network says over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from stream.records import Verdict

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
TAGS = (
    "guitar",
    "classical",
    "slow",
    "techno",
    "strings",
    "drums",
    "electronic",
    "rock",
    "fast",
    "piano",
    "female vocal",
)
TAGS += tuple(f"tag {number}" for number in range(len(TAGS), 50))
Scene = Callable[[float], tuple[Verdict, np.ndarray]]


def genres_scene(time: float) -> tuple[Verdict, np.ndarray]:
    """Jazz, rock, doubt, reggae, silence, classical, metal: about ten seconds each, blended at the edges."""
    parts: list[tuple[float, Verdict, dict[str, float]]] = [
        (13, Verdict.SURE, {"jazz": 4.6, "blues": 3.0, "classical": 1.5}),
        (24, Verdict.SURE, {"rock": 4.4, "metal": 2.6, "pop": 2.2}),
        (31, Verdict.NOT_SURE, {"pop": 2.2, "country": 2.1, "disco": 2.0, "rock": 1.9}),
        (42, Verdict.SURE, {"reggae": 5.0, "hiphop": 2.8}),
        (48, Verdict.SILENCE, {}),
        (59, Verdict.SURE, {"classical": 6.0}),
        (999, Verdict.SURE, {"metal": 4.9, "rock": 3.6, "hiphop": 1.0}),
    ]
    start = 0.0
    verdict, weights = parts[0][1:]
    for end, *rest in parts:
        verdict, weights = rest
        if time <= end:
            break
        start = end
    if verdict is Verdict.SILENCE:
        return verdict, np.zeros(len(GENRES), np.float32)
    rise = 1 - math.exp(-(time - start + 0.4) / 1.2)
    wobble = 0.35 * np.sin(np.arange(len(GENRES)) * 2.1 + time * (0.4 + 0.07 * np.arange(len(GENRES))))
    logits = np.array([weights.get(label, 0.0) for label in GENRES]) * rise + wobble
    shares = np.exp(logits)
    return verdict, (shares / shares.sum()).astype(np.float32)


def steady_scene(label: str, labels: Sequence[str] = GENRES) -> Scene:
    """Always the same answer."""
    shares = np.full(len(labels), 0.2 / (len(labels) - 1), np.float32)
    shares[labels.index(label)] = 0.8
    return lambda _time: (Verdict.SURE, shares)


def doubt_scene(_time: float) -> tuple[Verdict, np.ndarray]:
    return Verdict.NOT_SURE, genres_scene(28.0)[1]


def silence_scene(_time: float) -> tuple[Verdict, np.ndarray]:
    return Verdict.SILENCE, np.zeros(len(GENRES), np.float32)


def no_music_scene(_time: float) -> tuple[Verdict, np.ndarray]:
    return Verdict.NO_MUSIC, np.zeros(len(GENRES), np.float32)


def tags_scene(time: float) -> tuple[Verdict, np.ndarray]:
    index = np.arange(len(TAGS))
    strength = np.clip(0.9 - 0.11 * index, 0.02, 1)
    return Verdict.SURE, (strength * (0.8 + 0.2 * np.sin(time / 4 + index))).astype(np.float32)
