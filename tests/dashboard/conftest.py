"""A server around a made-up studio, and a real Chromium to look at its page."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import sync_playwright

from dashboard.access import Access
from dashboard.app import create_app
from dashboard.server import PageServer
from tests.dashboard.fakes import FakeStudio

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_SECONDS = 20.0


@pytest.fixture
def serve() -> Iterator[Callable[..., PageServer]]:
    """Serves a studio's page; the servers are stopped at the end."""
    running: list[PageServer] = []

    def start(studio: FakeStudio, access: Access | None = None, *, port: int = 0) -> PageServer:
        server = PageServer("127.0.0.1", port)
        server.serve(create_app(studio, access).server)  # type: ignore[arg-type]
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """Twenty seconds of a quiet tone."""
    path = tmp_path / "tone.wav"
    samples = 0.1 * np.sin(2 * np.pi * 330 * np.arange(20 * 16000) / 16000)
    soundfile.write(path, samples.astype(np.float32), 16000)
    return path


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Any]]:
    """Starts a Chromium, with further arguments; all are closed at the end."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = os.environ.get("GENRESCOPE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        _without_browser("there is no Chromium on the path; set GENRESCOPE_CHROMIUM")
    with sync_playwright() as playwright:
        browsers = []

        def launched(*arguments: str) -> Any:
            browser = playwright.chromium.launch(executable_path=executable, args=[*CHROMIUM_ARGUMENTS, *arguments])
            browsers.append(browser)
            return browser

        yield launched
        for browser in browsers:
            browser.close()


@pytest.fixture(scope="session")
def chromium(launch: Callable[..., Any]) -> Any:
    """The Chromium that most tests share."""
    return launch()


def _without_browser(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"the page must be tested in CI: {reason}")
    pytest.skip(reason)


class Viewer:
    """A page in Chromium, with what it complained about."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") or "WARN" in text:
            self.complaints.append(text)

    def open(self, url: str) -> Viewer:
        self.page.goto(url)
        self.until("Boolean(window.genrescope && genrescope.answer && document.getElementById('play'))")
        return self

    def value(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def text(self, identifier: str) -> str:
        return str(self.value(f"document.getElementById({identifier!r}).textContent"))

    def until(self, expression: str) -> None:
        """Wait until this is true in the page. (Playwright's own waiting needs `eval`, which the page forbids.)"""
        until(lambda: bool(self.value(expression)), expression)

    def until_text(self, identifier: str, wanted: str) -> None:
        until(lambda: wanted in self.text(identifier), f"{wanted!r} in #{identifier}")

    def choose_file(self, button: str, path: Path) -> None:
        """Press a button that asks for a file, and give it this one."""
        for patience_ms in (2000, 5000, 20000):
            try:
                with self.page.expect_file_chooser(timeout=patience_ms) as chooser:
                    self.page.click(button)
            except PlaywrightTimeout:
                continue  # Chromium begins to hand over such requests a moment after it was asked to
            chooser.value.set_files(str(path))
            return
        pytest.fail(f"{button} asked for no file")

    def picture(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=str(ARTEFACTS / f"page-{name}.png"))


@pytest.fixture
def look(chromium: Any) -> Iterator[Callable[..., Viewer]]:
    """Opens an address in a fresh browser window."""
    contexts: list[Any] = []

    def opened(url: str, *, script: str = "", **settings: Any) -> Viewer:
        context = chromium.new_context(
            **{"viewport": {"width": 1366, "height": 768}, "color_scheme": "dark", **settings}
        )
        contexts.append(context)
        if script:
            context.add_init_script(script)
        return Viewer(context.new_page()).open(url)

    yield opened
    for context in contexts:
        context.close()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something another process does; fails after a long while."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"waited {PATIENCE_SECONDS:.0f} s in vain: {what}")
        time.sleep(0.05)
