"""What the page is told, and what it is not told twice."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.feed import COLUMNS_AT_ONCE, LONGEST_WAIT_MS, PAST_SECONDS, PREDICTIONS_AT_ONCE, SHORTEST_WAIT_MS
from dashboard.figures import label_colours
from dashboard.insight import OVERVIEW_POINTS
from stream.records import Level, Verdict
from tests.dashboard.fakes import BANDS, FakeStudio
from tests.dashboard.scenes import GENRES, TAGS, silence_scene


@pytest.fixture
def studio() -> FakeStudio:
    return FakeStudio()


@pytest.fixture
def client(studio: FakeStudio) -> FlaskClient:
    return create_app(studio).server.test_client()  # type: ignore[arg-type]


def poll(client: FlaskClient, before: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if before is not None:
        query = {name: before.get(name, -1) for name in ("instance", "session", "generation", "since", "column")}
        query["heard"] = before["stage"]
        query["segments"] = before.get("segments_version", -1)
        if before.get("second"):
            second = before["second"]
            query |= {"second": second["listener"], "second_generation": second["generation"]}
            query |= {"second_since": second["since"]}
    response = client.get("/live", query_string={**query, **changes}, base_url="http://localhost")
    assert response.status_code == 200
    return dict(json.loads(response.data))


def numbers(answer: dict[str, Any]) -> list[int]:
    return [row[0] for row in answer["predictions"]]


def bands(answer: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer["columns"]["bands"]), np.uint8).reshape(-1, BANDS)


def read_all(client: FlaskClient, answer: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Poll until there is no more."""
    answers = [poll(client, answer)]
    while answers[-1]["more"]:
        answers.append(poll(client, answers[-1]))
    return answers


def test_a_new_page_gets_the_last_five_minutes_and_the_labels(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(400)
    answers = read_all(client)
    assert answers[0]["bundle"]["labels"] == list(GENRES)
    assert answers[0]["bundle"]["exclusive"] is True
    times = [row[1] for answer in answers for row in answer["predictions"]]
    assert times[0] == pytest.approx(400.0 - PAST_SECONDS, abs=1.0) and times[-1] == 400.0
    columns = [time for answer in answers for time in answer["columns"]["times"]]
    assert columns[0] == pytest.approx(400.0 - PAST_SECONDS, abs=1.0)
    assert len(columns) == pytest.approx(PAST_SECONDS / studio.settings.column_seconds, abs=2)
    for answer in answers:
        assert len(bands(answer)) == len(answer["columns"]["times"]) <= COLUMNS_AT_ONCE
        assert len(answer["predictions"]) <= PREDICTIONS_AT_ONCE


def test_the_next_poll_brings_only_what_is_new(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(20)
    first = poll(client)
    second = poll(client, first)
    assert second["predictions"] == [] and second["columns"]["times"] == [] and "bundle" not in second
    studio.session.advance(1)
    third = poll(client, second)
    assert numbers(third) == [numbers(first)[-1] + 1, numbers(first)[-1] + 2]
    assert bands(third).shape[0] in (10, 11)


def test_missed_polls_lose_nothing(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(10)
    answer = poll(client)
    seen = numbers(answer)
    studio.session.advance(400)
    while True:
        answer = poll(client, answer)
        seen += numbers(answer)
        assert len(answer["predictions"]) <= PREDICTIONS_AT_ONCE
        if not answer["more"]:
            break
    assert seen == list(range(seen[-1] + 1))
    assert seen[-1] == studio.session.results.next_prediction - 1


def test_another_source_another_model_or_another_server_begin_anew(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(10)
    first = poll(client)
    studio.use_model("tags")
    studio.session.advance(5)
    with_tags = poll(client, first)
    assert with_tags["bundle"]["labels"] == list(TAGS) and with_tags["generation"] == 1
    assert numbers(with_tags)[0] == 0
    studio.listen_to("sample:jazz")
    studio.session.advance(5)
    assert numbers(poll(client, with_tags))[0] == 0
    assert "bundle" in poll(client, with_tags)
    other = create_app(studio).server.test_client()  # type: ignore[arg-type]
    answer = poll(other, poll(client))
    assert "bundle" in answer and numbers(answer)[0] == 0


def test_segments_are_told_when_they_change_and_only_then(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(20)
    first = poll(client)
    assert [row[2] for row in first["segments"]] == [GENRES.index("jazz"), GENRES.index("rock")]
    assert first["sentence"].startswith("rock")
    assert first["segments"][0][3:] == [0, 0.0]
    studio.session.advance(2)
    second = poll(client, first)
    assert "segments" not in second
    studio.session.advance(30)
    third = poll(client, second)
    assert [row[2] for row in third["segments"]][-1] == GENRES.index("classical")
    assert -2 in [row[2] for row in third["segments"]]  # silence


def test_the_second_model_is_told_beside_the_first(client: FlaskClient, studio: FakeStudio) -> None:
    studio.main.advance(10)
    studio.use_second_model("tags", studio.main)
    studio.main.advance(10)
    answer = poll(client)
    assert answer["second_model"] == "tags"
    second = answer["second"]
    assert second["bundle"]["labels"] == list(TAGS)
    assert second["predictions"][0][1] > 10.0 and second["predictions"][-1][1] == answer["predictions"][-1][1]
    after = poll(client, answer)
    assert after["second"]["predictions"] == [] and "bundle" not in after["second"]
    # Another one between two polls: nothing of the old one is taken for its own.
    studio.use_second_model("genres", studio.main)
    studio.main.advance(5)
    assert poll(client, after)["second"]["bundle"]["labels"] == list(GENRES)
    studio.use_second_model("", studio.main)
    assert poll(client, after)["second"] is None


def test_each_page_may_have_a_session_of_its_own(client: FlaskClient, studio: FakeStudio) -> None:
    opened = client.post("/stage", json={}, base_url="http://localhost").get_json()["stage"]
    order = {"stage": opened, "do": "source", "key": "sample:jazz"}
    assert client.post("/command", json=order, base_url="http://localhost").get_json() == {"notice": ""}
    studio.stage(opened).advance(5)
    studio.session.advance(5)
    # Even where the numbers of both sessions happen to be the same.
    other = poll(client, poll(client), stage=opened)
    assert other["source_key"] == "sample:jazz" and "bundle" in other and numbers(other)[0] == 0
    assert poll(client)["source_key"] == "sample:mix"
    gone = client.get("/live?stage=nobody", base_url="http://localhost")
    assert gone.status_code == 404 and "ended" in gone.get_json()["gone"]


def test_a_page_is_asked_back_just_after_the_next_prediction(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.predicted_at = studio.engine.clock.now() + 1000.0
    studio.session.advance(4)
    assert poll(client)["next_ms"] == LONGEST_WAIT_MS
    studio.session.predicted_at = studio.engine.clock.now() - 0.4
    studio.session.advance(1)
    assert SHORTEST_WAIT_MS <= poll(client)["next_ms"] <= 130
    studio.session.source.pause()
    assert poll(client)["next_ms"] == LONGEST_WAIT_MS


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"do": "fly"}, "no command 'fly'"),
        ({}, "no command"),
        ({"do": "seek", "seconds": "far"}, "no place"),
        ({"do": "seek", "seconds": float("nan")}, "no place"),
        ({"do": "seek", "seconds": 3, "track": "x"}, "no track"),
        ({"do": "source", "key": "url:x"}, "no source"),
        ({"do": "settings", "hop_seconds": 0}, "between"),
        ({"do": "settings", "colour": "red"}, "no setting"),
        ({"do": "model", "name": "broken"}, "broken"),
        ({"do": "play", "stage": "nobody"}, "ended"),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_answered_in_words(
    client: FlaskClient, studio: FakeStudio, order: dict[str, Any], words: str
) -> None:
    response = client.post("/command", data=json.dumps(order), base_url="http://localhost")
    assert response.status_code == 200 and words in response.get_json()["notice"]
    assert studio.main.source_key == "sample:mix" and studio.main.settings_number == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"9" * 100_000])
def test_a_body_that_is_no_order_does_nothing(client: FlaskClient, body: bytes) -> None:
    response = client.post("/command", data=body, base_url="http://localhost")
    assert "no command" in response.get_json()["notice"]


def test_the_whole_session_fits_one_answer(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(3000)
    answer = client.get("/overview", base_url="http://localhost").get_json()
    assert 300 < len(answer["times"]) <= OVERVIEW_POINTS
    assert len(answer["probabilities"]) == len(answer["verdicts"]) == len(answer["times"])
    assert set(answer["verdicts"]) == {"sure", "not sure", "silence"}
    columns = answer["columns"]
    assert len(base64.b64decode(columns["bands"])) == columns["count"] * BANDS
    assert columns["first"] + columns["count"] * columns["step"] == pytest.approx(3000, abs=2 * columns["step"])


def test_the_summary_names_shares_and_segments(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(60)
    summary = client.get("/summary", base_url="http://localhost").get_json()
    assert summary["seconds"] == 60.0
    assert summary["shares"][0]["name"] and summary["shares"][0]["colour"].startswith("#")
    assert [segment["label"] for segment in summary["segments"]][:2] == ["jazz", "rock"]
    studio.listen_to("")
    assert client.get("/summary", base_url="http://localhost").get_json() == {}


def test_why_is_answered_for_the_newest_window_and_at_most_once_a_second(
    client: FlaskClient, studio: FakeStudio
) -> None:
    session = studio.session
    session.advance(10)
    before = session.classifier.explained
    first = client.get("/why", base_url="http://localhost").get_json()
    assert first["number"] == session.results.latest.number and first["time"] == 10.0
    lit = np.frombuffer(base64.b64decode(first["data"]), np.uint8).reshape(first["columns"], first["bands"])
    assert lit[len(lit) // 2, 0] == 255 and lit[0].max() == 0 and lit[:, -1].max() == 0
    session.advance(1)
    again = client.get("/why", base_url="http://localhost").get_json()
    assert again["number"] == first["number"]  # too soon: the one before is shown on
    assert session.classifier.explained == before + 1
    studio.engine.clock.time += 2.0
    assert client.get("/why", base_url="http://localhost").get_json()["number"] > first["number"]
    session.extra = {"behind": True}
    session.advance(1)
    studio.engine.clock.time += 2.0
    assert "behind" in client.get("/why", base_url="http://localhost").get_json()["reason"]
    session.scene = silence_scene
    session.advance(4)
    assert "No music" in client.get("/why", base_url="http://localhost").get_json()["reason"]


def test_nothing_playing_is_said_so(client: FlaskClient, studio: FakeStudio) -> None:
    studio.listen_to("")
    answer = poll(client)
    assert answer["source_key"] == "" and "status" not in answer


def test_nonsense_in_the_address_counts_as_a_new_page(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(10)
    assert numbers(poll(client, since="x", session="'", generation="1e9", column="-7"))[0] == 0


def test_values_no_browser_can_read_never_leave_the_server(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.scene = lambda _time: (Verdict.SURE, np.full(len(GENRES), np.nan, np.float32))
    studio.session.advance(4)
    assert poll(client)["predictions"][0][5] == [0.0] * len(GENRES)


def test_level_status_and_source_are_told(client: FlaskClient, studio: FakeStudio) -> None:
    session = studio.session
    session.advance(4)
    session.inlet = replace(session.inlet, level=Level(-20.04, -3.0, True), lost_seconds=1.25, invalid_samples=3)
    session.extra = {"behind": True, "skipped_windows": 4}
    answer = poll(client)
    assert answer["level"] == {"rms": -20.0, "peak": -3.0, "clipped": True}
    assert answer["status"]["behind"] is True and answer["status"]["skipped_windows"] == 4
    assert answer["status"]["lost_seconds"] == 1.25 and answer["status"]["invalid_samples"] == 3
    assert answer["source"]["duration"] == 84.0 and answer["source"]["speaker"] == "Loudspeaker"


def test_colours_are_fixed_and_distinct() -> None:
    assert len(set(label_colours(GENRES))) == len(GENRES)
    assert label_colours(("rock",)) == label_colours(GENRES)[-1:]


def test_the_sound_of_a_track_comes_in_ranges(tone: Path) -> None:
    client = create_app(FakeStudio([tone])).server.test_client()  # type: ignore[arg-type]
    whole = client.get("/audio/main/0", base_url="http://localhost")
    assert whole.status_code == 200 and whole.data == tone.read_bytes()
    part = client.get("/audio/main/0", headers={"Range": "bytes=100-199"}, base_url="http://localhost")
    assert part.status_code == 206 and part.data == tone.read_bytes()[100:200]
    assert part.headers["Content-Range"].startswith("bytes 100-199/")


@pytest.mark.parametrize("track", ["1", "-1", "99999999999", "../0", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "x"])
def test_only_tracks_of_the_session_are_sent(tone: Path, track: str) -> None:
    client = create_app(FakeStudio([tone])).server.test_client()  # type: ignore[arg-type]
    response = client.get(f"/audio/main/{track}", base_url="http://localhost")
    # Dash answers an address it does not know with its page; what matters is that no file leaves.
    assert response.status_code == 404 or response.mimetype == "text/html"
    assert b"root:" not in response.data and b"RIFF" not in response.data


def test_a_file_that_has_gone_is_no_disaster(tone: Path) -> None:
    client = create_app(FakeStudio([tone])).server.test_client()  # type: ignore[arg-type]
    tone.unlink()
    assert client.get("/audio/main/0", base_url="http://localhost").status_code == 404
