"""Who listens live goes before who has a whole file heard: such work is done in the gaps between live predictions."""

from __future__ import annotations

import threading

from stream.clock import Clock
from stream.engine import Engine
from stream.session import Session

LOOK_SECONDS = 0.01
"""How often it is looked whether it may go on."""
LATE_SECONDS = 0.3
"""A prediction that is late by more than this does not come: the source is paused, or has ended."""
SHORTEST_STEP_SECONDS = 0.02
LONGEST_STEP_SECONDS = 0.15
GAP_SECONDS = 0.25
"""Of many sessions one is always about to predict: a step waits no longer than this for a gap."""
BEHIND_SECONDS = 5.0
"""Where a session is always behind, work goes on nevertheless, a step at a time."""
_FADING = 0.7


class Precedence:
    """Called before every step of such work, it returns when there is time for the step. One for each piece of work.

    patient : also wait, for longer, while a session is behind.
    """

    def __init__(self, engine: Engine, clock: Clock, *, patient: bool = True) -> None:
        self._engine = engine
        self._clock = clock
        self._patient = patient
        self._step_seconds = SHORTEST_STEP_SECONDS
        self._began: float | None = None

    def wait(self, stop: threading.Event) -> None:
        """Wait for a gap, for a while at most, or until `stop` is set."""
        now = begun = self._clock.now()
        self._note_step(now)
        while not self._free(now, waited_seconds=now - begun) and not self._clock.wait(stop, LOOK_SECONDS):
            now = self._clock.now()
        self._began = self._clock.now()

    def _note_step(self, now: float) -> None:
        """The next step will take about as long as the longest of the last few."""
        if self._began is not None:
            taken = min(now - self._began, LONGEST_STEP_SECONDS)
            self._step_seconds = max(taken, _FADING * self._step_seconds, SHORTEST_STEP_SECONDS)

    def _free(self, now: float, *, waited_seconds: float) -> bool:
        sessions = self._engine.sessions()
        if self._patient and waited_seconds < BEHIND_SECONDS and any(session.status().behind for session in sessions):
            return False
        return waited_seconds >= GAP_SECONDS or not any(self._about_to_predict(session, now) for session in sessions)

    def _about_to_predict(self, session: Session, now: float) -> bool:
        newest = session.results.latest
        if newest is None:
            return False
        due_in_seconds = newest.captured_at + session.settings.hop_seconds - now
        return -LATE_SECONDS < due_in_seconds < self._step_seconds
