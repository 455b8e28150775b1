"""The whole thing, as a person uses it: the command runs, music plays, Chromium shows the page."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import soundfile

from dashboard.mix_check import CHANGE_SECONDS
from dashboard.samples import MIX, SAMPLE_FOLDER
from tests.commands import PROJECT, LivePage
from tests.dashboard.conftest import Viewer, until
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
