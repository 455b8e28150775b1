"""What has been heard: results by cursor, segments, the summary, and files to take away."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from dashboard.replay_file import read_replay
from tests.dashboard.api.conftest import Programs, problem


def results(programs: Programs, query: str = "", name: str = "main") -> dict[str, Any]:
    response = programs.get(f"/sessions/{name}/results{query}")
    assert response.status_code == 200
    return dict(response.json)


def test_before_anything_is_listened_to_there_is_nothing(programs: Programs) -> None:
    found = results(programs)
    assert (found["results"], found["labels"], found["next"]) == ([], [], 0)
    assert programs.get("/sessions/main/segments").json["segments"] == []
    assert programs.get("/sessions/main/summary").json["seconds"] == 0.0
    for kind in ("csv", "json", "replay"):
        problem(programs.get(f"/sessions/main/export.{kind}"), 404)


def test_there_is_a_result_for_each_window(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0, 0.9)
    found = results(programs)
    assert found["session"] == "main" and found["labels"] == ["loud", "soft"]
    assert [result["number"] for result in found["results"]] == [0, 1, 2]
    assert found["results"][0] == {
        "number": 0,
        "time_seconds": 3.0,
        "track": 0,
        "position_seconds": 3.0,
        "verdict": "sure",
        "label": "loud",
        "probability": 0.9,
        "probabilities": [0.9, 0.1],
        "place": [pytest.approx(0.8, abs=0.001), 0.0],
        "latency_ms": pytest.approx(0.0, abs=100.0),
    }


def test_in_doubt_and_in_silence_no_label_is_named(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 3.0, 0.5)
    programs.play(stage, 1.5, 0.0)
    found = results(programs)["results"]
    assert {result["verdict"] for result in found} == {"not sure", "silence"}
    assert all(result["label"] is None and result["probability"] is None for result in found)


def test_asking_again_with_next_misses_nothing_and_repeats_nothing(programs: Programs) -> None:
    stage = programs.pushed()
    seen: list[int] = []
    since = 0
    for _ in range(6):
        programs.play(stage, 1.3)
        while True:
            found = results(programs, f"?since={since}&limit=1")
            since = found["next"]
            if not found["results"]:
                break
            seen += [result["number"] for result in found["results"]]
    assert seen == list(range(since)) and since > 8


def test_a_number_of_a_former_run_begins_anew(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 8.0)
    before = results(programs)
    programs.pushed()
    assert results(programs, f"?since={before['next']}")["next"] == 0
    programs.play(stage, 4.0)
    after = results(programs, f"?since={before['next']}")
    assert after["run"] != before["run"]
    assert [result["number"] for result in after["results"]] == [0, 1, 2]


def test_another_model_is_another_generation_with_other_labels(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0)
    programs.ask("PATCH", "/sessions/main", json={"model": "quiet"})
    programs.play(stage, 0.5)
    found = results(programs)
    assert (found["generation"], found["labels"]) == (1, ["noisy", "quiet"])


def test_the_second_model_has_results_of_its_own(programs: Programs) -> None:
    stage = programs.pushed()
    assert results(programs, "?which=second")["results"] == []
    programs.ask("PATCH", "/sessions/main", json={"second_model": "quiet"})
    programs.play(stage, 4.0)
    found = results(programs, "?which=second")
    assert found["labels"] == ["noisy", "quiet"] and len(found["results"]) == 3
    assert programs.get("/sessions/main/segments?which=second").json["segments"][0]["label"] == "noisy"
    assert programs.get("/sessions/main/summary?which=second").json["sentence"] == "noisy"


@pytest.mark.parametrize(
    "query", ["since=-1", "since=x", "since=1.0", "since=%201", "since=1_0", "since=9" + 30 * "9", "since=", "limit=0"]
)
def test_nonsense_is_refused_and_not_guessed(programs: Programs, query: str) -> None:
    problem(programs.get(f"/sessions/main/results?{query}"), 422)


@pytest.mark.parametrize("query", ["limit=1001", "which=third", "sinse=1", "since=%C2%B2", "since=%D9%A1"])
def test_neither_are_limits_exceeded_nor_names_misspelt(programs: Programs, query: str) -> None:
    problem(programs.get(f"/sessions/main/results?{query}"), 422)


def test_segments_and_summary_say_what_was_heard(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 20.0, 0.9)
    programs.play(stage, 20.0, 0.2)
    found = programs.get("/sessions/main/segments").json
    assert [segment["label"] for segment in found["segments"]][:: len(found["segments"]) - 1] == ["loud", "soft"]
    assert found["segments"][0]["start_seconds"] == 0.0
    assert found["segments"][-1]["end_seconds"] == pytest.approx(40.0, abs=0.5)
    assert found["version"] > 0 and found["dropped"] == 0
    summary = programs.get("/sessions/main/summary").json
    assert summary["seconds"] == pytest.approx(40.0, abs=0.5)
    assert {share["label"] for share in summary["shares"]} >= {"loud", "soft"}
    assert summary["sentence"].startswith("soft")


def test_the_session_is_taken_away_as_a_table_for_programs_and_as_a_replay(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 8.0)
    table = programs.get("/sessions/main/export.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert table.content_type.startswith("text/csv") and "attachment" in table.headers["Content-Disposition"]
    assert len(rows) == len(results(programs)["results"]) and rows[0]["label"] == "loud"
    document = programs.get("/sessions/main/export.json").json
    assert [moment["label"] for moment in document["moments"]] == [row["label"] for row in rows]
    assert read_replay(programs.get("/sessions/main/export.replay").data)["model"] == "loudness"


def test_numbers_are_as_short_as_they_are_precise(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0, 0.8765432)
    text = programs.get("/sessions/main/results").text
    assert max(len(number) for number in json.dumps(json.loads(text)["results"][0]["probabilities"]).split(", ")) <= 8
