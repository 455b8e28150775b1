"""The whole of one session's history with one model: moments, picture, segments, shares, and a sentence about now."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import Any

import numpy as np

from dashboard.description import Description, describe
from dashboard.figures import display_names
from dashboard.moments import VERDICTS, Moments, MomentStore
from dashboard.overview import Overview
from dashboard.stretches import HeardSegment, Stretches
from model.segments import NOT_SURE
from stream.records import Prediction, Verdict
from stream.results import Results

DESCRIBED_SECONDS = 30.0
"""The sentence is about so much of what was heard last, at most."""
SHOWN_FROM = 0.1
"""From this probability on a label counts as heard, where several may be and the bundle does not say."""


class Chronicle:
    """Bounded, however long the session is. Every method may be called from any thread.

    `update` takes in what is new; call it often enough that nothing has left the results before (an hour).

    Parameters
    ----------
    labels : what the probabilities stand for.
    exclusive : whether one label is right at a time; otherwise several may be.
    hop_seconds : time between two predictions; used where it cannot be told from the predictions themselves.
    window_seconds : sound one prediction is made from. It speaks for the window's middle, so segments begin where they
        are heard, as in `genrescope classify`; the last one lasts up to now.
    shown_from : from what probability on a label counts as heard, where several may be.
    column_seconds : time a column of the waterfall stands for.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        *,
        exclusive: bool,
        hop_seconds: float,
        window_seconds: float = 3.0,
        shown_from: float = SHOWN_FROM,
        column_seconds: float = 0.096,
    ) -> None:
        self.labels = labels
        self.names = tuple(display_names(labels))
        self.exclusive = exclusive
        self._hop_seconds = hop_seconds
        self._window_seconds = window_seconds
        self._shown_from = shown_from
        self._lock = threading.RLock()
        self._generation: int | None = None
        self._next_prediction = 0
        self._next_column = 0
        self._end = 0.0
        """Stream time of the newest prediction."""
        self._moments = MomentStore(len(labels))
        self._overview = Overview(column_seconds)
        self._stretches = Stretches(labels, hop_seconds=hop_seconds, window_seconds=window_seconds)
        self._label_seconds = np.zeros(len(labels))
        self._verdict_seconds = dict.fromkeys(VERDICTS, 0.0)
        self._description: Description | None = None

    # ---- what comes in --------------------------------------------------------------------------------------------

    def update(self, results: Results) -> bool:
        """Take in what is new in these results. False, and nothing is taken, if they belong to another model."""
        with self._lock:
            if self._generation is None:
                self._generation = results.generation
            if results.generation != self._generation or results.labels != self.labels:
                return False
            columns = results.next_column
            if columns > self._next_column:
                self._overview.add(*results.columns(self._next_column, columns))
                self._next_column = columns
            if results.next_prediction > self._next_prediction:
                for prediction in results.predictions_since(self._next_prediction):
                    self._take(prediction)
                self._stretches.refresh()
                self._description = None
            return True

    def _take(self, prediction: Prediction) -> None:
        missed = prediction.number > self._next_prediction
        first = self._next_prediction == 0
        self._next_prediction = prediction.number + 1
        time = prediction.stream_time
        if not first and time <= self._end:
            return  # After a change of settings the last sound is heard once more; it is not counted twice.
        begin = self._end
        if first or prediction.restart:
            # The first window of a stretch speaks for all of it so far.
            begin = max(begin, time - self._window_seconds - self._hop_seconds * prediction.skipped_before)
        elif missed:
            begin = max(begin, time - self._hop_seconds * (1 + prediction.skipped_before))
        self._end = time
        self._moments.append(prediction, time - begin)
        self._stretches.add(prediction, begin)
        self._count(prediction, time - begin)

    def _count(self, prediction: Prediction, seconds: float) -> None:
        self._verdict_seconds[prediction.verdict] += seconds
        if prediction.verdict is not Verdict.SURE:
            return
        if self.exclusive:
            self._label_seconds[int(np.argmax(prediction.probabilities))] += seconds
        else:
            self._label_seconds[prediction.probabilities >= self._shown_from] += seconds

    # ---- what it says ---------------------------------------------------------------------------------------------

    def moments(self, max_points: int | None = None) -> Moments:
        """What was heard, in order of time: all that is kept, or averaged to at most `max_points`, evenly in time."""
        with self._lock:
            return self._moments.read(max_points=max_points)

    def overview_columns(self) -> tuple[float, float, np.ndarray]:
        """The whole waterfall: time one column stands for, stream time at which the first begins, uint8 [n, bands]."""
        with self._lock:
            return self._overview.read()

    def segments(self) -> tuple[HeardSegment, ...]:
        """The newest 2000 segments in order of time; the last one lasts up to now."""
        with self._lock:
            return self._stretches.segments()

    @property
    def segments_version(self) -> int:
        """Grows whenever a segment begins or changes. That the last one lasts longer is no change."""
        return self._stretches.version

    @property
    def dropped_segments(self) -> int:
        """So many of the oldest segments are no longer kept."""
        return self._stretches.dropped

    def description(self, now: float | None = None) -> Description:
        """What is heard in the segment at this stream time (without one: now), over the half minute up to it."""
        with self._lock:
            if now is not None:
                return self._describe(now, self._window_seconds / 2)
            if self._description is None:
                self._description = self._describe(self._end, 0.0)
            return self._description

    def sentence(self, now: float | None = None) -> str:
        """`description` as people say it: "jazz, with elements of blues"; empty before anything has been heard."""
        return self.description(now).text

    def _describe(self, now: float, ahead: float) -> Description:
        """ahead : so much later than the sound it speaks for stands the prediction that is the last to be used."""
        segments = self._stretches.segments()
        place = bisect_right(segments, now, key=lambda segment: segment.start_seconds) - 1
        if place < 0:
            return Description()
        segment = segments[place]
        start = max(segment.start_seconds, now - DESCRIBED_SECONDS)
        moments = self._moments.read(after=start + self._window_seconds / 2, until=now + ahead)
        mean = moments.mean_probabilities()
        if self.exclusive:
            return describe(segment.label, mean, self.labels)
        said = moments.share_of_time(self._shown_from)
        return describe(segment.label, mean, self.labels, self._shown_from, said)

    def summary(self) -> dict[str, Any]:
        """What the session came to, ready for JSON.

        seconds : sound that was judged; music_seconds, no_music_seconds and silence_seconds are its parts.
            not_sure_seconds : the part of the music for which no label was named.
        shares : label (or "not sure"), its name, seconds, and share of the music, the largest first. Where several
            labels may be right at once they add up to more than one.
        changes_per_minute : how often the music went on with another label than it had last, per minute of music; None
            without music.
        segments : as `segments`, with names.
        """
        with self._lock:
            segments, changes = self._stretches.segments(), self._stretches.changes()
            seconds_of = self._label_seconds.tolist()
            seconds_by_verdict = dict(self._verdict_seconds)
            dropped = self._stretches.dropped
        not_sure = seconds_by_verdict[Verdict.NOT_SURE]
        music = sum(seconds for verdict, seconds in seconds_by_verdict.items() if verdict.of_music)
        heard = [*zip(self.labels, self.names, seconds_of, strict=True), (NOT_SURE, NOT_SURE, not_sure)]
        return {
            "seconds": round(sum(seconds_by_verdict.values()), 3),
            "music_seconds": round(music, 3),
            "no_music_seconds": round(seconds_by_verdict[Verdict.NO_MUSIC], 3),
            "silence_seconds": round(seconds_by_verdict[Verdict.SILENCE], 3),
            "not_sure_seconds": round(not_sure, 3),
            "shares": [
                {"label": label, "name": name, "seconds": round(seconds, 3), "share": round(seconds / music, 4)}
                for label, name, seconds in sorted(heard, key=lambda entry: -entry[2])
                if seconds > 0.0
            ],
            "changes_per_minute": round(60.0 * changes / music, 2) if music > 0.0 else None,
            "segments": [self._in_words(segment) for segment in segments],
            "dropped_segments": dropped,
        }

    def _in_words(self, segment: HeardSegment) -> dict[str, Any]:
        named = segment.label_index >= 0
        return {
            "start_seconds": round(segment.start_seconds, 2),
            "end_seconds": round(segment.end_seconds, 2),
            "label": segment.label,
            "name": self.names[segment.label_index] if named else segment.label,
            "probability": round(segment.probability, 4),
            "track": segment.track,
            "position_seconds": round(segment.position_seconds, 2),
        }
