"""The microphone in the browser: real Chromium, real scripts, a real websocket, and a microphone that plays a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
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
    """A minute of noise, in which every place is different; so are the two sides."""
    noise = np.random.default_rng(4).normal(0.0, 0.1, (60 * RATE, 2))
    mixed = np.stack((noise[:, 0], 0.5 * noise[:, 0] + 0.5 * noise[:, 1]), axis=1)
    path = tmp_path_factory.mktemp("microphone") / "noise.wav"
    soundfile.write(path, mixed, RATE, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def singing(chromium: Any, recording: Path) -> Iterator[Any]:
    """A Chromium whose microphone plays the recording again and again."""
    executable = os.environ.get("GENRESCOPE_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    browser = chromium.browser_type.launch(
        executable_path=executable,
        args=[
            *CHROMIUM_ARGUMENTS,
            "--use-fake-device-for-media-stream",
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

    def opened(browser: Any, *scripts: str, allowed: bool = True) -> Viewer:
        context = browser.new_context(permissions=["microphone"] if allowed else [])
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


def likeness(part: np.ndarray, whole: np.ndarray) -> float:
    """Correlation, 0..1, of a part with the place of the whole that is most like it."""
    spectrum = np.conj(np.fft.rfft(part, len(whole))) * np.fft.rfft(whole)
    place = int(np.fft.irfft(spectrum, len(whole)).argmax())
    return float(np.corrcoef(part, whole[place : place + len(part)])[0, 1])


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
    # If the rate announced were not that of the frames, the two would run apart.
    rate = studio.notebook.rates[0]
    original = soxr.resample(soundfile.read(recording)[0].mean(axis=1), RATE, rate)
    heard = studio.notebook.sound().mean(axis=1)
    assert likeness(heard[round(rate) :], original) > 0.95
    assert likeness(heard[round(rate) :][::-1], original) < 0.5
    assert viewer.value("genrescope.commands") == [["source", {"key": "microphone"}]]
    audio = viewer.value("window.wishes.audio")
    assert [audio[name] for name in ("echoCancellation", "noiseSuppression", "autoGainControl")] == [False] * 3
    assert viewer.value("genrescope.notices") == []
    assert viewer.complaints == []


def test_a_microphone_is_chosen_from_those_there_are(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    viewer = open_page(singing, TRACKS)
    assert start(viewer)
    devices = viewer.value("genrescope.microphone.devices()")
    assert len(devices) > 1
    assert all(device["id"] and device["label"] for device in devices)
    chosen = devices[-1]["id"]
    assert start(viewer, repr(chosen))
    assert viewer.value("window.stream.getAudioTracks()[0].getSettings().deviceId") == chosen
    until(lambda: studio.notebook.seconds > 0.5, "sound")
    assert start(viewer, "'a microphone that was sold'") is False
    assert "not there any more" in problem(viewer)
    assert viewer.value("genrescope.microphone.on") is False


def test_switching_it_off_lets_the_microphone_go(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    viewer = open_page(singing, TRACKS, SOCKETS)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.2, "sound")
    viewer.value("genrescope.microphone.stop()")
    assert viewer.value("window.stream.getAudioTracks()[0].readyState") == "ended"
    until(lambda: studio.source.status().state is SourceState.RECONNECTING, "the connection to end")
    assert viewer.value("genrescope.microphone.on") is False
    assert viewer.value("window.sockets.length") == 1
    # Once more: it is another run of the microphone, so nothing is lost in between.
    assert start(viewer)
    until(lambda: len(studio.notebook.rates) == 2, "the sound of the second run")
    assert studio.notebook.lost_seconds == 0.0
    assert viewer.complaints == []


def test_leaving_the_page_lets_the_microphone_go(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    viewer = open_page(singing)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.2, "sound")
    viewer.page.close()
    until(lambda: studio.source.detached_seconds > 0.0, "the connection to end")


def test_switched_off_while_it_is_still_being_opened_it_stays_off(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    viewer = open_page(singing, TRACKS)
    started = "const started = genrescope.microphone.start(); genrescope.microphone.stop(); return started"
    assert viewer.value(f"(() => {{ {started}; }})()") is False
    assert viewer.value("window.stream.getAudioTracks()[0].readyState") == "ended"
    assert viewer.value("genrescope.microphone.on") is False
    assert viewer.value("genrescope.commands") == []
    assert studio.notebook.rates == []


# ---- what keeps it from being opened -----------------------------------------------------------------------------


def test_without_a_secure_origin_it_says_where_to_open_the_page(singing: Any, open_page: Callable[..., Viewer]) -> None:
    viewer = open_page(singing, "Object.defineProperty(window, 'isSecureContext', { value: false });")
    assert start(viewer) is False
    assert problem(viewer) == (
        "Browsers allow the microphone only on https or on this machine itself (localhost). "
        "Open the page there, or use the computer’s own sound card."
    )
    assert viewer.value("genrescope.notices") == [problem(viewer)]
    assert viewer.value("genrescope.commands") == []
    assert viewer.value("genrescope.microphone.on") is False
    assert viewer.complaints == []


def test_a_refused_permission_is_said_with_what_to_do(singing: Any, open_page: Callable[..., Viewer]) -> None:
    viewer = open_page(singing, allowed=False)
    refused = {"permission": {"name": "microphone"}, "setting": "denied"}
    viewer.page.context.new_cdp_session(viewer.page).send("Browser.setPermission", refused)
    assert start(viewer) is False
    assert "Allow it with the symbol beside the page’s address" in problem(viewer)
    assert viewer.value("genrescope.commands") == []
    assert viewer.complaints == []


def test_a_computer_without_a_microphone_is_told_so(chromium: Any, open_page: Callable[..., Viewer]) -> None:
    viewer = open_page(chromium)
    assert start(viewer) is False
    assert "There is no microphone. Plug one in" in problem(viewer)


def refusing(name: str) -> str:
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{name}'); }};"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotReadableError", "another program may be using it"),
        ("TypeError", "cannot be used"),
    ],
)
def test_every_reason_has_its_own_words(singing: Any, open_page: Callable[..., Viewer], name: str, words: str) -> None:
    viewer = open_page(singing, refusing(name))
    assert start(viewer) is False
    assert words in problem(viewer)
    assert viewer.value("genrescope.microphone.on") is False


def test_a_server_that_does_not_want_to_listen_is_quoted(singing: Any, open_page: Callable[..., Viewer]) -> None:
    viewer = open_page(singing, TRACKS)
    viewer.value("void (genrescope.command = async () => ({ notice: 'There are too many sessions.' }))")
    assert start(viewer) is False
    assert problem(viewer) == "There are too many sessions."
    assert viewer.value("window.stream.getAudioTracks()[0].readyState") == "ended"


# ---- what goes wrong later ---------------------------------------------------------------------------------------


def test_a_microphone_that_is_unplugged_is_said(singing: Any, open_page: Callable[..., Viewer]) -> None:
    viewer = open_page(singing, TRACKS)
    assert start(viewer)
    viewer.value("window.stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    assert "was unplugged" in problem(viewer)
    assert viewer.value("genrescope.microphone.on") is False


def test_a_muted_microphone_is_said_and_goes_on_by_itself(singing: Any, open_page: Callable[..., Viewer]) -> None:
    viewer = open_page(singing, MUTED)
    assert start(viewer)
    viewer.value("window.isMuted = true")
    viewer.until("genrescope.microphone.problem.includes('muted by the system')")
    viewer.value("window.isMuted = false")
    viewer.until("genrescope.microphone.problem === ''")
    assert viewer.value("genrescope.microphone.on") is True


def test_no_frames_are_noticed_on_both_sides_and_a_click_wakes_the_microphone(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    keeping = """
        const Real = AudioContext;
        window.AudioContext = class extends Real { constructor(...given) { super(...given); window.context = this; } };
        const resume = Real.prototype.resume;
        Real.prototype.resume = function () { return window.mayWake ? resume.call(this) : Promise.resolve(); };
        """
    viewer = open_page(singing, keeping)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.2, "sound")
    viewer.value("window.context.suspend()")
    viewer.until("genrescope.microphone.problem.includes('put the microphone to sleep')")
    until(lambda: studio.source.status().state is SourceState.NO_SOUND, "the server to notice")
    known = studio.notebook.seconds
    viewer.value("void (window.mayWake = true)")
    viewer.page.mouse.click(5, 5)
    until(lambda: studio.notebook.seconds > known + 0.2, "sound again")
    viewer.until("genrescope.microphone.problem === ''")
    assert studio.source.status().state is SourceState.RUNNING
    assert viewer.complaints == []


def test_a_microphone_that_delivers_only_zeros_is_said(singing: Any, open_page: Callable[..., Viewer]) -> None:
    deaf = """
        const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wishes) => {
          const stream = await ask(wishes);
          stream.getAudioTracks()[0].enabled = false;
          return stream;
        };"""
    viewer = open_page(singing, deaf)
    assert start(viewer)
    viewer.until("genrescope.microphone.problem.includes('nothing but zeros')")


def test_a_broken_connection_is_made_again_and_what_is_missing_is_counted(
    server: PageServer, studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    viewer = open_page(singing, SOCKETS)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.5, "sound")
    # For a while the server cannot be reached: sockets go nowhere.
    viewer.value("""void (() => {
        window.Reachable = window.WebSocket;
        window.WebSocket = class extends EventTarget {
          constructor() { super(); setTimeout(() => this.onclose && this.onclose({ code: 1006, reason: "" }), 20); }
          close() {}
        };
        const open = window.sockets[0];
        open.onclose({ code: 1006, reason: "" });
        open.close();
    })()""")
    until(lambda: studio.source.status().state is SourceState.RECONNECTING, "the server to notice")
    viewer.until("genrescope.microphone.problem.includes('connection to the server is lost')")
    viewer.until("genrescope.microphone.leftOutSeconds > 0.5")
    viewer.value("void (window.WebSocket = window.Reachable)")
    until(lambda: studio.notebook.lost_seconds > 0.5, "the loss to be counted")
    viewer.until("genrescope.microphone.problem === ''")
    assert studio.source.status().state is SourceState.RUNNING
    assert "the connection was interrupted" in studio.source.status().detail
    left_out = viewer.value("genrescope.microphone.leftOutSeconds")
    # What was handed to the socket that broke is lost as well, without the page knowing.
    assert left_out - 0.05 <= studio.notebook.lost_seconds <= left_out + 0.5
    assert viewer.complaints == []


def test_a_server_that_does_not_answer_is_tried_again(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    impatient = "const later = setTimeout; window.setTimeout = (what, wait) => later(what, wait === 5000 ? 200 : wait);"
    mute = """
        window.asked = 0;
        const Real = WebSocket;
        window.WebSocket = class extends EventTarget {
          constructor(address) {
            super();
            window.asked += 1;
            if (window.asked > 1) return new Real(address);
          }
          close() { window.given = true; }
        };"""
    viewer = open_page(singing, impatient, mute)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.2, "the sound")
    assert viewer.value("window.asked") == 2
    assert viewer.value("window.given"), "the first connection was given up"
    assert studio.notebook.lost_seconds == 0.0, "the sound was kept meanwhile"


def test_a_connection_through_which_nothing_passes_is_given_up(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    hurry = "const now = performance.now.bind(performance); performance.now = () => now() + (window.leap || 0);"
    viewer = open_page(singing, SOCKETS, hurry)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.2, "sound")
    viewer.value("void (window.slow = true)")
    viewer.until("genrescope.microphone.leftOutSeconds > 0")
    viewer.value("void (window.leap = 11000)")
    viewer.until("window.sockets.length === 2")
    viewer.value("void (window.slow = false)")
    until(lambda: studio.notebook.lost_seconds > 0, "the sound to go on, and the loss to be counted")


def test_a_slow_network_loses_the_oldest_sound_and_it_is_said(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer], recording: Path
) -> None:
    viewer = open_page(singing, SOCKETS)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.5, "sound")
    viewer.value("void (window.slow = true)")
    viewer.until("genrescope.microphone.leftOutSeconds > 1.0")
    before = studio.notebook.seconds
    viewer.value("void (window.slow = false)")
    until(lambda: studio.notebook.lost_seconds > 0.9, "the loss to be counted")
    assert studio.notebook.lost_seconds == pytest.approx(viewer.value("genrescope.microphone.leftOutSeconds"), abs=0.01)
    assert "the network is slow: 1." in studio.source.status().detail
    until(lambda: studio.notebook.seconds > before + 1.5, "the two seconds that were kept")
    assert viewer.value("genrescope.microphone.problem") == ""


def test_when_the_session_listens_to_something_else_the_microphone_goes_off_without_a_word(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    viewer = open_page(singing, SOCKETS)
    assert start(viewer)
    until(lambda: studio.notebook.seconds > 0.2, "sound")
    studio.listen_elsewhere()
    viewer.until("!genrescope.microphone.on")
    assert viewer.value("genrescope.notices") == []
    assert viewer.value("window.sockets.length") == 1


def test_when_the_session_has_ended_it_says_how_to_begin_another(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    studio.stages.clear()
    try:
        viewer = open_page(singing)
        start(viewer)
        viewer.until("genrescope.microphone.problem.includes('session has ended')")
        assert viewer.value("genrescope.microphone.on") is False
    finally:
        studio.stages.update(ListeningStudio().stages)


def test_two_pages_of_one_session_do_not_quarrel_about_the_microphone(
    studio: ListeningStudio, singing: Any, open_page: Callable[..., Viewer]
) -> None:
    first, second = open_page(singing), open_page(singing)
    assert start(first)
    until(lambda: studio.notebook.seconds > 0.2, "sound")
    assert start(second)
    first.until("genrescope.microphone.problem.includes('Another page has taken over')")
    assert first.value("genrescope.microphone.on") is False
    assert second.value("genrescope.microphone.on") is True
