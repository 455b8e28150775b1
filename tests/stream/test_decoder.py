"""Sound files of every kind, read piece by piece, and those that are none."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.errors import AudioFileError
from stream.sources.decoder import open_audio
from tests.sounds import ffmpeg, tone, write_tone


def read_all(path: Path, block: int) -> np.ndarray:
    decoder = open_audio(path)
    pieces = []
    while len(piece := decoder.read(block)):
        pieces.append(piece)
    decoder.close()
    return np.concatenate(pieces)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3"])
def test_common_formats_are_read_whole_and_equal_in_any_blocks(tmp_path: Path, suffix: str) -> None:
    source = write_tone(tmp_path / "tone.wav", 2.0, 48000)
    path = tmp_path / f"tone.{suffix}"
    if suffix == "opus":
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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("playlist.m4a", "#EXTM3U\n#EXTINF:5,\n{other}\n#EXT-X-ENDLIST\n"),
        ("list.m4a", "ffconcat version 1.0\nfile '{other}'\n"),
        ("list.mp3", "ffconcat version 1.0\nfile '{other}'\n"),
    ],
)
def test_a_playlist_under_another_name_opens_no_other_file(tmp_path: Path, name: str, text: str) -> None:
    other = write_tone(tmp_path / "secret.wav", 2.0, 8000)
    disguised = tmp_path / name
    disguised.write_text(text.format(other=other))
    with pytest.raises(AudioFileError):
        open_audio(disguised)


@pytest.fixture
def gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten seconds of noise as Opus, with a libsndfile that gives up after three, as it does with some sound files."""
    path = tmp_path / "noise.opus"
    noise = 0.1 * np.random.default_rng(1).standard_normal(480_000).astype(np.float32)
    soundfile.write(path, noise, 48000, format="OGG", subtype="OPUS")
    read, done = soundfile.SoundFile.read, 0

    def reads(file: soundfile.SoundFile, frames: int, **more: object) -> np.ndarray:
        nonlocal done
        done += frames
        if done > 3 * 48000:
            raise soundfile.LibsndfileError(154)
        return np.asarray(read(file, frames, **more))

    monkeypatch.setattr(soundfile.SoundFile, "read", reads)
    return path


def test_what_libsndfile_gives_up_on_is_read_to_its_end_by_ffmpeg(gives_up: Path, tmp_path: Path) -> None:
    samples = read_all(gives_up, 4800)[:, 0]
    ffmpeg("-i", gives_up, "-c:a", "pcm_s16le", tmp_path / "whole.wav")
    with wave.open(str(tmp_path / "whole.wav")) as file:
        whole = np.frombuffer(file.readframes(file.getnframes()), np.int16) / np.float32(32768)
    assert abs(len(samples) - len(whole)) < 480
    for seconds in (4, 9):
        part = samples[seconds * 48000 :][:4800]
        nearby = whole[seconds * 48000 - 240 :][: 4800 + 480]
        match = np.correlate(nearby, part, "valid") / np.sum(np.square(part))
        assert match.max() == pytest.approx(1.0, abs=0.01), "the same sound, within five milliseconds of its place"


def test_what_libsndfile_gives_up_on_can_be_wound(gives_up: Path) -> None:
    decoder = open_audio(gives_up)
    while len(decoder.read(4800)):
        pass
    decoder.seek(9.5)
    assert len(decoder.read(48000)) == pytest.approx(24000, abs=480)
    decoder.close()


def test_without_ffmpeg_it_is_said_where_the_reading_stopped(gives_up: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.sources.decoder.has_ffmpeg", lambda: False)
    with pytest.raises(AudioFileError, match=r"3\.0 of 10\.0 s"):
        read_all(gives_up, 4800)
