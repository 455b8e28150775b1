"""How far a student says what its teachers say, on sound by artists it never heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model.teaching.shards import NETWORKS, Shards

if TYPE_CHECKING:
    import keras

_SMALLEST_SPREAD = 0.005
"""A tag whose probability hardly moves in the test has no correlation worth the name; it is left out, and counted."""
_BATCH = 256


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
    def compared(self) -> list[float]:
        """The correlations of the tags that vary."""
        return [value for value in self.by_tag.values() if value is not None]

    @property
    def mean(self) -> float:
        """Their mean; 0 if there is none."""
        return float(np.mean(self.compared)) if self.compared else 0.0


def answers(network: keras.Model, shards: Shards) -> tuple[np.ndarray, np.ndarray]:
    """What a student and its teachers say of a side: float32 [examples, tags] each, 0..1."""
    import tensorflow

    # Compiled once: eagerly it takes several times as long.
    forward = tensorflow.function(lambda windows: network(windows, training=False)["scores"], reduce_retracing=True)
    said, taught = [], []
    for batch in shards.batches(_BATCH, None):
        said.append(1.0 / (1.0 + np.exp(-np.asarray(forward(batch.windows)))))
        taught.append(batch.tags)
    return np.concatenate(said), np.concatenate(taught)


def compare(side: str, shards: Shards, student: np.ndarray, teacher: np.ndarray) -> list[Agreement]:
    """An agreement for each teacher."""
    found = []
    start = 0
    for name in NETWORKS:
        columns = slice(start, start + len(shards.names[name]))
        found.append(correlate(side, name, shards.names[name], student[:, columns], teacher[:, columns]))
        start = columns.stop
    return found


def correlate(side: str, name: str, tags: tuple[str, ...], student: np.ndarray, teacher: np.ndarray) -> Agreement:
    """student, teacher : float [examples, tags], 0..1."""
    by_tag: dict[str, float | None] = {}
    for column, tag in enumerate(tags):
        varies = teacher[:, column].std() >= _SMALLEST_SPREAD and student[:, column].std() > 0.0
        by_tag[tag] = float(np.corrcoef(student[:, column], teacher[:, column])[0, 1]) if varies else None
    return Agreement(side, name, by_tag, float(np.corrcoef(student.ravel(), teacher.ravel())[0, 1]))
