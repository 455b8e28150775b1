"""Links from the page's field to the network's answers: real servers on this machine, a real studio, a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.samples import SAMPLE_FOLDER
from dashboard.studio import Studio
from stream.engine import Engine
from stream.links.policy import LinkPolicy
from stream.settings import StreamSettings
from tests.dashboard.api.small_studio import SmallLibrary, served
from tests.dashboard.conftest import Viewer, until
from tests.dashboard.test_studio import no_sound_system
from tests.sounds import ffmpeg
from tests.stream.links.icecast import Icecast
from tests.stream.links.servers import LocalServer, Page

Look = Callable[..., Viewer]
CLIP = SAMPLE_FOLDER / "jazz_vibe-ace.opus"
HEARD = "genrescope.heard.predictions.length"
CLOSED = "!document.getElementById('link').open"


@pytest.fixture
def page(look: Look) -> Iterator[Callable[[LinkPolicy], Viewer]]:
    """Opens the page of a studio in which nothing plays yet."""
    open_now = []

    def opened(policy: LinkPolicy) -> Viewer:
        studio = Studio(
            SmallLibrary(),
            StreamSettings(),
            model="loudness",
            device="cpu",
            sound=no_sound_system(),
            engine=Engine(),
            links=policy,
        )
        serving = served(studio)
        open_now.append(serving)
        return look(serving.__enter__().url)

    yield opened
    for serving in open_now:
        serving.__exit__(None, None, None)


def listen(viewer: Viewer, address: str) -> None:
    viewer.page.keyboard.press("l")
    viewer.page.fill("#link-address", address)
    viewer.page.keyboard.press("Enter")


def test_a_file_on_the_web_is_heard_to_its_end(page: Callable[[LinkPolicy], Viewer]) -> None:
    viewer = page(LinkPolicy(allow_private=True))
    with LocalServer({"/music/Vibe Ace.opus": Page(CLIP.read_bytes(), "audio/ogg")}) as server:
        server.routes["/music/Vibe%20Ace.opus"] = server.routes["/music/Vibe Ace.opus"]
        listen(viewer, server.url("/music/Vibe Ace.opus"))
        viewer.until(CLOSED)
        viewer.until_text("track-title", "Vibe Ace")
        viewer.until("document.getElementById('source').textContent.startsWith('Link: ')")
        viewer.until(f"{HEARD} > 2")
        seen = viewer.value(HEARD)
        viewer.until(f"{HEARD} > {seen} + 3")
        viewer.until("['Loud', 'Soft', 'Not sure'].includes(document.getElementById('verdict').textContent)")
        assert viewer.value("document.getElementById('page').dataset.state") == "live"
        assert viewer.text("on-air") == "", "a file is not sent live"
        assert not viewer.value("document.getElementById('seek-bar').checkVisibility()")
    assert viewer.complaints == []


def test_what_leads_into_this_machine_is_refused_under_the_field(page: Callable[[LinkPolicy], Viewer]) -> None:
    viewer = page(LinkPolicy())
    with LocalServer({"/secret.mp3": Page(b"secret", "audio/mpeg")}) as server:
        listen(viewer, server.url("/secret.mp3"))
        viewer.until_text("link-problem", "of this machine")
        assert "--allow-private-links" in viewer.text("link-problem")
        assert server.connections == 0
    assert not viewer.value(CLOSED)
    assert viewer.complaints == []


def test_what_is_no_sound_is_said_under_the_field(page: Callable[[LinkPolicy], Viewer]) -> None:
    viewer = page(LinkPolicy(allow_private=True))
    with LocalServer({"/gone.mp3": Page(status="404 Not Found")}) as server:
        listen(viewer, server.url("/gone.mp3"))
        viewer.until_text("link-problem", "404")
        viewer.until_text("verdict", "Stopped")
    assert viewer.complaints == []


def test_a_radio_station_shows_its_name_and_its_titles_as_they_change(
    page: Callable[[LinkPolicy], Viewer], icecast: Icecast, tmp_path: Path
) -> None:
    music = tmp_path / "music.mp3"
    ffmpeg("-i", CLIP, "-b:a", "128k", music)
    sender = icecast.send(music, "jazz.mp3", name="Radio <b>Blue</b> Note")
    icecast.announce("jazz.mp3", "John Coltrane - Blue Train")
    viewer = page(LinkPolicy(allow_private=True))
    listen(viewer, icecast.url("jazz.mp3"))
    viewer.until(CLOSED)
    viewer.until_text("track-title", "Radio <b>Blue</b> Note · John Coltrane - Blue Train")
    icecast.announce("jazz.mp3", "Nina Simone - Sinnerman")
    viewer.until_text("track-title", "Nina Simone - Sinnerman")
    viewer.until("document.title.includes('Nina Simone - Sinnerman')")
    viewer.until(f"{HEARD} > 2")
    sender.stop()
    viewer.until_text("state", "reconnecting")
    viewer.until_text("detail", "it is tried again")
    seen = viewer.value(HEARD)
    icecast.send(music, "jazz.mp3", name="Radio <b>Blue</b> Note")
    until(lambda: bool(viewer.value(f"{HEARD} > {seen} + 2")), "the station is heard again")
    viewer.page.keyboard.press("l")
    viewer.until_text("recent-links-list", "Radio <b>Blue</b> Note")
    assert viewer.complaints == []
