"""The segments of a whole session, kept up to date: where each begins in time and in its track."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from model.segments import HELD_RUNS, NO_MUSIC, NOT_SURE, SILENCE, Hearing, RunningSegments, Segment
from stream.records import Prediction, Verdict

MOST_SEGMENTS = 2000
"""So many are kept; then the oldest are dropped, and counted."""
JUMP_SECONDS = 1.0
"""After a restart, a place in the track further off than this is a seek. Otherwise sound was lost, or the settings were
changed, and the music went on."""

NO_LABEL = {NOT_SURE: -1, SILENCE: -2, NO_MUSIC: -3}
"""What stands for a label's index where no label is named."""


@dataclass(frozen=True)
class HeardSegment:
    """A stretch of one track with one description.

    label : a label, or a name in `NO_LABEL`; label_index is its place among the labels, or what stands there.
    probability : mean smoothed probability of the label over the stretch; 0 where none is named.
    track, position_seconds : where in which track it begins.
    """

    start_seconds: float
    end_seconds: float
    label: str
    label_index: int
    probability: float
    track: int
    position_seconds: float

    def row(self) -> list[float]:
        """As the page gets it: start, end, index of the label, track, place in the track."""
        times = round(self.start_seconds, 2), round(self.end_seconds, 2)
        return [*times, self.label_index, self.track, round(self.position_seconds, 2)]


@dataclass(frozen=True)
class _Changes:
    """How often music went on with another label than it had last; what has no label between does not count."""

    count: int = 0
    label: str = ""

    def then(self, segment: HeardSegment) -> _Changes:
        if segment.label_index < 0:
            return self
        return _Changes(self.count + (self.label not in ("", segment.label)), segment.label)


class Stretches:
    """Segments of a session, a stretch (a track, or what lies between two seeks) at a time. Not thread-safe.

    Within a stretch they are those of `model.segments.merge` (see `RunningSegments` for where they may differ). A new
    track or a seek ends a segment, even a short one, and even if the music goes on alike.

    hop_seconds, window_seconds : `model.segments.Hearing` says where a window is heard; the last one speaks up to its
    end, and up to the stretch's, which comes less than a hop later.
    """

    def __init__(self, labels: tuple[str, ...], *, hop_seconds: float, window_seconds: float) -> None:
        self._labels = labels
        self._hop_seconds = hop_seconds
        self._window_seconds = window_seconds
        self._last: Prediction | None = None
        self._start_seconds = 0.0
        self._start_position = 0.0
        self._running = RunningSegments(labels)
        self._hearing = Hearing(window_seconds=window_seconds)
        self._final: deque[HeardSegment] = deque(maxlen=MOST_SEGMENTS - HELD_RUNS)
        self._final_changes = _Changes()
        self._open: tuple[HeardSegment, ...] = ()
        self._shape: tuple[object, ...] = ()
        self.version = 0
        """Grows whenever a segment begins or changes. That the last one lasts longer is no change."""
        self.dropped = 0
        """So many of the oldest are no longer kept."""

    def add(self, prediction: Prediction, begin: float) -> None:
        """Take the next prediction, which speaks for the sound since `begin` (stream time). Then, `refresh`."""
        last = self._last
        if last is None or _is_elsewhere(prediction, last):
            if last is not None:
                rest = begin - last.stream_time
                self._close(last, last.stream_time + (rest if rest <= self._hop_seconds else 0.0))
            self._running = RunningSegments(self._labels, start_seconds=begin)
            self._hearing = Hearing(window_seconds=self._window_seconds, start_seconds=begin)
            self._start_seconds = begin
            self._start_position = max(0.0, prediction.position_seconds - (prediction.stream_time - begin))
        self._last = prediction
        verdict = prediction.verdict
        probabilities = prediction.probabilities if verdict.of_music else None
        for moment in self._hearing.at(
            prediction.stream_time, probabilities, verdict is Verdict.SURE, without_music=verdict.value
        ):
            for segment in self._running.push(moment):
                self._keep(self._placed(segment, prediction.track))

    def refresh(self) -> None:
        """Bring `segments` and `version` up to date."""
        last = self._last
        if last is None:
            return
        self._open = tuple(self._placed(segment, last.track) for segment in self._running.open(last.stream_time))
        shape = (
            self.dropped,
            len(self._final),
            *((segment.start_seconds, segment.label_index) for segment in self._open),
        )
        self.version += shape != self._shape
        self._shape = shape

    def segments(self) -> tuple[HeardSegment, ...]:
        """In order of time; the last one lasts up to now."""
        return (*self._final, *self._open)

    def changes(self) -> int:
        """How often the music went on with another label than it had last, over the whole session."""
        changes = self._final_changes
        for segment in self._open:
            changes = changes.then(segment)
        return changes.count

    def _close(self, last: Prediction, end_seconds: float) -> None:
        for segment in self._running.open(end_seconds):
            self._keep(self._placed(segment, last.track))

    def _keep(self, segment: HeardSegment) -> None:
        self.dropped += len(self._final) == self._final.maxlen
        self._final.append(segment)
        self._final_changes = self._final_changes.then(segment)

    def _placed(self, segment: Segment, track: int) -> HeardSegment:
        return HeardSegment(
            start_seconds=segment.start_seconds,
            end_seconds=segment.end_seconds,
            label=segment.label,
            label_index=NO_LABEL[segment.label] if segment.label in NO_LABEL else self._labels.index(segment.label),
            probability=segment.probability,
            track=track,
            position_seconds=self._start_position + segment.start_seconds - self._start_seconds,
        )


def _is_elsewhere(prediction: Prediction, last: Prediction) -> bool:
    """Whether it was heard in another track, or at another place, than the music before would have come to."""
    if prediction.track != last.track:
        return True
    expected = last.position_seconds + prediction.stream_time - last.stream_time
    return prediction.restart and abs(prediction.position_seconds - expected) > JUMP_SECONDS
