"""The demo mix in a real studio, pushed at the pace that a benchmark wants."""

from __future__ import annotations

import time

import numpy as np

from dashboard.pushed_source import PushedSource
from dashboard.studio import Studio
from model.library import Library
from stream.settings import StreamSettings

BLOCK_SECONDS = 0.02


class LivePlay:
    """A studio whose main stage hears the mix, at any pace.

    sound : float32 [n], at `rate` Hz.
    """

    def __init__(self, model: str, cpu: bool, sound: np.ndarray, rate: int) -> None:
        self.studio = Studio(Library(), StreamSettings(), model=model, device="cpu" if cpu else "auto")
        self._sound, self._rate = sound, rate
        self._source = PushedSource(rate, title="Demo mix")
        self._at = 0
        self.studio.main.listen("benchmark", self._source)
        session = self.studio.main.session
        if session is None:
            raise RuntimeError("a stage that listens has a session")
        session.classifier.load()
        self.session = session

    def push(self, seconds: float) -> None:
        """So much more of the mix, over and over."""
        count = round(seconds * self._rate)
        start = self._at % (len(self._sound) - count)
        self._at += count
        self._source.inlet.push(self._sound[start : start + count, None], self.studio.engine.clock.now())

    def live(self, seconds: float) -> list[float]:
        """As fast as life; returns the latencies, milliseconds."""
        first = self.session.results.next_prediction
        begun = time.monotonic()
        for step in range(round(seconds / BLOCK_SECONDS)):
            while (left := begun + (step + 1) * BLOCK_SECONDS - time.monotonic()) > 0:
                time.sleep(left)
            self.push(BLOCK_SECONDS)
        time.sleep(0.5)
        return [prediction.latency_ms for prediction in self.session.results.predictions_since(first)]
