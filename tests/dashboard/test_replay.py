"""Taking a session away, and showing it again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.app import create_app
from dashboard.replay_file import read_replay
from dashboard.server import PageServer
from tests.commands import LivePage, run
from tests.dashboard.conftest import Viewer, until
from tests.dashboard.fakes import FakeStudio
from tests.dashboard.scenes import GENRES, steady_scene

Serve = Callable[..., PageServer]
Look = Callable[..., Viewer]


@pytest.fixture
def studio() -> FakeStudio:
    """Forty seconds of metal, and then forty of jazz."""
    studio = FakeStudio()
    for label in ("metal", "jazz"):
        studio.session.scene = steady_scene(label)
        studio.session.advance(40)
    return studio


@pytest.fixture
def replay_file(studio: FakeStudio, tmp_path: Path) -> Path:
    client = create_app(studio).server.test_client()  # type: ignore[arg-type]
    response = client.get("/export/main/replay", base_url="http://localhost")
    assert (
        response.headers["Content-Disposition"] == 'attachment; filename="genrescope-2026-11-21-2000.genrescope.json"'
    )
    path = tmp_path / "talk.genrescope.json"
    path.write_bytes(response.data)
    return path


def test_a_session_can_be_taken_away_in_three_forms(studio: FakeStudio, replay_file: Path) -> None:
    client = create_app(studio).server.test_client()  # type: ignore[arg-type]
    table = list(csv.DictReader(io.StringIO(client.get("/export/main/csv", base_url="http://localhost").text)))
    assert [row["label"] for row in (table[0], table[-1])] == ["metal", "jazz"]
    assert set(GENRES) <= set(table[0])
    document = client.get("/export/main/json", base_url="http://localhost").get_json()
    assert [segment["label"] for segment in document["segments"]] == ["metal", "jazz"]
    assert len(document["moments"]) == len(table)
    assert len(read_replay(replay_file.read_bytes())["predictions"]) == len(table)


@pytest.mark.parametrize("address", ["/export/nobody/csv", "/export/main/exe", "/export/main/../csv", "/replay"])
def test_what_is_not_there_is_not_found(studio: FakeStudio, address: str) -> None:
    response = create_app(studio).server.test_client().get(address, base_url="http://localhost")  # type: ignore[arg-type]
    assert response.status_code == 404 or response.mimetype == "text/html"  # Dash's page, for what it does not know
    assert b"metal" not in response.data


def test_nothing_heard_is_nothing_to_take_away() -> None:
    client = create_app(FakeStudio(playing=False)).server.test_client()  # type: ignore[arg-type]
    assert client.get("/export/main/csv", base_url="http://localhost").status_code == 404


def test_a_replay_plays_in_the_page_and_the_server_is_not_asked(
    serve: Serve, look: Look, replay_file: Path, studio: FakeStudio
) -> None:
    server = serve(FakeStudio(playing=False))
    viewer = look(server.url)
    viewer.page.keyboard.press("e")
    viewer.choose_file("#open-replay", replay_file)
    viewer.until("Boolean(genrescope.replaying)")
    server.stop()  # from here on there is no network
    viewer.until_text("verdict", "Metal")
    viewer.until_text("track-title", "Replay: Demo mix")
    viewer.page.locator("#seek-range").fill("70")
    viewer.until_text("verdict", "Jazz")
    viewer.until("genrescope.heard.segments.length === 2")
    viewer.until("Boolean(genrescope.drawing)")
    viewer.page.wait_for_timeout(600)
    viewer.picture("replay")
    viewer.page.locator("body").press("Space")
    viewer.until_text("state", "paused")
    at = viewer.value("genrescope.replaying.time")
    viewer.page.wait_for_timeout(500)
    assert viewer.value("genrescope.replaying.time") == at
    viewer.page.keyboard.press("ArrowLeft")
    viewer.until(f"genrescope.replaying.time < {at} - 4")
    viewer.page.keyboard.press("s")
    viewer.until("genrescope.face === 'stage'")
    viewer.page.keyboard.press("s")
    assert viewer.complaints == []
    serve(FakeStudio(), port=server.port)
    viewer.page.click("#close-replay")
    viewer.until_text("track-title", "Demo mix")
    viewer.until("!genrescope.replaying && genrescope.connected")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff\xfe", b'{"format": "genrescope replay", "version": 9}', b"[1, 2]"]
)
def test_a_file_that_is_no_replay_is_refused_in_words(serve: Serve, look: Look, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.genrescope.json"
    path.write_bytes(content)
    viewer = look(serve(FakeStudio()).url)
    viewer.page.keyboard.press("e")
    viewer.choose_file("#open-replay", path)
    viewer.until_text("notice-box", "no replay")
    assert viewer.value("genrescope.replaying") is None


def test_the_command_shows_a_replay_without_loading_a_network(look: Look, replay_file: Path) -> None:
    with LivePage("replay", replay_file) as live:
        viewer = look(live.url)
        viewer.until_text("verdict", "Metal")
        viewer.until_text("state", "live")
        modules = Path(f"/proc/{live.pid}/maps").read_text()
        assert "tensorflow" not in modules
        assert live.stop() == 0


def test_the_command_refuses_a_damaged_replay(replay_file: Path) -> None:
    document = json.loads(replay_file.read_text())
    document["predictions"][3][5] = [2.0]
    replay_file.write_text(json.dumps(document))
    done = run("replay", replay_file)
    assert done.returncode == 6
    assert "Traceback" not in done.stderr and "genrescope:" in done.stderr


def test_the_sound_is_in_the_replay_if_it_was_kept_and_plays_in_step(look: Look, tmp_path: Path) -> None:
    with LivePage("play", "sample_audio/mix.wav", "--speaker", "none") as live:
        viewer = look(live.url)
        viewer.until("document.getElementById('answer').dataset.verdict === 'sure'")
        viewer.page.keyboard.press("e")
        viewer.page.click("#keep-sound")
        viewer.until("genrescope.answer.recording.seconds >= 6")
        with viewer.page.expect_download() as download:
            viewer.page.click("#export-replay")
        download.value.save_as(tmp_path / "talk.genrescope.json")
        assert live.stop() == 0
    document = read_replay((tmp_path / "talk.genrescope.json").read_bytes())
    assert document["sound"]["type"] == "audio/mpeg" and document["sound"]["starts_at"] > 3.0
    with LivePage("replay", tmp_path / "talk.genrescope.json") as live:
        viewer = look(live.url)
        viewer.until("Boolean(genrescope.replaying)")
        viewer.value(f"genrescope.command('seek', {{seconds: {document['sound']['starts_at'] + 1.0}}})")
        viewer.until("!document.getElementById('player').paused && document.getElementById('player').currentTime > 1.5")
        off = "genrescope.replaying.time + (performance.now() - genrescope.replaying.at) / 1000 - " + str(
            document["sound"]["starts_at"]
        )
        until(
            lambda: abs(viewer.value(f"document.getElementById('player').currentTime - ({off})")) < 0.1, "being in step"
        )
