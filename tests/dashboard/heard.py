"""Results as a session would have left them, from a list of what was to be heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream.records import Prediction, Verdict
from stream.results import Results
from stream.settings import StreamSettings

LABELS = ("blues", "hiphop", "jazz", "rock")
HOP = 0.5
WINDOW = 3.0
BANDS = 4

Answer = str | dict[str, float]
"""A label (with 0.7), "not sure", "no music", "silence", or probabilities by label."""


class Listening:
    """Results that grow: each call of `hear` is so much more sound with the same answer.

    Times, first windows and restarts are those of a real session: after a restart the first prediction comes when a
    whole window has been heard.
    """

    def __init__(self, labels: Sequence[str] = LABELS, **settings: float) -> None:
        self.settings = StreamSettings(**settings)  # type: ignore[arg-type]
        self.results = Results(tuple(labels), self.settings)
        self.time = 0.0
        self.track = 0
        self.position = 0.0
        self._next = WINDOW
        self._restart = True

    def hear(self, answer: Answer, seconds: float) -> Listening:
        """So many seconds more; the windows that end in them get this answer."""
        end = self.time + seconds
        while self._next <= end + 1e-9:
            self.position += self._next - self.time
            self.time = self._next
            self.predict(answer)
            self._next += HOP
        self.position += end - self.time
        self.time = end
        return self

    def restart(self, *, track: int | None = None, position: float | None = None) -> Listening:
        """A seek, another track, or (with neither) lost sound."""
        self.track = self.track if track is None else track
        self.position = self.position if position is None else position
        self._next = self.time + WINDOW
        self._restart = True
        return self

    def predict(self, answer: Answer, *, number: int | None = None, restart: bool | None = None) -> Prediction:
        """One prediction at the present time."""
        verdict, probabilities = self._answer(answer)
        prediction = Prediction(
            number=self.results.next_prediction if number is None else number,
            stream_time=self.time,
            track=self.track,
            position_seconds=self.position,
            captured_at=0.0,
            predicted_at=0.06,
            verdict=verdict,
            probabilities=probabilities,
            raw=probabilities,
            front_end_ms=1.0,
            network_ms=20.0,
            batch_size=1,
            skipped_before=0,
            caught_up=False,
            restart=self._restart if restart is None else restart,
        )
        self._restart = False
        self.results.append(prediction)
        return prediction

    def draw(self, columns: int, *, level: int = 100) -> Listening:
        """So many columns of the waterfall."""
        for _ in range(columns):
            number = self.results.next_column
            bands = np.full(BANDS, (level + number) % 256, np.uint8)
            self.results.append_column(self.settings.column_seconds * (number + 1), bands)
        return self

    def _answer(self, answer: Answer) -> tuple[Verdict, np.ndarray]:
        labels = self.results.labels
        if answer in ("silence", "no music"):
            return Verdict(answer), np.zeros(len(labels), np.float32)
        if isinstance(answer, dict):
            probabilities = np.array([answer.get(label, 0.0) for label in labels], np.float32)
            return Verdict.SURE, probabilities
        verdict = Verdict.NOT_SURE if answer == "not sure" else Verdict.SURE
        best = labels[0] if answer == "not sure" else answer
        high = 0.3 if verdict is Verdict.NOT_SURE else 0.7
        rest = (1.0 - high) / (len(labels) - 1)
        return verdict, np.array([high if label == best else rest for label in labels], np.float32)
