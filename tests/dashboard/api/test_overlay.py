"""The overlay for OBS in a real Chromium: what is heard is named, quietly where it is not, and nothing else is seen."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from dashboard.access import Access
from dashboard.pushed_source import PushedSource
from dashboard.server import PageServer
from dashboard.studio import Studio
from tests.dashboard.api.relay import Relay
from tests.dashboard.api.small_studio import served, small_studio
from tests.dashboard.conftest import until

RATE = 1000
SIZES = [(800, 200), (400, 100), (1920, 1080), (300, 300), (200, 40)]


class Music:
    """What the main session listens to, second by second."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._source = PushedSource(RATE)
        studio.main.listen("pushed", self._source)

    def play(self, level: float, *, windows: int = 4) -> None:
        """So many windows of noise of this level (RMS); 0 is silence."""
        session = self._studio.main.session
        assert session is not None
        wave = level * np.where(np.arange(RATE // 2) % 2, 1.0, -1.0).astype(np.float32)
        for _ in range(windows):
            before, time = session.results.next_prediction, session.stream_time
            self._source.inlet.push(wave[:, None], self._studio.engine.clock.now())
            until(lambda n=before, t=time: session.results.next_prediction > n or t < 2.5, "the window")  # type: ignore[misc]


@pytest.fixture
def studio() -> Studio:
    return small_studio()


@pytest.fixture
def server(studio: Studio) -> Iterator[PageServer]:
    with served(studio) as running:
        yield running


class Overlay:
    """An overlay in the browser."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def value(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def until_it_says(self, name: str) -> None:
        until(lambda: self.value("document.getElementById('name').textContent") == name, name)

    def until_it_looks(self, look: str) -> None:
        until(lambda: self.value("document.body.dataset.look") == look, look)


@pytest.fixture
def overlay(chromium: Any) -> Iterator[Callable[..., Overlay]]:
    contexts: list[Any] = []

    def opened(address: str, *, size: tuple[int, int] = (800, 200)) -> Overlay:
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]})
        contexts.append(context)
        shown = Overlay(context.new_page())
        shown.page.goto(address)
        return shown

    yield opened
    for context in contexts:
        context.close()


def at(server: PageServer, query: str = "") -> str:
    return f"http://127.0.0.1:{server.port}/api/v1/overlay{query}"


def test_what_is_heard_is_named_and_how_sure_it_is(
    server: PageServer, studio: Studio, overlay: Callable[..., Overlay]
) -> None:
    music = Music(studio)
    shown = overlay(at(server))
    shown.until_it_says("Listening …")
    music.play(0.8, windows=8)
    shown.until_it_says("Loud")
    assert shown.value("document.body.dataset.look") == "sure"
    assert shown.value("document.getElementById('share').textContent") == "80%"
    bar = "document.getElementById('bar').style.getPropertyValue('--share')"
    assert float(shown.value(bar)) == pytest.approx(0.8, abs=0.01)
    colour = "getComputedStyle(document.body).getPropertyValue('--of-label').trim()"
    assert shown.value(colour) == "rgb(136, 184, 232)", "the palette's first, as in the page"
    music.play(0.1, windows=8)
    shown.until_it_says("Soft")
    assert shown.complaints == [], "nothing the content security policy would have kept out"


def test_a_name_does_not_flicker_and_comes_down_quietly(
    server: PageServer, studio: Studio, overlay: Callable[..., Overlay]
) -> None:
    music = Music(studio)
    shown = overlay(at(server))
    music.play(0.8, windows=8)
    shown.until_it_says("Loud")
    names = (
        "window.seen = []; new MutationObserver(() => window.seen.push(document.getElementById('name').textContent))"
        ".observe(document.querySelector('.names'), {childList: true, subtree: true})"
    )
    shown.value(f"{{ {names} }}")
    music.play(0.5, windows=10)
    shown.until_it_says("Not sure")
    shown.until_it_looks("unsure")
    seen = [name for name, _ in groupby(shown.value("window.seen"))]
    assert seen[-1] == "Not sure"
    assert seen[:-1] in ([], ["Loud"]), "it changes once"
    music.play(0.0, windows=12)
    shown.until_it_says("Silence")
    shown.until_it_looks("silence")
    music.play(0.8, windows=12)
    shown.until_it_says("Loud")
    studio.listen_to("")
    shown.until_it_says("Ready")


def test_the_next_likeliest_are_listed_where_that_is_wanted(
    server: PageServer, studio: Studio, overlay: Callable[..., Overlay]
) -> None:
    music = Music(studio)
    shown = overlay(at(server, "?names=2&align=right"))
    shown.until_it_says("Listening …")
    music.play(0.8, windows=8)
    shown.until_it_says("Loud")
    until(lambda: shown.value("document.getElementById('others').textContent") == "Soft20\u202f%", "the other label")
    assert shown.value("document.body.className") == "listed right"


@pytest.mark.parametrize("query", ["", "?plate=0&names=4", "?align=center&names=3"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_fits_into_every_size_and_lets_the_video_through(
    server: PageServer, studio: Studio, overlay: Callable[..., Overlay], size: tuple[int, int], query: str
) -> None:
    music = Music(studio)
    shown = overlay(at(server, query), size=size)
    shown.until_it_says("Listening …")
    music.play(0.8, windows=7)
    shown.until_it_says("Loud")
    fits = (
        "(() => { const plate = document.getElementById('plate').getBoundingClientRect();"
        "const root = document.documentElement;"
        "return [plate.left >= 0, plate.top >= 0, plate.right <= innerWidth, plate.bottom <= innerHeight,"
        "root.scrollWidth <= innerWidth, root.scrollHeight <= innerHeight,"
        "getComputedStyle(root).overflow == 'hidden'] })()"
    )
    assert shown.value(fits) == [True] * 7
    background = "getComputedStyle({}).backgroundColor"
    for element in ("document.documentElement", "document.body"):
        assert shown.value(background.format(element)) == "rgba(0, 0, 0, 0)"


def test_without_a_connection_nothing_is_shown_and_with_one_it_comes_back(
    server: PageServer, studio: Studio, overlay: Callable[..., Overlay]
) -> None:
    music = Music(studio)
    relay = Relay(server.port)
    shown = overlay(f"http://127.0.0.1:{relay.port}/api/v1/overlay")
    shown.until_it_says("Listening …")
    music.play(0.8, windows=8)
    shown.until_it_says("Loud")
    relay.close()
    shown.until_it_looks("gone")
    until(lambda: shown.value("getComputedStyle(document.getElementById('plate')).opacity") == "0", "it to be unseen")
    again = Relay(server.port, port=relay.port)
    until(lambda: shown.value("document.body.dataset.look") != "gone", "the connection")
    music.play(0.1, windows=8)
    shown.until_it_says("Soft")
    again.close()


def test_a_session_that_comes_later_is_found(
    server: PageServer, studio: Studio, overlay: Callable[..., Overlay]
) -> None:
    shown = overlay(at(server, "?session=unknown"))
    shown.until_it_looks("gone")
    assert shown.value("document.getElementById('name').textContent") == ""


def test_the_password_in_its_address_is_enough(studio: Studio, overlay: Callable[..., Overlay]) -> None:
    with served(studio, Access("sesame-open-sesame")) as server:
        music = Music(studio)
        shown = overlay(at(server, "?token=sesame-open-sesame&plate=0"))
        shown.until_it_says("Listening …")
        music.play(0.8, windows=8)
        shown.until_it_says("Loud")


@pytest.mark.parametrize("query", ["?plate=2", "?names=0", "?names=5", "?align=top", "?colour=red"])
def test_an_option_that_does_not_exist_is_refused_in_words(server: PageServer, query: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(at(server, query), timeout=10.0)
    assert refused.value.code == 422
    assert refused.value.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/../api.py", "/overlay.py", "/%2e%2e/index.html", "/index.html"])
def test_of_its_folder_only_its_own_two_files_are_given(server: PageServer, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(at(server, path), timeout=10.0)
    assert refused.value.code == 404


def test_a_browser_that_has_its_files_gets_them_no_second_time(server: PageServer) -> None:
    with urllib.request.urlopen(at(server, "/overlay.css"), timeout=10.0) as answer:
        tag = answer.headers["ETag"]
        assert answer.headers["Content-Type"].startswith("text/css")
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        urllib.request.urlopen(urllib.request.Request(at(server, "/overlay.css"), headers={"If-None-Match": tag}))
    assert unchanged.value.code == 304
