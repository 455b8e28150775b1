"""The spectrogram as the page draws it: a column for every tenth of a second, a byte for every band."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stream.pipeline import Pipeline


class Waterfall:
    """Cuts the frames a pipeline has computed anyway into columns: the loudest frame of each, in the display's range.

    column_seconds : time one column stands for; rounded to whole frames.
    """

    def __init__(self, pipeline: Pipeline, column_seconds: float) -> None:
        self._pipeline = pipeline
        classifier = pipeline.classifier
        self._hop_length = classifier.hop_length
        self._frames = max(1, round(column_seconds * classifier.sample_rate / classifier.hop_length))
        self._low, high = classifier.display_range
        self._scale = 255.0 / (high - self._low)
        self._next = 0

    def reset(self) -> None:
        """The pipeline has begun a new stretch."""
        self._next = 0

    def new_columns(self) -> Iterator[tuple[int, np.ndarray]]:
        """Columns completed since the last call: samples of the stretch up to its end, and uint8 [bands]."""
        while (end := self._next + self._frames) <= self._pipeline.frame_count:
            frames = self._pipeline.frames(self._next, end)
            scaled = (frames.max(axis=0) - self._low) * self._scale
            yield end * self._hop_length, np.clip(scaled, 0.0, 255.0).astype(np.uint8)
            self._next = end
