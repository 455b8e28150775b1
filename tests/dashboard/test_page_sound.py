"""The sound in the browser: in step with the plot where the server has no speaker, silent where it has one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dashboard.server import PageServer
from tests.dashboard.conftest import Viewer
from tests.dashboard.fakes import FakeStudio, Pacemaker

Serve = Callable[..., PageServer]
Look = Callable[..., Viewer]


def test_the_browser_plays_what_the_server_cannot(serve: Serve, look: Look, tone: Path) -> None:
    studio = FakeStudio([tone, tone])
    studio.session.source.speaker = None
    pacemaker = Pacemaker(studio, step_seconds=0.02)
    try:
        viewer = look(serve(studio).url)
        viewer.until("!document.getElementById('player').paused")
        viewer.until("genrescope.soundOffset !== null && Math.abs(genrescope.soundOffset) < 0.1")
        viewer.page.keyboard.press("Space")
        viewer.until("document.getElementById('player').paused")
        viewer.page.keyboard.press("Space")
        studio.session.source.seek(12.0)
        viewer.until("document.getElementById('player').currentTime > 11.5")
        viewer.page.keyboard.press("n")
        viewer.until("document.getElementById('player').src.includes('audio/main/1')")
        viewer.until("document.getElementById('player').currentTime < 5 && !document.getElementById('player').paused")
        viewer.page.click("#sound")
        viewer.until("document.getElementById('player').paused")
        assert viewer.complaints == []
    finally:
        pacemaker.stop()


def test_the_browser_is_silent_where_the_server_has_a_speaker(serve: Serve, look: Look, tone: Path) -> None:
    studio = FakeStudio([tone])
    pacemaker = Pacemaker(studio)
    try:
        viewer = look(serve(studio).url)
        viewer.until("document.getElementById('sound').dataset.face === 'off'")
        assert viewer.value("document.getElementById('player').paused")
        assert "Loudspeaker" in viewer.value("document.getElementById('sound').title")
    finally:
        pacemaker.stop()


def test_a_browser_that_wants_a_click_first_is_given_a_clear_button(serve: Serve, look: Look, tone: Path) -> None:
    studio = FakeStudio([tone])
    studio.session.source.speaker = None
    pacemaker = Pacemaker(studio, step_seconds=0.02)
    refusing = """
        let clicked = false;
        document.addEventListener("click", () => { clicked = true; }, true);
        const play = HTMLMediaElement.prototype.play;
        HTMLMediaElement.prototype.play = function () {
          return clicked ? play.call(this) : Promise.reject(new DOMException("wants a click", "NotAllowedError"));
        };"""
    try:
        viewer = look(serve(studio).url, script=refusing)
        viewer.until_text("sound", "Click for sound")
        viewer.picture("click-for-sound")
        viewer.page.click("#sound")
        viewer.until("!document.getElementById('player').paused")
        viewer.until("document.getElementById('sound').dataset.face === 'on'")
        assert viewer.text("sound") == ""
        assert viewer.complaints == []
    finally:
        pacemaker.stop()
