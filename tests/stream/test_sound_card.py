"""The sound card: a real one (PulseAudio's null sink) and the watchdog's arithmetic."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.errors import DeviceError
from stream.devices import Device, SoundSystem
from stream.watchdog import PERIOD_SECONDS, Watchdog
from tests.sounds import write_tone
from tests.virtual_sound import VirtualSound

PROJECT = Path(__file__).parent.parent.parent


class Probe:
    """`sound_card_probe` in a process that sees the virtual sound card."""

    def __init__(self, sound: VirtualSound, device: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stream.sound_card_probe", device],
            cwd=PROJECT,
            env=sound.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def until(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        deadline = time.monotonic() + 40.0
        assert self._process.stdout is not None
        for line in self._process.stdout:
            assert time.monotonic() < deadline, f"{what} did not happen; last: {line}"
            if condition(json.loads(line)):
                return json.loads(line)
        raise AssertionError(f"the probe ended before {what}")

    def close(self) -> int:
        self._process.communicate(timeout=20.0)
        return self._process.returncode


def test_what_is_played_is_heard_and_a_killed_sound_server_comes_back(
    virtual_sound: VirtualSound, tmp_path: Path
) -> None:
    clip = write_tone(tmp_path / "tone.wav", 60.0)
    probe = Probe(virtual_sound, "pulse")
    player = virtual_sound.play(clip)
    first = probe.until(lambda line: line["state"] == "running" and line["rms_dbfs"] > -60.0, "sound")
    later = probe.until(lambda line: line["stream_time"] > first["stream_time"] + 3.0, "three seconds of sound")
    assert later["lost_seconds"] == 0.0
    virtual_sound.kill()
    player.wait()
    gone = probe.until(lambda line: line["state"] != "running", "noticing that the device is gone")
    assert gone["rms_dbfs"] == -120.0
    virtual_sound.start()
    player = virtual_sound.play(clip)
    probe.until(lambda line: line["state"] == "running" and line["rms_dbfs"] > -60.0, "the device coming back")
    assert probe.close() == 0
    player.kill()
    player.wait()


def test_watchdog_counts_what_the_clock_says_is_missing() -> None:
    watchdog, now = Watchdog(1000.0, 0.0), 0.0
    for _ in range(1005):
        now += 0.01
        watchdog.saw(9, now)  # one frame in ten never arrives
    assert watchdog.lost_seconds == pytest.approx(1.0, abs=0.06)


def test_watchdog_takes_neither_bursts_nor_a_drifting_clock_for_loss() -> None:
    watchdog, now = Watchdog(1000.0, 0.0), 0.0
    for step in range(20_000):
        now += 0.01 * 1.0002  # the card's clock is 200 ppm slow
        watchdog.saw(50 if step % 5 == 4 else 0, now)
    assert watchdog.lost_seconds == 0.0


def test_watchdog_gives_a_device_time_to_start_and_then_calls_it_stalled() -> None:
    watchdog = Watchdog(1000.0, 0.0)
    assert not watchdog.stalled(2.9)
    assert watchdog.stalled(3.1)
    watchdog.saw(10, 3.2)
    assert not watchdog.stalled(4.1)
    assert watchdog.stalled(4.3)
    assert PERIOD_SECONDS > 1.0


class ListedDevices(SoundSystem):
    """A sound system with a list of our own."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._names = names

    def devices(self) -> list[Device]:
        return [
            Device(index, name, "ALSA", 2, 2, 48000.0, index == 1, index == 0) for index, name in enumerate(self._names)
        ]


def test_devices_are_found_by_name_by_an_unmistakable_part_or_by_default() -> None:
    sound = ListedDevices("Built-in Audio", "USB Microphone", "Monitor of Built-in Audio")
    assert sound.find_input("usb microphone").index == 1
    assert sound.find_input("USB").index == 1
    assert sound.find_input("built-in audio").index == 0
    assert sound.find_input(None).index == 1
    assert sound.find_output(None).index == 0
    assert [device.loopback for device in sound.inputs()] == [False, False, True]


def test_an_unknown_or_ambiguous_device_lists_those_there_are() -> None:
    sound = ListedDevices("Built-in Audio", "USB Microphone", "Monitor of Built-in Audio")
    with pytest.raises(DeviceError, match=r"no input device 'Tape'.*'USB Microphone'"):
        sound.find_input("Tape")
    with pytest.raises(DeviceError, match=r"match 'audio'.*Monitor"):
        sound.find_input("audio")
    with pytest.raises(DeviceError, match="There are: none"):
        ListedDevices().find_output(None)


def test_without_portaudio_the_reason_and_the_command_are_said() -> None:
    def fail() -> None:
        raise OSError("PortAudio library not found")

    sound = SoundSystem(fail)
    assert sound.missing is not None
    assert "apt install libportaudio2" in sound.missing
    with pytest.raises(DeviceError, match="PortAudio is missing"):
        sound.inputs()
