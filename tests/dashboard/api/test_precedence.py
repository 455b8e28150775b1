"""Whole tracks are heard in the gaps between live predictions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from dashboard.api.precedence import BEHIND_SECONDS, GAP_SECONDS, LONGEST_STEP_SECONDS, Precedence
from tests.stream.fakes import ManualClock

HOP_SECONDS = 0.5


@dataclass
class LiveSession:
    """Predicts every hop, at once, as long as it is not paused. `phase` is when its first window ended."""

    clock: ManualClock
    phase_seconds: float = 0.0
    paused_at: float = float("inf")
    behind: bool = False
    settings: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(hop_seconds=HOP_SECONDS))

    @property
    def results(self) -> SimpleNamespace:
        now = min(self.clock.now(), self.paused_at) - self.phase_seconds
        return SimpleNamespace(
            latest=SimpleNamespace(captured_at=now // HOP_SECONDS * HOP_SECONDS + self.phase_seconds)
        )

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(behind=self.behind)

    def next_due(self) -> float:
        return float(self.results.latest.captured_at) + HOP_SECONDS


class Engine:
    def __init__(self, *sessions: LiveSession) -> None:
        self._sessions = sessions

    def sessions(self) -> list[LiveSession]:
        return list(self._sessions)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def precedence(clock: ManualClock, *sessions: LiveSession, patient: bool = True) -> Precedence:
    return Precedence(Engine(*sessions), clock, patient=patient)  # type: ignore[arg-type]


def work(found: Precedence, clock: ManualClock, *, steps: int, step_seconds: float) -> list[float]:
    """Do this, and say when each step began."""
    begun = []
    for _ in range(steps):
        found.wait(threading.Event())
        begun.append(clock.now())
        clock.time += step_seconds
    return begun


def test_where_nobody_listens_nothing_is_waited_for(clock: ManualClock) -> None:
    assert work(precedence(clock), clock, steps=3, step_seconds=0.25) == [100.0, 100.25, 100.5]


def test_no_step_is_under_way_when_a_prediction_is_due(clock: ManualClock) -> None:
    session = LiveSession(clock, phase_seconds=0.2)
    begun = work(precedence(clock, session), clock, steps=200, step_seconds=0.06)
    # After the first step it is known how long one takes.
    for start in begun[1:]:
        to_next = HOP_SECONDS - (start - session.phase_seconds) % HOP_SECONDS
        assert to_next >= 0.06 - 0.001
    assert 100.0 + 200 * 0.06 < clock.now() < 100.0 + 1.5 * 200 * 0.06


def test_a_session_that_is_paused_is_not_waited_for(clock: ManualClock) -> None:
    session = LiveSession(clock, paused_at=90.0)
    assert work(precedence(clock, session), clock, steps=50, step_seconds=0.125)[-1] == 100.0 + 49 * 0.125


def test_among_very_many_sessions_the_work_goes_on_step_by_step(clock: ManualClock) -> None:
    crowd = [LiveSession(clock, phase_seconds=0.01 * number) for number in range(50)]
    begun = work(precedence(clock, *crowd), clock, steps=10, step_seconds=0.05)
    assert begun[-1] - begun[0] < 10 * (0.05 + GAP_SECONDS + 0.02)


def test_one_long_step_does_not_count_for_ever(clock: ManualClock) -> None:
    found = precedence(clock, LiveSession(clock))
    work(found, clock, steps=1, step_seconds=30.0)
    begun = work(found, clock, steps=60, step_seconds=0.02)
    assert begun[0] - 130.0 <= max(GAP_SECONDS, LONGEST_STEP_SECONDS) + 0.02
    assert begun[-1] - begun[20] < 2.0 * 40 * 0.02


def test_while_a_session_is_behind_a_job_waits_but_not_for_ever(clock: ManualClock) -> None:
    session = LiveSession(clock, paused_at=90.0, behind=True)
    (begun,) = work(precedence(clock, session), clock, steps=1, step_seconds=0.05)
    assert BEHIND_SECONDS <= begun - 100.0 < BEHIND_SECONDS + 0.1


def test_who_waits_for_an_answer_does_not_wait_for_a_session_that_is_behind(clock: ManualClock) -> None:
    session = LiveSession(clock, paused_at=90.0, behind=True)
    assert work(precedence(clock, session, patient=False), clock, steps=1, step_seconds=0.05) == [100.0]


def test_whoever_waits_can_be_stopped(clock: ManualClock) -> None:
    stop = threading.Event()
    stop.set()
    precedence(clock, LiveSession(clock, paused_at=90.0, behind=True)).wait(stop)
    assert clock.now() == 100.0
