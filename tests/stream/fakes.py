"""Small stand-ins with known answers: a clock that is moved by hand, a classifier one can compute in one's head."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import numpy as np


class ManualClock:
    """Stands still until it is moved. `wait` returns at once, having moved by what was to be waited for."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not event.is_set():
            self.time += max(0.0, seconds)
            time.sleep(0)  # let the other threads run, as real waiting would
        return event.is_set()


class LoudnessFrames:
    """A "spectrogram" of two bands: mean square, and mean, of each run of `hop` samples."""

    def __init__(self, hop: int, window_frames: int) -> None:
        self._hop, self._window_frames = hop, window_frames
        self.reset()

    def reset(self) -> None:
        self._rest = np.empty(0, dtype=np.float32)
        self._frames = np.empty((0, 2), dtype=np.float32)

    @property
    def frame_count(self) -> int:
        return len(self._frames)

    def push(self, samples: np.ndarray) -> None:
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) // self._hop * self._hop
        runs = samples[:whole].reshape(-1, self._hop)
        self._rest = samples[whole:]
        self._frames = np.concatenate((self._frames, np.stack(((runs**2).mean(1), runs.mean(1)), axis=1)))

    def window(self, end_frame: int) -> np.ndarray:
        return self._frames[end_frame - self._window_frames : end_frame]

    def frames(self, start: int, stop: int) -> np.ndarray:
        return self._frames[start:stop]


class LoudnessNetwork:
    """Says how loud a window is. `key` decides what is batched together."""

    device = "CPU"

    def __init__(self, key: str = "loudness") -> None:
        self.key = key
        self.batches: list[int] = []
        self.error: Exception | None = None

    def __call__(self, windows: np.ndarray) -> Mapping[str, np.ndarray]:
        self.batches.append(len(windows))
        if self.error is not None:
            raise self.error
        return {"loudness": np.sqrt(windows[:, :, 0].mean(axis=1))}


class PlainSmoother:
    def __init__(self) -> None:
        self.resets = 0

    def update(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities

    def reset(self) -> None:
        self.resets += 1


class LoudnessClassifier:
    """Two labels, "loud" and "soft"; sure when one of them has more than 0.6. 1 kHz, windows of 3 s."""

    name = "loudness"
    title = "Loud or soft"
    labels = ("loud", "soft")
    exclusive = True
    sample_rate = 1000
    hop_length = 10
    window_frames = 300
    window_seconds = 3.0
    context_seconds = 3.0
    display_range = (0.0, 1.0)
    band_frequencies_hz = np.array([0.0, 500.0], dtype=np.float32)
    genre_map = None
    music_from: float | None = None

    def __init__(self, *, loaded: bool = True, network: LoudnessNetwork | None = None) -> None:
        self.loaded = loaded
        self.thresholds = {"unsure_below": 0.6}
        self.network = network or LoudnessNetwork()
        self.load_error: Exception | None = None
        self.may_load = threading.Event()
        self.may_load.set()

    def load(self) -> None:
        self.may_load.wait(10.0)
        if self.load_error is not None:
            raise self.load_error
        self.loaded = True

    def open_spectrogram(self, *, history_seconds: float) -> LoudnessFrames:
        return LoudnessFrames(self.hop_length, self.window_frames)

    def open_smoother(self, *, hop_seconds: float, time_constant_seconds: float) -> PlainSmoother:
        return PlainSmoother()

    def context_outputs(self, frames: np.ndarray) -> Mapping[str, np.ndarray]:
        return {}

    def probabilities(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        loud = np.clip(outputs["loudness"], 0.0, 1.0)
        return np.stack((loud, 1.0 - loud), axis=1).astype(np.float32)

    def music(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
        return None

    def sure(self, probabilities: np.ndarray) -> bool:
        return float(probabilities.max()) > 0.6

    def place(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Loud music lies at the right."""
        loud = 2.0 * np.clip(outputs["loudness"], 0.0, 1.0) - 1.0
        return np.stack((loud, np.zeros_like(loud)), axis=1).astype(np.float32)

    def explain(
        self, window: np.ndarray, label_index: int, context_outputs: Mapping[str, np.ndarray] | None = None
    ) -> np.ndarray:
        return np.clip(np.abs(window), 0.0, 1.0)
