"""The microphone in the browser: real Chromium, the real scripts, the real websocket, a microphone that plays a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from flask import Flask, Response, send_from_directory

from dashboard.app import ASSETS
from dashboard.server import PageServer
from stream.records import SourceState
from tests.dashboard.conftest import CHROMIUM_ARGUMENTS, Viewer, until
from tests.dashboard.listening import ListeningStudio, serve_microphone

RATE = 48000
PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>microphone</title><link rel=icon href="data:,">
<p id=notice></p><script src=bench.js></script><script src=assets/microphone.js></script></html>"""
# What microphone.js expects of the page around it.
BENCH = """
window.genrescope = {
  notices: [], commands: [], changes: 0, stage: "main",
  notice(text) { this.notices.push(text); },
  own() { this.stage = "the-page"; return Promise.resolve(this.stage); },
  command(name, values) { this.commands.push([name, values]); return Promise.resolve({ notice: "" }); },
};"""

# Chromium's own devices cannot be muted, asleep, unplugged, busy or absent; these make them so.
MUTED = "Object.defineProperty(MediaStreamTrack.prototype, 'muted', { get: () => window.isMuted === true });"
TRACKS = """
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wishes) => {
      window.wishes = wishes;
      return window.stream = await ask(wishes);
    };"""
SOCKETS = """
    window.sockets = [];
    window.WebSocket = class extends WebSocket {
      constructor(...given) { super(...given); window.sockets.push(this); }
      send(data) {
        super.send(data);
        if (window.slow && data instanceof ArrayBuffer) window.held = (window.held || 0) + data.byteLength;
      }
      get bufferedAmount() { return window.slow ? window.held || 0 : super.bufferedAmount; }
    };"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds in which every place is different: noise of which the colour changes; both sides differ."""
    noise = np.random.default_rng(4).normal(0.0, 0.1, (4 * RATE, 2))
    mixed = np.stack((noise[:, 0], 0.5 * noise[:, 0] + 0.5 * noise[:, 1]), axis=1)
    path = tmp_path_factory.mktemp("microphone") / "noise.wav"
    soundfile.write(path, mixed, RATE, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def singing(chromium: Any, recording: Path) -> Iterator[Any]:
    """A Chromium whose microphone plays the recording again and again, and which never asks."""
    executable = os.environ.get("GENRESCOPE_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    browser = chromium.browser_type.launch(
        executable_path=executable,
        args=[
            *CHROMIUM_ARGUMENTS,
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={recording}",
        ],
    )
    yield browser
    browser.close()


@pytest.fixture
def studio() -> ListeningStudio:
    return ListeningStudio()


@pytest.fixture
def server(studio: ListeningStudio) -> Iterator[PageServer]:
    running = serve_microphone(studio, application=bench())
    yield running
    studio.listen_elsewhere()
    running.stop()


def bench() -> Flask:
    application = Flask("bench")
    application.add_url_rule("/", "page", lambda: PAGE)
    application.add_url_rule("/bench.js", "bench", lambda: Response(BENCH, mimetype="text/javascript"))
    application.add_url_rule("/assets/<path:name>", "assets", lambda name: send_from_directory(ASSETS, name))
    return application


@pytest.fixture
def open_page(server: PageServer) -> Iterator[Callable[..., Viewer]]:
    """The bench's page in a fresh window of a browser."""
    contexts: list[Any] = []

    def opened(browser: Any, *scripts: str) -> Viewer:
        context = browser.new_context()
        contexts.append(context)
        for script in scripts:
            context.add_init_script(script)
        viewer = Viewer(context.new_page())
        viewer.page.goto(server.url)
        viewer.until("Boolean(window.genrescope && genrescope.microphone)")
        return viewer

    yield opened
    for context in contexts:
        context.close()


def start(viewer: Viewer, device: str = "undefined") -> bool:
    return bool(viewer.value(f"genrescope.microphone.start({device})"))


def problem(viewer: Viewer) -> str:
    return str(viewer.value("genrescope.microphone.problem"))


def likeness(sound: np.ndarray, original: np.ndarray) -> float:
    """Correlation of mono sounds at the best place, float 0..1: what is heard against the original, played in a loop."""
    length = len(original)
    looped = np.fft.irfft(np.conj(np.fft.rfft(sound[:length])) * np.fft.rfft(original))
    return float(looped.max() / np.sqrt((sound[:length] ** 2).sum() * (original**2).sum()))


# ---- sound -------------------------------------------------------------------------------------------------------


def test_what_the_microphone_hears_arrives_at_the_inlet(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer], recording: Path
) -> None:
    viewer = open_page(singing, TRACKS)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 5.0, "five seconds of sound")
    assert studio.source.status().state is SourceState.RUNNING
    assert studio.notebook.lost_seconds == 0.0
    assert studio.notebook.rates == [viewer.value("window.stream.getAudioTracks()[0].getSettings().sampleRate")]
    original, rate = soundfile.read(recording)
    assert rate == studio.notebook.rates[0]
    heard = studio.notebook.sound()
    # The first moment is the device's own beginning.
    assert likeness(heard[rate // 2 :].mean(axis=1), original.mean(axis=1)) > 0.95
    assert viewer.value("genrescope.commands") == [["source", {"key": "microphone"}]]
    audio = viewer.value("window.wishes.audio")
    assert [audio[name] for name in ("echoCancellation", "noiseSuppression", "autoGainControl")] == [False] * 3
    assert viewer.value("genrescope.notices") == []
    assert viewer.complaints == []
