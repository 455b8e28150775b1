"""Files as a source: every format, paced by the clock, wound, paused, and survived when damaged."""

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
from stream.sources.decoder import open_audio
from stream.sources.file import FileSource
from tests.sounds import ffmpeg, tone, write_tone
from tests.stream.fakes import ManualClock


def no_sound_system() -> SoundSystem:
    def fail() -> None:
        raise OSError("PortAudio library not found")

    return SoundSystem(fail)


def read_all(path: Path, block: int) -> np.ndarray:
    decoder = open_audio(path)
    pieces = []
    while len(piece := decoder.read(block)):
        pieces.append(piece)
    decoder.close()
    return np.concatenate(pieces)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.005)


# ---- decoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3"])
def test_common_formats_are_read_whole_and_equal_in_any_blocks(tmp_path: Path, suffix: str) -> None:
    source = write_tone(tmp_path / "tone.wav", 2.0, 48000)
    path = tmp_path / f"tone.{suffix}"
    if suffix == "opus":
        import soundfile

        soundfile.write(path, tone(2.0, 48000), 48000, format="OGG", subtype="OPUS")
    elif suffix != "wav":
        write_tone(path, 2.0, 48000)
    whole = read_all(path, 10**7)
    assert whole.shape[1] == 2
    assert abs(len(whole) - 96000) < 3000
    # libsndfile gives the last 2 ms of an opus file differently when a read crosses its end.
    same = len(whole) - (100 if suffix == "opus" else 0)
    np.testing.assert_array_equal(read_all(path, 999)[:same], whole[:same])
    reference = read_all(source, 10**7)
    assert abs(np.std(whole) / np.std(reference) - 1) < 0.05


@pytest.mark.parametrize("suffix", ["m4a", "aac"])
def test_aac_is_read_through_ffmpeg(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"-tone.{suffix}"  # a name that looks like an option
    ffmpeg("-i", write_tone(tmp_path / "tone.wav", 3.0), f"file:{path}")
    decoder = open_audio(path)
    assert (decoder.sample_rate, decoder.channels) == (44100, 2)
    assert decoder.duration_seconds == pytest.approx(3.0, abs=0.2)
    decoder.close()
    whole = read_all(path, 44100)
    assert abs(len(whole) / 44100 - 3.0) < 0.2
    decoder = open_audio(path)
    decoder.seek(1.5)
    assert len(decoder.read(10**6)) / 44100 == pytest.approx(1.5, abs=0.2)
    decoder.close()


def test_an_mp3_that_does_not_say_how_long_it_is_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "old.mp3"
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=20:c=pink:r=44100", "-q:a", "4", "-write_xing", "0", path)
    assert len(read_all(path, 44100)) / 44100 == pytest.approx(20.0, abs=0.2)


def test_rates_and_channels_of_all_kinds_are_read(tmp_path: Path) -> None:
    for rate, channels in [(8000, 1), (11025, 2), (44100, 6), (96000, 2), (192000, 1)]:
        path = write_tone(tmp_path / f"{rate}-{channels}.wav", 0.5, rate, channels=channels)
        assert read_all(path, 1000).shape == (rate // 2, channels)


def test_seeking_gives_the_samples_of_that_place(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.flac", 4.0)
    whole = read_all(path, 10**7)
    decoder = open_audio(path)
    decoder.seek(2.5)
    np.testing.assert_array_equal(decoder.read(1000), whole[110250:111250])
    decoder.seek(99.0)
    assert not len(decoder.read(1000))
    decoder.close()


def test_title_comes_from_the_tags_or_the_name(tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "some name.flac"
    with soundfile.SoundFile(path, "w", 44100, 1) as file:
        file.title, file.artist = "Kind of Green", "The Testers"
        file.write(tone(0.2, channels=1))
    assert open_audio(path).title == "The Testers · Kind of Green"
    assert open_audio(write_tone(tmp_path / "plain name.wav", 0.2)).title == "plain name"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.wav", None, "does not exist"),
        ("empty.wav", b"", "is empty"),
        ("text.wav", b"these are words, not sound\n" * 50, "cannot be read as sound"),
        ("nothing.mp3", b"\x00" * 5000, "cannot be read as sound"),
    ],
)
def test_what_is_no_sound_file_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioFileError, match=says) as caught:
        open_audio(path)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_file_without_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="is a folder"):
        open_audio(tmp_path)
    with pytest.raises(AudioFileError, match="holds no sound"):
        open_audio(write_tone(tmp_path / "zero.wav", 0.0))


def test_a_wav_with_no_channels_is_refused(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.wav", 0.5)
    header = bytearray(path.read_bytes())
    header[22:24] = b"\x00\x00"  # the number of channels
    path.write_bytes(bytes(header))
    with pytest.raises(AudioFileError):
        open_audio(path)


def test_m4a_without_ffmpeg_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "song.m4a").write_bytes(b"\x00\x00\x00\x20ftypM4A ")
    with pytest.raises(AudioFileError, match=r"needs ffmpeg.*Install it"):
        open_audio(tmp_path / "song.m4a")


@pytest.mark.parametrize("suffix", ["mp3", "wav", "m4a"])
def test_a_cut_off_file_gives_what_it_has_and_then_says_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    if suffix == "m4a":
        ffmpeg("-i", write_tone(tmp_path / "tone.wav", 20.0), "-movflags", "+faststart", path)
    elif suffix == "mp3":
        ffmpeg("-i", write_tone(tmp_path / "tone.wav", 20.0), path)
    else:
        write_tone(path, 20.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    decoder, frames = open_audio(path), 0
    with pytest.raises(AudioFileError, match="ends early"):
        while len(block := decoder.read(4410)):
            frames += len(block)
    assert 5.0 < frames / 44100 < 15.0
    decoder.close()


# ---- playing ---------------------------------------------------------------------------------------------------------


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
