"""Everything that can be wrong at the command line ends in one clear line and an exit code, never in a traceback."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from model.library import SHIPPED_BUNDLES
from tests.commands import run
from tests.sounds import ffmpeg, write_tone
from tests.virtual_sound import VirtualSound


def assert_one_line(
    arguments: list[str | Path], code: int, *says: str, environment: Mapping[str, str] | None = None
) -> None:
    """The command fails with this code and one line on its error output that says all this."""
    done = run(*arguments, environment=environment)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(lines) == 1, done.stderr
    for words in says:
        assert words in lines[0]


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("this is a shopping list, not sound\n" * 100)


def no_frames(path: Path) -> None:
    write_tone(path, 0.0)


def no_channels(path: Path) -> None:
    write_tone(path, 0.5)
    data = bytearray(path.read_bytes())
    data[22:24] = b"\x00\x00"
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("command", ["play", "classify"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "does not exist"),
        (empty, "is empty"),
        (text, "cannot be read as sound"),
        (no_frames, "holds no sound"),
        (no_channels, "bad.wav"),
    ],
    ids=["missing", "empty", "text", "no frames", "no channels"],
)
def test_a_file_that_is_no_sound(command: str, make: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.wav"
    make(path)
    options = ["--port", "0", "--no-browser"] if command == "play" else []
    assert_one_line([command, path, *options], 3, "bad.wav", says)


def test_a_cut_off_mp3(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp3"
    ffmpeg("-i", write_tone(tmp_path / "tone.wav", 20.0), path)
    path.write_bytes(path.read_bytes()[:100_000])
    assert_one_line(["classify", path, "--cpu"], 3, "cut.mp3 ends early", "of 20.0 s could be read")


def test_a_cut_off_file_is_classified_as_far_as_it_goes_and_reported(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "cut.wav", 20.0, 16000, channels=1)
    path.write_bytes(path.read_bytes()[:320_000])
    done = run("classify", path, "--format", "json", "--cpu")
    assert done.returncode == 3
    assert "ends early: 10.0 of 20.0 s" in done.stderr
    track = json.loads(done.stdout)["tracks"][0]
    assert len(track["windows"]) == 14
    assert "ends early" in track["problem"]


def test_a_bad_file_among_good_ones_costs_only_itself(tmp_path: Path) -> None:
    good, bad = write_tone(tmp_path / "good.wav", 4.0), tmp_path / "bad.wav"
    text(bad)
    done = run("classify", bad, good, "--format", "csv", "--cpu")
    assert done.returncode == 3
    assert "bad.wav" in done.stderr
    assert len(done.stdout.splitlines()) == 1 + 3
    assert done.stdout.splitlines()[1].startswith(str(good))


def test_a_file_shorter_than_a_window(tmp_path: Path) -> None:
    assert_one_line(["classify", write_tone(tmp_path / "short.wav", 1.0), "--cpu"], 3, "1.0 s long", "3 s of sound")


def test_a_time_that_is_none_and_a_start_beyond_the_end(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.wav", 4.0)
    options = ["--port", "0", "--no-browser"]
    assert_one_line(["play", path, "--start", "soon", *options], 2, "'soon' is no time", "1:30")
    assert_one_line(["play", path, "--start", "1:00", *options], 2, "lies outside", "4.0 s long")
    assert_one_line(["play", path, "--hop", "99", *options], 2, "hop_seconds=99", "between 0.1 and 3")


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_one_line(["serve", "--port", port, "--no-browser"], 7, f"port {port}", "in use", "--port")


def test_an_address_that_is_not_ours() -> None:
    assert_one_line(["serve", "--host", "203.0.113.7", "--port", "0", "--no-browser"], 7, "203.0.113.7")


def test_an_unknown_model_lists_those_there_are() -> None:
    assert_one_line(["serve", "--model", "polka", "--port", "0", "--no-browser"], 5, "'polka'", "genres", "tags")


def test_a_damaged_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / "damaged"
    shutil.copytree(SHIPPED_BUNDLES / "genres", bundle)
    weights = bytearray((bundle / "weights.npz").read_bytes())
    weights[len(weights) // 2] ^= 0xFF
    (bundle / "weights.npz").write_bytes(bytes(weights))
    assert_one_line(["classify", write_tone(tmp_path / "tone.wav", 4.0), "--model", str(bundle)], 5, "weights.npz")


def test_a_bundle_with_another_front_end(tmp_path: Path) -> None:
    bundle = tmp_path / "foreign"
    shutil.copytree(SHIPPED_BUNDLES / "genres", bundle)
    description = json.loads((bundle / "bundle.json").read_text())
    description["front_end"]["compression"] = "cube root"
    (bundle / "bundle.json").write_text(json.dumps(description))
    assert_one_line(["serve", "--model", str(bundle), "--port", "0", "--no-browser"], 5, "cube root")


def test_an_unknown_device_lists_those_there_are(virtual_sound: VirtualSound) -> None:
    arguments: list[str | Path] = ["listen", "--device", "Tape deck", "--port", "0", "--no-browser"]
    assert_one_line(arguments, 4, "'Tape deck'", "'pulse'", "'default'", environment=virtual_sound.environment)


def without_portaudio(folder: Path) -> dict[str, str]:
    """Surroundings in which importing sounddevice fails as it does where the PortAudio library is missing."""
    (folder / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    return {"PYTHONPATH": str(folder)}


def test_listening_without_portaudio(tmp_path: Path) -> None:
    surroundings = without_portaudio(tmp_path)
    for arguments in (["listen", "--port", "0", "--no-browser"], ["devices"]):
        assert_one_line([*arguments], 4, "PortAudio is missing", "apt install", environment=surroundings)


def test_aac_without_ffmpeg(tmp_path: Path) -> None:
    song = tmp_path / "song.m4a"
    song.write_bytes(b"\x00\x00\x00\x20ftypM4A " * 50)
    assert_one_line(["classify", song], 3, "needs ffmpeg", "apt install ffmpeg", environment={"PATH": os.devnull})


def test_every_command_explains_itself_with_examples() -> None:
    for command in ("play", "listen", "serve", "devices", "models", "classify", "evaluate", "benchmark"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert "Examples" in done.stdout
        assert f"genrescope {command}" in done.stdout
