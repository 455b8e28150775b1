"""A bundle that knows music from speech, with a network that costs nothing, for tests of several rooms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from model.bundle import read_bundle
from model.classifier import BundleClassifier
from tests.rhythm_bundle import RATE, add_rhythm, beats, random_part

FROM = 0.25
MUSIC_TAG = "instrumental"
HUM_BAND = 6
"""The mel band of the hum in `beats`, 220 Hz."""
HUM_HEARD = 0.3


class HummingNetwork:
    """Music is what hums: the share of the window's frames in which `beats` is heard. Other tags hang on the sound."""

    key = "humming"
    device = "CPU"

    def __init__(self, tags: tuple[str, ...]) -> None:
        self.batches: list[int] = []
        self._music = tags.index(MUSIC_TAG)
        self._matrix = np.random.default_rng(3).normal(0.0, 0.3, (96, len(tags))).astype(np.float32)

    def __call__(self, windows: np.ndarray) -> Mapping[str, np.ndarray]:
        self.batches.append(len(windows))
        mean = windows.mean(axis=1)
        tags = 1.0 / (1.0 + np.exp(-mean @ self._matrix))
        tags[:, self._music] = 0.05 + 0.9 * (windows[:, :, HUM_BAND] > HUM_HEARD).mean(axis=1)
        return {"embedding": np.tile(mean, (1, 3))[:, :200], "tags": tags.astype(np.float32)}


def add_music(folder: Path, *, asks: bool = True) -> Path:
    """A copy of a shipped bundle in `folder`, with a part on the rhythm and, if it `asks`, the field `music`."""
    add_rhythm(folder, random_part(50), source="msd_tags")
    described = json.loads((folder / "bundle.json").read_text())
    # The labels are the tags as they are, and nothing else.
    described["labels"] = described["network"]["tags"]
    described["parts"] = [{"kind": "tags"}, described["parts"][-1]]
    described.pop("map", None)
    if asks:
        described["music"] = {"tags": [MUSIC_TAG], "from": FROM}
    (folder / "bundle.json").write_text(json.dumps(described))
    return folder


def open_humming(folder: Path) -> BundleClassifier:
    """The bundle with the humming network in place of its own, loaded."""
    bundle = read_bundle(folder)
    classifier = BundleClassifier(bundle, lambda bundle: HummingNetwork(bundle.network_tags))  # type: ignore[arg-type]
    classifier.load()
    return classifier


def speech(seconds: float) -> np.ndarray:
    """What is loud and does not hum, in syllables, float32 [n], 16 kHz."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.1 * np.sin(2 * np.pi * 3000.0 * times) * (times % 0.25 < 0.18)).astype(np.float32)


def music(seconds: float, period_seconds: float = 0.5) -> np.ndarray:
    """float32 [n], 16 kHz."""
    return beats(seconds, period_seconds)
