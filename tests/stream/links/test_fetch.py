"""Fetching whole: what comes is a file the decoder can open, within limits, and nothing is left of what does not."""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.errors import LinkError
from stream.links.fetch import fetch_whole
from stream.links.playable import Playable, find_playable
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from stream.sources.decoder import open_audio
from tests.sounds import ffmpeg, write_tone
from tests.stream.links.conftest import Internet
from tests.stream.links.servers import Asked, LocalServer, Page, redirect

POLICY = LinkPolicy(allow_private=True, read_seconds=2.0, fetch_seconds=20.0)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fetched"
    made.mkdir()
    return made


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    return write_tone(tmp_path / "tone.flac", 3.0)


def playable(server: LocalServer, path: str, **more: object) -> Playable:
    return replace(Playable(server.url(path), "Some Song", "stream", False), **more)  # type: ignore[arg-type]


def seconds_of(path: Path) -> float:
    decoder = open_audio(path)
    frames = 0
    while len(block := decoder.read(44100)):
        frames += len(block)
    decoder.close()
    return frames / decoder.sample_rate


# ---- what works ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a", "aac", "webm"])
def test_a_link_is_fetched_into_a_file_with_the_same_bytes_that_the_decoder_opens(
    server: LocalServer, folder: Path, tmp_path: Path, tone: Path, suffix: str
) -> None:
    sound = tmp_path / f"tone.{suffix}"
    if suffix != "flac":
        ffmpeg("-i", tone, sound)
    # Neither the address nor what is said of it helps.
    server.routes["/get.php"] = Page(sound.read_bytes(), "application/octet-stream")
    web = Web(POLICY)
    path = fetch_whole(find_playable(server.url("/get.php?id=../../x"), web), folder, web)
    assert path.parent == folder and re.fullmatch(rf"link-[0-9a-f]{{16}}\.{suffix}", path.name)
    assert path.read_bytes() == sound.read_bytes()
    assert seconds_of(path) == pytest.approx(3.0, abs=0.2)


def test_progress_is_told_in_bytes_and_of_how_many(server: LocalServer, folder: Path, tone: Path) -> None:
    size = tone.stat().st_size
    server.routes["/a"] = Page(tone.read_bytes(), "audio/flac")
    told: list[tuple[int, int | None]] = []
    fetch_whole(playable(server, "/a"), folder, Web(POLICY), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (size, size) and {total for _, total in told} == {size}
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_what_the_playable_wants_to_be_asked_with_is_sent(server: LocalServer, folder: Path, tone: Path) -> None:
    server.routes["/a"] = Page(tone.read_bytes(), "audio/flac")
    fetch_whole(playable(server, "/a", headers={"Referer": "http://page.test/"}), folder, Web(POLICY))
    assert server.asked[0].headers["referer"] == "http://page.test/"


def ranges(data: bytes) -> object:
    def route(asked: Asked) -> None:
        said = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
        if said is None:
            asked.answer(Page(data, "audio/flac"))
            return
        start, end = int(said[1]), min(int(said[2]), len(data) - 1)
        headers = (("Content-Range", f"bytes {start}-{end}/{len(data)}"),)
        asked.answer(Page(data[start : end + 1], "audio/flac", "206 Partial Content", headers))

    return route


def test_servers_that_are_slow_with_whole_files_are_asked_for_pieces(
    server: LocalServer, folder: Path, tone: Path
) -> None:
    data = tone.read_bytes()
    server.routes["/a"] = ranges(data)  # type: ignore[assignment]
    path = fetch_whole(playable(server, "/a", chunk_bytes=50_000), folder, Web(POLICY))
    assert path.read_bytes() == data
    assert len(server.asked) == -(-len(data) // 50_000)
    server.routes["/whole"] = Page(data, "audio/flac")
    assert fetch_whole(playable(server, "/whole", chunk_bytes=50_000), folder, Web(POLICY)).read_bytes() == data


@pytest.mark.parametrize("kind, suffix", [("fmp4", ".m4a"), ("mpegts", ".ts")])
def test_an_hls_stream_with_an_end_is_fetched_whole(
    server: LocalServer, folder: Path, tmp_path: Path, tone: Path, kind: str, suffix: str
) -> None:
    hls = tmp_path / "hls"
    hls.mkdir()
    options = ["-f", "hls", "-hls_segment_type", kind, "-hls_time", "1", "-hls_playlist_type", "vod"]
    ffmpeg("-i", tone, "-c:a", "aac", *options, hls / "list.m3u8")
    for file in hls.iterdir():
        server.routes[f"/{file.name}"] = Page(file.read_bytes(), "application/octet-stream")
    web = Web(POLICY)
    found = find_playable(server.url("/list.m3u8"), web)
    assert found.kind == "hls" and not found.live
    path = fetch_whole(found, folder, web)
    assert path.suffix == suffix
    assert seconds_of(path) == pytest.approx(3.0, abs=0.2)


# ---- what is not fetched ---------------------------------------------------------------------------------------------


def fails(
    found: Playable, folder: Path, says: str, policy: LinkPolicy = POLICY, web: Web | None = None, **more: object
) -> LinkError:
    with pytest.raises(LinkError, match=says) as caught:
        fetch_whole(found, folder, web or Web(policy), **more)  # type: ignore[arg-type]
    assert not list(folder.iterdir())
    assert str(folder) not in str(caught.value)
    return caught.value


def test_what_is_live_is_not_fetched(server: LocalServer, folder: Path) -> None:
    fails(playable(server, "/a", live=True), folder, "live and has no end")
    media = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n"
    server.routes["/live.m3u8"] = Page(media, "application/vnd.apple.mpegurl")
    fails(playable(server, "/live.m3u8", kind="hls"), folder, "live and has no end")
    assert server.paths() == ["/live.m3u8"]


def test_what_is_too_large_by_its_own_word_is_not_begun(server: LocalServer, folder: Path) -> None:
    server.routes["/a"] = Page(b"fLaC" + bytes(5000), "audio/flac")
    error = fails(playable(server, "/a"), folder, r"Some Song is too large", replace(POLICY, max_bytes=5000))
    assert error.status == 413


@pytest.mark.parametrize("with_length", [True, False])
def test_what_never_ends_is_ended_at_the_limit(server: LocalServer, folder: Path, with_length: bool) -> None:
    sent = []

    def endless(asked: Asked) -> None:
        page = Page(content_type="audio/flac", headers=(("Transfer-Encoding", "chunked"),), with_length=False)
        head = page.head() if with_length else Page(content_type="audio/flac", with_length=False).head()
        asked.send(head)
        piece = b"fLaC" + bytes(9996)
        while asked.send(b"2710\r\n" + piece + b"\r\n" if with_length else piece):
            sent.append(len(piece))

    server.routes["/a"] = endless
    error = fails(playable(server, "/a"), folder, "too large", replace(POLICY, max_bytes=300_000))
    assert error.status == 413
    server.close()
    assert sum(sent) < 30_000_000  # what was on the way


def test_what_is_too_long_by_the_page_s_word_or_by_its_own_is_refused(
    server: LocalServer, folder: Path, tone: Path
) -> None:
    policy = replace(POLICY, max_seconds=2.0)
    error = fails(playable(server, "/a", seconds=3.0), folder, "hours long", policy)
    assert error.status == 413 and not server.asked
    server.routes["/a"] = Page(tone.read_bytes(), "audio/flac")
    assert fails(playable(server, "/a"), folder, "hours long", policy).status == 413


def test_a_small_file_that_unpacks_to_very_much_silence_is_refused(
    server: LocalServer, folder: Path, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.flac"
    soundfile.write(bomb, np.zeros(600 * 8000, dtype=np.int16), 8000)
    assert bomb.stat().st_size < 50_000
    server.routes["/a"] = Page(bomb.read_bytes(), "audio/flac")
    fails(playable(server, "/a"), folder, "0.2 hours long", replace(POLICY, max_seconds=300.0))


def test_what_comes_too_slowly_is_given_up(server: LocalServer, folder: Path) -> None:
    def slow(asked: Asked) -> None:
        asked.send(Page(bytes(1_000_000), "audio/flac").head() + b"fLaC" + bytes(3000))
        while asked.send(bytes(10)) and not asked.closing.wait(0.02):
            pass

    server.routes["/a"] = slow
    policy = replace(POLICY, fetch_seconds=0.4)
    assert fails(playable(server, "/a"), folder, "too slowly|too long to answer", policy).status == 504


def test_what_breaks_off_is_not_kept(server: LocalServer, folder: Path, tone: Path) -> None:
    data = tone.read_bytes()

    def broken(asked: Asked) -> None:
        asked.send(Page(data, "audio/flac").head() + data[:-1000])

    server.routes["/a"] = broken
    assert fails(playable(server, "/a"), folder, "broke off").temporary


def test_it_can_be_cancelled_and_leaves_nothing(server: LocalServer, folder: Path) -> None:
    cancelled = threading.Event()

    def endless(asked: Asked) -> None:
        asked.send(Page(bytes(10_000_000), "audio/flac").head() + b"fLaC" + bytes(3000))
        while asked.send(bytes(1000)) and not asked.closing.wait(0.002):
            pass

    server.routes["/a"] = endless
    web = Web(POLICY)
    fails(
        playable(server, "/a"),
        folder,
        "cancelled",
        web=web,
        cancelled=cancelled.is_set,
        progress=lambda done, _: cancelled.set() if done > 10_000 else None,
    )
    server.routes["/b"] = Page(b"x")
    for _ in range(POLICY.max_fetches):  # every connection has been given back
        web.open(server.url("/b"))


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (Page(b"", "audio/flac"), "empty"),
        (Page(b"<html>", "text/html"), "no sound"),
        (Page(b"these are words", "audio/mpeg"), "no sound"),
        (Page(b"#EXTM3U\nfile:///etc/passwd\n", "audio/flac"), "no sound"),
        (Page(b"fLaC" + bytes(3000), "audio/flac"), "cannot be read as sound"),
        (Page(b"\xff\xfb\x90\x64" + bytes(5000), "audio/mpeg"), "cannot be read as sound"),
        (Page(bytes(range(256)) * 10, "audio/mpeg"), "cannot be read as sound"),
        (Page(bytes(range(256)) * 10, "video/mp4"), "cannot be read as sound"),
        (Page(status="404 Not Found"), "404"),
        (redirect("http://169.254.169.254/"), "secrets"),
    ],
)
def test_what_turns_out_to_be_no_sound_is_not_kept(server: LocalServer, folder: Path, page: Page, says: str) -> None:
    server.routes["/a"] = page
    fails(playable(server, "/a"), folder, says)


@pytest.mark.parametrize("said", ["bytes 7-9/100", "bytes 0-9/*", "nonsense", ""])
def test_pieces_that_were_not_asked_for_are_refused(server: LocalServer, folder: Path, said: str) -> None:
    server.routes["/a"] = Page(b"fLaC", "audio/flac", "206 Partial Content", (("Content-Range", said),))
    fails(playable(server, "/a", chunk_bytes=10), folder, "other pieces")


def test_pieces_of_which_there_is_no_end_are_refused(server: LocalServer, folder: Path) -> None:
    def empty(asked: Asked) -> None:
        start = int(asked.headers["range"][6:].split("-")[0])
        headers = (("Content-Range", f"bytes {start}-{start}/1000000"),)
        asked.answer(Page(b"" if start else b"fLaC", "audio/flac", "206 Partial Content", headers))

    server.routes["/a"] = empty
    fails(playable(server, "/a", chunk_bytes=10), folder, "other pieces")
    assert len(server.asked) == 2


def test_a_file_whose_content_names_other_files_does_not_open_them(
    server: LocalServer, folder: Path, tmp_path: Path
) -> None:
    secret = write_tone(tmp_path / "secret.wav", 1.0)
    for body in (
        f"ffconcat version 1.0\nfile {secret}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        f"<MPD><BaseURL>file://{secret}</BaseURL></MPD>",
    ):
        server.routes["/a"] = Page(body.encode() + b"\x00\x01" * 2000, "audio/mp4")
        fails(playable(server, "/a"), folder, "no sound|cannot be read as sound")


def test_a_full_disk_is_said_and_nothing_is_left(
    server: LocalServer, folder: Path, tone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes["/a"] = Page(tone.read_bytes(), "audio/flac")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    error = fails(playable(server, "/a"), folder, "No space left", progress=full)
    assert error.status == 507
    missing = folder / "missing"
    with pytest.raises(LinkError, match="cannot be kept"):
        fetch_whole(playable(server, "/a"), missing, Web(POLICY))


def test_a_page_cannot_have_fetched_what_is_private(internet: Internet, folder: Path) -> None:
    internet.names["lan.test"] = "10.1.2.3"
    for url in ("http://lan.test/a.mp3", "http://127.0.0.1/a.mp3", "file:///etc/passwd"):
        fails(Playable(url, "Some Song", "stream", False), folder, "address|not of the web", web=internet.web())
    assert not internet.dialled
