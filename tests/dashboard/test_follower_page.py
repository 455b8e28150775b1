"""The followers' page on a phone, in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import axe_playwright_python.base
import pytest

from tests.dashboard.conftest import ARTEFACTS, until
from tests.dashboard.followers import JAZZ, METAL, NO_MUSIC, NOTHING, SILENCE, UNSURE, Opened, Stage, shares_of
from tests.stream.fakes import ManualClock


@pytest.fixture
def stage() -> Stage:
    return Stage(JAZZ)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def opened(stage: Stage) -> Iterator[Opened]:
    with shares_of(stage) as opened:
        yield opened


class Screen:
    """A phone's screen with the followers' page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(text)

    def text(self, identifier: str) -> str:
        return str(self.page.evaluate(f"document.getElementById({identifier!r}).textContent"))

    def until_text(self, identifier: str, wanted: str) -> None:
        until(lambda: wanted in self.text(identifier), f"{wanted!r} in #{identifier}, not {self.text(identifier)!r}")

    def seen(self, selector: str) -> list[str]:
        return list(
            self.page.evaluate(
                f"Array.from(document.querySelectorAll({selector!r}))"
                ".filter((e) => e.checkVisibility({visibilityProperty: true})).map((e) => e.textContent)"
            )
        )


@pytest.fixture
def screen(chromium: Any) -> Iterator[Callable[..., Screen]]:
    contexts: list[Any] = []

    def shown(url: str, **settings: Any) -> Screen:
        context = chromium.new_context(
            **{"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", **settings}
        )
        contexts.append(context)
        made = Screen(context.new_page())
        made.page.goto(url)
        return made

    yield shown
    for context in contexts:
        context.close()


def test_a_phone_shows_what_is_heard_and_follows_it(
    opened: Opened, stage: Stage, screen: Callable[..., Screen]
) -> None:
    share = opened()
    phone = screen(share.url)
    phone.until_text("name", "Jazz")
    assert phone.text("sureness") == "Quite sure" and phone.text("share") == "83\u202f%"
    assert phone.text("sentence") == "Jazz, with elements of blues"
    assert phone.text("source") == "Demo mix" and phone.text("state") == "live"
    assert phone.seen("#candidates .name") == ["Jazz", "Blues", "Hip-hop"]
    assert phone.seen("#candidates .figure") == ["83\u202f%", "12\u202f%", "<\u202f1\u202f%"]
    assert phone.seen("#segments li") == ["1:02:05Jazz", "0:31Not sure", "0:00Rock"]
    assert phone.page.title() == "Jazz · genrescope"
    phone.until_text("said", "Jazz. Quite sure")
    assert share.followers == 1
    stage.shown = METAL
    phone.until_text("name", "Metal")
    assert phone.text("share") == ">\u202f99\u202f%" and phone.text("sentence") == ""
    assert phone.seen("#candidates .name") == ["Metal"]
    stage.shown = UNSURE
    phone.until_text("name", "Not sure")
    assert not phone.seen("#bar")
    stage.shown = {**SILENCE, "state": "paused"}
    phone.until_text("name", "Silence")
    assert phone.text("state") == "paused" and not phone.seen("#likely") and phone.seen("#past")
    phone.until_text("said", "Silence. No music is heard. (paused)")
    stage.shown = NO_MUSIC
    phone.until_text("name", "No music")
    phone.until_text("said", "No music. Somebody is speaking, or there is only noise.")
    assert not phone.seen("#bar") and not phone.seen("#likely")
    assert phone.complaints == []


def test_the_page_has_nothing_to_command(opened: Opened, screen: Callable[..., Screen]) -> None:
    phone = screen(opened().url)
    phone.until_text("name", "Jazz")
    controls = "a, button, input, select, textarea, form, iframe, [tabindex], [onclick], [contenteditable]"
    assert phone.page.evaluate(f"document.querySelectorAll({controls!r}).length") == 0


def test_a_name_is_text_and_never_markup(opened: Opened, stage: Stage, screen: Callable[..., Screen]) -> None:
    nasty = "<img src=x onerror=document.title='owned'>"
    stage.shown = {
        **JAZZ,
        "name": nasty,
        "sentence": nasty,
        "source": nasty,
        "candidates": [[nasty, "red;}", 0.5]],
        "segments": [[0, nasty, "url(http://evil.example/)"]],
    }
    phone = screen(opened().url)
    phone.until_text("name", "<img")
    assert phone.text("source") == nasty and phone.page.evaluate("document.querySelectorAll('img').length") == 0
    assert "owned" not in phone.page.title().replace(nasty, "")


def test_a_phone_says_when_the_talk_is_out_of_reach_and_comes_back(
    opened: Opened, stage: Stage, screen: Callable[..., Screen]
) -> None:
    phone = screen(opened().url)
    phone.until_text("name", "Jazz")
    phone.page.context.set_offline(True)
    until(lambda: bool(phone.seen("#notice")), "a notice")
    assert phone.text("notice") == "The talk’s computer does not answer; trying again."
    assert phone.text("name") == "Jazz"
    stage.shown = METAL
    phone.page.context.set_offline(False)
    phone.until_text("name", "Metal")
    assert not phone.seen("#notice") and phone.text("state") == "live"


def test_a_program_started_anew_is_found_again_if_it_keeps_its_password(
    opened: Opened, stage: Stage, screen: Callable[..., Screen]
) -> None:
    share = opened()
    phone = screen(share.url)
    phone.until_text("name", "Jazz")
    share.stop()
    phone.until_text("notice", "does not answer; trying again")
    share = opened(port=share.port)
    until(lambda: not phone.seen("#notice"), "the notice is gone")
    share.stop()
    opened(port=share.port, token="another-password")
    phone.until_text("notice", "Scan the code on the screen again")
    assert phone.complaints == []


def test_nothing_moves_for_those_who_wish_it_so(opened: Opened, screen: Callable[..., Screen]) -> None:
    share = opened()
    moving = "getComputedStyle(document.querySelector('#bar span')).transitionDuration"
    assert screen(share.url).page.evaluate(moving) != "0s"
    assert screen(share.url, reduced_motion="reduce").page.evaluate(moving) == "0s"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(
    opened: Opened, stage: Stage, clock: ManualClock, screen: Callable[..., Screen], scheme: str
) -> None:
    share = opened(clock=clock)
    phone = screen(share.url, color_scheme=scheme)
    phone.page.evaluate(axe_playwright_python.base.AXE_SCRIPT)
    for shown, name in ((JAZZ, "Jazz"), (UNSURE, "Not sure"), (SILENCE, "Silence"), (NOTHING, "Loading")):
        stage.shown = shown
        clock.time += 1
        phone.until_text("name", name)
        violations = phone.page.evaluate("axe.run().then((results) => results.violations)")
        assert [(found["id"], found["impact"]) for found in violations] == []
    phone.page.context.set_offline(True)
    until(lambda: bool(phone.seen("#notice")), "a notice")
    violations = phone.page.evaluate("axe.run().then((results) => results.violations)")
    assert [(found["id"], found["impact"]) for found in violations] == []


@pytest.mark.parametrize("size", [(390, 844), (844, 390), (1366, 768), (320, 640)])
def test_everything_fits_across_the_screen(
    opened: Opened, stage: Stage, screen: Callable[..., Screen], size: tuple[int, int]
) -> None:
    long = "progressive rock"
    stage.shown = {**JAZZ, "name": long, "candidates": [[long, "#a0e8e8", 0.996]] * 3, "segments": [[0, long, ""]] * 6}
    phone = screen(opened().url, viewport={"width": size[0], "height": size[1]})
    phone.until_text("name", "Progressive rock")
    assert phone.page.evaluate("document.documentElement.scrollWidth") == size[0]
    outside = phone.page.evaluate(
        "Array.from(document.querySelectorAll('h1, .remark, .sentence, .figure, .state'))"
        ".filter((e) => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth)"
        ".map((e) => e.className || e.id)"
    )
    assert outside == []
    ARTEFACTS.mkdir(exist_ok=True)
    phone.page.screenshot(path=str(ARTEFACTS / f"follower-{size[0]}.png"))
