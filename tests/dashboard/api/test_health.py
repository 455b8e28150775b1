"""Whether it lives, whether it is ready, and how each session does."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.access import Access
from dashboard.api.health import STALL_SECONDS
from tests.dashboard.api.conftest import Programs, problem


def test_it_is_ready_once_the_network_is_loaded(programs: Programs) -> None:
    classifier = programs.studio.classifier("loudness")
    classifier.loaded = False  # type: ignore[misc]
    assert "loaded" in problem(programs.get("/health/ready"), 503)["detail"]
    assert programs.get("/health/live").json == {"ok": True}
    assert programs.get("/health").json["ready"] is False
    classifier.load()
    assert programs.get("/health/ready").json == {"ok": True}
    assert programs.get("/health").json["ready"] is True


def test_where_a_recorded_session_is_shown_no_network_is_waited_for(programs: Programs) -> None:
    programs.studio.classifier("loudness").loaded = False  # type: ignore[misc]
    programs.studio.replay = b"{}"
    assert programs.get("/health/ready").status_code == 200


def test_it_does_not_live_once_the_engine_has_died(programs: Programs, monkeypatch: object) -> None:
    engine = programs.studio.engine
    assert programs.get("/health/live").status_code == 200  # not started yet

    def fail() -> int:
        raise RuntimeError("out of memory")

    engine.step = fail  # type: ignore[method-assign]
    # A thread that dies says so; here it is meant to.
    engine._run = lambda: None  # type: ignore[method-assign]
    engine.start()
    thread = engine._thread
    assert thread is not None
    thread.join()
    problem(programs.get("/health/live"), 503)
    assert programs.get("/health").json["live"] is False


def test_a_session_says_what_it_does_and_when_it_was_last_heard(programs: Programs) -> None:
    stage = programs.pushed(programs.start())
    programs.play(stage, 4.0)
    programs.clock.time += 2.0
    main, session = programs.get("/health").json["sessions"]
    assert main == {"id": "main", "state": "idle", "alive": True, "seconds_since_last_result": None}
    assert (session["id"], session["state"], session["alive"]) == (stage.identifier, "live", True)
    assert 2.0 <= session["seconds_since_last_result"] < 2.6


def test_a_session_that_nobody_works_on_is_not_alive(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0)
    programs.studio.engine.step = lambda: 0  # type: ignore[method-assign]
    programs.play(stage, 3.0 + STALL_SECONDS - 1.0)
    assert programs.get("/health").json["sessions"][0]["alive"]
    programs.play(stage, 2.0)
    assert not programs.get("/health").json["sessions"][0]["alive"]


def test_a_session_that_has_failed_is_not_alive_and_one_without_sound_is(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0)
    programs.clock.time += 3600.0
    assert programs.get("/health").json["sessions"][0]["alive"]
    assert stage.session is not None
    stage.session.fail("the weights are damaged")
    session = programs.get("/health").json["sessions"][0]
    assert (session["state"], session["alive"]) == ("failed", False)


def test_whoever_watches_over_services_needs_no_password(make_programs: Callable[..., Programs]) -> None:
    programs = make_programs(Access("correct-horse-battery"))
    assert programs.get("/health/live").status_code == 200
    assert programs.get("/health/ready").status_code == 200
    assert programs.get("/health").status_code == 401
    assert programs.get("/metrics").status_code == 401
