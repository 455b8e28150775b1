"""From samples to windows, and from the network's answers to predictions: the same code live and offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stream.classifier import Classifier, Smoother
from stream.gate import SilenceGate
from stream.music_gate import MusicGate
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
    """What a window came to. probabilities, raw : float32 [labels], zeros without music."""

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
        self._smoother = self._open_smoother()
        self._music_gate = (
            None if classifier.music_from is None else MusicGate(classifier.music_from, self._open_smoother())
        )
        self._nothing = np.zeros(len(classifier.labels), dtype=np.float32)
        self.reset()

    def _open_smoother(self) -> Smoother:
        return self.classifier.open_smoother(
            hop_seconds=self.settings.hop_seconds, time_constant_seconds=self.settings.smoothing_seconds
        )

    def reset(self) -> None:
        """Forget the sound so far."""
        self._spectrogram.reset()
        self._gate.reset()
        self._smoother.reset()
        self._smoothed = self._nothing
        self._silent_windows = 0
        self._silent_ends = 0
        self._context_frame = 0
        self._forget_whether_music()
        self._musicless_windows = 0
        self._music_frame = 0
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
        music after a long silence, or a long while without music. So the windows before this one must be settled.
        """
        start = max(due.context_frame, self._music_start(due), due.end_frame - self._context_frames)
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
        if not silent and self._long(self._silent_ends):
            # As with the smoother. Counted here, so that it does not depend on when windows are classified.
            self._context_frame = max(0, end_frame - self.classifier.window_frames)
        self._silent_ends = self._silent_ends + 1 if silent else 0
        return DueWindow(self._next_end, end_frame, self._context_frame, silent, self._gate.open_seconds)

    def _long(self, windows: int) -> bool:
        """After a silence, or speech, longer than a window nothing of the old music is left."""
        return windows * self.settings.hop_seconds > self.classifier.window_seconds

    def settle(self, due: DueWindow, raw: np.ndarray | None, *, music: float | None = None, hops: int = 1) -> Outcome:
        """Turn the classifier's answer for a window (float32 [labels], or None where it was silent) into an outcome.

        music : how much the window speaks for music of any kind, 0..1; None if the classifier does not ask.
        hops : windows this one stands for; more than one when some were skipped.
        """
        if due.silent or raw is None:
            self._silent_windows += hops
            self._musicless_windows += hops
            return Outcome(Verdict.SILENCE, self._nothing, self._nothing)
        if self._long(self._silent_windows):
            self._forget_whether_music()
        self._silent_windows = 0
        there_is_music = self._ask_for_music(due, music, hops)
        if there_is_music is False:
            self._musicless_windows += hops
            return Outcome(Verdict.NO_MUSIC, self._nothing, self._nothing)
        # The smoother holds through a short silence, or a few words.
        if self._long(self._musicless_windows):
            self._smoother.reset()
            self._music_frame = self._music_start(due)
        self._musicless_windows = 0
        if there_is_music is None or self._tells_of_music(music):
            for _ in range(hops):
                self._smoothed = self._smoother.update(raw)
        sure = self._likely_enough() and due.sounding_seconds >= self.settings.settle_seconds
        return Outcome(Verdict.SURE if sure and there_is_music else Verdict.NOT_SURE, self._smoothed.copy(), raw)

    def _likely_enough(self) -> bool:
        """Whether the best label may be named: the settings' word counts before the bundle's."""
        if self.settings.sure_from is None:
            return self.classifier.sure(self._smoothed)
        return bool(np.max(self._smoothed) >= self.settings.sure_from)

    # ---- is there music at all? ------------------------------------------------------------------------------------

    def _ask_for_music(self, due: DueWindow, music: float | None, hops: int) -> bool | None:
        """Whether there is music; None if that cannot be said yet. Always, for a classifier that does not ask."""
        gate = self._music_gate
        if gate is None or music is None:
            return True
        self._asked_windows += hops
        before = gate.open
        if before is None and not gate.speaks_for_music(music) and not self._heard_enough(due):
            return None
        gate.update(music, hops=hops)
        if before is None and not gate.open:
            # It may have taken in a few windows while nothing was known.
            self._smoother.reset()
        return gate.open

    def _heard_enough(self, due: DueWindow) -> bool:
        """Whether it may be said that there is no music: the little music in a window that is mostly silence is easily
        missed. Somebody who speaks pauses, so it is not waited for sound without a break."""
        full_seconds = self.classifier.window_seconds - self.settings.settle_seconds
        asked_seconds = self._asked_windows * self.settings.hop_seconds
        return max(due.sounding_seconds, asked_seconds) >= full_seconds

    def _tells_of_music(self, music: float | None) -> bool:
        """Whether the window's answer is to be smoothed. Until it is clear that the music is over, or that these were
        only a few words, the last answer to music stands."""
        return self._music_gate is None or music is None or self._music_gate.speaks_for_music(music)

    def _music_start(self, due: DueWindow) -> int:
        """The first frame of the window's music, as far as music began after something that was none."""
        if self._music_gate is not None and self._long(self._musicless_windows):
            return max(0, due.end_frame - self.classifier.window_frames)
        return self._music_frame

    def _forget_whether_music(self) -> None:
        self._asked_windows = 0
        if self._music_gate is not None:
            self._music_gate.reset()
