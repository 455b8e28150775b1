"""Links as a source: heard as they are, at the speed of life, taken up where they broke off, given up with a reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from model.errors import LinkError
from stream.clock import Clock, SystemClock
from stream.inlet import Inlet
from stream.links.playable import Playable, find_playable
from stream.links.policy import LinkPolicy
from stream.links.sound_buffer import TARGET_SECONDS
from stream.links.web import Web
from stream.records import SourceState
from stream.sources import link as module
from stream.sources.decoder import open_audio
from stream.sources.link import BACK_OFF_SECONDS, FIRST_TRIES, LinkSource
from tests.sounds import ffmpeg, write_tone
from tests.stream.fakes import ManualClock
from tests.stream.links.servers import Asked, LocalServer, Page
from tests.stream.test_file_source import wait_for

RATE = 44100


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def start(url: str, **options: object) -> Listener:
        listeners.append(Listener(url, **options))  # type: ignore[arg-type]
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.source.stop()


class Listener:
    """A link source that has been started. The inlet is at the files' rate: what comes in stands there."""

    def __init__(
        self, url: str, *, clock: Clock | None = None, find: Callable[..., Playable] = find_playable, **policy: float
    ) -> None:
        self.clock = clock or ManualClock()
        self.inlet = Inlet(RATE, 120.0)
        self.web = Web(LinkPolicy(**{"allow_private": True, **policy}))  # type: ignore[arg-type]
        self.source = LinkSource(url, self.web, clock=self.clock, find=find)
        self.source.start(self.inlet)

    @property
    def state(self) -> SourceState:
        return self.source.status().state

    @property
    def detail(self) -> str:
        return self.source.status().detail

    def ends(self, state: SourceState = SourceState.ENDED) -> Listener:
        wait_for(lambda: self.state in (SourceState.ENDED, SourceState.FAILED), "the end")
        assert self.state is state, self.detail
        return self

    def heard(self) -> np.ndarray:
        return self.inlet.ring.read(0, self.inlet.ring.capacity)[0]

    @property
    def seconds(self) -> float:
        return self.inlet.status().stream_time


class Brisk(ManualClock):
    """Runs so many times as fast as the real clock at most, and only while somebody waits: a busy machine changes
    little."""

    def __init__(self, speed: float = 20.0) -> None:
        super().__init__()
        self._speed = speed

    def wait(self, event: threading.Event, seconds: float) -> bool:
        event.wait(seconds / self._speed)
        return super().wait(event, seconds)


def offline(path: Path) -> np.ndarray:
    """What the inlet makes of the file when the decoder reads it from the disk."""
    inlet, decoder = Inlet(RATE, 120.0), open_audio(path)
    inlet.begin(decoder.sample_rate)
    while len(block := decoder.read(5000)):
        inlet.push(block, 0.0)
    inlet.finish()
    decoder.close()
    return inlet.ring.read(0, inlet.ring.capacity)[0]


# ---- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "content_type"), [("a.wav", "audio/wav"), ("a.flac", "audio/flac")])
@pytest.mark.parametrize("rate", [RATE, 48000])
def test_a_file_on_the_web_is_heard_as_from_the_disk(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener], name: str, content_type: str, rate: int
) -> None:
    path = write_tone(tmp_path / name, 5.0, rate)
    server.routes["/sound"] = Page(path.read_bytes(), content_type)
    listener = listen(server.url("/sound")).ends()
    np.testing.assert_allclose(listener.heard(), offline(path), atol=1e-6)
    assert len(listener.inlet.restarts) == 1
    assert listener.inlet.status().lost_seconds == 0.0


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg"])
def test_a_compressed_file_on_the_web_is_heard_as_from_the_disk(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener], name: str
) -> None:
    path = write_tone(tmp_path / name, 5.0)
    server.routes["/sound"] = Page(path.read_bytes(), "application/octet-stream")
    heard, expected = listen(server.url("/sound")).ends().heard(), offline(path)
    assert abs(len(heard) - len(expected)) <= 1152, "a frame of mp3, which decoders may count differently at the end"
    shared = min(len(heard), len(expected))
    assert np.corrcoef(heard[:shared], expected[:shared])[0, 1] > 0.999


def test_a_file_comes_at_the_speed_of_life_and_then_has_ended(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    server.routes["/Some%20song.wav"] = Page(write_tone(tmp_path / "a.wav", 20.0).read_bytes(), "audio/wav")
    clock = ManualClock()
    listener = listen(server.url("/Some%20song.wav"), clock=clock).ends()
    first, last = listener.inlet.marks[0], listener.inlet.marks[-1]
    assert last.captured_at - first.captured_at == pytest.approx(20.0, abs=0.05)
    assert last.position_seconds == pytest.approx(20.0, abs=0.001)
    status = listener.source.status()
    assert (status.kind, status.title, status.detail) == ("link", "Some song", "")
    assert status.position_seconds == pytest.approx(20.0, abs=0.001)
    assert (status.can_pause, status.can_seek) == (False, False)


def test_a_large_file_is_not_fetched_before_it_is_due(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    sent = [0]

    def slowly(asked: Asked) -> None:
        data = write_tone(tmp_path / "a.wav", 120.0).read_bytes()
        asked.send(Page(b"", "audio/wav", headers=(("Content-Length", str(len(data))),), with_length=False).head())
        for at in range(0, len(data), 65536):
            if not asked.send(data[at : at + 65536]):
                return
            sent[0] = at

    server.routes["/a.wav"] = slowly
    listener = listen(server.url("/a.wav"), clock=SystemClock())
    wait_for(lambda: listener.seconds > 0.5, "the beginning")
    assert listener.source._reception is not None
    assert listener.source._reception.buffer.queued_seconds < TARGET_SECONDS + 0.2
    assert sent[0] < 12_000_000, (
        "of 21 million bytes: the rest waits on the other side, as the system's buffers are full"
    )


def test_a_file_whose_table_stands_at_its_end_is_fetched_whole_first(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    path = tmp_path / "a.m4a"
    ffmpeg("-i", write_tone(tmp_path / "tone.wav", 4.0), path)
    server.routes["/a.m4a"] = Page(path.read_bytes(), "audio/mp4")
    heard, expected = listen(server.url("/a.m4a")).ends().heard(), offline(path)
    np.testing.assert_allclose(heard, expected, atol=1e-6)


def in_pieces(
    data: bytes, cut: int, *, ranges: bool = True, tag: str = '"1"', changed: bool = False
) -> Callable[[Asked], None]:
    """A route for a file whose connection breaks after every `cut` bytes."""
    turn = [0]

    def answer(asked: Asked) -> None:
        turn[0] += 1
        wanted = asked.headers.get("range")
        same = asked.headers.get("if-range") in (None, tag) and not changed
        if wanted is None or not (ranges and same):
            head = Page(status="200 OK", content_type="audio/wav", with_length=False)
            asked.send(head.head()[:-2] + f"Content-Length: {len(data)}\r\nETag: {tag}\r\n\r\n".encode())
            asked.send(data[:cut])
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-").partition("-")[0])
        head = Page(status="206 Partial Content", content_type="audio/wav", with_length=False).head()[:-2]
        head += f"Content-Range: bytes {begin}-{len(data) - 1}/{len(data)}\r\n".encode()
        asked.send(head + f"Content-Length: {len(data) - begin}\r\n\r\n".encode())
        asked.send(data[begin : begin + cut])

    return answer


def test_a_file_that_breaks_off_is_taken_up_where_it_was(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    path = write_tone(tmp_path / "a.wav", 6.0)
    server.routes["/a.wav"] = in_pieces(path.read_bytes(), 300_001)
    listener = listen(server.url("/a.wav")).ends()
    np.testing.assert_allclose(listener.heard(), offline(path), atol=1e-6)
    assert len(listener.inlet.restarts) == 1, "nobody hears that it broke"
    assert len(server.asked) >= 4
    assert all(asked.headers["if-range"] == '"1"' for asked in server.asked if "range" in asked.headers)


def test_a_server_that_wants_to_be_asked_for_pieces_is(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    path = write_tone(tmp_path / "a.wav", 3.0)
    data, asked_for = path.read_bytes(), []

    def answer(asked: Asked) -> None:
        begin, end = map(int, asked.headers["range"].removeprefix("bytes=").split("-"))
        asked_for.append(end + 1 - begin)
        said = ("Content-Range", f"bytes {begin}-{min(end, len(data) - 1)}/{len(data)}")
        asked.answer(Page(data[begin : end + 1], "audio/wav", "206 Partial Content", (said,)))

    server.routes["/a.wav"] = answer
    playable = Playable(server.url("/a.wav"), "In pieces", "stream", False, chunk_bytes=100_000)
    listener = listen("https://site.example/watch", find=lambda url, web: playable).ends()
    np.testing.assert_allclose(listener.heard(), offline(path), atol=1e-6)
    assert asked_for == [100_000] * 6


@pytest.mark.parametrize("how", [{"ranges": False}, {"changed": True}])
def test_a_file_that_cannot_be_taken_up_fails_and_does_not_begin_again(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener], how: dict[str, bool]
) -> None:
    path = write_tone(tmp_path / "a.wav", 6.0)
    server.routes["/a.wav"] = in_pieces(path.read_bytes(), 400_000, **how)
    listener = listen(server.url("/a.wav")).ends(SourceState.FAILED)
    assert "does not let one go on from there" in listener.detail
    heard = listener.heard()
    np.testing.assert_allclose(heard, offline(path)[: len(heard)], atol=1e-6)
    assert len(heard) / RATE == pytest.approx(400_000 / 4 / RATE, abs=0.1), "what had come was heard"


@pytest.mark.parametrize("seconds", [2.0, 12.0, 20.0])
def test_a_file_of_unknown_length_is_heard_whole_and_ends(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener], seconds: float
) -> None:
    path = write_tone(tmp_path / "a.wav", seconds)
    server.routes["/a.wav"] = Page(path.read_bytes(), "audio/wav", with_length=False)
    # Not so fast that the file would seem to come no faster than it is heard.
    listener = listen(server.url("/a.wav"), clock=Brisk(3.0)).ends()
    assert listener.heard()[listener.inlet.restarts[-1].sample :].shape == offline(path).shape


# ---- HLS ---------------------------------------------------------------------------------------------------------


def hls_folder(folder: Path, seconds: float) -> list[str]:
    """Two-second segments of a tone in lossless fragmented MP4; returns their names."""
    ffmpeg(
        *("-i", write_tone(folder / "tone.wav", seconds), "-c:a", "flac", "-strict", "-2", "-f", "hls"),
        *("-hls_time", "2", "-hls_segment_type", "fmp4", "-hls_playlist_type", "vod", folder / "list.m3u8"),
    )
    return [line for line in (folder / "list.m3u8").read_text().splitlines() if line.endswith(".m4s")]


def serve_live(server: LocalServer, folder: Path, names: list[str], *, missing: str = "") -> None:
    """A playlist that has one segment more every time it is asked for, beginning with three, until it says the end."""
    looks = [0]
    head = f'#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="{"init.mp4"}"\n'

    def playlist(asked: Asked) -> None:
        looks[0] += 1
        known = names[: 2 + looks[0]]
        text = head + "".join(f"#EXTINF:2.0,\n{name}\n" for name in known)
        text += "#EXT-X-ENDLIST\n" if len(known) == len(names) else ""
        asked.answer(Page(text.encode(), "application/vnd.apple.mpegurl"))

    server.routes["/live.m3u8"] = playlist
    for name in [*names, "init.mp4"]:
        if name != missing:
            server.routes[f"/{name}"] = Page((folder / name).read_bytes(), "video/mp4")


def test_a_finished_hls_stream_is_heard_whole(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    names = hls_folder(tmp_path, 7.0)
    for name in [*names, "init.mp4", "list.m3u8"]:
        server.routes[f"/{name}"] = Page((tmp_path / name).read_bytes())
    listener = listen(server.url("/list.m3u8")).ends()
    np.testing.assert_allclose(listener.heard(), offline(tmp_path / "tone.wav"), atol=1e-6)


def test_a_live_hls_stream_is_heard_as_it_grows(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    serve_live(server, tmp_path, hls_folder(tmp_path, 15.0))
    listener = listen(server.url("/live.m3u8"), read_seconds=1e6).ends()
    heard = listener.heard()
    assert len(heard) / RATE > 10.0, "it was joined three segments before the end of then"
    np.testing.assert_allclose(heard[2000:], offline(tmp_path / "tone.wav")[-len(heard) + 2000 :], atol=1e-4)
    assert listener.inlet.status().lost_seconds == 0.0
    assert listener.state is SourceState.ENDED, "as the sender said that it is over"


def test_a_missing_piece_of_a_live_hls_stream_is_counted_and_nothing_spans_it(
    tmp_path: Path, server: LocalServer, listen: Callable[..., Listener]
) -> None:
    names = hls_folder(tmp_path, 15.0)
    serve_live(server, tmp_path, names, missing=names[5])
    listener = listen(server.url("/live.m3u8"), read_seconds=1e6).ends()
    assert listener.inlet.status().lost_seconds == pytest.approx(2.0)
    assert len(listener.inlet.restarts) == 2
    before = listener.inlet.restarts[1].sample / RATE
    assert listener.seconds - before == pytest.approx(15.0 - 6 * 2.09, abs=1.0), "what follows the gap, or nearly so"


# ---- stations ----------------------------------------------------------------------------------------------------


@dataclass
class Station:
    """A radio station with the titles between its bytes; what it does is decided by the test."""

    data: bytes
    interval: int = 4000
    titles: dict[int, str] = field(default_factory=dict)
    waits: dict[int, threading.Event] = field(default_factory=dict)
    """Before these pieces it waits."""
    times: int = 1
    """So often it answers; after that there is nothing."""
    hold: bool = True
    """It stays connected after its sound."""

    def __call__(self, asked: Asked) -> None:
        if self.times <= 0:
            asked.answer(Page(status="404 Not Found"))
            return
        headers = [("icy-name", "Radio Test")]
        with_titles = asked.headers.get("icy-metadata") == "1"
        if with_titles:
            self.times -= 1
            headers.append(("icy-metaint", str(self.interval)))
        asked.send(Page(b"", "audio/mpeg", headers=tuple(headers), with_length=False).head())
        for number, at in enumerate(range(0, len(self.data), self.interval)):
            piece = self.data[at : at + self.interval]
            if with_titles and len(piece) == self.interval:
                text = f"StreamTitle='{self.titles[number]}';".encode() if number in self.titles else b""
                units = -(-len(text) // 16)
                piece += bytes([units]) + text.ljust(16 * units, b"\0")
            if number in self.waits:
                self.waits[number].wait(20.0)
            if not asked.send(piece):
                return
        if self.hold:
            asked.closing.wait(30.0)


@pytest.fixture
def mp3(tmp_path: Path) -> bytes:
    """Eight seconds, 128 kbit/s."""
    ffmpeg("-i", write_tone(tmp_path / "tone.wav", 8.0), "-b:a", "128k", "-write_xing", "0", tmp_path / "tone.mp3")
    return (tmp_path / "tone.mp3").read_bytes()


def test_titles_come_with_the_sound_they_belong_to(
    server: LocalServer, listen: Callable[..., Listener], mp3: bytes
) -> None:
    station = Station(mp3[:120_000], titles={0: "One - First", 10: "", 20: "Two"})
    station.waits = {9: threading.Event(), 19: threading.Event()}
    server.routes["/radio"] = station
    listener = listen(server.url("/radio"))
    wait_for(lambda: listener.seconds > 1.0, "sound")
    status = listener.source.status()
    assert (status.title, status.station) == ("One - First", "Radio Test")
    station.waits[9].set()
    wait_for(lambda: listener.source.status().title == "Radio Test", "the end of the title")
    assert listener.seconds > 36_000 / 16_000 - 0.6, "not before what was sent before it is heard"
    station.waits[19].set()
    wait_for(lambda: listener.source.status().title == "Two", "the next title")
    assert len(listener.inlet.restarts) == 1


def test_what_a_station_sends_at_once_is_a_reserve_and_not_the_present(
    server: LocalServer, listen: Callable[..., Listener], mp3: bytes
) -> None:
    server.routes["/radio"] = Station(mp3 * 4)
    listener = listen(server.url("/radio"), clock=SystemClock())
    wait_for(lambda: listener.seconds > 0.8, "sound")
    begun = listener.inlet.marks[0].captured_at
    assert listener.inlet.marks[-1].captured_at - begun > 0.5, "it is handed over as it is heard"
    assert listener.source._reception is not None
    assert listener.source._reception.buffer.queued_seconds <= TARGET_SECONDS
    assert listener.inlet.status().lost_seconds == 0.0, "it was broadcast before anybody listened"


def test_a_file_that_looks_like_a_station_is_heard_whole(
    server: LocalServer, listen: Callable[..., Listener], tmp_path: Path
) -> None:
    ffmpeg("-i", write_tone(tmp_path / "tone.wav", 30.0), "-b:a", "64k", tmp_path / "tone.mp3")
    server.routes["/radio"] = Page(
        (tmp_path / "tone.mp3").read_bytes(), "audio/mpeg", headers=(("icy-name", "On demand"),), with_length=False
    )
    listener = listen(server.url("/radio"), clock=Brisk()).ends()
    begins = [restart.sample for restart in listener.inlet.restarts][-1]
    assert (len(listener.heard()) - begins) / RATE == pytest.approx(30.0, abs=0.1)
    assert len(server.asked) == 3, "it is looked at, joined like a station, and then asked for as a file"


class Recording(ManualClock):
    """Keeps how long was waited, where that is not a block's length."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if seconds >= 0.5:
            self.waits.append(seconds)
        return super().wait(event, seconds)


def test_a_station_that_is_gone_is_tried_again_and_again_ever_more_rarely(
    server: LocalServer, listen: Callable[..., Listener], mp3: bytes
) -> None:
    station = Station(mp3, hold=False)
    server.routes["/radio"] = station
    clock = Recording()
    listener = listen(server.url("/radio"), clock=clock)
    wait_for(lambda: len(clock.waits) >= 9, "nine tries")
    assert listener.state is SourceState.RECONNECTING
    assert "404" in listener.detail
    assert clock.waits[:9] == pytest.approx([*BACK_OFF_SECONDS, 30.0, 30.0])
    heard = listener.seconds
    station.times = 1
    station.hold = True
    wait_for(lambda: listener.state is SourceState.RUNNING, "its return")
    wait_for(lambda: listener.seconds > heard + 2.0, "sound")
    assert len(listener.inlet.restarts) == 2


def test_a_station_that_falls_silent_is_said_to_be(
    server: LocalServer, listen: Callable[..., Listener], mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.3)
    server.routes["/radio"] = Station(mp3[:16_000])
    listener = listen(server.url("/radio"), clock=SystemClock(), read_seconds=2.0)
    wait_for(lambda: listener.state is SourceState.NO_SOUND, "the silence")
    assert listener.inlet.status().level.rms_dbfs == -120.0
    wait_for(lambda: listener.state is SourceState.RECONNECTING, "the end of patience")


# ---- what does not work ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(status="404 Not Found"), "404"),
        (Page(status="403 Forbidden"), "403"),
        (Page(b"<html><body>hello</body></html>", "text/html"), "web page"),
        (Page(b"RIFF" + bytes(4) + b"WAVEjunk" + bytes(3000), "audio/wav"), "cannot be heard"),
    ],
)
def test_what_cannot_be_heard_fails_with_the_reason(
    server: LocalServer, listen: Callable[..., Listener], page: Page, words: str
) -> None:
    server.routes["/x"] = page
    listener = listen(server.url("/x")).ends(SourceState.FAILED)
    assert words in listener.detail
    assert listener.seconds == 0.0


def test_private_addresses_are_refused_at_once(server: LocalServer, listen: Callable[..., Listener]) -> None:
    listener = listen(server.url("/x"), allow_private=False).ends(SourceState.FAILED)
    assert "--allow-private-links" in listener.detail
    assert server.connections == 0


def test_a_server_that_was_never_there_is_tried_a_few_times(listen: Callable[..., Listener]) -> None:
    asked = []

    def find(url: str, web: Web) -> Playable:
        asked.append(url)
        raise LinkError("nobody answers", temporary=True, status=504)

    listener = listen("http://radio.example/", find=find).ends(SourceState.FAILED)
    assert len(asked) == FIRST_TRIES + 1
    assert "nobody answers" in listener.detail


def test_an_error_of_ours_is_shown_and_ends_only_this_source(listen: Callable[..., Listener]) -> None:
    def find(url: str, web: Web) -> Playable:
        raise RuntimeError("a bug")

    assert "RuntimeError: a bug" in listen("http://radio.example/", find=find).ends(SourceState.FAILED).detail


# ---- stopping ----------------------------------------------------------------------------------------------------


def stops_promptly(listener: Listener) -> None:
    begun = time.monotonic()
    listener.source.stop()
    listener.source.stop()
    assert time.monotonic() - begun < 10.0, "long before any connection would have given up"
    assert listener.source._thread is not None
    assert not listener.source._thread.is_alive()


def test_stopping_does_not_wait_for_a_name_that_is_looked_up(listen: Callable[..., Listener]) -> None:
    asked, answer = threading.Event(), threading.Event()

    def find(url: str, web: Web) -> Playable:
        asked.set()
        answer.wait(30.0)
        return Playable("http://127.0.0.1:9/", "late", "stream", True)

    listener = listen("http://radio.example/", find=find)
    assert asked.wait(10.0)
    assert listener.source.status().detail == "connecting"
    stops_promptly(listener)
    answer.set()


def test_stopping_does_not_wait_for_a_server_that_says_nothing(
    server: LocalServer, listen: Callable[..., Listener]
) -> None:
    asked = threading.Event()

    def silent(request: Asked) -> None:
        asked.set()
        request.closing.wait(30.0)

    server.routes["*"] = silent
    listener = listen(server.url("/"), clock=SystemClock())
    assert asked.wait(10.0)
    stops_promptly(listener)


def test_stopping_ends_the_connection_and_ffmpeg(
    server: LocalServer, listen: Callable[..., Listener], mp3: bytes
) -> None:
    server.routes["/radio"] = Station(mp3, times=10)
    listener = listen(server.url("/radio"), clock=SystemClock(), max_fetches=1)
    wait_for(lambda: listener.seconds > 0.2, "sound")
    reception = listener.source._reception
    assert reception is not None
    assert reception._transcoder is not None
    stops_promptly(listener)
    assert reception._transcoder._process.poll() is not None
    listener.web.open(server.url("/radio")).close()  # the only connection there may be is free again
    heard = listener.inlet.ring.written
    time.sleep(0.1)
    assert listener.inlet.ring.written == heard


def test_stopping_before_starting_does_nothing() -> None:
    LinkSource("http://radio.example/", Web(LinkPolicy()), clock=ManualClock()).stop()
