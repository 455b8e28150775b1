"""What the page draws beside the answer, for programs: spectrogram, map, explanation."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from tests.dashboard.api.conftest import Programs, problem
from tests.dashboard.fakes import FakeMap


def pixels(answer: dict[str, Any], bands: int) -> np.ndarray:
    """uint8 [columns, bands]."""
    return np.frombuffer(base64.b64decode(answer["data"]), np.uint8).reshape(-1, bands)


def spectrogram(programs: Programs, query: str = "") -> dict[str, Any]:
    response = programs.get(f"/sessions/main/spectrogram{query}")
    assert response.status_code == 200
    return dict(response.json)


def test_the_spectrogram_is_that_of_the_page(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0)
    found = spectrogram(programs)
    session = stage.session
    assert session is not None
    times, bands = session.results.columns(0, session.results.next_column)
    assert found["times_seconds"] == pytest.approx(times, abs=0.001)
    np.testing.assert_array_equal(pixels(found, len(found["bands_hz"])), bands)
    assert found["column_seconds"] == session.settings.column_seconds


def test_asking_again_with_next_gives_every_column_once(programs: Programs) -> None:
    stage = programs.pushed()
    since, numbers = 0, []
    for _ in range(4):
        programs.play(stage, 1.1)
        while True:
            found = spectrogram(programs, f"?since={since}&limit=3")
            numbers += [found["first"] + place for place in range(len(found["times_seconds"]))]
            since = found["next"]
            if not found["times_seconds"]:
                break
    assert numbers == list(range(len(numbers))) and len(numbers) > 30


def test_without_sound_there_is_no_picture_and_nothing_to_explain(programs: Programs) -> None:
    assert spectrogram(programs)["times_seconds"] == []
    refusal = problem(programs.get("/sessions/main/explanation"), 404)
    assert refusal["rule"] == "No music is heard."


def test_what_spoke_for_a_label_is_told(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0)
    found = programs.get("/sessions/main/explanation").json
    newest = programs.get("/sessions/main/results").json["results"][-1]
    assert (found["number"], found["label"], found["time_seconds"]) == (
        newest["number"],
        "loud",
        newest["time_seconds"],
    )
    assert pixels(found, len(found["bands_hz"])).shape == (found["columns"], 2)


def test_pages_and_programs_share_one_explanation(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0)
    for_program = programs.get("/sessions/main/explanation").json
    for_page = programs.client.get("/why", base_url="http://localhost").json
    assert for_page["number"] == for_program["number"]
    assert for_page["data"] == for_program["data"]


def test_a_result_says_where_it_lies_on_the_map(programs: Programs) -> None:
    stage = programs.pushed()
    classifier = stage.session.classifier  # type: ignore[union-attr]
    classifier.genre_map = FakeMap()  # type: ignore[misc]
    programs.play(stage, 3.0)
    programs.play(stage, 2.0, 0.0)
    found = programs.get("/sessions/main/results").json["results"]
    assert found[0]["place"] == [pytest.approx(0.8, abs=0.01), 0.0]
    assert found[-1]["verdict"] == "silence" and found[-1]["place"] is None


def test_the_map_has_the_labels_of_its_model(programs: Programs) -> None:
    programs.studio.classifier("loudness").genre_map = FakeMap()  # type: ignore[misc]
    found = programs.get("/models/loudness/map").json
    assert found["labels"] == ["loud", "soft"]
    assert {point[2] for point in found["points"]} == {0, 1}
    assert [anchor[2] for anchor in found["anchors"]] == [0, 1]


@pytest.mark.parametrize("name", ["loudness", "nothing", "..", "%2e%2e%2fbundles", "a" * 100])
def test_a_model_without_a_map_and_one_that_is_none_have_none(programs: Programs, name: str) -> None:
    problem(programs.get(f"/models/{name}/map"), 404)
