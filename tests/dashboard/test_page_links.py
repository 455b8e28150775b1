"""Links in the page: the dialog, what it says, what is remembered, and the title of what plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboard.commands import carry_out
from dashboard.server import PageServer
from stream.records import SourceState
from tests.dashboard.accessibility import serious_problems
from tests.dashboard.conftest import Viewer, until
from tests.dashboard.fakes import FakeSource, FakeStudio
from tests.dashboard.scenes import steady_scene

Serve = Callable[..., PageServer]
Look = Callable[..., Viewer]
RADIO = "https://ice.example.org/jazz"
OPEN = "document.getElementById('link').open"
FIELD = "document.getElementById('link-address').value"
NOT_SHARED = {"playing": False, "shared": False}
HOSTILE = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>\u202e\u2066 " + "W" * 5000


def source_of(studio: FakeStudio) -> FakeSource:
    source = studio.main.source
    assert source is not None
    return source


def enter(viewer: Viewer, address: str) -> None:
    """Write an address into the open dialog and press Enter."""
    viewer.page.fill("#link-address", address)
    viewer.page.keyboard.press("Enter")


def until_chosen(viewer: Viewer, words: str) -> None:
    """Dash puts the list of sources into a new page a moment later than the rest."""
    viewer.until(f"document.getElementById('source')?.textContent.includes({words!r})")


def on_air(studio: FakeStudio, title: str = "John Coltrane - Blue Train", station: str = "Radio Blue Note") -> None:
    """The link that was chosen is heard, and half a minute of jazz with it."""
    source = source_of(studio)
    source.state, source.detail, source.live = SourceState.RUNNING, "", True
    source.title, source.station = title, station
    studio.session.scene = steady_scene("jazz")
    studio.session.advance(30)


@pytest.fixture
def radio(serve: Serve, look: Look) -> Iterator[tuple[FakeStudio, Viewer]]:
    """A station on the air, and a page that shows it."""
    studio = FakeStudio()
    studio.listen_to(f"link:{RADIO}")
    on_air(studio)
    viewer = look(serve(studio).url)
    viewer.until_text("verdict", "Jazz")
    yield studio, viewer
    assert viewer.complaints == []


# ---- the dialog -----------------------------------------------------------------------------------------------------


def test_enter_listens_and_the_dialog_goes_when_there_is_sound(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    viewer = look(serve(studio).url)
    viewer.page.click("#open-link")
    viewer.until(f"{OPEN} && document.activeElement.id === 'link-address'")
    for words in ("Internet radio", "HLS", "yt-dlp", "sound is not played here"):
        assert words in viewer.text("link")
    enter(viewer, f"  {RADIO} ")
    until(lambda: studio.main.source_key == f"link:{RADIO}", "the session that all pages show listens to the link")
    assert studio.guests == {}
    source_of(studio).detail = "asking ice.example.org"
    viewer.until_text("link-progress", "Asking ice.example.org")
    viewer.until_text("state", "connecting")
    assert viewer.value(OPEN)
    on_air(studio)
    viewer.until(f"!{OPEN}")
    viewer.until_text("verdict", "Jazz")
    viewer.page.keyboard.press("l")
    viewer.until(OPEN)
    assert viewer.value(FIELD) == "" and viewer.text("link-progress") == ""
    assert "Radio Blue Note" in viewer.text("recent-links-list")
    assert viewer.complaints == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "Write or paste an address first"),
        ("song.mp3", "“song.mp3” is no address of the web: one begins with https:// or http://"),
        ("file:///etc/passwd", "begins with https:// or http://"),
        ("https://me:secret@radio.example/", "without"),
        ("https://radio.example/" + "x" * 2000, "too long (2022 characters)"),
        ("https://радио.example/" + "ж" * 1978, ""),
    ],
)
def test_what_is_wrong_with_an_address_stands_under_the_field(
    serve: Serve, look: Look, address: str, words: str
) -> None:
    studio = FakeStudio()
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press("l")
    enter(viewer, address)
    if not words:
        until(lambda: studio.main.source_key == f"link:{address}", "an address of any alphabet is taken")
        return
    viewer.until_text("link-problem", words)
    assert viewer.value("document.getElementById('link-address').getAttribute('aria-invalid')") == "true"
    assert viewer.value("document.getElementById('notice-box').hidden"), "it is said once"
    assert studio.main.source_key == "sample:mix", "what plays goes on"
    viewer.page.keyboard.type("x")
    assert viewer.text("link-problem") == ""
    assert viewer.complaints == []


def test_what_the_network_refuses_is_said_and_can_be_tried_again(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press("l")
    enter(viewer, RADIO)
    until(lambda: studio.main.source_key == f"link:{RADIO}", "the link is opened")
    first = source_of(studio)
    first.state, first.detail = SourceState.FAILED, "ice.example.org cannot be found. Check the link."
    viewer.until_text("link-problem", "Ice.example.org cannot be found. Check the link.")
    viewer.until_text("verdict", "Stopped")
    assert viewer.value(OPEN) and viewer.value(FIELD) == RADIO
    assert viewer.text("recent-links-list") == "", "what was never heard is not remembered"
    viewer.page.keyboard.press("Enter")
    until(lambda: studio.main.source is not first, "the same link is opened once more")
    on_air(studio)
    viewer.until(f"!{OPEN}")
    assert viewer.complaints == []


def test_escape_closes_it_and_the_page_says_how_far_it_is(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press("l")
    enter(viewer, RADIO)
    until(lambda: studio.main.source_key == f"link:{RADIO}", "the link is opened")
    viewer.page.keyboard.press("Escape")
    viewer.until(f"!{OPEN}")
    viewer.until_text("verdict", "Connecting")
    source_of(studio).detail = "asking ice.example.org"
    viewer.until_text("remark", "Asking ice.example.org")
    source = source_of(studio)
    source.state, source.detail = SourceState.RECONNECTING, "it is tried again in 4 s"
    viewer.until_text("remark", "It is tried again in 4 s")
    viewer.until_text("on-air", "Reconnecting")
    viewer.page.keyboard.press("l")
    viewer.until_text("link-progress", "It is tried again in 4 s")
    viewer.page.keyboard.press("Escape")
    on_air(studio)
    viewer.until_text("on-air", "Live")
    assert viewer.complaints == []


def test_another_choice_ends_the_waiting(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press("l")
    enter(viewer, RADIO)
    viewer.until("genrescope.answer.source_key.startsWith('link:')")
    studio.listen_to("sample:jazz")
    viewer.until("document.getElementById('link-progress').textContent === ''")
    assert viewer.complaints == []


def test_where_nothing_is_shared_the_page_gets_a_session_of_its_own(serve: Serve, look: Look) -> None:
    studio = FakeStudio(**NOT_SHARED)
    viewer = look(serve(studio).url)
    viewer.page.keyboard.press("l")
    enter(viewer, RADIO)
    until(lambda: [guest.source_key for guest in studio.guests.values()] == [f"link:{RADIO}"], "the page's own session")
    assert studio.main.source_key == ""
    assert viewer.complaints == []


def test_the_help_names_the_key(serve: Serve, look: Look) -> None:
    viewer = look(serve(FakeStudio()).url)
    viewer.page.keyboard.press("?")
    viewer.until_text("help", "Listen to a link")
    viewer.page.keyboard.press("l")
    viewer.until(f"{OPEN} && !document.getElementById('help').open")


# ---- pasted and dropped ---------------------------------------------------------------------------------------------


def paste(viewer: Viewer, text: str, *, into: str = "body") -> None:
    viewer.value(
        f"""(() => {{
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", {text!r});
            document.querySelector({into!r}).dispatchEvent(
                new ClipboardEvent("paste", {{clipboardData, bubbles: true, cancelable: true}}));
        }})()"""
    )


def drop(viewer: Viewer, kind: str, text: str) -> None:
    viewer.value(
        f"""(() => {{
            const dataTransfer = new DataTransfer();
            dataTransfer.setData({kind!r}, {text!r});
            for (const type of ["dragover", "drop"]) {{
                document.body.dispatchEvent(new DragEvent(type, {{dataTransfer, bubbles: true, cancelable: true}}));
                if (type === "dragover") window.veil = document.getElementById("upload-veil").textContent;
            }}
        }})()"""
    )


def test_an_address_pasted_into_the_page_is_offered_but_not_opened(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    viewer = look(serve(studio).url)
    for text in ("just words", "javascript:alert(1)", "https://", "see https://example.com/"):
        paste(viewer, text)
        assert not viewer.value(OPEN), text
    paste(viewer, f" {RADIO}\n")
    viewer.until(f"{OPEN} && {FIELD} === {RADIO!r} && document.activeElement.id === 'link-address'")
    assert studio.main.source_key == "sample:mix"
    viewer.page.keyboard.press("Enter")
    until(lambda: studio.main.source_key == f"link:{RADIO}", "Enter opens it")
    assert viewer.complaints == []


def test_what_is_pasted_into_a_field_stays_there(serve: Serve, look: Look) -> None:
    viewer = look(serve(FakeStudio()).url)
    viewer.page.click("#source")
    paste(viewer, RADIO, into=".dash-dropdown-search")
    assert not viewer.value(OPEN)


@pytest.mark.parametrize(
    ("kind", "text"), [("text/uri-list", f"# a remark\r\n{RADIO}\r\nhttps://b.example/"), ("text/plain", RADIO)]
)
def test_a_dropped_link_is_offered(serve: Serve, look: Look, kind: str, text: str) -> None:
    viewer = look(serve(FakeStudio()).url)
    drop(viewer, kind, text)
    viewer.until(f"{OPEN} && {FIELD} === {RADIO!r}")
    if kind == "text/uri-list":
        assert viewer.value("veil") == "Drop a link to listen to it"
    assert viewer.value("document.getElementById('upload-veil').hidden")
    assert viewer.complaints == []


def test_dropped_words_are_refused(serve: Serve, look: Look) -> None:
    viewer = look(serve(FakeStudio()).url)
    drop(viewer, "text/plain", "file:///etc/passwd")
    viewer.until_text("notice-box", "neither a sound file nor a link")
    assert not viewer.value(OPEN)


# ---- what is remembered ---------------------------------------------------------------------------------------------


def remembering(links: str) -> str:
    key = "'genrescope-links'"
    return f"if (!localStorage.getItem({key})) localStorage.setItem({key}, JSON.stringify({links}));"


def test_at_most_eight_links_are_remembered_and_each_can_be_forgotten(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    many = "Array.from({length: 8}, (_, n) => ({url: 'https://example.com/' + n, name: 'Station ' + n}))"
    viewer = look(serve(studio).url, script=remembering(many))
    rows = "[...document.querySelectorAll('#recent-links-list li')].map(row => row.querySelector('span').textContent)"
    viewer.page.keyboard.press("l")
    assert viewer.value(rows) == [f"Station {n}" for n in range(8)]
    viewer.page.get_by_role("button", name="Forget Station 3").click()
    assert "Station 3" not in viewer.value(rows) and len(viewer.value(rows)) == 7
    viewer.page.get_by_text("example.com/5").click()
    until(lambda: studio.main.source_key == "link:https://example.com/5", "a remembered link is opened at once")
    on_air(studio)
    viewer.until(f"!{OPEN}")
    for n in (20, 21):
        viewer.page.keyboard.press("l")
        enter(viewer, f"https://example.com/{n}")
        until(lambda n=n: studio.main.source_key == f"link:https://example.com/{n}", "another link")  # type: ignore[misc]
        on_air(studio, station=f"Station {n}")
        viewer.until(f"!{OPEN}")
    viewer.page.reload()
    viewer.until("Boolean(window.genrescope && genrescope.answer && document.getElementById('play'))")
    viewer.page.keyboard.press("l")
    assert viewer.value(rows)[:4] == ["Station 21", "Station 20", "Radio Blue Note", "Station 0"]
    assert len(viewer.value(rows)) == 8
    assert viewer.complaints == []


@pytest.mark.parametrize("kept", ["'words'", "{a: 1}", "[null, 3, {url: 'javascript:alert(1)', name: ''}, {url: 7}]"])
def test_nonsense_in_the_browsers_memory_does_no_harm(serve: Serve, look: Look, kept: str) -> None:
    viewer = look(serve(FakeStudio()).url, script=remembering(kept))
    viewer.page.keyboard.press("l")
    viewer.until(OPEN)
    assert viewer.value("document.getElementById('recent-links').hidden")
    assert viewer.complaints == []


# ---- what plays -----------------------------------------------------------------------------------------------------


def test_station_and_title_are_shown_and_follow_the_broadcast(radio: tuple[FakeStudio, Viewer]) -> None:
    studio, viewer = radio
    viewer.until_text("track-title", "Radio Blue Note · John Coltrane - Blue Train")
    viewer.until_text("on-air", "Live")
    viewer.until("document.title === 'Jazz · Radio Blue Note · John Coltrane - Blue Train · genrescope'")
    until_chosen(viewer, "Link: Radio Blue Note · John Coltrane - Blue Train")
    source_of(studio).title = "Nina Simone - Sinnerman"
    viewer.until_text("track-title", "Radio Blue Note · Nina Simone - Sinnerman")
    viewer.until_text("announcement", "Now playing: Radio Blue Note · Nina Simone - Sinnerman")
    viewer.until("document.title.includes('Nina Simone - Sinnerman')")
    until_chosen(viewer, "Link: Radio Blue Note · Nina Simone - Sinnerman")
    source_of(studio).title = "Radio Blue Note"
    viewer.until("document.getElementById('track-title').textContent === 'Radio Blue Note'")


def test_a_link_is_neither_wound_nor_heard_in_the_browser(radio: tuple[FakeStudio, Viewer]) -> None:
    studio, viewer = radio
    for hidden in ("seek-bar", "sound-box"):
        assert not viewer.value(f"document.getElementById('{hidden}').checkVisibility()"), hidden
    assert not viewer.value("document.getElementById('player').hasAttribute('src')")
    viewer.page.keyboard.press("ArrowRight")
    viewer.until_text("place-text", "0:30")
    assert viewer.value("document.getElementById('play').title") == "Stop listening (space)"
    viewer.page.keyboard.press("Space")
    until(lambda: studio.main.source is None, "space stops listening")
    viewer.until_text("verdict", "Ready")
    assert not viewer.value("document.getElementById('on-air').checkVisibility()")
    viewer.page.keyboard.press("Space")
    until(lambda: studio.main.source_key == f"link:{RADIO}", "and begins again")


def test_a_broken_connection_is_told_until_it_is_back(radio: tuple[FakeStudio, Viewer]) -> None:
    studio, viewer = radio
    source = source_of(studio)
    source.state, source.detail = SourceState.RECONNECTING, "the connection is lost; it is tried again in 8 s"
    viewer.until_text("state", "reconnecting")
    viewer.until_text("on-air", "Reconnecting")
    viewer.until_text("detail", "it is tried again in 8 s")
    source.state, source.detail = SourceState.NO_SOUND, "nothing is coming through the network"
    viewer.until_text("state", "no sound is coming")
    source.state, source.detail = SourceState.RUNNING, ""
    viewer.until_text("on-air", "Live")
    source.state = SourceState.ENDED
    viewer.until_text("state", "ended")
    viewer.until_text("on-air", "Ended")
    viewer.page.keyboard.press("Space")
    until(lambda: studio.main.source is not source and studio.main.source is not None, "it is opened again")


def test_all_pages_of_a_shared_session_list_the_link(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    server = serve(studio)
    viewer = look(server.url)
    studio.listen_to(f"link:{RADIO}")
    on_air(studio)
    newer = look(server.url)
    for each in (viewer, newer):
        until_chosen(each, "Link: Radio Blue Note · John Coltrane - Blue Train")
    viewer.page.click("#source")
    viewer.page.get_by_text("Jazz: Late Train").click()
    until_chosen(newer, "Jazz: Late Train")
    newer.page.click("#source")
    newer.page.get_by_text("Link: Radio Blue Note").click()
    until(lambda: studio.main.source_key == f"link:{RADIO}", "the link is chosen from the list")
    assert viewer.complaints == newer.complaints == []


def test_titles_of_the_network_are_text_and_stay_in_their_place(serve: Serve, look: Look) -> None:
    studio = FakeStudio()
    studio.listen_to(f"link:{RADIO}")
    on_air(studio, title=HOSTILE, station=HOSTILE[:60])
    viewer = look(serve(studio).url)
    viewer.until_text("track-title", "<img src=x onerror=")
    until_chosen(viewer, "Link: <img")
    viewer.until("document.title.includes('<script>')")
    viewer.page.keyboard.press("l")
    enter(viewer, RADIO)  # what plays already is remembered at once
    viewer.until(f"!{OPEN}")
    viewer.page.keyboard.press("l")
    viewer.until_text("recent-links-list", "<img")
    assert viewer.value("document.querySelectorAll('img[src=x], #page script').length") == 0
    assert viewer.value("window.broken === undefined")
    assert viewer.value("document.documentElement.scrollWidth") <= 1366
    assert viewer.value("document.getElementById('link').scrollWidth <= document.getElementById('link').clientWidth")
    assert viewer.complaints == []


def test_a_link_that_has_ended_is_opened_again_by_play() -> None:
    studio = FakeStudio()
    studio.listen_to(f"link:{RADIO}")
    ended = source_of(studio)
    ended.state = SourceState.ENDED
    assert carry_out(studio, "main", "play", {}) == ""  # type: ignore[arg-type]
    assert studio.main.source_key == f"link:{RADIO}" and studio.main.source is not ended


# ---- for everybody, everywhere --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (390, 844)])
def test_it_fits_the_screen_on_desk_and_stage(serve: Serve, look: Look, width: int, height: int) -> None:
    studio = FakeStudio()
    studio.listen_to(f"link:{RADIO}")
    on_air(studio, title="Ella Fitzgerald and Louis Armstrong - They Can’t Take That Away from Me (1956)")
    viewer = look(serve(studio).url, viewport={"width": width, "height": height})
    viewer.until_text("verdict", "Jazz")
    assert viewer.value("document.documentElement.scrollWidth") <= width
    viewer.page.keyboard.press("l")
    box = "(b => [b.left, b.top, b.right, b.bottom])(document.getElementById('{}').getBoundingClientRect())"
    left, top, right, bottom = viewer.value(box.format("link"))
    assert left >= 0 and top >= 0 and right <= width and bottom <= height
    viewer.picture(f"link-{width}")
    viewer.page.keyboard.press("Escape")
    viewer.until(f"!{OPEN} && document.activeElement === document.body")
    viewer.page.keyboard.press("s")
    viewer.until("genrescope.face === 'stage'")
    viewer.until("document.getElementById('track-title').checkVisibility()")
    for hidden in ("play", "place-text", "state", "source"):
        assert not viewer.value(f"document.getElementById('{hidden}').checkVisibility()"), hidden
    viewer.until(
        f"{box.format('transport')}[3] <= {height} && {box.format('charts')}[3] <= {box.format('transport')}[1]"
        f" && {box.format('waterfall')}[3] <= {box.format('transport')}[1]"
    )
    viewer.page.wait_for_timeout(400)
    viewer.picture(f"link-stage-{width}")
    assert viewer.complaints == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious_with_links(serve: Serve, look: Look, scheme: str) -> None:
    studio = FakeStudio()
    studio.listen_to(f"link:{RADIO}")
    on_air(studio)
    kept = remembering("[{url: 'https://example.com/', name: 'Example Radio'}]")
    viewer = look(serve(studio).url, color_scheme=scheme, script=kept)
    viewer.until_text("on-air", "Live")
    viewer.until("Boolean(genrescope.drawing)")
    problems: list[Any] = [serious_problems(viewer)]
    source_of(studio).state = SourceState.RECONNECTING
    viewer.until_text("on-air", "Reconnecting")
    problems.append(serious_problems(viewer))
    viewer.page.keyboard.press("l")
    problems.append(serious_problems(viewer))
    enter(viewer, "nonsense")
    viewer.until_text("link-problem", "no address")
    problems.append(serious_problems(viewer))
    viewer.picture(f"link-{scheme}")
    enter(viewer, "https://example.com/other")
    viewer.until_text("link-progress", "Connecting")
    problems.append(serious_problems(viewer))
    viewer.page.keyboard.press("Escape")
    viewer.until(f"!{OPEN} && document.activeElement === document.body")
    viewer.page.keyboard.press("s")
    viewer.until("genrescope.face === 'stage'")
    problems.append(serious_problems(viewer))
    assert problems == [[]] * 6
