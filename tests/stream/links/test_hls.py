"""HLS: finished and live, as ffmpeg makes it and as nobody should; one row of bytes comes out of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import LinkError
from stream.links import hls, hls_playlist
from stream.links.hls import HlsReader
from stream.links.hls_playlist import MediaPlaylist, parse_playlist
from stream.links.policy import LinkPolicy
from stream.links.transcoder import Transcoder
from stream.links.web import Web
from tests.sounds import ffmpeg, write_tone
from tests.stream.fakes import ManualClock
from tests.stream.links.servers import Asked, LocalServer, Page, redirect


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def web() -> Web:
    return Web(LinkPolicy(allow_private=True))


def playlist(*lines: str, target: float = 4.0, first: int = 0, ended: bool = True) -> Page:
    head = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{target:g}", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    text = "\n".join([*head, *lines, *(["#EXT-X-ENDLIST"] if ended else []), ""])
    return Page(text.encode(), "application/vnd.apple.mpegurl")


def segments(*names: str, seconds: float = 4.0) -> list[str]:
    return [line for name in names for line in (f"#EXTINF:{seconds:g},", name)]


def all_of(reader: HlsReader, size: int = 1000) -> bytes:
    data = b""
    while piece := reader.read(size):
        assert len(piece) <= size
        data += piece
    return data


def serve_folder(server: LocalServer, folder: Path) -> None:
    """Its files, with ranges, as web servers do."""

    def answer(asked: Asked) -> None:
        path = folder / Path(asked.target.split("?")[0]).name
        if not path.exists():
            asked.answer(Page(status="404 Not Found"))
            return
        data, wanted = path.read_bytes(), asked.headers.get("range")
        if wanted is None:
            asked.answer(Page(data))
            return
        begin, _, end = wanted.removeprefix("bytes=").partition("-")
        piece = data[int(begin) : int(end) + 1]
        said = f"bytes {begin}-{int(begin) + len(piece) - 1}/{len(data)}"
        asked.answer(Page(piece, status="206 Partial Content", headers=(("Content-Range", said),)))

    server.routes["*"] = answer


def heard(reader: HlsReader) -> tuple[np.ndarray, int]:
    transcoder = Transcoder(reader.read)
    blocks = []
    try:
        while len(block := transcoder.read(4096)):
            blocks.append(block)
    finally:
        reader.close()
        transcoder.close()
    return np.concatenate(blocks), transcoder.sample_rate


# ---- finished ones, made by ffmpeg -------------------------------------------------------------------------------


@pytest.mark.parametrize("single", [False, True], ids=["files", "pieces of one file"])
def test_a_finished_stream_of_fragmented_mp4_comes_out_sample_by_sample(
    tmp_path: Path, server: LocalServer, web: Web, single: bool
) -> None:
    source = write_tone(tmp_path / "tone.wav", 7.0)
    ffmpeg(
        *("-i", source, "-c:a", "flac", "-strict", "-2", "-f", "hls", "-hls_time", "2", "-hls_segment_type", "fmp4"),
        *("-hls_playlist_type", "vod", *(("-hls_flags", "single_file") if single else ()), tmp_path / "list.m3u8"),
    )
    serve_folder(server, tmp_path)
    reader = HlsReader(server.url("/list.m3u8"), web)
    reader.open()
    assert (reader.live, reader.seconds) == (False, pytest.approx(7.0, abs=0.2))
    sound, rate = heard(reader)
    expected, _ = soundfile.read(source, dtype="float32", always_2d=True)
    assert rate == 44100
    np.testing.assert_allclose(sound, expected, atol=1e-6)


def test_a_finished_transport_stream_with_pictures_is_heard_in_its_smallest_variant(
    tmp_path: Path, server: LocalServer, web: Web
) -> None:
    source = write_tone(tmp_path / "tone.wav", 6.0)
    for name, rate in (("low", "64k"), ("high", "192k")):
        ffmpeg(
            *("-f", "lavfi", "-i", "testsrc2=s=160x90:d=6:r=10", "-i", source, "-c:v", "mpeg2video", "-c:a", "aac"),
            *("-b:a", rate, "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", tmp_path / f"{name}.m3u8"),
        )
    serve_folder(server, tmp_path)
    server.routes["/master.m3u8"] = Page(
        b'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.4d,mp4a.40.2"\nhigh.m3u8\n'
        b'#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.4d"\nsilent.m3u8\n'
        b'#EXT-X-STREAM-INF:BANDWIDTH=300000,CODECS="avc1.4d,mp4a.40.2"\nlow.m3u8\n'
    )
    sound, rate = heard(HlsReader(server.url("/master.m3u8"), web))
    assert len(sound) == pytest.approx(6.0 * rate, abs=0.1 * rate)
    begin, end = np.abs(sound[: rate // 2]).max(), np.abs(sound[-rate:]).max()
    assert begin < 0.2 < 0.4 < end, "the tone grows louder from beginning to end"
    assert not any("high" in path or "silent" in path for path in server.paths())


# ---- what playlists say ------------------------------------------------------------------------------------------

BASE = "https://radio.example/live/master.m3u8?token=1"


@pytest.mark.parametrize(
    ("lines", "chosen"),
    [
        (["#EXT-X-STREAM-INF:BANDWIDTH=2", "b.m3u8", "#EXT-X-STREAM-INF:BANDWIDTH=1", "a.m3u8"], "a.m3u8"),
        (
            [
                '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="en",DEFAULT=NO,URI="en.m3u8"',
                '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="de",DEFAULT=YES,URI="de.m3u8"',
                '#EXT-X-STREAM-INF:BANDWIDTH=900,AUDIO="s",CODECS="avc1.4d,mp4a.40.2"',
                "film.m3u8",
            ],
            "de.m3u8",
        ),
        (
            [
                '#EXT-X-STREAM-INF:BANDWIDTH=100,RESOLUTION=160x90,CODECS="avc1.4d,mp4a.40.2"',
                "film.m3u8",
                '#EXT-X-STREAM-INF:BANDWIDTH=200,CODECS="mp4a.40.2"',
                "sound.m3u8",
            ],
            "sound.m3u8",
        ),
        (['#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="none"', "../other/a.m3u8"], "../other/a.m3u8"),
    ],
)
def test_of_several_variants_the_cheapest_with_sound_is_chosen(lines: list[str], chosen: str) -> None:
    found = parse_playlist("\n".join(["#EXTM3U", *lines]), BASE)
    expected = {"../other/a.m3u8": "https://radio.example/other/a.m3u8"}
    assert found == expected.get(chosen, f"https://radio.example/live/{chosen}")


def test_addresses_are_relative_to_where_the_playlist_was_found_in_the_end(server: LocalServer, web: Web) -> None:
    server.routes |= {
        "/start.m3u8": redirect("/deep/down/list.m3u8"),
        "/deep/down/list.m3u8": playlist(*segments("a.ts", "/b.ts")),
        "/deep/down/a.ts": Page(b"A"),
        "/b.ts": Page(b"B"),
    }
    assert all_of(HlsReader(server.url("/start.m3u8"), web, headers={"X-Given": "yes"})) == b"AB"
    assert all(asked.headers["x-given"] == "yes" for asked in server.asked)


def test_heads_are_sent_once_and_pieces_follow_each_other(server: LocalServer, web: Web, tmp_path: Path) -> None:
    (tmp_path / "all.mp4").write_bytes(b"hhAAABBCCCCxxDD")
    (tmp_path / "other.mp4").write_bytes(b"HHEE")
    serve_folder(server, tmp_path)
    lines = ['#EXT-X-MAP:URI="all.mp4",BYTERANGE="2@0"']
    for size in ("3@2", "2", "4"):
        lines += ["#EXTINF:4,", f"#EXT-X-BYTERANGE:{size}", "all.mp4"]
    lines += ["#EXTINF:4,", "#EXT-X-BYTERANGE:2@13", "all.mp4", "#EXT-X-DISCONTINUITY"]
    lines += ['#EXT-X-MAP:URI="other.mp4",BYTERANGE="2@0"', "#EXTINF:4,", "#EXT-X-BYTERANGE:2@2", "other.mp4"]
    server.routes["/list.m3u8"] = playlist(*lines)
    assert all_of(HlsReader(server.url("/list.m3u8"), web), 3) == b"hhAAABBCCCCDDHHEE"


def test_a_server_that_ignores_ranges_cannot_pass_off_the_whole_file_as_a_piece(server: LocalServer, web: Web) -> None:
    server.routes["/all.ts"] = Page(b"0123456789")
    server.routes["/list.m3u8"] = playlist("#EXTINF:4,", "#EXT-X-BYTERANGE:3@5", "all.ts")
    with pytest.raises(LinkError, match="does not give pieces"):
        all_of(HlsReader(server.url("/list.m3u8"), web))


# ---- live --------------------------------------------------------------------------------------------------------


class Broadcast:
    """A live stream: every 4 s of the clock there is a new segment, "<0>", "<1>" ..., and the last five are listed."""

    def __init__(self, server: LocalServer, clock: ManualClock, *, listed: int = 5, made: int = 8) -> None:
        self.clock, self.listed, self.begun = clock, listed, clock.time - 4.0 * made
        self.first_number = 0
        self.ends_at: int | None = None
        self.missing: set[int] = set()
        self.refusals = 0
        self.looked_at: list[float] = []
        server.routes["/live.m3u8"] = self._playlist
        server.routes["*"] = self._segment

    @property
    def made(self) -> int:
        made = int((self.clock.time - self.begun) / 4.0 + 1e-6)
        return made if self.ends_at is None else min(made, self.ends_at)

    def _playlist(self, asked: Asked) -> None:
        self.looked_at.append(self.clock.time)
        if self.refusals:
            self.refusals -= 1
            asked.answer(Page(status="503 Service Unavailable"))
            return
        first = max(0, self.made - self.listed)
        names = [f"{self.first_number + number}.ts" for number in range(first, self.made)]
        ended = self.made == self.ends_at
        asked.answer(playlist(*segments(*names), first=self.first_number + first, ended=ended))

    def _segment(self, asked: Asked) -> None:
        number = int(Path(asked.target).stem)
        if number in self.missing:
            asked.answer(Page(status="404 Not Found"))
        else:
            asked.answer(Page(f"<{number}>".encode()))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def broadcast(server: LocalServer, clock: ManualClock) -> Broadcast:
    return Broadcast(server, clock)


@pytest.fixture
def reader(broadcast: Broadcast, server: LocalServer, clock: ManualClock) -> Iterator[HlsReader]:
    web = Web(LinkPolicy(allow_private=True, connect_seconds=1e6, read_seconds=1e6))
    reader = HlsReader(server.url("/live.m3u8"), web, clock=clock)
    yield reader
    reader.close()


def test_a_live_stream_is_joined_near_its_end_and_goes_on_as_it_grows(
    reader: HlsReader, broadcast: Broadcast, clock: ManualClock
) -> None:
    assert [reader.read(100) for _ in range(13)] == [f"<{number}>".encode() for number in range(5, 18)]
    assert reader.live
    assert reader.lost_seconds == 0.0
    waits = np.diff(broadcast.looked_at)
    assert waits.min() >= 2.0, "half a target duration at the least lies between two looks"
    assert len(waits) <= 22


def test_when_the_sender_says_that_it_is_over_it_is_over(reader: HlsReader, broadcast: Broadcast) -> None:
    broadcast.ends_at = 11
    assert all_of(reader).endswith(b"<8><9><10>")
    assert not reader.live
    assert reader.read(100) == b""


def test_whoever_falls_behind_goes_on_with_what_is_still_there(
    reader: HlsReader, broadcast: Broadcast, clock: ManualClock
) -> None:
    for _ in range(3):
        reader.read(100)
    clock.time += 60.0
    assert reader.read(100) == b"<18>", "23 were made, five are kept"
    assert reader.lost_seconds == pytest.approx(10 * 4.0)


def test_a_segment_that_cannot_be_had_is_left_out_and_counted(reader: HlsReader, broadcast: Broadcast) -> None:
    broadcast.missing = {6, 9}
    assert [reader.read(100) for _ in range(4)] == [b"<5>", b"<7>", b"<8>", b"<10>"]
    assert reader.lost_seconds == pytest.approx(8.0)


def test_many_missing_segments_in_a_row_are_a_broken_stream(reader: HlsReader, broadcast: Broadcast) -> None:
    broadcast.missing = set(range(6, 50))
    assert reader.read(100) == b"<5>"
    with pytest.raises(LinkError, match="404") as caught:
        reader.read(100)
    assert caught.value.temporary, "it may be better after joining it again"


def test_a_server_that_is_away_for_a_moment_is_waited_for(
    reader: HlsReader, broadcast: Broadcast, clock: ManualClock
) -> None:
    for _ in range(3):
        reader.read(100)
    broadcast.refusals = 3
    assert [reader.read(100), reader.read(100)] == [b"<8>", b"<9>"]
    assert reader.lost_seconds == 0.0


def test_a_stream_that_stands_still_is_broken(reader: HlsReader, broadcast: Broadcast, clock: ManualClock) -> None:
    broadcast.begun, broadcast.clock = -92.0, ManualClock()  # a clock that nobody moves
    begun = clock.time
    with pytest.raises(LinkError, match="stands still") as caught:
        all_of(reader)
    assert caught.value.temporary
    assert clock.time - begun == pytest.approx(5 * 4.0, abs=4.1)


def test_a_sender_that_counts_anew_is_joined_anew(reader: HlsReader, broadcast: Broadcast) -> None:
    broadcast.first_number = 1000
    assert reader.read(100) == b"<1005>"
    reader.read(100)
    reader.read(100)
    broadcast.first_number = 0
    assert reader.read(100) == b"<6>"


def test_closing_ends_a_wait_for_the_next_segment(server: LocalServer, web: Web) -> None:
    server.routes |= {"/live.m3u8": playlist(*segments("a.ts"), ended=False), "/a.ts": Page(b"A")}
    reader = HlsReader(server.url("/live.m3u8"), web)
    assert reader.read(10) == b"A"
    read: list[bytes] = []
    waiting = threading.Thread(target=lambda: read.append(reader.read(10)))
    waiting.start()
    reader.close()
    waiting.join(10.0)
    assert read == [b""]


def test_closing_ends_a_segment_that_never_comes(server: LocalServer, web: Web) -> None:
    asked = threading.Event()

    def stuck(request: Asked) -> None:
        request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n123")
        asked.set()
        request.closing.wait(30.0)

    server.routes |= {"/list.m3u8": playlist(*segments("a.ts")), "/a.ts": stuck}
    reader = HlsReader(server.url("/list.m3u8"), web)
    failures: list[LinkError] = []

    def read() -> None:
        try:
            reader.read(10)
        except LinkError as error:
            failures.append(error)

    waiting = threading.Thread(target=read)
    waiting.start()
    assert asked.wait(10.0)
    begun = time.monotonic()
    reader.close()
    waiting.join(10.0)
    assert not waiting.is_alive()
    assert time.monotonic() - begun < 10.0, "long before the network would have given up"


# ---- what strangers write ----------------------------------------------------------------------------------------


def refused(page: Page, server: LocalServer, web: Web) -> LinkError:
    server.routes["/list.m3u8"] = page
    with pytest.raises(LinkError) as caught:
        all_of(HlsReader(server.url("/list.m3u8"), web, clock=ManualClock()))
    return caught.value


HOSTILE = {
    "file:///etc/passwd": "http",
    "ftp://radio.example/a.ts": "http",
    "http://169.254.169.254/latest/meta-data/": "secrets",
    "http://user:password@127.0.0.1/a.ts": "password",
    "data:audio/wav;base64,AAAA": "http",
    "gopher://127.0.0.1/": "http",
}


@pytest.mark.parametrize(("address", "words"), HOSTILE.items())
@pytest.mark.parametrize("ended", [True, False], ids=["finished", "live"])
def test_segments_lead_nowhere_but_to_the_web(
    server: LocalServer, web: Web, address: str, words: str, ended: bool
) -> None:
    error = refused(playlist(*segments(address), ended=ended), server, web)
    assert words in str(error)
    assert not error.temporary
    assert refused(playlist(f'#EXT-X-MAP:URI="{address}"', *segments("a.ts")), server, web).what == error.what


def test_a_master_playlist_leads_nowhere_but_to_the_web(server: LocalServer, web: Web) -> None:
    text = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n"
    assert "http" in str(refused(Page(text), server, web))


def test_private_segments_of_a_public_playlist_are_refused() -> None:
    reader = HlsReader("http://127.0.0.1:9/", Web(LinkPolicy()))
    reader._playlist = MediaPlaylist((), 4.0, False)
    found = parse_playlist(playlist(*segments("http://127.0.0.1:1234/a.ts")).body.decode(), BASE)
    assert isinstance(found, MediaPlaylist)
    reader._due.extend(found.segments)
    with pytest.raises(LinkError, match="of this machine"):
        reader.read(10)


def test_playlists_that_lead_on_and_on_are_refused(server: LocalServer, web: Web) -> None:
    itself = Page(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8\n")
    assert "leads on and on" in str(refused(itself, server, web))
    assert "leads on and on" in str(refused(redirect("/list.m3u8"), server, web))
    server.routes["/a.ts"] = redirect("/a.ts")
    assert "leads on and on" in str(refused(playlist(*segments("a.ts")), server, web))


def test_sizes_are_bounded(server: LocalServer, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "it is too long" in str(refused(playlist(*["#EXTINF:1,\na"] * 100_000), server, web))
    assert "it has 30000 segments" in str(refused(playlist(*["#EXTINF:1,\na"] * 30_000), server, web))
    assert "too long" in str(refused(playlist("#" + "A" * 20_000), server, web))
    assert "longer than 8 MB" in str(refused(Page(b"#EXTM3U\n" + b"#\n" * 5_000_000), server, web))
    monkeypatch.setattr(hls, "MAX_SEGMENT_BYTES", 5000)
    server.routes["/a.ts"] = Page(bytes(5001))
    assert "larger than" in str(refused(playlist(*segments("a.ts")), server, web))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['#EXT-X-KEY:METHOD=AES-128,URI="key.bin"', *segments("a.ts")], r"encrypted \(AES-128\)"),
        (['#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"', *segments("a.ts")], "encrypted"),
        (segments("a.ts", seconds=-1.0), "lasts -1 s"),
        (segments("a.ts", seconds=1e9), "lasts"),
        (["#EXTINF:4,", "#EXT-X-BYTERANGE:99999999999@0", "a.ts"], "bytes of a file"),
        (["#EXTINF:4,", "#EXT-X-BYTERANGE:5@-3", "a.ts"], "bytes of a file"),
        (["#EXTINF:4,", "#EXT-X-BYTERANGE:x@y", "a.ts"], "cannot be understood"),
        (["#EXTINF:nan,", "a.ts"], "lasts nan s"),
        ([f"#EXT-X-MEDIA-SEQUENCE:{'9' * 10_000}", *segments("a.ts")], "cannot be understood"),
        ([], "nothing in it"),
    ],
)
def test_playlists_that_cannot_be_listened_to_say_why(
    server: LocalServer, web: Web, lines: list[str], words: str
) -> None:
    server.routes["/a.ts"] = Page(b"A")
    server.routes["/list.m3u8"] = playlist(*lines)
    with pytest.raises(LinkError, match=words):
        all_of(HlsReader(server.url("/list.m3u8"), web))


TAGS = st.sampled_from(
    [
        "#EXTINF:4,", "#EXTINF:", "#EXTINF:x", "a.ts", "#EXT-X-BYTERANGE:1", "#EXT-X-MAP:URI=", '#EXT-X-MAP:URI="h"',
        "#EXT-X-KEY:METHOD=NONE", "#EXT-X-STREAM-INF:BANDWIDTH=x", "#EXT-X-STREAM-INF:", "#EXT-X-MEDIA:TYPE=AUDIO",
        "#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST", "#EXT-X-GAP", "#EXT-X-PART:DURATION=1", "#EXT-X-TARGETDURATION:-3",
        "#EXT-X-DATERANGE:ID=1", "#EXT-X-PROGRAM-DATE-TIME:x", "#EXT-X-CUE-OUT:5", "#EXT-X-START:TIME-OFFSET=x",
        "http://[::1", "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-SKIP:SKIPPED-SEGMENTS=9", "#EXT-X-BITRATE:x",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(TAGS, st.text(max_size=30)), max_size=12))
@settings(max_examples=300, deadline=None)
def test_no_playlist_is_more_than_refused(lines: list[str]) -> None:
    try:
        found = parse_playlist("\n".join(["#EXTM3U", *lines]), BASE)
    except LinkError as error:
        assert error.status in (422, 502)
    else:
        assert isinstance(found, str | MediaPlaylist)


def test_without_m3u8_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "m3u8", None)
    with pytest.raises(LinkError, match=r"pip install 'genrescope\[links\]'") as caught:
        hls_playlist.parse_playlist("#EXTM3U\n", BASE)
    assert caught.value.status == 501
