"""From samples to windows, and from the network's answers to predictions: the same code live and offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stream.classifier import Classifier
from stream.gate import SilenceGate
from stream.records import Verdict
from stream.settings import StreamSettings


@dataclass(frozen=True)
class DueWindow:
    """A window that can be classified now.

    end_sample : number of samples of the stretch up to the window's end.
    end_frame : the spectrogram's frame just after the window.
    context_frame : the first frame that has to do with this music.
    silent : the gate was shut at the window's end; the network need not be asked.
    sounding_seconds : for how long the gate had been open then.
    """

    end_sample: int
    end_frame: int
    context_frame: int
    silent: bool
    sounding_seconds: float


@dataclass(frozen=True)
class Outcome:
    """What a window came to. probabilities, raw : float32 [labels]."""

    verdict: Verdict
    probabilities: np.ndarray
    raw: np.ndarray


class Pipeline:
    """One stretch of sound after another, cut into windows of the classifier's length, one every hop.

    Windows end at `window_seconds + k * hop_seconds` of a stretch, whatever the blocks are, so the live stream and the
    whole file give the same answers. `reset` begins a new stretch.
    """

    def __init__(self, classifier: Classifier, settings: StreamSettings, *, history_seconds: float = 30.0) -> None:
        self.classifier = classifier
        self.settings = settings
        rate = classifier.sample_rate
        self._window_samples = round(classifier.window_seconds * rate)
        self._hop_samples = round(settings.hop_seconds * rate)
        lookback_seconds = max(classifier.window_seconds, classifier.context_seconds)
        self._spectrogram = classifier.open_spectrogram(history_seconds=history_seconds + lookback_seconds)
        self._context_frames = int(classifier.context_seconds * rate / classifier.hop_length)
        self._history_frames = int(history_seconds * rate / classifier.hop_length)
        self._gate = SilenceGate(settings, rate)
        self._smoother = classifier.open_smoother(
            hop_seconds=settings.hop_seconds, time_constant_seconds=settings.smoothing_seconds
        )
        self._nothing = np.zeros(len(classifier.labels), dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the sound so far."""
        self._spectrogram.reset()
        self._gate.reset()
        self._smoother.reset()
        self._smoothed = self._nothing
        self._silent_windows = 0
        self._silent_ends = 0
        self._context_frame = 0
        self.samples = 0
        """Samples pushed since the stretch began."""
        self._next_end = self._window_samples

    @property
    def frame_count(self) -> int:
        """Spectrogram frames computed in this stretch."""
        return self._spectrogram.frame_count

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Spectrogram frames, float32 [stop - start, bands]."""
        return self._spectrogram.frames(start, stop)

    def window(self, due: DueWindow) -> np.ndarray:
        """The window's spectrogram, float32 [window_frames, bands]: a view, valid until the next `push`."""
        return self._spectrogram.window(due.end_frame)

    def context_outputs(self, due: DueWindow) -> Mapping[str, np.ndarray]:
        """What the classifier says of the sound up to the window's end beside its network: each float32 [1, ...].

        The sound reaches back as far as the classifier wants, but not beyond the beginning of the stretch, nor of the
        music after a long silence.
        """
        start = max(due.context_frame, due.end_frame - self._context_frames)
        return self.classifier.context_outputs(self._spectrogram.frames(start, due.end_frame))

    def holds(self, due: DueWindow) -> bool:
        """Whether the window's frames, and those of its context, are still there."""
        return self.frame_count - due.end_frame <= self._history_frames

    def push(self, samples: np.ndarray) -> list[DueWindow]:
        """Take the next samples, float32 [n]; returns the windows they complete, oldest first."""
        due = []
        position = 0
        while position < len(samples):
            # Up to the next window's end and no further, so that the gate is read exactly there.
            count = min(len(samples) - position, self._next_end - self.samples)
            piece = samples[position : position + count]
            self._spectrogram.push(piece)
            self._gate.push(piece)
            self.samples += count
            position += count
            if self.samples == self._next_end:
                due.append(self._due())
                self._next_end += self._hop_samples
        return due

    def _due(self) -> DueWindow:
        end_frame, silent = self._spectrogram.frame_count, not self._gate.open
        if not silent and self._long_silent(self._silent_ends):
            # As with the smoother. Counted here, so that it does not depend on when windows are classified.
            self._context_frame = max(0, end_frame - self.classifier.window_frames)
        self._silent_ends = self._silent_ends + 1 if silent else 0
        return DueWindow(self._next_end, end_frame, self._context_frame, silent, self._gate.open_seconds)

    def _long_silent(self, windows: int) -> bool:
        """After a silence longer than a window nothing of the old music is left."""
        return windows * self.settings.hop_seconds > self.classifier.window_seconds

    def settle(self, due: DueWindow, raw: np.ndarray | None, *, hops: int = 1) -> Outcome:
        """Turn the classifier's answer for a window (float32 [labels], or None where it was silent) into an outcome.

        hops : windows this one stands for; more than one when some were skipped.
        """
        if due.silent or raw is None:
            self._silent_windows += hops
            return Outcome(Verdict.SILENCE, self._nothing, self._nothing)
        # The smoother holds through a short silence.
        if self._long_silent(self._silent_windows):
            self._smoother.reset()
        self._silent_windows = 0
        for _ in range(hops):
            self._smoothed = self._smoother.update(raw)
        sure = self._likely_enough() and due.sounding_seconds >= self.settings.settle_seconds
        return Outcome(Verdict.SURE if sure else Verdict.NOT_SURE, self._smoothed.copy(), raw)

    def _likely_enough(self) -> bool:
        """Whether the best label may be named: the settings' word counts before the bundle's."""
        if self.settings.sure_from is None:
            return self.classifier.sure(self._smoothed)
        return bool(np.max(self._smoothed) >= self.settings.sure_from)
