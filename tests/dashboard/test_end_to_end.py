"""The whole thing, as a person uses it: the command runs, music plays, Chromium shows the page."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import soundfile

from dashboard.mix_check import CHANGE_SECONDS
from dashboard.samples import MIX, SAMPLE_FOLDER
from tests.commands import PROJECT, LivePage
from tests.dashboard.conftest import ARTEFACTS, Viewer, until
from tests.virtual_sound import VirtualSound

Look = Callable[..., Viewer]
LABEL = "document.getElementById('answer').dataset.label"
VERDICT = "document.getElementById('answer').dataset.verdict"


def position(live: LivePage) -> float:
    return float(live.feed()["source"]["position"])


def test_the_page_shows_each_genre_of_the_mix_in_time(look: Look) -> None:
    parts = json.loads(MIX.with_suffix(".json").read_text())["parts"]
    wrong: list[str] = []
    # A relative path, as people type it.
    with LivePage("play", MIX.relative_to(PROJECT), "--speaker", "none") as live:
        viewer = look(live.url)
        seen: set[str] = set()
        while (state := live.feed())["status"]["state"] != "ended":
            at = state["source"]["position"]
            shown, verdict = viewer.value(LABEL), viewer.value(VERDICT)
            for part in parts:
                # A quarter of a second for the page to poll, after the time the genre has to come up. How long the
                # network takes to load on this machine is not what is tested here.
                if verdict == "none" or not part["start_seconds"] + CHANGE_SECONDS + 0.25 < at < part["end_seconds"]:
                    continue
                if (shown, verdict) == (part["genre"], "sure"):
                    seen.add(part["genre"])
                else:
                    wrong.append(f"{at:.1f} s: {shown} ({verdict}) in place of {part['genre']}")
            time.sleep(0.2)
        viewer.until("document.getElementById('page').dataset.state === 'ended'")
        viewer.picture("end-to-end")
        assert seen == {part["genre"] for part in parts}
        assert not wrong
        assert viewer.complaints == []
        assert live.stop() == 0


def test_pause_stops_the_plot_and_seek_moves_it(look: Look) -> None:
    with LivePage("play", MIX, "--speaker", "none") as live:
        viewer = look(live.url)
        viewer.until(f"{VERDICT} === 'sure'")
        viewer.page.keyboard.press("Space")
        viewer.until("document.getElementById('page').dataset.state === 'paused'")
        time.sleep(0.5)  # what was on its way
        viewer.until(f"genrescope.heard.predictions.length === {live.feed()['since']}")
        count = viewer.value("genrescope.heard.predictions.length")
        stopped_at = position(live)
        time.sleep(1.5)
        assert viewer.value("genrescope.heard.predictions.length") == count
        assert position(live) == stopped_at
        for _ in range(10):  # five seconds each
            viewer.page.keyboard.press("ArrowRight")
        until(lambda: position(live) > stopped_at + 30.0, "the seek")
        viewer.page.keyboard.press("Space")
        viewer.until("document.getElementById('page').dataset.state === 'live'")
        parts = json.loads(MIX.with_suffix(".json").read_text())["parts"]
        genres = {part["genre"] for part in parts if part["end_seconds"] > position(live)}
        viewer.until(f"genrescope.heard.predictions.length > {count} && {VERDICT} === 'sure'")
        assert viewer.value(LABEL) in genres
        assert viewer.complaints == []


def test_listening_to_a_sound_card_names_the_genre_that_is_played(virtual_sound: VirtualSound, tmp_path: Path) -> None:
    clip = tmp_path / "metal.wav"
    samples, rate = soundfile.read(SAMPLE_FOLDER / "metal_war-of-freedom.opus")
    soundfile.write(clip, samples, rate)
    with LivePage("listen", "--device", "pulse", environment=virtual_sound.environment) as live:
        live.until(lambda feed: feed["status"]["state"] == "live", "being live")
        player = virtual_sound.play(clip)
        live.until(lambda feed: _named(feed) == "metal", "metal being named")
        player.kill()
        player.wait()
        live.until(lambda feed: bool(feed["predictions"]) and feed["predictions"][-1][4] == "silence", "silence")
        assert live.feed()["status"]["skipped_windows"] == 0


def test_a_file_is_heard_through_the_speaker(virtual_sound: VirtualSound, tmp_path: Path) -> None:
    recording = tmp_path / "heard.wav"
    recorder = subprocess.Popen(
        ["parecord", "--device=speaker.monitor", "--file-format=wav", str(recording)],
        env=virtual_sound.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert shutil.which("parecord")
    with LivePage("play", MIX, "--speaker", "pulse", environment=virtual_sound.environment) as live:
        until(lambda: position(live) > 6.0, "six seconds being played")
        assert live.feed()["source"]["speaker"] == "pulse"
    recorder.terminate()
    recorder.wait()
    heard, _ = soundfile.read(recording)
    assert heard.std() > 0.01


def _named(feed: dict) -> str:
    """The genre named aloud in the newest prediction; "" if none is."""
    if not feed["predictions"] or feed["predictions"][-1][4] != "sure":
        return ""
    probabilities = feed["predictions"][-1][5]
    return str(feed["bundle"]["labels"][probabilities.index(max(probabilities))])


@pytest.fixture
def hearing(launch: Callable[..., Any], tmp_path: Path) -> Callable[[Path], Any]:
    """Opens a page in a Chromium whose microphone hears a clip, over and over."""

    def opened(clip: Path) -> Any:
        heard = tmp_path / "heard.wav"
        samples, rate = soundfile.read(clip)
        soundfile.write(heard, samples, rate, subtype="PCM_16")
        browser = launch(
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={heard}",
        )
        return browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme="dark")

    return opened


def status_of(url: str, stage: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}live?stage={stage}", timeout=20.0) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_browsers_microphone_is_heard_and_closing_the_tab_ends_it(hearing: Callable[[Path], Any]) -> None:
    with LivePage("serve") as live:
        viewer = Viewer(hearing(SAMPLE_FOLDER / "metal_war-of-freedom.opus")).open(live.url)
        viewer.page.keyboard.press("m")
        viewer.until(f"{VERDICT} === 'sure'")
        assert viewer.value(LABEL) == "metal"
        viewer.until_text("source-now", "microphone")
        viewer.picture("microphone")
        # Another tab listens to something else meanwhile.
        other = Viewer(viewer.page.context.browser.new_page()).open(live.url)
        other.page.click("#source")
        other.page.get_by_text("Demo mix").click()
        other.until(f"{LABEL} === 'classical' && {VERDICT} === 'sure'")
        assert viewer.value(LABEL) == "metal"
        stage = viewer.value("genrescope.stage")
        assert status_of(live.url, stage) == 200
        assert viewer.complaints == other.complaints == []
        viewer.page.close()
        closed_at = time.monotonic()
        # Asking for a stage counts as being there, so it is asked for once only.
        time.sleep(10.0)
        assert status_of(live.url, stage) == 404, f"{time.monotonic() - closed_at:.0f} s after the tab was closed"


def test_a_file_from_this_computer_is_played_and_heard_and_others_are_refused(look: Look, tmp_path: Path) -> None:
    notes, huge = tmp_path / "notes.txt", tmp_path / "huge.wav"
    notes.write_text("buy milk\n" * 1000)
    with huge.open("wb") as sparse:
        sparse.truncate(600_000_000)
    with LivePage("serve") as live:
        viewer = look(live.url)

        viewer.choose_file("#upload", huge)
        viewer.until_text("notice-box", "600 MB")
        viewer.until_text("verdict", "Ready")
        viewer.choose_file("#upload", notes)
        viewer.until_text("notice-box", "notes.txt")
        viewer.until_text("verdict", "Ready")
        viewer.choose_file("#upload", SAMPLE_FOLDER / "metal_war-of-freedom.opus")
        viewer.until(f"{LABEL} === 'metal' && {VERDICT} === 'sure'")
        viewer.until_text("track-title", "war-of-freedom")
        # There is no loudspeaker at the server, so it is heard here.
        viewer.until("!document.getElementById('player').paused")


def test_the_sound_in_the_browser_is_in_step_with_the_plot(look: Look) -> None:
    with LivePage("play", MIX, "--speaker", "none") as live:
        viewer = look(live.url)
        # Once the network is loaded, which keeps two cores busy for some seconds.
        viewer.until(f"{VERDICT} === 'sure' && !document.getElementById('player').paused")
        viewer.until("genrescope.soundOffset !== null && Math.abs(genrescope.soundOffset) < 0.1")
        off = []
        for _ in range(20):
            viewer.page.wait_for_timeout(200)
            source = live.feed()["source"]["position"]
            off.append(viewer.value("document.getElementById('player').currentTime") - source)
        assert sorted(map(abs, off))[len(off) // 2] < 0.1, off
        viewer.page.keyboard.press("ArrowRight")
        viewer.page.wait_for_timeout(2500)
        assert abs(viewer.value("genrescope.soundOffset")) < 0.1


def test_followers_see_what_is_heard_and_can_change_nothing(look: Look) -> None:
    with LivePage("play", MIX, "--speaker", "none", "--share") as live:
        follow = live.follow_url
        viewer = look(live.url)
        viewer.until(f"{VERDICT} === 'sure'")
        viewer.page.keyboard.press("a")
        viewer.until("document.querySelector('#audience img')?.naturalWidth > 0")
        assert viewer.text("audience-address") == follow
        viewer.page.wait_for_timeout(300)
        viewer.picture("audience")
        phone = viewer.page.context.new_page()
        phone.set_viewport_size({"width": 390, "height": 844})
        phone.goto(follow)
        until(lambda: viewer.value(LABEL).lower() in phone.evaluate("document.body.innerText").lower(), "following")
        until(lambda: live.feed()["audience"] == 1, "the follower being counted")
        phone.screenshot(path=str(ARTEFACTS / "page-follower.png"))
        own = urlsplit(follow)
        for path in ("command", "stage", "now", "", "_dash-update-component"):
            request = urllib.request.Request(
                f"http://{own.netloc}/{path}?{own.query}", data=b'{"do": "play"}', method="POST"
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10.0)
            assert refused.value.code in (403, 404, 405)
        assert live.feed()["source"]["state"] == "running"
        assert viewer.complaints == []
