"""A bundle with a part on the rhythm, and a network that costs nothing, for tests of several rooms."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import read_bundle
from model.bundle_writing import write_arrays
from model.classifier import BundleClassifier
from model.library import SHIPPED_BUNDLES
from model.music_tags import AUDIOSET_MUSIC
from model.parts import HeadPart, RhythmPart, describe_head, head_arrays
from model.rhythm import FEATURES

RATE = 16_000
WEIGHT = 0.8


class PlainNetwork:
    """An embedding of a window's mean spectrum, and tags that never change; as many of both as `source` has. It takes
    every sound for music."""

    device = "CPU"

    def __init__(self, key: str = "plain", *, source: str = "genres") -> None:
        self.key = key
        bundle = read_bundle(SHIPPED_BUNDLES / source)
        embedding_size = sum(network.embedding_size for network in bundle.networks)
        self._tags = np.array([0.9 if tag == AUDIOSET_MUSIC else 0.02 for tag in bundle.network_tags], np.float32)
        self.batches: list[int] = []
        self._matrix = np.random.default_rng(1).normal(0.0, 0.05, (96, embedding_size)).astype(np.float32)

    def __call__(self, windows: np.ndarray) -> Mapping[str, np.ndarray]:
        self.batches.append(len(windows))
        embedding = windows.mean(axis=1) @ self._matrix
        return {"embedding": embedding, "tags": np.repeat(self._tags[None], len(windows), axis=0)}

    def pull_back(self, windows: np.ndarray, cotangents: Mapping[str, np.ndarray]) -> np.ndarray:
        """The gradient of the embedding, times `cotangents`."""
        by_band = cotangents["embedding"] @ self._matrix.T
        return np.repeat(by_band[:, None], windows.shape[1], axis=1) / windows.shape[1]


def random_part(labels: int = 10, *, weight: float = WEIGHT) -> RhythmPart:
    rng = np.random.default_rng(2)
    return RhythmPart(
        HeadPart(
            mean=np.zeros(FEATURES, np.float32),
            scale=np.full(FEATURES, 0.2, np.float32),
            coefficients=rng.normal(0.0, 0.15, (FEATURES, labels)).astype(np.float32),
            intercepts=np.zeros(labels, np.float32),
            clip=6.0,
            weight=weight,
        )
    )


def add_rhythm(folder: Path, part: RhythmPart | None = None, *, source: str = "genres") -> Path:
    """A copy of a shipped bundle in `folder`, with a part on the rhythm besides."""
    folder = Path(shutil.copytree(SHIPPED_BUNDLES / source, folder))
    part = part or random_part()
    write_arrays(folder / "rhythm.npz", head_arrays(part))
    described: dict[str, Any] = json.loads((folder / "bundle.json").read_text())
    described["parts"].append(describe_head(part, "rhythm.npz"))
    described["files"]["rhythm.npz"] = hashlib.sha256((folder / "rhythm.npz").read_bytes()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(described))
    return folder


def open_plain(folder: Path, network: PlainNetwork | None = None) -> BundleClassifier:
    """The bundle with the plain network in place of its own, loaded."""
    network = network or PlainNetwork()
    classifier = BundleClassifier(read_bundle(folder), lambda bundle: network)
    classifier.load()
    network.batches.clear()
    return classifier


def beats(seconds: float, period_seconds: float = 0.5, *, seed: int = 0) -> np.ndarray:
    """Bursts of noise over a hum, float32 [n], 16 kHz."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    within = times % period_seconds
    samples = 0.3 * rng.standard_normal(len(times)) * np.exp(-within / 0.03) + 0.02 * np.sin(2 * np.pi * 220 * times)
    return samples.astype(np.float32)
