"""The live pipeline over a whole file, as fast as it goes: same inlet, same windows, same answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import AudioFileError
from stream.classifier import Classifier
from stream.inlet import Inlet
from stream.pipeline import DueWindow, Outcome, Pipeline
from stream.records import Verdict
from stream.settings import StreamSettings
from stream.sources.decoder import open_audio

BLOCK_SECONDS = 1.0
BATCH = 2
"""Windows in one network call. Sixteen would hardly be faster, and would hold up whoever listens live beside."""


@dataclass(frozen=True)
class HeardWindow:
    """One window of a file. probabilities, raw : float32 [labels], smoothed and as the classifier gave them; zeros
    without music."""

    end_seconds: float
    verdict: Verdict
    probabilities: np.ndarray
    raw: np.ndarray


@dataclass(frozen=True)
class HeardFile:
    """A file that was listened to from beginning to end.

    problem : why it ended early, if it did; the windows are those of the part that could be read.
    """

    path: Path
    title: str
    seconds: float
    windows: tuple[HeardWindow, ...]
    problem: str = ""

    def mean_probabilities(self) -> np.ndarray | None:
        """Mean of the unsmoothed probabilities over all windows with music, float32 [labels]; None without music."""
        music = [window.raw for window in self.windows if window.verdict.of_music]
        return np.mean(music, axis=0) if music else None

    @property
    def without_music(self) -> Verdict:
        """What to call it where there is no music anywhere: "silence", or "no music" if there is any sound."""
        sound = any(window.verdict is not Verdict.SILENCE for window in self.windows)
        return Verdict.NO_MUSIC if sound else Verdict.SILENCE


def hear_file(
    path: Path,
    classifier: Classifier,
    settings: StreamSettings,
    *,
    progress: Callable[[float], None] = lambda seconds: None,
    max_seconds: float = math.inf,
) -> HeardFile:
    """Listen to a file with a loaded classifier.

    progress : called with the seconds done so far, after every second of sound. It may take its time, so that somebody
        else can use the machine; and it may raise, which ends the listening and goes on to whoever called this.
    max_seconds : a file may hold more sound than it says; after so much it is given up.

    Raises AudioFileError if nothing of the file can be read, if it is shorter than one window, or too long.
    """
    decoder = open_audio(path)
    inlet = Inlet(classifier.sample_rate, max(5.0, 4 * BLOCK_SECONDS))
    hearing = _Hearing(classifier, settings)
    windows: list[HeardWindow] = []
    problem = ""
    read = 0

    def take() -> Iterator[HeardWindow]:
        nonlocal read
        samples, read = inlet.ring.read(read, inlet.ring.capacity)
        read += len(samples)
        return hearing.push(samples)

    try:
        inlet.begin(decoder.sample_rate)
        frames = round(BLOCK_SECONDS * decoder.sample_rate)
        done = 0
        try:
            while len(block := decoder.read(frames)):
                inlet.push(block, 0.0)
                windows.extend(take())
                done += len(block)
                if done > max_seconds * decoder.sample_rate:
                    raise _too_long(path, max_seconds)
                progress(done / decoder.sample_rate)
        except AudioFileError as error:
            if not done or done > max_seconds * decoder.sample_rate:
                raise
            problem = str(error)
        inlet.finish()
        windows.extend(take())
        windows.extend(hearing.finish())
    finally:
        decoder.close()
    seconds = done / decoder.sample_rate
    if not windows:
        raise AudioFileError(
            f"{path} is {seconds:.1f} s long",
            rule=f"at least {classifier.window_seconds:g} s of sound are needed",
            next_step="Choose a longer file",
        )
    return HeardFile(path, decoder.title, seconds, tuple(windows), problem)


def _too_long(path: Path, max_seconds: float) -> AudioFileError:
    return AudioFileError(
        f"{path} holds more sound than {max_seconds:g} s",
        rule="that is as much as is listened to here",
        next_step="Cut it into pieces",
    )


class _Hearing:
    """Collects windows into batches for the network, and settles them in order."""

    def __init__(self, classifier: Classifier, settings: StreamSettings) -> None:
        # Windows wait for the others of their batch; their context must still be there then.
        history_seconds = 2 * BLOCK_SECONDS + BATCH * settings.hop_seconds
        self._pipeline = Pipeline(classifier, settings, history_seconds=history_seconds)
        self._waiting: list[tuple[DueWindow, np.ndarray]] = []

    def push(self, samples: np.ndarray) -> Iterator[HeardWindow]:
        # The spectrogram is copied: the pipeline only lends it until the next samples come.
        self._waiting.extend((due, self._pipeline.window(due).copy()) for due in self._pipeline.push(samples))
        if len(self._waiting) >= BATCH:
            yield from self.finish()

    def finish(self) -> Iterator[HeardWindow]:
        waiting, self._waiting = self._waiting, []
        classifier = self._pipeline.classifier
        sounding = [window for due, window in waiting if not due.silent]
        outputs = classifier.network(np.stack(sounding)) if sounding else {}
        rows = iter(range(len(sounding)))
        for due, _ in waiting:
            outcome = self._settle(due, outputs, None if due.silent else next(rows))
            yield HeardWindow(
                due.end_sample / classifier.sample_rate, outcome.verdict, outcome.probabilities, outcome.raw
            )

    def _settle(self, due: DueWindow, outputs: Mapping[str, np.ndarray], row: int | None) -> Outcome:
        """row : of the window in the outputs; None where it is silent."""
        if row is None:
            return self._pipeline.settle(due, None)
        classifier = self._pipeline.classifier
        own = {name: array[row : row + 1] for name, array in outputs.items()}
        own.update(self._pipeline.context_outputs(due))
        music = classifier.music(own)
        return self._pipeline.settle(
            due, classifier.probabilities(own)[0], music=None if music is None else float(music[0])
        )
