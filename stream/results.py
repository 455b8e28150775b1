"""What a session has heard, kept for whoever looks: appended by the engine, read by cursor, bounded."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from stream.records import Prediction
from stream.settings import StreamSettings

CHUNK_COLUMNS = 1024
"""Columns of the waterfall that are allocated at once (98 s, about 100 kB)."""


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
        self._columns = _ColumnRing(settings.history_columns)
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)
        self._next_prediction = 0

    @property
    def next_prediction(self) -> int:
        """Number the next prediction will have."""
        return self._next_prediction

    @property
    def next_column(self) -> int:
        """Number the next column will have."""
        return self._columns.next

    @property
    def latest(self) -> Prediction | None:
        with self._lock:
            return self._predictions[-1] if self._predictions else None

    def append(self, prediction: Prediction) -> None:
        with self._lock:
            self._predictions.append(prediction)
            self._next_prediction = prediction.number + 1
            self._more.notify_all()

    def append_column(self, stream_time: float, bands: np.ndarray) -> None:
        """The next column; `bands`, uint8 [bands], is copied and always has the same length."""
        with self._lock:
            self._columns.append(stream_time, bands)

    def predictions_since(self, number: int) -> list[Prediction]:
        """Predictions with at least this number, oldest first."""
        with self._lock:
            return _newer(self._predictions, number)

    def wait(self, number: int, seconds: float) -> bool:
        """Wait until the prediction of this number is there, `seconds` at most; True when it is.

        For a few who pass it on to many: each waiting thread is woken by the engine. After a change of model the
        session has other results, and in these nothing comes any more.
        """
        with self._more:
            return self._more.wait_for(lambda: self._next_prediction > number, timeout=seconds)

    def columns_since(self, number: int) -> list[Column]:
        """Waterfall columns with at least this number, oldest first. For a few; `columns` reads many."""
        with self._lock:
            stop = self._columns.next
            times, bands = self._columns.read(number, stop)
        first = stop - len(times)
        return [
            Column(first + index, float(time), row) for index, (time, row) in enumerate(zip(times, bands, strict=True))
        ]

    def columns(self, first: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Copies of the columns numbered `first` to `stop - 1`, as far as they are still (and already) there.

        Returns
        -------
        stream times, float64 [n], seconds; bands, uint8 [n, bands]. Where the oldest of them are gone, the rest comes:
        with `stop` not beyond `next_column`, the last of the n columns has number `stop - 1`.
        """
        with self._lock:
            return self._columns.read(first, stop)


class _ColumnRing:
    """The newest `capacity` columns, in arrays: an hour has 37 500 of them, and as many
    Python objects would cost more memory than the pictures, and the garbage collector time.

    Chunks are allocated when sound gets there, and used again for the newest columns once all are full.
    """

    def __init__(self, capacity: int) -> None:
        self.next = 0
        self._size = min(CHUNK_COLUMNS, max(1, capacity))
        self._capacity = capacity
        # One more than the capacity needs: the chunk that is being filled may be all but empty.
        self._slots = -(-capacity // self._size) + 1
        self._times: list[np.ndarray] = []
        self._bands: list[np.ndarray] = []

    def append(self, stream_time: float, bands: np.ndarray) -> None:
        chunk, place = divmod(self.next, self._size)
        slot = chunk % self._slots
        if slot == len(self._times):
            self._times.append(np.empty(self._size, np.float64))
            self._bands.append(np.empty((self._size, len(bands)), np.uint8))
        self._times[slot][place] = stream_time
        self._bands[slot][place] = bands
        self.next += 1

    def read(self, first: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Times float64 [n] and bands uint8 [n, bands] of the columns first .. stop - 1 that are held, copied."""
        stop = min(stop, self.next)
        first = max(first, self.next - self._capacity, 0)
        times, bands = [np.empty(0, np.float64)], [np.empty((0, self._width), np.uint8)]
        while first < stop:
            chunk, place = divmod(first, self._size)
            end = min(self._size, place + stop - first)
            times.append(self._times[chunk % self._slots][place:end])
            bands.append(self._bands[chunk % self._slots][place:end])
            first += end - place
        return np.concatenate(times), np.concatenate(bands)

    @property
    def _width(self) -> int:
        return self._bands[0].shape[1] if self._bands else 0


def _newer(entries: deque, number: int) -> list:
    """Entries from `number` on. Numbers are consecutive, so the place is known without a search."""
    if not entries:
        return []
    missing = max(0, number - entries[0].number)
    return [entries[index] for index in range(missing, len(entries))]
