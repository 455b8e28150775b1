"""Numbers for Prometheus: they are what happened, and they only grow."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from stream.totals import LATENCY_BOUNDS_SECONDS
from tests.dashboard.api.conftest import Programs


def metrics(programs: Programs) -> dict[tuple[str, str], float]:
    """Every sample by its name and its one label's value."""
    response = programs.get("/metrics")
    assert response.status_code == 200 and response.content_type.startswith("text/plain")
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_windows_latency_and_sound_are_counted(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 5.0, 0.9)
    programs.play(stage, 5.0, 0.0)
    found = metrics(programs)
    results = programs.get("/sessions/main/results").json["results"]
    for verdict in ("sure", "not sure", "no music", "silence"):
        expected = sum(result["verdict"] == verdict for result in results)
        assert found["genrescope_windows_total", verdict] == expected
    assert found["genrescope_latency_seconds_count", ""] == len(results)
    assert found["genrescope_latency_seconds_bucket", "+Inf"] == len(results)
    buckets = [found["genrescope_latency_seconds_bucket", str(float(bound))] for bound in LATENCY_BOUNDS_SECONDS]
    assert buckets == sorted(buckets)
    assert round(found["genrescope_heard_seconds_total", ""]) == 10
    assert found["genrescope_network_calls_total", ""] > 0


def test_what_was_lost_or_skipped_or_failed_is_counted_and_not_forgotten(programs: Programs) -> None:
    stage = programs.pushed(programs.start())
    session = stage.session
    assert session is not None
    programs.play(stage, 3.0)
    session.inlet.lost(1.5)
    programs.studio.engine.step, step = lambda: 0, programs.studio.engine.step  # type: ignore[method-assign]
    programs.play(stage, 3.0)
    programs.studio.engine.step = step  # type: ignore[method-assign]
    programs.play(stage, 0.1)
    programs.studio.engine._fail(session, RuntimeError("out of memory"))
    before = metrics(programs)
    assert before["genrescope_lost_seconds_total", "source"] == 1.5
    assert before["genrescope_skipped_windows_total", ""] > 0
    assert before["genrescope_session_failures_total", ""] == 1
    assert before["genrescope_sessions", "failed"] == 1
    programs.ask("DELETE", f"/sessions/{stage.identifier}")
    after = metrics(programs)
    assert after["genrescope_sessions", "failed"] == 0
    shrunk = [key for key, value in before.items() if key[0].endswith("_total") and after[key] < value]
    assert shrunk == []


def test_what_is_there_now_is_counted(programs: Programs) -> None:
    programs.start()
    programs.studio.open_stage()
    found = metrics(programs)
    assert found["genrescope_sessions", "idle"] == 2
    assert found["genrescope_sessions", "live"] == 1
    assert found["genrescope_ready", ""] == found["genrescope_alive", ""] == 1
    assert found["genrescope_event_listeners", ""] == found["genrescope_uploads", ""] == 0
    assert found["genrescope_sessions_started_total", ""] == 1


def test_answers_are_counted_by_status(programs: Programs) -> None:
    for path in ("/models", "/models", "/nothing"):
        programs.get(path)
    found = metrics(programs)
    assert found["genrescope_api_answers_total", "200"] == 2
    assert found["genrescope_api_answers_total", "404"] == 1


def test_two_programs_in_one_process_do_not_mix_their_numbers(programs: Programs) -> None:
    from dashboard.app import create_app

    programs.get("/models")
    other = create_app(programs.studio).server.test_client()
    text = other.get("/api/v1/metrics", base_url="http://localhost").text
    assert "genrescope_api_answers_total{" not in text
