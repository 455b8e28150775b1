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
from dashboard.feed import PREDICTIONS_AT_ONCE
from dashboard.figures import label_colours, label_dashes
from stream.records import Level, Verdict
from tests.dashboard.fakes import BANDS, FakeStudio
from tests.dashboard.scenes import GENRES, TAGS


@pytest.fixture
def studio() -> FakeStudio:
    return FakeStudio()


@pytest.fixture
def client(studio: FakeStudio) -> FlaskClient:
    return create_app(studio).server.test_client()  # type: ignore[arg-type]


def poll(client: FlaskClient, before: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if before is not None:
        query = {name: before[name] for name in ("instance", "session", "generation", "since", "column")}
    response = client.get("/live", query_string={**query, **changes}, base_url="http://localhost")
    assert response.status_code == 200
    return dict(json.loads(response.data))


def numbers(answer: dict[str, Any]) -> list[int]:
    return [row[0] for row in answer["predictions"]]


def bands(answer: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer["columns"]["bands"]), np.uint8).reshape(-1, BANDS)


def test_a_new_page_gets_the_last_minute_and_the_labels(client: FlaskClient, studio: FakeStudio) -> None:
    studio.session.advance(100)
    answer = poll(client)
    assert answer["bundle"]["labels"] == list(GENRES)
    assert answer["bundle"]["exclusive"] is True
    times = [row[1] for row in answer["predictions"]]
    assert times[0] > 40.0 and times[-1] == 100.0
    assert len(bands(answer)) == len(answer["columns"]["times"])
    assert answer["columns"]["times"][0] > 39.9


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
    assert len(set(zip(label_colours(TAGS), label_dashes(TAGS), strict=True))) == len(TAGS)


def test_the_sound_of_a_track_comes_in_ranges(tone: Path) -> None:
    client = create_app(FakeStudio([tone])).server.test_client()  # type: ignore[arg-type]
    whole = client.get("/audio/0", base_url="http://localhost")
    assert whole.status_code == 200 and whole.data == tone.read_bytes()
    part = client.get("/audio/0", headers={"Range": "bytes=100-199"}, base_url="http://localhost")
    assert part.status_code == 206 and part.data == tone.read_bytes()[100:200]
    assert part.headers["Content-Range"].startswith("bytes 100-199/")


@pytest.mark.parametrize("track", ["1", "-1", "99999999999", "../0", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "x"])
def test_only_tracks_of_the_session_are_sent(tone: Path, track: str) -> None:
    client = create_app(FakeStudio([tone])).server.test_client()  # type: ignore[arg-type]
    response = client.get(f"/audio/{track}", base_url="http://localhost")
    # Dash answers an address it does not know with its page; what matters is that no file leaves.
    assert response.status_code == 404 or response.mimetype == "text/html"
    assert b"root:" not in response.data and b"RIFF" not in response.data


def test_a_file_that_has_gone_is_no_disaster(tone: Path) -> None:
    client = create_app(FakeStudio([tone])).server.test_client()  # type: ignore[arg-type]
    tone.unlink()
    assert client.get("/audio/0", base_url="http://localhost").status_code == 404
