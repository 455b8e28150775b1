"""How far a student says what its teachers say, on sound by artists it never heard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.teaching.shards import NETWORKS, Shards

if TYPE_CHECKING:
    import keras

_SMALLEST_SPREAD = 0.005
"""A tag whose probability hardly moves in the test has no correlation worth the name; it is counted and left out."""


@dataclass(frozen=True)
class Agreement:
    """Pearson's correlation of probabilities over all examples of a side.

    by_tag : for each of a teacher's tags, None where the teacher's answers hardly vary.
    pooled : over all its tags together.
    """

    side: str
    teacher: str
    by_tag: dict[str, float | None]
    pooled: float

    @property
    def mean(self) -> float:
        """Mean over the tags that vary."""
        return float(np.mean([value for value in self.by_tag.values() if value is not None]))


def measure(network: keras.Model, examples: Path) -> list[Agreement]:
    """Compare a student with its teachers on both held-out sides: plain and altered."""
    found = []
    for side in ("plain", "altered"):
        shards = Shards(examples, side)
        said, taught = [], []
        for batch in shards.batches(256, None):
            logits = np.asarray(network(batch.windows, training=False)["scores"])
            said.append(1.0 / (1.0 + np.exp(-logits)))
            taught.append(batch.tags)
        student, teacher = np.concatenate(said), np.concatenate(taught)
        start = 0
        for name in NETWORKS:
            columns = slice(start, start + len(shards.names[name]))
            found.append(compare(side, name, shards.names[name], student[:, columns], teacher[:, columns]))
            start = columns.stop
    return found


def compare(side: str, name: str, tags: tuple[str, ...], student: np.ndarray, teacher: np.ndarray) -> Agreement:
    """student, teacher : float [examples, tags], 0..1."""
    by_tag: dict[str, float | None] = {}
    for column, tag in enumerate(tags):
        varies = teacher[:, column].std() >= _SMALLEST_SPREAD and student[:, column].std() > 0.0
        by_tag[tag] = float(np.corrcoef(student[:, column], teacher[:, column])[0, 1]) if varies else None
    return Agreement(side, name, by_tag, float(np.corrcoef(student.ravel(), teacher.ravel())[0, 1]))
