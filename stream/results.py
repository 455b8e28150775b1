"""What a session has heard, kept for whoever looks: appended by the engine, read by cursor, bounded."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from stream.records import Prediction
from stream.settings import StreamSettings


@dataclass(frozen=True)
class Column:
    """One column of the waterfall. bands : uint8 [bands], 0 the quietest colour, 255 the loudest."""

    number: int
    stream_time: float
    bands: np.ndarray


class Results:
    """Predictions and waterfall columns of one session with one model.

    Every entry has a number that only grows. A reader hands in the first number it has not seen and gets what is newer;
    a missed poll loses nothing as long as the history reaches back far enough.

    labels : what the probabilities stand for.
    generation : tells readers that the model, and with it the labels, have changed.
    """

    def __init__(self, labels: tuple[str, ...], settings: StreamSettings, *, generation: int = 0) -> None:
        self.labels = labels
        self.generation = generation
        self._predictions: deque[Prediction] = deque(maxlen=settings.history_predictions)
        self._columns: deque[Column] = deque(maxlen=settings.history_columns)
        self._lock = threading.Lock()
        self._next_prediction = 0
        self._next_column = 0

    @property
    def next_prediction(self) -> int:
        """Number the next prediction will have."""
        return self._next_prediction

    @property
    def next_column(self) -> int:
        """Number the next column will have."""
        return self._next_column

    @property
    def latest(self) -> Prediction | None:
        with self._lock:
            return self._predictions[-1] if self._predictions else None

    def append(self, prediction: Prediction) -> None:
        with self._lock:
            self._predictions.append(prediction)
            self._next_prediction = prediction.number + 1

    def append_column(self, stream_time: float, bands: np.ndarray) -> None:
        with self._lock:
            self._columns.append(Column(self._next_column, stream_time, bands))
            self._next_column += 1

    def predictions_since(self, number: int) -> list[Prediction]:
        """Predictions with at least this number, oldest first."""
        with self._lock:
            return _newer(self._predictions, number)

    def columns_since(self, number: int) -> list[Column]:
        """Waterfall columns with at least this number, oldest first."""
        with self._lock:
            return _newer(self._columns, number)


def _newer(entries: deque, number: int) -> list:
    """Entries from `number` on. Numbers are consecutive, so the place is known without a search."""
    if not entries:
        return []
    missing = max(0, number - entries[0].number)
    return [entries[index] for index in range(missing, len(entries))]
