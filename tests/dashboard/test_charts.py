"""Everything that is drawn, in a real browser: stack, bars, segments, waterfall, why, map, and the window they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.server import PageServer
from stream.records import TrackInfo, Verdict
from tests.dashboard.conftest import Viewer, until
from tests.dashboard.fakes import CLASSIFIERS, FakeStudio
from tests.dashboard.scenes import GENRES, TAGS, silence_scene, steady_scene

Serve = Callable[..., PageServer]
Look = Callable[..., Viewer]
DRAWN = "Boolean(genrescope.drawing)"
RANGE = "document.querySelector('#area .js-plotly-plot').layout.xaxis.range"
CHOOSE = "document.querySelector('#window-choice input[value=\"{}\"]').click()"
# Left and right edge of what a plot shows, in pixels of the page.
EDGES = "(b => [b.left, b.right])(document.querySelector('{}').getBoundingClientRect())"
PICTURE_EDGES = EDGES.format("#waterfall .picture")
STACK_EDGES = EDGES.format("#area .bg")
SECOND_EDGES = EDGES.format("#area-second .bg")
# Red, green and blue of a canvas at a share of its width and height (from the top); read from a copy of one pixel, as
# reading makes a canvas slow.
SPOT = """(([x, y]) => {{
    const canvas = document.querySelector('{}');
    const copy = Object.assign(document.createElement('canvas'), {{width: 1, height: 1}});
    const context = copy.getContext('2d', {{willReadFrequently: true}});
    context.drawImage(canvas, -Math.floor(x * canvas.width), -Math.floor(y * canvas.height));
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}})([{}, {}])"""


def pixel(x: float, y: float) -> str:
    """Asks for a pixel of the waterfall."""
    return SPOT.format("#waterfall .picture", x, y)


def opened(serve: Serve, look: Look, studio: FakeStudio, **settings: Any) -> Viewer:
    viewer = look(serve(studio).url, **settings)
    viewer.until(DRAWN)
    return viewer


def at_time(viewer: Viewer, seconds: float, *, chart: str = "area-box", height: float = 0.5) -> tuple[float, float]:
    """Where on the page a time stands in a chart."""
    left, right = viewer.value("genrescope.range()")
    edges = viewer.value(PICTURE_EDGES)
    box = viewer.page.locator(f"#{chart}").bounding_box()
    x = edges[0] + (seconds - left) / (right - left) * (edges[1] - edges[0])
    return x, box["y"] + height * box["height"]


# ---- the stack ---------------------------------------------------------------------------------------------------


def test_the_mouse_reads_out_time_and_values(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(58)
    viewer = opened(serve, look, studio)
    viewer.page.mouse.move(*at_time(viewer, 40.2))
    viewer.until_text("readout", "0:40")
    assert "reggae" in viewer.text("readout") and "hip-hop" in viewer.text("readout")
    share = round(100 * float(studio.session.scene(40.0)[1][GENRES.index("reggae")]))
    assert f"{share}\u202f%" in viewer.text("readout")
    viewer.page.mouse.move(*at_time(viewer, 28.0))
    viewer.until_text("readout", "not sure")
    viewer.page.mouse.move(*at_time(viewer, 45.0))
    viewer.until_text("readout", "silence")
    viewer.page.mouse.move(*at_time(viewer, 40.0, chart="waterfall", height=0.3))
    viewer.until_text("readout", "Hz")
    viewer.page.mouse.move(5, 5)
    viewer.until("document.getElementById('readout').hidden")
    assert viewer.complaints == []


def test_a_click_on_a_time_plays_from_there(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    session = studio.session
    session.advance(20)
    # A seek: from here on time and place in the track differ.
    session.source.position, session.source.track = 5.0, 1
    session.restart()
    session.advance(30)
    viewer = opened(serve, look, studio)
    assert viewer.value("document.getElementById('plots').classList.contains('seekable')")
    viewer.page.mouse.click(*at_time(viewer, 12.0))
    until(lambda: session.source.commands[-1:] != [], "the click reaches the source")
    assert session.source.commands[-1] == ("seek", pytest.approx(12.0, abs=0.15)) and session.source.track == 0
    viewer.page.mouse.click(*at_time(viewer, 40.0, chart="waterfall", height=0.4))
    until(lambda: len(session.source.commands) == 2, "a click in the waterfall seeks too")
    assert session.source.commands[-1] == ("seek", pytest.approx(25.0, abs=0.15)) and session.source.track == 1
    assert viewer.complaints == []


def test_where_nothing_was_heard_yet_a_click_does_nothing(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(20)
    viewer = opened(serve, look, studio)
    viewer.page.mouse.click(*at_time(viewer, 50.0))
    viewer.page.mouse.move(*at_time(viewer, 50.0))
    viewer.until_text("readout", "nothing heard")
    assert "Click" not in viewer.text("readout")
    assert studio.session.source.commands == []


def test_a_sound_card_cannot_be_wound_back(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.listen_to("device:mic")
    studio.session.advance(30)
    viewer = opened(serve, look, studio)
    viewer.page.mouse.click(*at_time(viewer, 12.0))
    viewer.until_text("readout", "0:1")
    assert not viewer.value("document.getElementById('plots').classList.contains('seekable')")
    assert "Click" not in viewer.text("readout")
    assert viewer.value("document.querySelector('.segment').getAttribute('aria-disabled')") == "true"
    viewer.page.locator(".segment").first.click(force=True)
    viewer.page.wait_for_timeout(300)
    assert studio.session.source.commands == []


def test_a_drag_is_no_click(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(40)
    viewer = opened(serve, look, studio)
    viewer.page.mouse.move(*at_time(viewer, 12.0))
    viewer.page.mouse.down()
    viewer.page.mouse.move(*at_time(viewer, 20.0), steps=4)
    viewer.page.mouse.up()
    viewer.page.wait_for_timeout(300)
    assert studio.session.source.commands == []


# ---- the window --------------------------------------------------------------------------------------------------


def test_the_window_can_be_chosen_and_is_remembered(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(290)
    viewer = opened(serve, look, studio)
    assert viewer.value(RANGE) == [pytest.approx(230, abs=0.2), pytest.approx(290, abs=0.2)]
    viewer.page.locator("#window-choice input:checked").focus()
    viewer.page.keyboard.press("ArrowRight")
    viewer.until(f"{RANGE}[0] === 0 && {RANGE}[1] === 300")
    assert viewer.value("document.querySelectorAll('#waterfall .marks-time span').length") >= 6
    assert viewer.value("document.querySelector('#waterfall .marks-time span:nth-child(2)').textContent") == "0:30"
    # Also what was heard before the page was opened is there, in sound and in words.
    viewer.until(f"JSON.stringify({pixel(0.02, 0.9)}) !== JSON.stringify({pixel(0.99, 0.9)})")
    viewer.page.keyboard.press("ArrowLeft")
    viewer.page.keyboard.press("ArrowLeft")
    viewer.until(f"{RANGE}[1] - {RANGE}[0] === 30")
    viewer.page.reload()
    viewer.until(f"{DRAWN} && {RANGE}[1] - {RANGE}[0] === 30")
    assert viewer.value("document.querySelector('#window-choice input:checked').value") == "30"
    assert viewer.complaints == []


def test_the_whole_session_is_shown_from_at_most_six_hundred_moments(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(1500)
    viewer = opened(serve, look, studio)
    viewer.value(CHOOSE.format("whole"))
    viewer.until(f"{RANGE}[0] === 0 && {RANGE}[1] > 1495")
    assert viewer.value("document.querySelector('#area .js-plotly-plot').data[0].x.length") <= 610
    # The silence at 45 s, long before what the page itself keeps, is dark in the waterfall and the metal after is not.
    viewer.until(f"Math.max(...{pixel(45.3 / 1500, 0.9)}) < 60 && Math.max(...{pixel(0.5, 0.9)}) > 100")
    viewer.page.mouse.click(*at_time(viewer, 300.0))
    until(lambda: studio.session.source.commands != [], "a click seeks to what the page itself no longer keeps")
    assert studio.session.source.commands[-1] == ("seek", pytest.approx(300.0, abs=3.0))
    studio.session.advance(60)
    viewer.until(f"{RANGE}[1] > 1555")
    viewer.picture("whole")
    assert viewer.complaints == []


def test_of_one_file_played_from_its_start_the_whole_length_is_shown(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    source = studio.session.source
    source.tracks = (TrackInfo("Song", "/nowhere/song.wav", 240.0),)
    studio.session.advance(60)
    viewer = opened(serve, look, studio)
    viewer.value(CHOOSE.format("whole"))
    viewer.until(f"{RANGE}[0] === 0 && {RANGE}[1] === 240")
    viewer.page.mouse.click(*at_time(viewer, 180.0))
    until(lambda: source.commands != [], "a click on what is still to come seeks there")
    assert source.commands[-1] == ("seek", pytest.approx(180.0, abs=1.0))
    # After a seek, time and place are not the same any more.
    studio.session.restart()
    studio.session.advance(10)
    viewer.until(f"{RANGE}[1] < 80")
    assert viewer.complaints == []


# ---- the waterfall -----------------------------------------------------------------------------------------------


def test_the_waterfall_has_axes_and_the_colours_that_were_chosen(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(60)
    viewer = opened(serve, look, studio)
    marks = viewer.value("[...document.querySelectorAll('#waterfall .marks-hz span')].map(e => e.textContent)")
    assert "50\u202fHz" in marks and "5\u202fkHz" in marks
    times = viewer.value("[...document.querySelectorAll('#waterfall .marks-time span')].map(e => e.textContent)")
    assert times == ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50", "1:00"]
    assert viewer.value(PICTURE_EDGES) == pytest.approx(viewer.value(STACK_EDGES), abs=1)
    silent = pixel(45 / 60, 0.5)
    maps = viewer.value("Object.keys(genrescope.colourMaps)")
    assert {"viridis", "cividis", "magma", "inferno", "grey"} <= set(maps)
    quietest = {}
    for name in maps:
        viewer.value(f"(genrescope.prefs.set('colours', '{name}'), genrescope.drawCharts(true))")
        viewer.page.wait_for_timeout(100)
        quietest[name] = tuple(viewer.value(silent))
        loud = np.array(viewer.value(pixel(0.3, 0.93)))
        assert loud @ [0.21, 0.72, 0.07] > np.array(quietest[name]) @ [0.21, 0.72, 0.07] + 40
    assert quietest["viridis"] == (68, 1, 84)
    assert len(set(quietest.values())) >= 4
    assert viewer.complaints == []


# ---- segments ----------------------------------------------------------------------------------------------------


def test_segments_stand_under_their_time_and_seek(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(58)
    viewer = opened(serve, look, studio)
    texts = viewer.value("[...document.querySelectorAll('.segment')].map(e => e.textContent)")
    assert "0:00 jazz" in texts and any(text.endswith("reggae") for text in texts)
    reggae = viewer.page.locator(".segment", has_text="reggae")
    start = viewer.value("genrescope.heard.segments.find(s => s.label === 8).start")
    assert reggae.bounding_box()["x"] == pytest.approx(at_time(viewer, start)[0], abs=1.5)
    colour = viewer.value("getComputedStyle([...document.querySelectorAll('.segment')][0]).backgroundColor")
    assert colour == "rgb(208, 184, 16)"  # jazz, as in the stack
    assert "0:00 to 0:1" in viewer.text("segments") and "until now: classical" in viewer.text("segments")
    reggae.click()
    until(lambda: studio.session.source.commands != [], "a click on a segment seeks")
    assert studio.session.source.commands[-1] == ("seek", pytest.approx(start, abs=0.1))
    # With the keyboard: one stop for the tab key, the arrows go along, and the page does not seek by them.
    assert viewer.value("document.querySelectorAll('.segment[tabindex=\"0\"]').length") == 1
    reggae.focus()
    viewer.page.keyboard.press("ArrowLeft")
    assert "not sure" in viewer.value("document.activeElement.getAttribute('aria-label')")
    viewer.page.keyboard.press("Home")
    assert "jazz" in viewer.value("document.activeElement.getAttribute('aria-label')")
    viewer.page.keyboard.press("Enter")
    until(lambda: len(studio.session.source.commands) == 2, "enter seeks")
    assert studio.session.source.commands[-1] == ("seek", pytest.approx(0.0, abs=0.1))
    assert viewer.complaints == []


# ---- many labels at once -----------------------------------------------------------------------------------------


def two_tags(shares: dict[str, float]) -> Callable[[float], tuple[Verdict, np.ndarray]]:
    values = np.full(len(TAGS), 0.01, np.float32)
    for tag, share in shares.items():
        values[TAGS.index(tag)] = share
    return lambda _time: (Verdict.SURE, values)


ROWS = "[...document.querySelectorAll('#bars .tag')]"
ORDER = f"""{ROWS}.map(e => [e.getBoundingClientRect().left, e.getBoundingClientRect().top, e.children[0].textContent])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(row => row[2])"""


def test_many_labels_at_once_are_bars_with_a_threshold(serve: Serve, look: Look) -> None:
    studio = FakeStudio(model="tags")
    studio.session.scene = two_tags({"drums": 0.8, "piano": 0.5, "slow": 0.2})
    studio.session.advance(20)
    viewer = opened(serve, look, studio, reduced_motion="reduce")
    assert viewer.value("document.getElementById('area-box').hidden")
    assert viewer.value(ORDER)[:3] == ["drums", "piano", "slow"]
    assert viewer.value(f"{ROWS}.length") == 12
    named = f"{ROWS}.filter(e => e.classList.contains('named')).map(e => e.children[0].textContent)"
    assert sorted(viewer.value(named)) == ["drums", "piano"]
    assert "30" in viewer.text("area-title")
    mark = "getComputedStyle(document.querySelector('#bars .tag-track'), '::after').left"
    track = viewer.value("document.querySelector('#bars .tag-track').clientWidth")
    assert float(viewer.value(mark).removesuffix("px")) == pytest.approx(0.3 * track, abs=1)
    assert viewer.value("document.querySelectorAll('#legend li').length") == 0
    viewer.picture("bars")
    assert viewer.complaints == []


def test_rows_of_bars_change_places_only_for_a_clear_lead(serve: Serve, look: Look) -> None:
    studio = FakeStudio(model="tags")
    studio.session.scene = two_tags({"drums": 0.60, "piano": 0.58})
    studio.session.advance(20)
    viewer = opened(serve, look, studio, reduced_motion="reduce")
    assert viewer.value(ORDER)[:2] == ["drums", "piano"]
    studio.session.scene = two_tags({"drums": 0.58, "piano": 0.60})
    studio.session.advance(10)
    figures = f"{ROWS}.map(e => e.children[0].textContent + e.children[2].textContent)"
    viewer.until(f"{figures}.includes('piano60\u202f%')")
    assert viewer.value(ORDER)[:2] == ["drums", "piano"]
    studio.session.scene = two_tags({"drums": 0.4, "piano": 0.60})
    studio.session.advance(10)
    viewer.until(f"{figures}.includes('drums40\u202f%')")
    viewer.page.wait_for_timeout(100)
    assert viewer.value(ORDER)[:2] == ["piano", "drums"]


# ---- two models --------------------------------------------------------------------------------------------------


def test_two_models_have_a_chart_each_on_one_time_axis(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.main.use_second(CLASSIFIERS["genres"])
    studio.main.second.scene = steady_scene("pop")  # type: ignore[union-attr]
    studio.main.advance(40)
    viewer = opened(serve, look, studio)
    viewer.until("!document.getElementById('view-second').hidden")
    second = "document.querySelector('#area-second .js-plotly-plot')"
    viewer.until(f"{second}.data.length > 10")
    assert viewer.value(f"{second}.layout.xaxis.range") == viewer.value(RANGE)
    assert viewer.value(SECOND_EDGES) == viewer.value(STACK_EDGES)
    assert "Ten genres" in viewer.text("view-title-second") and "Ten genres" in viewer.text("area-title")
    viewer.page.mouse.move(*at_time(viewer, 20.0, chart="area-box-second"))
    viewer.until_text("readout", "pop80")
    viewer.picture("two-models")
    studio.main.use_second(None)
    viewer.until("document.getElementById('view-second').hidden")
    studio.main.use_second(CLASSIFIERS["tags"])
    studio.main.advance(10)
    viewer.until("document.querySelectorAll('#bars-second .tag').length > 3")
    assert viewer.complaints == []


# ---- the map -----------------------------------------------------------------------------------------------------


# Notes every place at which the point is drawn.
WATCH_PLACES = """(() => {
    const canvas = document.querySelector('#map canvas');
    window.places = new Set();
    new MutationObserver(() => places.add(canvas.dataset.place)).observe(canvas, {attributes: true});
})()"""


def test_the_map_says_and_shows_where_the_music_is(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.scene = steady_scene("jazz")
    studio.session.advance(20)
    viewer = opened(serve, look, studio, reduced_motion="reduce")
    viewer.until("document.getElementById('map').getAttribute('aria-label').includes('nearest to jazz')")
    assert viewer.text("map-nearest") == "Now nearest to jazz"
    place = "document.querySelector('#map canvas').dataset.place"
    before = viewer.value(place)
    x, y = (int(number) for number in before.split(","))
    box = viewer.page.locator("#map canvas").bounding_box()
    # Its rim is bright, its middle has the colour of the label.
    assert min(viewer.value(SPOT.format("#map canvas", (x + 5) / box["width"], y / box["height"]))) > 200
    assert viewer.value(SPOT.format("#map canvas", x / box["width"], y / box["height"])) == [208, 184, 16]
    viewer.value(WATCH_PLACES)
    studio.session.scene = steady_scene("rock")
    studio.session.advance(3)
    viewer.until_text("map-nearest", "rock")
    viewer.until(f"{place} !== {before!r}")
    viewer.page.wait_for_timeout(600)
    assert viewer.value("places.size") <= 2  # at once, as motion is unwelcome
    studio.session.scene = silence_scene
    studio.session.advance(3)
    viewer.until("document.getElementById('map').getAttribute('aria-label').includes('No music')")
    assert viewer.complaints == []


def test_the_point_glides_to_a_new_place(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.scene = steady_scene("jazz")
    studio.session.advance(20)
    viewer = opened(serve, look, studio)
    viewer.value(WATCH_PLACES)
    studio.session.scene = steady_scene("rock")
    studio.session.advance(0.5)
    viewer.until("places.size >= 3")


def test_without_a_map_its_column_is_gone(serve: Serve, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLASSIFIERS, "genres", replace(CLASSIFIERS["genres"], genre_map=None))
    studio = FakeStudio()
    studio.session.advance(20)
    viewer = opened(serve, look, studio)
    assert viewer.value("document.getElementById('map-box').hidden")
    wide = "document.getElementById('plots').getBoundingClientRect().width"
    assert viewer.value(wide) > 1200
    assert viewer.complaints == []


# ---- why ---------------------------------------------------------------------------------------------------------


def test_why_lights_up_what_spoke_and_asks_only_while_it_is_shown(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.scene = steady_scene("jazz")
    studio.session.advance(60)
    asked: list[float] = []
    viewer = opened(serve, look, studio)
    viewer.page.on("request", lambda request: asked.append(1.0) if "/why" in request.url else None)
    viewer.page.wait_for_timeout(1200)
    assert asked == []
    # The fake lights the middle third of the window, 58 to 59 s, in the lower half of the bands.
    lit, dark = pixel(58.5 / 60, 0.75), pixel(57.5 / 60, 0.75)
    viewer.page.keyboard.press("w")
    viewer.until_text("why-words", "lit: what spoke for jazz")
    assert viewer.value("document.getElementById('why').getAttribute('aria-pressed')") == "true"
    viewer.until(f"{lit}[1] > 200 && {lit}[1] > {lit}[0] + 60 && Math.max(...{dark}) < 110")
    for name in viewer.value("Object.keys(genrescope.colourMaps)"):
        viewer.value(f"(genrescope.prefs.set('colours', '{name}'), genrescope.drawCharts(true))")
        viewer.until(f"{lit}[1] > 200 && {lit}[1] > Math.max(...{dark}) + 90")
    viewer.picture("why")
    begun = len(asked)
    viewer.page.wait_for_timeout(2300)
    assert 1 <= len(asked) - begun <= 3
    viewer.page.click("#why")
    viewer.until(f"Math.max(...{lit}) < 200 || {lit}[1] < {lit}[0] + 60")
    assert viewer.text("why-words") == ""
    viewer.page.wait_for_timeout(100)
    ended = len(asked)
    viewer.page.wait_for_timeout(1300)
    assert len(asked) == ended
    assert viewer.complaints == []


def test_why_says_so_when_there_is_no_reason_to_give(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.scene = silence_scene
    studio.session.advance(20)
    viewer = opened(serve, look, studio)
    viewer.page.click("#why")
    viewer.until_text("why-words", "No music is heard.")
    assert viewer.complaints == []


# ---- faces and cost ----------------------------------------------------------------------------------------------


def test_the_stage_shows_the_stack_and_the_waterfall_larger_and_nothing_else(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(58)
    viewer = opened(serve, look, studio)
    size = "parseFloat(getComputedStyle(document.querySelector('#waterfall .marks-time span')).fontSize)"
    desk = viewer.value(size)
    viewer.page.keyboard.press("s")
    viewer.until(f"{size} > {desk}")
    shown = "e => e.getClientRects().length > 0"
    gone = "['#legend', '#strip', '#meter', '#map-box', '.waterfall-head', '.chart-head']"
    assert viewer.value(f"{gone}.filter(s => ({shown})(document.querySelector(s)))") == []
    assert viewer.value(f"['#area-box', '#waterfall'].every(s => ({shown})(document.querySelector(s)))")
    viewer.until(f"{PICTURE_EDGES}.every((x, i) => Math.abs(x - {STACK_EDGES}[i]) < 1.5)")
    assert viewer.complaints == []


def test_nothing_grows_while_the_music_plays(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.session.advance(360)
    viewer = opened(serve, look, studio)
    drawn = "genrescope.range()[1] > {} - 0.6"
    count = "document.querySelectorAll('#charts *').length"

    def play(steps: int) -> int:
        for _ in range(steps):
            studio.session.advance(7.5)
            viewer.until(drawn.format(studio.session.time))
        viewer.page.wait_for_timeout(200)
        return int(viewer.value(count))

    before = play(3)
    assert abs(play(12) - before) <= 12  # a mark or a name more or less
    assert viewer.value("genrescope.heard.predictions.length") <= 606
    assert viewer.complaints == []
