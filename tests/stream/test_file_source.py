"""Files as a source: paced by the clock, wound, paused, and survived when damaged."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.errors import AudioFileError, DeviceError, GenrescopeError, SettingError
from stream.devices import SoundSystem
from stream.inlet import Inlet
from stream.records import SourceState
from stream.sources.file import FileSource
from tests.sounds import write_tone
from tests.stream.fakes import ManualClock


def no_sound_system() -> SoundSystem:
    def fail() -> None:
        raise OSError("PortAudio library not found")

    return SoundSystem(fail)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.005)


class Player:
    """A file source on a clock that runs as fast as it is asked to wait."""

    def __init__(self, files: list[Path], **options: object) -> None:
        self.clock = ManualClock()
        self.inlet = Inlet(16000, 600.0)
        self.source = FileSource(files, clock=self.clock, sound=no_sound_system(), **options)  # type: ignore[arg-type]

    @property
    def state(self) -> SourceState:
        return self.source.status().state

    def run_to_the_end(self) -> None:
        self.source.start(self.inlet)
        wait_for(lambda: self.state in (SourceState.ENDED, SourceState.FAILED), "the end")
        self.source.stop()

    def heard(self) -> np.ndarray:
        return self.inlet.ring.read(0, self.inlet.ring.capacity)[0]


def test_a_played_file_arrives_whole_and_on_time(tmp_path: Path) -> None:
    player = Player([write_tone(tmp_path / "tone.wav", 5.0)])
    begun = player.clock.time
    player.run_to_the_end()
    assert len(player.heard()) == pytest.approx(80000, abs=2)
    last = player.inlet.marks[-1]
    assert last.captured_at - begun == pytest.approx(5.0, abs=0.1)
    assert last.position_seconds == pytest.approx(5.0, abs=0.001)


def test_tracks_follow_each_other_whatever_their_rates(tmp_path: Path) -> None:
    files = [
        write_tone(tmp_path / "a.wav", 1.0, 44100),
        write_tone(tmp_path / "b.flac", 1.0, 8000, channels=1),
        write_tone(tmp_path / "c.ogg", 1.0, 48000),
    ]
    player = Player(files)
    player.run_to_the_end()
    assert len(player.heard()) == pytest.approx(48000, abs=50)
    assert [restart.sample for restart in player.inlet.restarts] == pytest.approx([0, 16000, 32000], abs=5)
    assert player.inlet.marks[-1].track == 2


def test_playing_can_begin_later_and_at_another_track(tmp_path: Path) -> None:
    files = [write_tone(tmp_path / "a.wav", 1.0), write_tone(tmp_path / "b.wav", 5.0)]
    player = Player(files, first_track=1, start_seconds=3.0)
    player.run_to_the_end()
    assert len(player.heard()) == pytest.approx(32000, abs=2)


def test_a_start_beyond_the_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="lies outside"):
        Player([write_tone(tmp_path / "a.wav", 1.0)], start_seconds=2.0)


def test_pause_stops_the_sound_and_resume_goes_on_where_it_was(tmp_path: Path) -> None:
    player = Player([write_tone(tmp_path / "a.wav", 300.0, 8000, channels=1)])
    player.source.pause()
    player.source.start(player.inlet)
    wait_for(lambda: player.state is SourceState.PAUSED, "the pause")
    written = player.inlet.ring.written
    time.sleep(0.05)
    assert player.inlet.ring.written == written
    assert player.inlet.status().level.rms_dbfs == -120.0
    player.source.resume()
    wait_for(lambda: player.state is SourceState.ENDED, "the end")
    player.source.stop()
    assert player.inlet.ring.written == pytest.approx(300 * 16000, abs=5)


def test_seek_goes_there_even_while_paused(tmp_path: Path) -> None:
    player = Player([write_tone(tmp_path / "a.wav", 100.0, 8000, channels=1)])
    player.source.pause()
    player.source.start(player.inlet)
    wait_for(lambda: player.state is SourceState.PAUSED, "the pause")
    player.source.seek(90.0)
    wait_for(lambda: player.source.status().position_seconds == pytest.approx(90.0), "the seek")
    player.source.resume()
    wait_for(lambda: player.state is SourceState.ENDED, "the end")
    player.source.stop()
    assert player.inlet.ring.written == pytest.approx(10 * 16000, abs=400)


def test_next_and_previous_track_stay_within_the_list(tmp_path: Path) -> None:
    player = Player([write_tone(tmp_path / f"{name}.wav", 50.0, 8000) for name in "ab"])
    player.source.pause()
    player.source.start(player.inlet)
    for step, expected in [(1, 1), (1, 1), (-1, 0), (-1, 0)]:
        player.source.skip(step)
        wait_for(lambda expected=expected: player.source.status().track == expected, "the track")
    player.source.stop()


def test_after_the_end_resume_begins_again(tmp_path: Path) -> None:
    player = Player([write_tone(tmp_path / "a.wav", 1.0, 8000)])
    player.source.start(player.inlet)
    wait_for(lambda: player.state is SourceState.ENDED, "the end")
    player.source.resume()
    wait_for(lambda: player.inlet.ring.written > 30000, "the second time")
    player.source.stop()


def test_a_loop_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    player = Player([write_tone(tmp_path / "a.wav", 0.5, 8000)], loop=True)
    player.source.start(player.inlet)
    wait_for(lambda: player.inlet.ring.written > 5 * 8000, "five rounds")
    player.source.stop()


def test_a_damaged_track_is_reported_and_the_next_one_played(tmp_path: Path) -> None:
    damaged = write_tone(tmp_path / "a.wav", 10.0, 8000)
    data = damaged.read_bytes()
    player = Player([damaged, write_tone(tmp_path / "b.wav", 1.0, 8000)])
    damaged.write_bytes(data[:40000])  # while it is in the list: a disk that fails, a stick that is pulled
    player.run_to_the_end()
    assert player.inlet.marks[-1].track == 1
    assert "a.wav" in player.source.status().detail


def test_a_bad_file_is_found_before_anything_plays(tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    with pytest.raises(AudioFileError, match=r"bad\.wav"):
        Player([write_tone(tmp_path / "good.wav", 1.0), bad])


def test_without_portaudio_files_play_and_a_named_speaker_is_an_error(tmp_path: Path) -> None:
    files = [write_tone(tmp_path / "a.wav", 0.5)]
    player = Player(files)
    assert player.source.status().speaker is None
    player.run_to_the_end()
    with pytest.raises(DeviceError, match="PortAudio is missing"):
        FileSource(files, clock=player.clock, sound=no_sound_system(), speaker="Headphones")


def test_errors_say_what_rule_and_next_step() -> None:
    error = GenrescopeError("x.wav is empty", rule="a file holds sound", next_step="Copy it again")
    assert str(error) == "x.wav is empty: a file holds sound. Copy it again."
