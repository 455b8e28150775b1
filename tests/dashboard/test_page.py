"""The page in a real browser, with a studio that only pretends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dashboard.server import PageServer
from stream.records import Level, SessionState, SourceState
from tests.dashboard.conftest import Viewer, until
from tests.dashboard.fakes import FakeStudio, Pacemaker
from tests.dashboard.scenes import doubt_scene, genres_scene, no_music_scene, silence_scene, steady_scene, tags_scene

Serve = Callable[..., PageServer]
Look = Callable[..., Viewer]
SHOWN_END = "document.querySelector('#area .js-plotly-plot').layout.xaxis.range[1]"
DRAWN = "Boolean(genrescope.drawing)"


def test_the_page_names_the_genre_and_draws_the_last_minute(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(72)
    viewer = look(serve(studio).url)
    viewer.until_text("verdict", "Metal")
    viewer.until(DRAWN)
    assert viewer.value("document.getElementById('answer').dataset.label") == "metal"
    assert viewer.value("document.getElementById('answer').dataset.verdict") == "sure"
    names = viewer.value("[...document.querySelectorAll('#candidates .name')].map(e => e.textContent)")
    assert names[:2] == ["Metal", "Rock"] and len(names) == 3
    assert viewer.value("document.querySelectorAll('#legend li').length") == 10
    assert viewer.value(SHOWN_END) == pytest.approx(72, abs=0.2)
    viewer.until_text("announcement", "Metal")
    viewer.picture("live")
    assert viewer.complaints == []


def test_doubt_and_silence_are_said_as_such(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.scene = doubt_scene
    studio.session.advance(12)
    viewer = look(serve(studio).url)
    viewer.until_text("verdict", "Not sure")
    assert viewer.value("document.getElementById('answer').dataset.label") == ""
    viewer.picture("not-sure")
    studio.session.scene = silence_scene
    studio.session.advance(8)
    viewer.until_text("verdict", "Silence")
    viewer.until_text("state", "silent")
    viewer.picture("silence")
    assert viewer.complaints == []


def test_where_somebody_speaks_the_page_says_that_there_is_no_music(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(12)
    studio.session.scene = no_music_scene
    studio.session.advance(15)
    viewer = look(serve(studio).url)
    viewer.until_text("verdict", "No music")
    viewer.until_text("remark", "Somebody is speaking, or there is only noise.")
    viewer.until_text("state", "live")
    viewer.until("document.getElementById('announcement').textContent === 'No music'")
    assert viewer.value("document.querySelectorAll('#answer .candidates li.empty').length") == 3
    viewer.until("document.querySelector('#strip .segment:last-child').textContent.includes('no music')")
    assert viewer.value("document.querySelector('#strip .segment:last-child').dataset.kind") == "blank"
    viewer.picture("no-music")
    assert viewer.complaints == []


def test_before_the_first_answer_the_page_says_why(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.state = SessionState.LOADING
    viewer = look(serve(studio).url)
    viewer.until_text("verdict", "Loading the network")
    viewer.picture("loading")
    studio.session.state = SessionState.LIVE
    viewer.until_text("verdict", "Listening")
    studio.session.state = SessionState.FAILED
    studio.session.source.detail = "the file ended in the middle"
    viewer.until_text("remark", "The file ended in the middle")
    viewer.picture("failed")
    assert viewer.complaints == []


def test_with_nothing_to_listen_to_it_asks_for_a_source(serve: Serve, look: Look) -> None:
    viewer = look(serve(FakeStudio(playing=False)).url)
    viewer.until_text("verdict", "Ready")
    viewer.page.click("#play")
    viewer.until_text("notice-box", "Choose first what to listen to")
    viewer.page.click("#source")
    viewer.picture("choosing")
    viewer.page.get_by_text("Jazz: Late Train").click()
    viewer.until_text("verdict", "Listening")
    assert viewer.complaints == []


def test_pause_stops_the_plot_and_start_moves_it_again(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(70)
    pacemaker = Pacemaker(studio)
    try:
        viewer = look(serve(studio).url)
        viewer.until(DRAWN)
        begun = viewer.value(SHOWN_END)
        viewer.until(f"{SHOWN_END} > {begun} + 0.4")
        viewer.page.keyboard.press("Space")
        until(lambda: studio.session.source.state is SourceState.PAUSED, "space pauses")
        viewer.until_text("state", "paused")
        viewer.until(f"{SHOWN_END} > {studio.session.time} - 0.11")
        held = viewer.value(SHOWN_END)
        viewer.page.wait_for_timeout(800)
        assert viewer.value(SHOWN_END) == held
        viewer.picture("paused")
        viewer.page.click("#play")
        viewer.until(f"{SHOWN_END} > {held} + 0.4")
        assert viewer.complaints == []
    finally:
        pacemaker.stop()


def test_seek_next_and_previous_reach_the_source(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(10)
    source = studio.session.source
    viewer = look(serve(studio).url)
    viewer.until_text("place-text", "0:10 / 1:24")
    bar = viewer.page.locator("#seek-range")
    bar.fill("42")
    until(lambda: ("seek", 42.0) in source.commands, "the seek bar seeks")
    viewer.until_text("place-text", "0:42")
    viewer.page.locator("body").press("ArrowRight")
    until(lambda: ("seek", 47.0) in source.commands, "the arrow seeks five seconds on")
    viewer.page.locator("body").press("n")
    until(lambda: ("skip", 1) in source.commands, "n goes to the next track")
    viewer.until_text("track-title", "Encore")
    viewer.page.click("#previous")
    until(lambda: ("skip", -1) in source.commands, "previous goes back")
    assert viewer.complaints == []


def test_commands_given_at_the_same_moment_are_all_carried_out_in_order(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(10)
    source = studio.session.source
    viewer = look(serve(studio).url)
    viewer.until_text("place-text", "0:10 / 1:24")
    # What fast fingers do: more key presses than answers from the server.
    viewer.value("[20, 21, 22, 23, 24].forEach(s => genrescope.seek(s)), document.getElementById('play').click()")
    until(lambda: ("pause", 0.0) in source.commands, "the pause is carried out")
    assert source.commands == [*(("seek", float(second)) for second in range(20, 25)), ("pause", 0.0)]
    assert viewer.complaints == []


def test_another_model_changes_the_labels_in_every_page(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(20)
    server = serve(studio)
    viewer, other = look(server.url), look(server.url)
    viewer.page.click("#model")
    viewer.page.get_by_role("listbox").get_by_text("Fifty tags").click()
    until(lambda: studio.main.model == "tags", "the model was changed")
    studio.session.advance(20)
    for each in (viewer, other):
        each.until("genrescope.heard.bundle.labels.includes('guitar')")
        each.until_text("verdict", "Guitar")
        each.until("document.getElementById('model').textContent.includes('Fifty tags')")
        assert each.complaints == []
    viewer.picture("tags")
    assert studio.session.classifier.name == "tags"


def test_an_error_is_shown_in_words_and_the_list_goes_back(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    server = serve(studio)
    viewer = look(server.url)
    studio.listed = studio.listed[:1]
    viewer.page.click("#source")
    viewer.page.get_by_text("Microphone (default)").click()
    viewer.until_text("notice-box", "there is no source 'device:mic'. Choose a source from the list")
    viewer.until("document.getElementById('source').textContent.includes('Demo mix')")
    assert studio.main.source_key == "sample:mix"
    assert viewer.complaints == []


def test_new_sound_cards_are_found(serve: Serve, look: Look) -> None:
    viewer = look(serve(FakeStudio()).url)
    viewer.page.click("#refresh")
    viewer.until_text("notice-box", "up to date")
    viewer.page.click("#source")
    viewer.page.get_by_text("USB sound card").wait_for()


def test_a_restart_of_the_server_is_survived(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.scene = steady_scene("jazz")
    studio.session.advance(30)
    server = serve(studio)
    viewer = look(server.url)
    viewer.until_text("verdict", "Jazz")
    server.stop()
    viewer.until_text("state", "reconnecting")
    viewer.picture("reconnecting")
    again = FakeStudio()
    again.session.scene = steady_scene("reggae")
    again.session.advance(5)
    serve(again, port=server.port)
    viewer.until_text("verdict", "Reggae")
    viewer.until_text("state", "live")
    viewer.until("genrescope.heard.predictions.length === 5")
    viewer.page.click("#play")
    until(lambda: again.session.source.state is SourceState.PAUSED, "commands reach the new server")
    assert all("ERR_CONNECTION" in complaint or "fetch" in complaint for complaint in viewer.complaints)


def test_trouble_with_the_sound_is_shown(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    session = studio.session
    session.advance(20)
    session.inlet = replace(
        session.inlet, level=Level(-4.0, 0.0, True), invalid_samples=12, dc_offset=0.03, lost_seconds=1.3
    )
    session.extra = {"behind": True, "skipped_windows": 7}
    viewer = look(serve(studio).url)
    viewer.until("document.getElementById('clip').classList.contains('lit')")
    for words in ("Behind", "Clipping", "12 samples", "Constant offset"):
        viewer.until_text("warnings", words)
    assert viewer.text("status-lost") == "1.3 s of sound"
    assert viewer.text("status-skipped") == "7 windows"
    assert viewer.text("state") == "live, behind"
    viewer.picture("trouble")


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [("hall", 1920, 1080, "dark"), ("desk", 1366, 768, "light"), ("phone", 390, 844, "dark")],
)
def test_it_fits_the_screen(serve: Serve, look: Look, name: str, width: int, height: int, scheme: str) -> None:
    studio = FakeStudio()
    studio.session.scene = genres_scene
    studio.session.advance(58)
    viewer = look(serve(studio).url, viewport={"width": width, "height": height}, color_scheme=scheme)
    viewer.until(DRAWN)
    assert viewer.value("document.documentElement.scrollWidth") <= width
    lowest = "Math.max(...['answer', 'area'].map(i => document.getElementById(i).getBoundingClientRect().bottom))"
    assert viewer.value(lowest) <= height
    if name != "phone":
        assert viewer.value("document.documentElement.scrollHeight") <= height
    viewer.picture(name)


def test_a_long_tag_fits_its_place(serve: Serve, look: Look) -> None:
    studio = FakeStudio(model="tags")
    labels = studio.session.classifier.labels
    studio.session.scene = lambda time: (tags_scene(time)[0], steady_scene("female vocal", labels)(time)[1])
    studio.session.advance(8)
    viewer = look(serve(studio).url)
    viewer.until_text("verdict", "Female vocal")
    left_of = "document.getElementById('{}').getBoundingClientRect().left"
    width = viewer.value("document.getElementById('verdict').scrollWidth")
    assert viewer.value(left_of.format("verdict")) + width < viewer.value(left_of.format("candidates"))
