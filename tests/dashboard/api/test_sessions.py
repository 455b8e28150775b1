"""Programs start sessions, command them, and end them; those of pages are none of their business."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from dashboard.guests import FORGOTTEN_SECONDS, KEPT_STAGES, OWN_STAGES
from dashboard.samples import MIX
from dashboard.studio import PROGRAMS
from model.errors import BundleError, SettingError
from stream.records import SourceState
from stream.sources.socket import SocketSource
from tests.dashboard.api.conftest import Programs, problem
from tests.dashboard.conftest import until


def test_at_first_there_is_only_the_command_lines_session(programs: Programs) -> None:
    found = programs.get("/sessions").json["sessions"]
    assert [(session["id"], session["state"], session["source"]) for session in found] == [("main", "idle", None)]


def test_a_session_on_a_sample_is_started_and_says_where_it_is(programs: Programs) -> None:
    response = programs.post("/sessions", json={"source": {"kind": "sample", "name": "mix"}})
    assert response.status_code == 201
    started = response.json
    assert response.headers["Location"] == f"/api/v1/sessions/{started['id']}"
    assert started["source"]["title"] == "mix" and started["source"]["can_seek"]
    assert programs.get(f"/sessions/{started['id']}").json["run"] == started["run"]
    assert programs.studio.kept_stage(started["id"]).audio_path(0) == MIX


def test_everything_can_be_ordered_at_once(programs: Programs) -> None:
    settings = {"hop_seconds": 1, "smoothing_seconds": 0.5, "sure_from": 0.7, "silence_closes_dbfs": -40}
    name = programs.start(model="quiet", second_model="loudness", settings=settings, keep_sound=True)
    found = programs.get(f"/sessions/{name}").json
    assert (found["model"], found["second_model"], found["keep_sound"]) == ("quiet", "loudness", True)
    assert found["settings"] == settings
    stage = programs.studio.kept_stage(name)
    assert stage.session is not None and stage.session.classifier.name == "quiet"
    assert stage.session.settings.hop_seconds == 1.0


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({}, 422),
        ({"source": None}, 422),
        ({"source": {"kind": "file:///etc/passwd"}}, 422),
        ({"source": {"kind": "sample", "name": "../../etc/passwd"}}, 409),
        ({"source": {"kind": "file", "id": "0"}}, 409),
        ({"source": {"kind": "file", "id": "../secret"}}, 409),
        ({"source": {"kind": "device", "name": "nothing"}}, 409),
        ({"source": {"kind": "link", "url": "file:///etc/passwd"}}, 422),
        ({"source": {"kind": "link", "url": "https://user:word@example.org/"}}, 422),
        ({"source": {"kind": "audio"}, "model": "polka"}, 409),
        ({"source": {"kind": "audio"}, "model": "/tmp"}, 409),
        ({"source": {"kind": "audio"}, "second_model": "polka"}, 409),
        ({"source": {"kind": "audio"}, "settings": {"hop_seconds": 0}}, 422),
        ({"source": {"kind": "audio"}, "settings": {"hop_seconds": True}}, 422),
        ({"source": {"kind": "audio"}, "settings": {"buffer_seconds": 9}}, 422),
    ],
)
def test_what_cannot_be_started_is_refused_and_leaves_nothing_behind(
    programs: Programs, order: dict[str, Any], status: int
) -> None:
    problem(programs.post("/sessions", json=order), status)
    assert programs.studio.stages() == [programs.studio.main]
    assert programs.studio.engine.sessions() == []


def test_a_session_on_a_file_a_program_has_uploaded(programs: Programs, tone: Path) -> None:
    studio = programs.studio
    data = tone.read_bytes()
    upload = studio.uploads.receive(BytesIO(data), filename="song.wav", length=len(data), owner=PROGRAMS)
    order = {"kind": "file", "id": upload.key.partition(":")[2]}
    name = programs.start(source=order)
    assert programs.get(f"/sessions/{name}").json["source"]["title"] == "song.wav"
    # The command line's session may listen to it too, and once more when it has ended.
    assert programs.ask("PATCH", "/sessions/main", json={"source": order}).status_code == 200
    studio.listen_to(studio.main.source_key)
    assert studio.main.session is not None
    # A page may not: uploads belong to those who sent them.
    with pytest.raises(SettingError):
        studio.listen_to(upload.key, studio.open_stage())


def test_a_session_on_a_link_says_why_it_cannot_be_heard(programs: Programs) -> None:
    name = programs.start(source={"kind": "link", "url": "http://radio.example/live.mp3"})
    source = programs.studio.kept_stage(name).source
    assert source is not None
    until(lambda: source.status().state is not SourceState.STARTING, "the link has been tried")
    found = programs.get(f"/sessions/{name}").json
    assert found["source"]["kind"] == "link"
    assert found["state"] in ("reconnecting", "failed") and found["detail"]


def test_the_sessions_of_single_pages_are_their_own_business(programs: Programs) -> None:
    page = programs.studio.open_stage()
    programs.studio.listen_to("sample:mix", page)
    listed = {session["id"] for session in programs.get("/sessions").json["sessions"]}
    assert listed == {"main"}
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("GET", "/results"), ("GET", "/events")):
        problem(programs.ask(method, f"/sessions/{page.identifier}{path}"), 404)
    problem(programs.ask("PATCH", f"/sessions/{page.identifier}", json={}), 404)
    assert page.session is not None


def test_an_ended_session_is_gone_and_the_main_one_only_falls_silent(programs: Programs) -> None:
    name = programs.start()
    assert programs.ask("DELETE", f"/sessions/{name}").status_code == 204
    problem(programs.get(f"/sessions/{name}"), 404)
    problem(programs.ask("DELETE", f"/sessions/{name}"), 404)
    programs.studio.listen_to("file:0")
    assert programs.ask("DELETE", "/sessions/main").status_code == 204
    assert programs.get("/sessions/main").json["state"] == "idle"
    assert programs.studio.engine.sessions() == []


def test_a_file_is_held_wound_and_goes_on(programs: Programs) -> None:
    programs.studio.listen_to("file:0")
    source = programs.studio.main.source
    assert source is not None
    assert programs.post("/sessions/main/pause").status_code == 200
    until(lambda: source.status().state is SourceState.PAUSED, "it is held")
    assert programs.get("/sessions/main").json["state"] == "paused"
    assert programs.post("/sessions/main/seek", json={"seconds": 2.5}).json["source"]["position_seconds"] == 2.5
    assert programs.post("/sessions/main/seek", json={"seconds": 1, "track": 1}).json["source"]["track"] == 1
    assert programs.post("/sessions/main/previous").json["source"]["track"] == 0
    assert programs.post("/sessions/main/next").json["source"]["track"] == 1
    assert programs.get("/sessions/main").json["source"]["tracks"] == ["one", "two"]
    assert programs.post("/sessions/main/resume").status_code == 200
    until(lambda: source.status().state is not SourceState.PAUSED, "it goes on")


def test_a_place_that_is_not_there_is_refused(programs: Programs) -> None:
    programs.studio.listen_to("file:0")
    for order, status in (
        ({"seconds": -1}, 422),
        ({"seconds": "1"}, 422),
        ({"track": 1}, 422),
        ({"seconds": 0, "track": 7}, 409),
        ({"seconds": 0, "track": 0.5}, 422),
    ):
        problem(programs.post("/sessions/main/seek", json=order), status)


def test_what_has_failed_begins_again(programs: Programs) -> None:
    stage = programs.pushed(programs.start())
    session = stage.session
    assert session is not None
    stage._source_key = "sample:mix"
    session.fail("the weights are damaged")
    assert programs.get(f"/sessions/{stage.identifier}").json["state"] == "failed"
    assert programs.post(f"/sessions/{stage.identifier}/resume").status_code == 200
    assert stage.session is not session


@pytest.mark.parametrize("command", ["pause", "resume", "next", "previous", "seek"])
def test_where_nothing_or_no_file_is_listened_to_there_is_nothing_to_command(programs: Programs, command: str) -> None:
    body = {"json": {"seconds": 1}} if command == "seek" else {}
    found = problem(programs.post(f"/sessions/main/{command}", **body), 409)
    assert "listens to nothing" in found["detail"]
    found = problem(programs.post(f"/sessions/{programs.start()}/{command}", **body), 409)
    assert found["rule"] == "only files can"


def test_a_session_is_changed_in_all_or_nothing(programs: Programs) -> None:
    name = programs.start()
    before = programs.get(f"/sessions/{name}").json
    for change in (
        {"settings": {"hop_seconds": 1}, "model": "polka"},
        {"model": "quiet", "source": {"kind": "sample", "name": "nothing"}},
        {"second_model": "quiet", "settings": {"hop_seconds": 9}},
        {"keep_sound": True, "source": {"kind": "device", "name": "nothing"}},
    ):
        response = programs.ask("PATCH", f"/sessions/{name}", json=change)
        assert 400 <= response.status_code < 500
        assert programs.get(f"/sessions/{name}").json == before


def test_model_settings_and_source_are_changed(programs: Programs) -> None:
    name = programs.start(second_model="quiet")
    change: dict[str, Any] = {"model": "quiet", "second_model": None, "settings": {"sure_from": None}}
    found = programs.ask("PATCH", f"/sessions/{name}", json=change).json
    assert (found["model"], found["second_model"], found["settings"]["sure_from"]) == ("quiet", None, None)
    other = programs.ask("PATCH", f"/sessions/{name}", json={"source": {"kind": "sample", "name": "mix"}}).json
    assert other["source"]["title"] == "mix" and other["run"] != found["run"]
    idle = programs.ask("PATCH", f"/sessions/{name}", json={"source": None}).json
    assert (idle["state"], idle["source"], idle["health"]) == ("idle", None, None)
    assert programs.ask("PATCH", f"/sessions/{name}", json={}).json["state"] == "idle"


def test_the_same_model_once_more_does_not_begin_the_results_anew(programs: Programs) -> None:
    stage = programs.pushed(programs.start())
    programs.play(stage, 4.0)
    programs.ask("PATCH", f"/sessions/{stage.identifier}", json={"model": "loudness"})
    programs.play(stage, 0.5)
    assert programs.get(f"/sessions/{stage.identifier}").json["generation"] == 0


def test_there_is_room_for_a_dozen_besides_those_of_pages(programs: Programs) -> None:
    for _ in range(OWN_STAGES):
        programs.studio.open_stage()
    for _ in range(KEPT_STAGES):
        programs.start()
    found = problem(programs.post("/sessions", json={"source": {"kind": "audio"}}), 429)
    assert "Delete one" in found["next_step"]


def test_a_session_that_is_over_is_forgotten_after_a_quarter_of_an_hour(programs: Programs) -> None:
    name = programs.start()
    source = programs.studio.kept_stage(name).source
    assert isinstance(source, SocketSource)
    attachment = source.attach(8000, 1)
    programs.clock.time += 2 * FORGOTTEN_SECONDS  # nobody asks, but sound comes
    programs.studio.keep()
    assert len(programs.studio.kept_stages()) == 2
    attachment.detach()
    programs.clock.time += 1.0
    programs.studio.keep()
    programs.clock.time += FORGOTTEN_SECONDS - 2.0
    assert programs.get(f"/sessions/{name}").status_code == 200  # whoever asks keeps it
    programs.clock.time += FORGOTTEN_SECONDS - 2.0
    programs.studio.keep()
    assert len(programs.studio.kept_stages()) == 2
    programs.clock.time += 4.0
    programs.studio.keep()
    problem(programs.get(f"/sessions/{name}"), 404)
    assert programs.studio.engine.sessions() == []


def test_a_session_that_plays_is_not_forgotten_and_a_page_cannot_say_good_bye_for_it(programs: Programs) -> None:
    stage = programs.pushed(programs.start())
    programs.studio.leave(stage.identifier)
    programs.clock.time += 10 * FORGOTTEN_SECONDS
    programs.studio.keep()
    assert stage in programs.studio.kept_stages()


def test_names_that_are_no_text_do_not_break_the_answer(programs: Programs) -> None:
    stage = programs.pushed(programs.start())
    stage.source._title = "caf\udce9 \x00"  # type: ignore[union-attr]
    assert programs.get(f"/sessions/{stage.identifier}").json["source"]["title"] == "caf? \x00"


def test_all_who_listen_with_a_bundle_share_it(programs: Programs) -> None:
    studio = programs.studio
    assert studio.classifier("quiet") is studio.classifier("quiet")
    with pytest.raises(BundleError, match="polka"):
        studio.classifier("polka")


def test_models_samples_and_devices_are_listed(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    models = programs.get("/models").json["models"]
    assert {model["name"]: model["default"] for model in models} == {"loudness": True, "quiet": False}
    assert models[0]["labels"] == ["loud", "soft"] and models[0]["window_seconds"] == 3.0
    assert "mix" in {sample["name"] for sample in programs.get("/samples").json["samples"]}
    devices = programs.get("/devices").json
    assert devices["devices"] == [] and "PortAudio" in devices["missing"]
    asked: list[int] = []
    monkeypatch.setattr(programs.studio, "refresh_devices", lambda: asked.append(1))
    programs.get("/devices?refresh=false")
    assert asked == []
    programs.get("/devices?refresh=true")
    assert asked == [1]
    for wrong in ("1", "yes", "TRUE", ""):
        problem(programs.get(f"/devices?refresh={wrong}"), 422)


def test_the_shipped_models_have_versions_that_differ(make_programs: Callable[..., Programs]) -> None:
    from model.library import Library

    programs = make_programs()
    programs.studio.library = Library()
    models = programs.get("/models").json["models"]
    assert len({model["version"] for model in models}) == len(models) > 1
    assert all(len(model["version"]) == 16 for model in models)
    assert models[0]["metrics"]["accuracy"] is not None
