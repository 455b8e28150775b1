"""One source being listened to: its inlet, its pipeline, its results, and the commands a viewer may give."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from model.errors import BundleError
from stream.classifier import Classifier
from stream.clock import Clock
from stream.inlet import Inlet
from stream.pipeline import DueWindow, Pipeline
from stream.records import Prediction, SessionState, SessionStatus, SourceState
from stream.results import Results
from stream.settings import StreamSettings
from stream.sources.source import Source
from stream.totals import Counts
from stream.waterfall import Waterfall

BEHIND_SECONDS = 5.0
"""For so long after a skipped window the session counts as behind."""

_FROM_SOURCE = {
    SourceState.PAUSED: SessionState.PAUSED,
    SourceState.NO_SOUND: SessionState.NO_SOUND,
    SourceState.RECONNECTING: SessionState.RECONNECTING,
    SourceState.ENDED: SessionState.ENDED,
    SourceState.FAILED: SessionState.FAILED,
}


@dataclass(frozen=True)
class Job:
    """A window waiting for the network, with all that its prediction will say about where it came from."""

    due: DueWindow
    stream_time: float
    captured_at: float
    track: int
    position_seconds: float
    skipped_before: int
    caught_up: bool
    restart: bool


@dataclass(frozen=True)
class Answer:
    """What the classifier said about a window.

    window : float32 [window_frames, bands]; probabilities : float32 [labels].
    place : where it lies on the bundle's map, each -1..1; None if the bundle has no map.
    context_outputs : what the sound before it had to say, each float32 [1, ...].
    music : how much it speaks for music of any kind, 0..1; None if nobody asks.
    """

    window: np.ndarray
    probabilities: np.ndarray
    place: tuple[float, float] | None
    context_outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    music: float | None = None


@dataclass(frozen=True)
class Glimpse:
    """The last window of music that was classified, for whoever wants to know why.

    window : float32 [window_frames, bands]; context_outputs : as in `Answer`.
    """

    prediction: Prediction
    window: np.ndarray
    context_outputs: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class _Wanted:
    """What the engine is to listen with."""

    classifier: Classifier
    settings: StreamSettings


class Session:
    """Made and commanded by the page or the API; worked on by the engine, and only by it.

    Commands may come from any thread; they are carried out at the engine's or the source's next step.

    starts_at : stream time of the first sample, seconds. A session that joins a running source begins where the source
        is, so that both have one time axis.
    """

    def __init__(
        self,
        identifier: str,
        source: Source,
        classifier: Classifier,
        settings: StreamSettings,
        clock: Clock,
        *,
        starts_at: float = 0.0,
    ) -> None:
        self.identifier = identifier
        self.source = source
        self.glimpse: Glimpse | None = None
        self._starts_at = starts_at
        self._clock = clock
        self.inlet = Inlet(classifier.sample_rate, settings.buffer_seconds)
        self.results = Results(classifier.labels, settings)
        self._wanted = _Wanted(classifier, settings)
        self._failure = ""
        self._skipped = 0
        self._skipped_at = -BEHIND_SECONDS
        self._overrun_seconds = 0.0
        self._recent: deque[Prediction] = deque(maxlen=10)
        self._read = 0
        self._stretch_start = 0
        # Where its sound really began; what is heard again after a change begins later.
        self._sound_start = 0
        self._front_end_seconds = 0.0
        self._catch_up_until: int | None = None
        self._column_time = -1.0
        self._adopt(self._wanted)

    # ---- commands, from any thread -------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the source."""
        self.source.start(self.inlet)

    def close(self) -> None:
        """Stop the source."""
        self.source.stop()

    def change(self, *, classifier: Classifier | None = None, settings: StreamSettings | None = None) -> None:
        """Listen with another bundle, or with other settings, from now on.

        With another bundle the results begin anew. Raises BundleError if it hears at another sample rate.
        """
        classifier = classifier or self._wanted.classifier
        if classifier.sample_rate != self.inlet.sample_rate:
            raise BundleError(
                f"{classifier.name} hears {classifier.sample_rate} Hz, this session {self.inlet.sample_rate} Hz",
                rule="a running session cannot change its sample rate",
                next_step=f"Start it anew with --model {classifier.name}",
            )
        self._wanted = _Wanted(classifier, settings or self._wanted.settings)

    @property
    def classifier(self) -> Classifier:
        """The bundle that is listening; `change` takes effect at the engine's next step."""
        return self._pipeline.classifier

    @property
    def settings(self) -> StreamSettings:
        """How it is listening."""
        return self._pipeline.settings

    @property
    def stream_time(self) -> float:
        """Seconds of sound since the source began."""
        return self._seconds(self.inlet.ring.written)

    @property
    def stuck(self) -> bool:
        """It has failed, and nothing has been changed since that could mend it."""
        return bool(self._failure) and self._wanted is self._adopted

    def status(self) -> SessionStatus:
        """How it is, from any thread."""
        source = self.source.status()
        recent = [prediction for prediction in list(self._recent) if not prediction.caught_up]
        classifier = self.classifier
        loaded = classifier.loaded
        state = SessionState.FAILED if self._failure else _FROM_SOURCE.get(source.state, SessionState.LIVE)
        if state is SessionState.LIVE and not loaded:
            state = SessionState.LOADING

        def median(values: list[float]) -> float | None:
            return statistics.median(values) if values else None

        return SessionStatus(
            state=state,
            detail=self._failure or source.detail,
            source=source,
            inlet=replace(self.inlet.status(), stream_time=self.stream_time),
            model=classifier.name,
            device=classifier.network.device if loaded else "",
            latency_ms=median([prediction.latency_ms for prediction in recent]),
            network_ms=median([prediction.network_ms for prediction in recent]),
            front_end_ms=median([prediction.front_end_ms for prediction in recent]),
            skipped_windows=self._skipped,
            behind=self._clock.now() - self._skipped_at < BEHIND_SECONDS,
            overrun_seconds=self._overrun_seconds,
        )

    def counts(self) -> Counts:
        """What it has counted so far, from any thread."""
        inlet = self.inlet.status()
        return Counts(
            skipped_windows=self._skipped,
            lost_seconds=inlet.lost_seconds,
            overrun_seconds=self._overrun_seconds,
            invalid_samples=inlet.invalid_samples,
            heard_seconds=inlet.stream_time,
        )

    @property
    def waiting_windows(self) -> int:
        """Windows that are due and have not been classified yet."""
        return len(self._pending)

    @property
    def silent_seconds(self) -> float:
        """Seconds of sound since the last prediction, or since the beginning: much more than a window and a hop means
        that nobody works on it."""
        newest = self.results.latest
        return self.stream_time - (self._starts_at if newest is None else newest.stream_time)

    # ---- work, from the engine's thread --------------------------------------------------------------------------

    def ingest(self) -> None:
        """Take what has come in; compute its spectrogram frames; note the windows that are due."""
        if self._wanted is not self._adopted:
            self._change()
        begun = self._clock.now()
        stop = self.inlet.ring.written
        while True:
            # `stop` was read first: a restart before it has been noted by now.
            restarts = self.inlet.restarts
            boundary = restarts[0].sample if restarts and restarts[0].sample <= stop else None
            self._take(stop if boundary is None else boundary)
            if boundary is None:
                break
            restarts.popleft()
            self._begin_stretch(boundary)
        self._front_end_seconds += self._clock.now() - begun

    def take_jobs(self, limit: int) -> list[Job]:
        """The windows to classify now, oldest first.

        Windows that waited for the network to load are all taken, `limit` at a time, and so are those of a patient
        source. Later on only the newest is: if there are more, the machine is behind, and the others are skipped and
        counted.
        """
        if self._catch_up_until is None:
            self._catch_up_until = self._pending[-1].end_sample if self._pending else 0
        jobs: list[Job] = []
        skipped = 0
        while self._pending and len(jobs) < limit:
            due = self._pending.popleft()
            waited = due.end_sample <= self._catch_up_until or self.source.patient
            if not self._pipeline.holds(due) or (not waited and self._pending):
                skipped += 1
                continue
            jobs.append(self._job(due, skipped, waited))
            skipped = 0
        if any(job.skipped_before for job in jobs):
            self._skipped += sum(job.skipped_before for job in jobs)
            self._skipped_at = self._clock.now()
        return jobs

    def window(self, job: Job) -> np.ndarray:
        """float32 [window_frames, bands]: a view, valid until the next `ingest`."""
        return self._pipeline.window(job.due)

    def context_outputs(self, job: Job) -> Mapping[str, np.ndarray]:
        """What the sound up to the window's end says beside the network; before the next `ingest`, and after the
        windows before it were settled."""
        return self._pipeline.context_outputs(job.due)

    def settle(self, job: Job, answer: Answer | None, *, network_ms: float, batch_size: int) -> Prediction:
        """Smooth the classifier's answer (None for silence) and append the prediction."""
        raw = None if answer is None else answer.probabilities
        music = None if answer is None else answer.music
        outcome = self._pipeline.settle(job.due, raw, music=music, hops=1 + job.skipped_before)
        heard = answer if outcome.verdict.of_music else None
        prediction = Prediction(
            number=self.results.next_prediction,
            stream_time=job.stream_time,
            track=job.track,
            position_seconds=job.position_seconds,
            captured_at=job.captured_at,
            predicted_at=self._clock.now(),
            verdict=outcome.verdict,
            probabilities=outcome.probabilities,
            raw=outcome.raw,
            front_end_ms=1000.0 * self._front_end_seconds,
            network_ms=network_ms,
            batch_size=batch_size,
            skipped_before=job.skipped_before,
            caught_up=job.caught_up,
            restart=job.restart,
            place=None if heard is None else heard.place,
        )
        self.glimpse = None if heard is None else Glimpse(prediction, heard.window, heard.context_outputs)
        self._front_end_seconds = 0.0
        self.results.append(prediction)
        self._recent.append(prediction)
        return prediction

    def fail(self, reason: str) -> None:
        """It cannot go on; the page shows why."""
        self._failure = reason

    # ---- inside --------------------------------------------------------------------------------------------------

    def _adopt(self, wanted: _Wanted) -> None:
        self._adopted = wanted
        settings = wanted.settings
        self._pipeline = Pipeline(wanted.classifier, settings, history_seconds=settings.buffer_seconds)
        self._pending: deque[DueWindow] = deque()
        self._catch_up_until = None
        self._front_end_seconds = 0.0
        self._fresh = True
        self._waterfall = Waterfall(self._pipeline, settings.column_seconds)
        self._answers_from = 0

    def _change(self) -> None:
        wanted, before = self._wanted, self.classifier
        self._adopt(wanted)
        self._failure = ""
        if wanted.classifier is not before:
            self.glimpse = None
            self._recent.clear()
            self._column_time = -1.0
            self.results = Results(wanted.classifier.labels, wanted.settings, generation=self.results.generation + 1)
        self._answers_from = self._heard_again(wanted)
        self._stretch_start = self._read = max(self._sound_start, self._read - self._answers_from)

    def _heard_again(self, wanted: _Wanted) -> int:
        """Samples that are heard again after a change, so that there is an answer at once: a window's worth, and what
        the classifier wants before it, in whole hops, so that a window ends just where the sound is now.
        """
        classifier, rate = wanted.classifier, wanted.classifier.sample_rate
        window, hop = round(classifier.window_seconds * rate), round(wanted.settings.hop_seconds * rate)
        there = min(self._read - self._sound_start, self.inlet.ring.capacity // 2)
        return window + max(0, min(round(classifier.context_seconds * rate), there) - window) // hop * hop

    def _begin_stretch(self, sample: int) -> None:
        self._skipped += len(self._pending)
        self._pending.clear()
        self._pipeline.reset()
        self._waterfall.reset()
        self._answers_from = 0
        self._catch_up_until = 0 if self.classifier.loaded else None
        self._sound_start = self._stretch_start = self._read = sample
        self._fresh = True

    def _take(self, stop: int) -> None:
        if stop <= self._read:
            return
        samples, first = self.inlet.ring.read(self._read, stop - self._read)
        if first > self._read:
            self._overrun_seconds += (first - self._read) / self.inlet.sample_rate
            self._begin_stretch(first)
            samples = samples[: max(0, stop - first)]
        self._read = max(stop, first)
        due = self._pipeline.push(samples)
        self._pending.extend(window for window in due if window.end_sample >= self._answers_from)
        for samples_in, bands in self._waterfall.new_columns():
            time = self._seconds(self._stretch_start + samples_in)
            # What is heard once more after a change of settings has been drawn already.
            if time > self._column_time:
                self.results.append_column(time, bands)
                self._column_time = time

    def _seconds(self, sample: int) -> float:
        """Stream time of a sample of the ring."""
        return self._starts_at + sample / self.inlet.sample_rate

    def _job(self, due: DueWindow, skipped: int, waited: bool) -> Job:
        sample = self._stretch_start + due.end_sample
        marks = self.inlet.marks
        mark = marks[0] if marks else None
        while mark is not None and mark.sample < sample and len(marks) > 1:
            marks.popleft()
            mark = marks[0]
        # The mark stands at or after the window's end (just before it at the very end of a source).
        ahead = 0.0 if mark is None else (mark.sample - sample) / self.inlet.sample_rate
        job = Job(
            due=due,
            stream_time=self._seconds(sample),
            captured_at=self._clock.now() if mark is None else mark.captured_at - ahead,
            track=0 if mark is None else mark.track,
            position_seconds=0.0 if mark is None else max(0.0, mark.position_seconds - ahead),
            skipped_before=skipped,
            caught_up=waited,
            restart=self._fresh,
        )
        self._fresh = False
        return job
