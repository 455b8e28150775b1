"""Stage and desk, the dialogs, the keys, and whether everybody can use them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dashboard.server import PageServer
from tests.dashboard.accessibility import serious_problems
from tests.dashboard.conftest import Viewer, until
from tests.dashboard.fakes import FakeStudio
from tests.dashboard.scenes import steady_scene

Serve = Callable[..., PageServer]
Look = Callable[..., Viewer]
HEIGHT_OF = "document.getElementById('{}').getBoundingClientRect().height"
SHOWN = "document.getElementById('{}').checkVisibility()"


def on(studio: FakeStudio, *labels: str) -> FakeStudio:
    """Half a minute of music, the last of it of these labels."""
    studio.session.advance(25)
    for label in labels:
        studio.session.scene = steady_scene(label)
        studio.session.advance(8)
    return studio


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768)])
def test_the_stage_is_the_genre_and_nothing_else(serve: Serve, look: Look, width: int, height: int) -> None:
    studio = on(FakeStudio(), "jazz")
    viewer = look(serve(studio).url, viewport={"width": width, "height": height}, color_scheme="light")
    viewer.until_text("verdict", "Jazz")
    viewer.page.keyboard.press("s")
    viewer.until("genrescope.face === 'stage'")
    viewer.until("Math.abs(innerWidth - document.documentElement.scrollWidth) < 2")
    letters = "parseFloat(getComputedStyle(document.getElementById('verdict')).fontSize)"
    # Capital letters are about 0.7 of the type size; 1/7 of a 3 m picture's height is read from 20 m without effort.
    assert viewer.value(letters) * 0.7 > height / 7
    for hidden in ("source", "transport", "candidates", "state", "open-settings"):
        assert not viewer.value(SHOWN.format(hidden)), hidden
    for shown in ("verdict", "remark", "area", "waterfall"):
        assert viewer.value(SHOWN.format(shown)), shown
    assert "80" in viewer.text("remark")
    assert viewer.value("document.documentElement.scrollHeight") <= height
    assert (
        viewer.value("getComputedStyle(document.body).backgroundColor") == "rgb(10, 12, 18)"
    )  # dark, whatever the system is
    viewer.page.wait_for_timeout(400)
    viewer.picture(f"stage-{height}")
    viewer.page.keyboard.press("Escape")
    viewer.until("genrescope.face === 'desk'")
    assert viewer.value(SHOWN.format("transport"))
    assert viewer.complaints == []


def test_a_long_name_fits_the_stage_and_silence_is_said_there(serve: Serve, look: Look) -> None:
    studio = FakeStudio(model="tags")
    studio.session.scene = steady_scene("female vocal", studio.session.classifier.labels)
    studio.session.advance(8)
    viewer = look(serve(studio).url)
    viewer.until_text("verdict", "Female vocal")
    viewer.page.click("#to-stage")
    viewer.until("genrescope.face === 'stage'")
    assert viewer.value("document.getElementById('verdict').scrollWidth") <= 1366
    viewer.page.wait_for_timeout(400)
    viewer.picture("stage-tags")


def test_every_key_is_in_the_help_and_dialogs_close_with_escape(serve: Serve, look: Look) -> None:
    viewer = look(serve(on(FakeStudio())).url)
    viewer.page.keyboard.press("?")
    viewer.until("document.getElementById('help').open")
    names = viewer.value("[...document.querySelectorAll('#help kbd')].map(k => k.textContent)")
    assert {"space", "←", "→", "s", "m", "?", "n", "w", "Esc"} <= set(names)
    viewer.picture("help")
    viewer.page.keyboard.press("s")  # behind a dialog keys do nothing
    assert viewer.value("genrescope.face") == "desk"
    viewer.page.keyboard.press("Escape")
    viewer.until("!document.getElementById('help').open")


def test_settings_are_kept_in_this_browser_and_reach_the_session(serve: Serve, look: Look) -> None:
    studio = on(FakeStudio())
    server = serve(studio)
    viewer = look(server.url)
    viewer.page.keyboard.press(",")
    viewer.page.locator("#set-smoothing_seconds").fill("3")
    until(lambda: studio.main.settings.smoothing_seconds == 3.0, "the setting reaches the session")
    viewer.page.locator("#set-sure_from").fill("0.7")
    until(lambda: studio.main.settings.sure_from == 0.7, "another setting")
    assert studio.main.settings.smoothing_seconds == 3.0
    viewer.page.locator("#set-theme").select_option("light")
    assert viewer.value("document.documentElement.dataset.theme") == "light"
    viewer.picture("settings-light")
    # Another run of the server, the same browser: what was set holds again.
    server.stop()
    again = on(FakeStudio())
    serve(again, port=server.port)
    until(
        lambda: again.main.settings.smoothing_seconds == 3.0 and again.main.settings.sure_from == 0.7, "kept settings"
    )
    viewer.page.click("#settings-back")
    until(lambda: again.main.settings.smoothing_seconds == studio.settings.smoothing_seconds, "as it came")
    assert again.main.settings.sure_from is None


def test_the_model_is_a_setting_too_and_kept_for_sessions_of_the_page(serve: Serve, look: Look) -> None:
    studio = on(FakeStudio())
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press(",")
    viewer.page.locator("#first").select_option("tags")
    until(lambda: studio.main.model == "tags", "the model")
    viewer.page.click("#alone")
    until(lambda: "guest-0" in studio.guests and studio.guests["guest-0"].model == "tags", "the kept model")


def test_the_summary_shows_shares_and_stretches(serve: Serve, look: Look) -> None:
    viewer = look(serve(on(FakeStudio(), "metal", "reggae")).url)
    viewer.until_text("verdict", "Reggae")
    viewer.page.keyboard.press("e")
    viewer.until("document.querySelectorAll('#summary .shares li').length >= 3")
    assert "Reggae" in viewer.text("summary") and "Metal" in viewer.text("summary")
    assert viewer.value("document.getElementById('export-csv').href").endswith("/export/main/csv")
    viewer.picture("summary")
    assert viewer.complaints == []


def test_a_second_model_stands_beside_the_first(serve: Serve, look: Look) -> None:
    studio = on(FakeStudio())
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press(",")
    viewer.page.locator("#second").select_option("tags")
    until(lambda: studio.main.second_model == "tags", "the second model")
    studio.main.advance(10)
    viewer.page.keyboard.press("Escape")
    viewer.until_text("verdict-2", "Guitar")
    assert viewer.text("who") == "Ten genres" and viewer.text("who-2") == "Fifty tags"
    boxes = [
        viewer.value(f"(r => [r.left, r.right, r.top])(document.getElementById('{i}').getBoundingClientRect())")
        for i in ("answer", "answer-2")
    ]
    assert boxes[0][1] <= boxes[1][0] and boxes[0][2] == boxes[1][2]
    viewer.page.wait_for_timeout(600)
    viewer.picture("two-models")
    assert viewer.complaints == []


def test_two_tabs_listen_to_two_sources_where_nothing_is_shared(serve: Serve, look: Look) -> None:
    studio = FakeStudio(playing=False, shared=False)
    server = serve(studio)
    first, second = look(server.url), look(server.url)
    for viewer, title in ((first, "Demo mix"), (second, "Jazz: Late Train")):
        viewer.page.click("#source")
        viewer.page.get_by_text(title).click()
        viewer.until("genrescope.isOwn() && Boolean(genrescope.answer.source_key)")
    guests = list(studio.guests.values())
    assert [guest.source_key for guest in guests] == ["sample:mix", "sample:jazz"]
    guests[0].session.scene, guests[1].session.scene = steady_scene("metal"), steady_scene("jazz")
    for guest in guests:
        guest.advance(5)
    first.until_text("verdict", "Metal")
    second.until_text("verdict", "Jazz")
    first.page.reload()
    first.until("Boolean(window.genrescope && genrescope.answer && document.getElementById('play'))")
    first.until_text("verdict", "Metal")
    stage = first.value("genrescope.stage")
    first.page.close()
    until(lambda: stage in studio.left, "the closed tab says good-bye")


def test_a_page_may_listen_separately_and_come_back(serve: Serve, look: Look) -> None:
    studio = on(FakeStudio(), "jazz")
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press(",")
    viewer.page.click("#alone")
    viewer.until("genrescope.isOwn()")
    viewer.until_text("verdict", "Ready")
    viewer.page.click("#source")
    viewer.page.get_by_text("Jazz: Late Train").click()
    until(lambda: studio.guests["guest-0"].session is not None, "the page's own source")
    studio.guests["guest-0"].session.scene = steady_scene("reggae")
    studio.guests["guest-0"].advance(6)
    viewer.until_text("verdict", "Reggae")
    assert studio.main.source_key == "sample:mix"
    viewer.page.click("#own")
    viewer.until_text("verdict", "Jazz")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious_anywhere(serve: Serve, look: Look, scheme: str) -> None:
    studio = on(FakeStudio(), "rock")
    viewer = look(serve(studio).url, color_scheme=scheme)
    viewer.until_text("verdict", "Rock")
    viewer.until("Boolean(genrescope.drawing)")
    assert serious_problems(viewer) == []
    for key, dialog in ((",", "settings"), ("e", "summary"), ("?", "help")):
        viewer.page.keyboard.press(key)
        viewer.until(f"document.getElementById('{dialog}').open")
        assert serious_problems(viewer) == [], dialog
        viewer.page.keyboard.press("Escape")
    viewer.page.keyboard.press("s")
    viewer.until("genrescope.face === 'stage'")
    assert serious_problems(viewer) == [], "stage"


def test_everything_can_be_reached_with_the_tab_key(serve: Serve, look: Look) -> None:
    viewer = look(serve(on(FakeStudio())).url)
    viewer.until("Boolean(genrescope.drawing)")
    seen: set[str] = set()
    for _ in range(60):
        viewer.page.keyboard.press("Tab")
        seen.add(str(viewer.value("document.activeElement.id || document.activeElement.closest('[id]')?.id || ''")))
    wanted = {
        "source",
        "refresh",
        "microphone",
        "upload",
        "model",
        "open-summary",
        "open-settings",
        "open-help",
        "to-stage",
        "play",
        "previous",
        "next",
        "seek-range",
    }
    assert wanted <= seen, wanted - seen
