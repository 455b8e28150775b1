"""Reading the shards that `model.teaching.examples` writes, in batches, shuffled, without holding all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import DataError
from model.teaching.examples import NAMES_FILE

NETWORKS = ("audioset", "msd", "mtt")
"""The teachers, in the order in which the student's outputs stand."""
_AT_ONCE = 8
"""Shards that are shuffled together: about 300 MB."""


@dataclass(frozen=True)
class Batch:
    """windows : float32 [n, 187, 96]; tags : float32 [n, names], 0..1, NaN where a teacher was not asked; embedding :
    float32 [n, 200]."""

    windows: np.ndarray
    tags: np.ndarray
    embedding: np.ndarray


class Shards:
    """The shards of one side: "train", "plain" or "altered"."""

    def __init__(self, folder: Path, side: str) -> None:
        self._paths = sorted(folder.glob(f"{side}-*.targets.npz"))
        try:
            names = json.loads((folder / NAMES_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            names = {}
        if not self._paths or not names:
            raise DataError(
                f"there are no examples ({side}) in {folder}",
                rule="the student needs some to learn from, and others to be tested on",
                next_step="`python -m model.teaching examples` makes them",
            )
        self.names = {network: tuple(names[network]) for network in NETWORKS}
        self._targets = [self._read(path) for path in self._paths]
        self.count = sum(len(tags) for tags, _ in self._targets)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """What the student's outputs are called: several teachers know "jazz", hence "msd:jazz"."""
        return tuple(f"{network}:{name}" for network in NETWORKS for name in self.names[network])

    def statistics(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """float32: standard deviation of each tag [names]; mean and standard deviation of the embedding [200]."""
        tags = np.concatenate([tags for tags, _ in self._targets]).astype(np.float32)
        embedding = np.concatenate([embedding for _, embedding in self._targets]).astype(np.float32)
        return np.nanstd(tags, axis=0), embedding.mean(axis=0), embedding.std(axis=0)

    def batches(self, size: int, seed: int | None) -> Iterator[Batch]:
        """All examples once; in the order of `seed`, or as they lie. What does not fill a last batch is left out of a
        shuffled round."""
        rng = None if seed is None else np.random.default_rng(seed)
        order = np.arange(len(self._paths)) if rng is None else rng.permutation(len(self._paths))
        for first in range(0, len(order), _AT_ONCE):
            chosen = order[first : first + _AT_ONCE]
            windows = np.concatenate([np.load(self._windows_file(self._paths[index])) for index in chosen])
            tags = np.concatenate([self._targets[index][0] for index in chosen])
            embedding = np.concatenate([self._targets[index][1] for index in chosen])
            places = np.arange(len(windows)) if rng is None else rng.permutation(len(windows))
            last = len(places) if rng is None else len(places) - len(places) % size
            for start in range(0, last, size):
                rows = places[start : start + size]
                yield Batch(*(values[rows].astype(np.float32) for values in (windows, tags, embedding)))

    @staticmethod
    def _windows_file(targets_file: Path) -> Path:
        return targets_file.with_name(targets_file.name.replace(".targets.npz", ".windows.npy"))

    @staticmethod
    def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
        with np.load(path, allow_pickle=False) as arrays:
            return np.concatenate([arrays[network] for network in NETWORKS], axis=1), arrays["embedding"]
