"""ffmpeg between two pipes: bytes of any sound format in, samples out, and nothing else ever opened."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.errors import LinkError
from stream.links import transcoder as module
from stream.links.sound_buffer import MOST_SECONDS, TARGET_SECONDS, SoundBuffer
from stream.links.transcoder import FFMPEG_FORMATS, Transcoder
from tests.sounds import ffmpeg, tone, write_tone
from tests.stream.fakes import ManualClock


def transcoded(pull: Callable[[int], bytes], *, frames: int = 1000) -> tuple[np.ndarray, int]:
    transcoder = Transcoder(pull)
    try:
        blocks = []
        while len(block := transcoder.read(frames)):
            assert len(block) <= frames
            blocks.append(block)
        return np.concatenate(blocks), transcoder.sample_rate
    finally:
        transcoder.close()


def of_file(path: Path, **options: int) -> tuple[np.ndarray, int]:
    with path.open("rb") as file:
        return transcoded(file.read, **options)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_samples_of_a_wav_file_come_out_as_they_are(tmp_path: Path, subtype: str, channels: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(1.0, 22050, channels=channels), 22050, subtype=subtype)
    expected, rate = soundfile.read(path, dtype="float32", always_2d=True)
    heard, heard_rate = of_file(path, frames=777)
    assert heard_rate == rate
    np.testing.assert_allclose(heard, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.opus", "a.aac", "a.ts", "a.webm", "a.mp4", "a.mka"])
def test_every_usual_format_of_radios_and_sites_is_heard(tmp_path: Path, name: str) -> None:
    source = write_tone(tmp_path / "tone.wav", 2.0, 48000)
    fragmented = ["-movflags", "frag_keyframe+empty_moov"] if name.endswith("mp4") else []
    ffmpeg("-i", source, *fragmented, tmp_path / name)
    heard, rate = of_file(tmp_path / name)
    assert rate == 48000
    assert len(heard) == pytest.approx(2.0 * rate, abs=4096), "lossy formats fill their last frame"
    middle = slice(rate // 2, rate)  # where no format begins or ends its frames
    spectrum = np.abs(np.fft.rfft(heard[middle].mean(axis=1)))
    assert np.argmax(spectrum) * rate / (rate // 2) == pytest.approx(440.0, abs=3.0)


def test_a_cover_in_front_and_pictures_beside_the_sound_do_not_matter(tmp_path: Path) -> None:
    source = write_tone(tmp_path / "tone.wav", 2.0)
    picture, covered = tmp_path / "cover.bmp", tmp_path / "covered.mp3"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1200x1000", "-frames:v", "1", picture)
    ffmpeg("-i", source, "-i", picture, "-map", "0", "-map", "1", "-c:v", "copy", covered)
    assert covered.stat().st_size > 3_000_000
    assert len(of_file(covered)[0]) == pytest.approx(88200, abs=3000)
    film = tmp_path / "film.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:d=2", "-i", source, "-c:v", "mpeg2video", film)
    assert len(of_file(film)[0]) == pytest.approx(88200, abs=3000)


NOT_SOUND = {
    "nothing": b"",
    "a web page": b"<!doctype html><html><body>" + b"hello " * 4000,
    "zeros": bytes(100_000),
    "an HLS playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "a concat script": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a DASH manifest": b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>",
    "a session description": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "a picture": b"GIF89a" + bytes(500),
}


@pytest.mark.parametrize("data", NOT_SOUND.values(), ids=NOT_SOUND.keys())
def test_what_is_no_sound_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(LinkError, match="cannot be heard") as caught:
        transcoded(io.BytesIO(data).read)
    assert not caught.value.temporary
    assert "pipe:" not in str(caught.value)


def test_a_silent_film_has_no_sound_track(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-c:v", "mpeg2video", tmp_path / "film.ts")
    with pytest.raises(LinkError, match="no sound track"):
        of_file(tmp_path / "film.ts")


def test_no_format_that_leads_elsewhere_is_recognised() -> None:
    formats = set(FFMPEG_FORMATS.split(","))
    assert not formats & {"hls", "applehttp", "concat", "dash", "sdp", "rtsp", "imf", "lavfi", "image2", "tty", "data"}


def test_a_stream_that_is_never_sound_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WITHOUT_SOUND_BYTES", 300_000)
    packet = b"\x47\x1f\xff\x10" + b"\xff" * 184  # an MPEG transport stream of nothing but padding
    with pytest.raises(LinkError):
        transcoded(lambda size: packet * 20)


def test_sound_before_the_break_is_heard_and_then_the_reason_is_told(tmp_path: Path) -> None:
    data = io.BytesIO(write_tone(tmp_path / "tone.wav", 1.0).read_bytes()[:60_000])

    def pull(size: int) -> bytes:
        if piece := data.read(size):
            return piece
        raise LinkError("the line is cut", temporary=True)

    transcoder = Transcoder(pull)
    frames = 0
    with pytest.raises(LinkError, match="the line is cut"):
        while len(block := transcoder.read(1000)):
            frames += len(block)
    transcoder.close()
    assert frames == pytest.approx(15_000, abs=20)


def test_sound_comes_out_long_before_the_stream_ends(tmp_path: Path) -> None:
    ffmpeg("-i", write_tone(tmp_path / "tone.wav", 20.0), "-b:a", "128k", tmp_path / "tone.mp3")
    data = io.BytesIO((tmp_path / "tone.mp3").read_bytes()[:32_000])
    held = threading.Event()
    transcoder = Transcoder(lambda size: data.read(size) or (held.wait(30.0) and b"") or b"")
    heard = sum(len(transcoder.read(4410)) for _ in range(5))
    assert heard > 0, "two seconds of a radio are enough to begin"
    held.set()
    transcoder.close()


def test_closing_ends_a_read_that_waits_and_the_process(tmp_path: Path) -> None:
    held = threading.Event()
    transcoder = Transcoder(lambda size: (held.wait(30.0) and b"") or b"")
    shapes: list[tuple[int, ...]] = []
    reader = threading.Thread(target=lambda: shapes.append(transcoder.read(100).shape))
    reader.start()
    transcoder.close()
    transcoder.close()
    reader.join(10.0)
    assert shapes == [(0, 0)]
    assert transcoder._process.poll() is not None
    held.set()


def test_nobody_reads_ahead_of_who_listens(tmp_path: Path) -> None:
    data = io.BytesIO(write_tone(tmp_path / "tone.wav", 60.0).read_bytes())
    transcoder = Transcoder(data.read)
    transcoder.read(100)
    before = -1
    while before != transcoder.fed_bytes:  # until it has come to rest
        before = transcoder.fed_bytes
        time.sleep(0.2)
    assert before < 2_000_000, "ten seconds of this file, of sixty"
    transcoder.close()


def test_without_ffmpeg_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LinkError, match=r"not installed.*apt install ffmpeg") as caught:
        Transcoder(lambda size: b"")
    assert caught.value.status == 501


# ---- the buffer behind it ----------------------------------------------------------------------------------------

RATE = 1000


def numbered(start: int, stop: int) -> np.ndarray:
    return np.arange(start, stop, dtype=np.float32)[:, None]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_sound_waits_in_the_buffer_until_it_is_due(clock: ManualClock) -> None:
    buffer = SoundBuffer(clock)
    assert buffer.take(0.02, wait_seconds=0.0) is None, "nothing has come yet"
    buffer.begin(RATE)
    for start in range(0, 1000, 130):
        buffer.put(numbered(start, min(start + 130, 1000)))
    buffer.end(None)
    heard = []
    while (taken := buffer.take(0.02, wait_seconds=0.0)) is not None and len(taken.block):
        assert len(taken.block) == 20
        heard.append(taken.block)
    np.testing.assert_array_equal(np.concatenate(heard), numbered(0, 1000))


def test_whoever_fills_the_buffer_with_a_file_has_to_wait(clock: ManualClock) -> None:
    buffer = SoundBuffer(clock)
    buffer.begin(RATE)
    put = []

    def fill() -> None:
        for start in range(0, 60_000, 500):
            buffer.put(numbered(start, start + 500))
            put.append(start)

    filler = threading.Thread(target=fill)
    filler.start()
    for _ in range(500):
        buffer.take(0.02, wait_seconds=5.0)
    assert put[-1] <= 500 * 20 + TARGET_SECONDS * RATE
    buffer.close()
    filler.join(10.0)
    assert not filler.is_alive(), "it is let go when nobody listens any more"


def test_of_a_station_that_is_too_fast_the_oldest_is_left_out_and_counted(clock: ManualClock) -> None:
    buffer = SoundBuffer(clock)
    buffer.keep_up = True
    buffer.begin(RATE)
    clock.time += 10.0
    for start in range(0, 16_000, 100):
        buffer.put(numbered(start, start + 100))
    taken = buffer.take(0.02, wait_seconds=0.0)
    assert taken is not None
    assert taken.skipped
    left_out = MOST_SECONDS + 0.1 - TARGET_SECONDS
    assert taken.lost_seconds == pytest.approx(left_out)
    assert taken.block[0, 0] == pytest.approx(1000 * left_out)
    again = buffer.take(0.02, wait_seconds=0.0)
    assert again is not None
    assert (again.skipped, again.lost_seconds) == (False, 0.0)


def test_what_was_broadcast_before_one_joined_is_not_lost(clock: ManualClock) -> None:
    buffer = SoundBuffer(clock)
    buffer.keep_up = True
    buffer.begin(RATE)
    for start in range(0, 24_000, 100):
        buffer.put(numbered(start, start + 100))
    buffer.settle()
    taken = buffer.take(0.02, wait_seconds=0.0)
    assert taken is not None
    assert taken.lost_seconds == 0.0
    assert taken.block[0, 0] == pytest.approx(24_000 - 1000 * TARGET_SECONDS)


def test_whoever_sends_much_faster_than_one_hears_is_no_station(clock: ManualClock) -> None:
    buffer = SoundBuffer(clock)
    buffer.keep_up = True
    buffer.begin(RATE)
    for start in range(0, 24_000, 100):
        buffer.put(numbered(start, start + 100))
    assert not buffer.too_fast, "a station may send that much at once"
    for start in range(0, 10_000, 100):
        buffer.put(numbered(start, start + 100))
    assert buffer.too_fast


def test_a_station_whose_clock_is_a_little_fast_stays_one(clock: ManualClock) -> None:
    buffer = SoundBuffer(clock)
    buffer.keep_up = True
    buffer.begin(RATE)
    lost = 0.0
    for number in range(30_000):  # 10 % fast, for ten minutes
        clock.time += 0.02
        buffer.put(numbered(0, 22))
        taken = buffer.take(0.02, wait_seconds=0.0)
        assert taken is not None
        lost += taken.lost_seconds
        assert not buffer.too_fast, number
    assert lost == pytest.approx(50.0, abs=1.0)


def test_titles_and_gaps_stand_where_they_belong_in_the_sound(clock: ManualClock) -> None:
    buffer = SoundBuffer(clock)
    buffer.title("One")
    buffer.begin(RATE)
    buffer.put(numbered(0, 100))
    buffer.lost(6.0)
    buffer.title("Two")
    buffer.put(numbered(100, 200))
    buffer.end(LinkError("over"))
    seen = [buffer.take(0.05, wait_seconds=0.0) for _ in range(5)]
    assert [(taken.title, taken.lost_seconds) for taken in seen if taken] == [
        ("One", 0.0),
        (None, 0.0),
        ("Two", 6.0),
        (None, 0.0),
        (None, 0.0),
    ]
    assert buffer.error is not None
