"""What is found behind links: files, stations, playlists, and what is none of these."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import LinkError
from stream.links.icy import clean_title
from stream.links.playable import Playable, find_playable
from stream.links.playlist import MAX_PLAYLIST_BYTES, entries
from stream.links.policy import LinkPolicy
from stream.links.sound_kind import looks_like_text, sound_suffix
from stream.links.web import Web
from tests.sounds import ffmpeg, write_tone
from tests.stream.links.conftest import Internet
from tests.stream.links.servers import Asked, LocalServer, Page, redirect, resolver

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x64" + bytes(3000)
MEDIA = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXTINF:2.5,\nb.ts\n"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer({"/a.mp3": Page(MP3, "audio/mpeg")}) as running:
        yield running


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web(LinkPolicy(allow_private=True, read_seconds=2.0), resolve=resolver({"radio.test": "127.0.0.1"}))
    yield made
    made.close()


def no_site(url: str, web: Web) -> None:
    return None


def find(server: LocalServer, path: str, web: Web) -> Playable:
    return find_playable(server.url(path), web, extractor=no_site)


# ---- sound -----------------------------------------------------------------------------------------------------------


def test_a_file_is_found_with_the_name_it_has_and_an_end(server: LocalServer, web: Web) -> None:
    server.routes["/music/K%C3%B6ln%20Concert.mp3"] = Page(MP3, "audio/mpeg")
    found = find(server, "/music/Köln Concert.mp3?x=1", web)
    assert (found.kind, found.live, found.title, found.station) == ("stream", False, "Köln Concert", "")
    assert found.url == server.url("/music/Köln Concert.mp3?x=1")


def test_a_station_is_live_and_has_the_name_it_gives_itself(server: LocalServer, web: Web) -> None:
    def station(asked: Asked) -> None:
        asked.send("ICY 200 OK\r\nicy-name:Café  del\tMar\r\ncontent-type:audio/mpeg\r\n\r\n".encode())
        while asked.send(MP3[10:]) and not asked.closing.wait(0.01):
            pass

    server.routes["/;stream"] = station
    found = find(server, "/;stream", web)
    assert (found.live, found.station, found.title) == (True, "Café del Mar", "Café del Mar")


def test_what_has_no_length_is_live(server: LocalServer, web: Web) -> None:
    server.routes["/a"] = Page(MP3, "audio/mpeg", with_length=False)
    assert find(server, "/a", web).live


def test_the_name_a_file_is_to_be_saved_under_is_only_shown(server: LocalServer, web: Web) -> None:
    disposition = 'attachment; filename="../../etc/My\tSong.mp3"'
    server.routes["/get"] = Page(MP3, "application/octet-stream", headers=(("Content-Disposition", disposition),))
    assert find(server, "/get", web).title == "../../etc/My Song"


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "application/octet-stream", "", "image/png"])
def test_bytes_count_more_than_what_a_server_says_of_them(server: LocalServer, web: Web, content_type: str) -> None:
    server.routes["/x"] = Page(MP3, content_type)
    assert find(server, "/x", web).kind == "stream"


def test_sound_of_every_kind_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    tone = write_tone(tmp_path / "tone.wav", 1.0)
    for name in ("wav", "flac", "ogg", "mp3"):
        if name != "wav":
            write_tone(tmp_path / f"tone.{name}", 1.0)
        assert sound_suffix("", (tmp_path / f"tone.{name}").read_bytes()[:2048]) == f".{name}"
    for name, kind in (("m4a", ".m4a"), ("aac", ".aac"), ("webm", ".webm"), ("wma", ".wma"), ("ts", ".ts")):
        ffmpeg("-i", tone, tmp_path / f"tone.{name}")
        assert sound_suffix("", (tmp_path / f"tone.{name}").read_bytes()[:2048]) == kind


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"<html>",
        b"hello",
        bytes(2048),
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"MZ",
    ],
)
def test_what_is_no_sound_is_not_taken_for_any(start: bytes) -> None:
    assert sound_suffix("", start) is None
    assert sound_suffix("text/html; charset=utf-8", start) is None


def test_text_is_not_taken_for_sound_whatever_is_said_of_it() -> None:
    assert sound_suffix("audio/mpeg", b"<html>not found</html>") is None
    assert looks_like_text("Grüße".encode()) and not looks_like_text(b"")
    assert sound_suffix("audio/x-unheard-of", bytes(range(256))) == ".mp3"


# ---- playlists -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "path"),
    [
        (b"#EXTM3U\n#EXTINF:-1,The Station\n{}\n", "audio/x-mpegurl", "/list"),
        (b"#EXTINF:-1,The Station\r\n{}\r\n", "audio/mpegurl", "/list"),
        (b"\xef\xbb\xbf#EXTM3U\r\n#EXTINF:-1,The Station\r\n{}\r\n", "text/plain", "/list"),
        (b"# my list\n#EXTINF:-1,The Station\n{}", "text/plain", "/list.m3u"),
        (b"[playlist]\nNumberOfEntries=1\nFile1={}\nTitle1=The Station\nLength1=-1\n", "audio/x-scpls", "/list"),
        (b"[Playlist]\r\ntitle2=No\r\nFile2=http://no.test/\r\nfile1 = {}\r\ntitle1=The Station", "", "/list.pls"),
    ],
)
@pytest.mark.parametrize("how", ["/a.mp3", "a.mp3", "{whole}"])
def test_the_first_entry_of_a_playlist_is_played_under_the_name_it_has_there(
    server: LocalServer, web: Web, body: bytes, content_type: str, path: str, how: str
) -> None:
    entry = how.replace("{whole}", server.url("/a.mp3"))
    server.routes[path] = Page(body.replace(b"{}", entry.encode()), content_type)
    found = find(server, path, web)
    assert (found.url, found.title, found.kind) == (server.url("/a.mp3"), "The Station", "stream")


HOSTILE_ENTRIES = [
    ("file:///etc/passwd", "not of the web"),
    ("FILE:///etc/passwd", "not of the web"),
    ("file://localhost/etc/passwd", "not of the web"),
    ("concat:/etc/passwd|/etc/group", "not of the web"),
    ("data:audio/mpeg;base64,AAAA", "not of the web"),
    ("subfile,,start,0,end,0,,:/etc/passwd", "404|not of the web"),
    ("pipe:0", "not of the web"),
    ("unix:/run/docker.sock", "not of the web"),
    ("crypto+file:///etc/passwd", "not of the web"),
    ("gopher://127.0.0.1:6379/_X", "not of the web"),
    ("C:\\Users\\me\\secret.txt", "backslashes"),
    ("\\\\server\\share\\a.mp3", "backslashes"),
    ("/etc/passwd", "404"),  # asked for at the playlist's server, where it belongs
    ("../../../../etc/passwd", "404"),
    ("//169.254.169.254/latest/", "secrets"),
    ("http://169.254.169.254/latest/", "secrets"),
    ("http://user:pass@radio.test/", "user name"),
    ("http://radio.test:6379/", "port 6379|no server"),
    ("http://[::ffff:127.0.0.1]/", "IPv4-mapped"),
]


@pytest.mark.parametrize(("entry", "says"), HOSTILE_ENTRIES)
@pytest.mark.parametrize("kind", ["m3u", "pls"])
def test_playlists_cannot_smuggle_anything_in(server: LocalServer, web: Web, entry: str, says: str, kind: str) -> None:
    text = f"#EXTM3U\n{entry}\n" if kind == "m3u" else f"[playlist]\nFile1={entry}\n"
    server.routes["/list"] = Page(text.encode(), "audio/x-mpegurl" if kind == "m3u" else "audio/x-scpls")
    with pytest.raises(LinkError, match=says):
        find(server, "/list", web)


def test_a_playlist_s_entries_may_not_lead_to_private_addresses(internet: Internet) -> None:
    for entry in ("http://127.0.0.1:8050/", "http://10.0.0.1/a.mp3", "http://lan.test/a.mp3", "http://2130706433/"):
        internet.names["lan.test"] = "192.168.0.1"
        internet.plain.routes["/list"] = Page(f"#EXTM3U\n{entry}\n".encode(), "audio/x-mpegurl")
        with pytest.raises(LinkError, match=r"address"):
            find_playable("http://public.test/list", internet.web(), extractor=no_site)


def test_what_cannot_be_asked_for_is_passed_over_for_what_can(server: LocalServer, web: Web) -> None:
    body = b"#EXTM3U\nfile:///etc/passwd\n#EXTINF:1,Gone\n/gone.mp3\n#EXTINF:1,Good\n/a.mp3\n"
    server.routes["/list"] = Page(body, "audio/x-mpegurl")
    assert find(server, "/list", web).title == "Good"
    assert server.paths() == ["/list", "/gone.mp3", "/a.mp3"]


def test_a_playlist_of_many_that_do_not_work_makes_few_requests(server: LocalServer, web: Web) -> None:
    server.routes["/list"] = Page(b"#EXTM3U\n" + b"".join(b"/%d.mp3\n" % n for n in range(400)), "audio/x-mpegurl")
    with pytest.raises(LinkError, match="404"):
        find(server, "/list", web)
    assert len(server.asked) < 10


def test_playlists_in_playlists_are_followed_but_not_for_ever(server: LocalServer, web: Web) -> None:
    for number in range(6):
        server.routes[f"/{number}"] = Page(f"#EXTM3U\n/{number + 1}\n".encode(), "audio/x-mpegurl")
    server.routes["/6"] = Page(MP3, "audio/mpeg")
    assert find(server, "/3", web).url == server.url("/6")
    with pytest.raises(LinkError, match="playlist in a playlist"):
        find(server, "/2", web)
    server.routes["/self"] = Page(b"#EXTM3U\n/self\n" * 50, "audio/x-mpegurl")
    server.asked.clear()
    with pytest.raises(LinkError, match="playlist in a playlist"):
        find(server, "/self", web)
    assert len(server.asked) < 30


def test_an_endless_playlist_is_refused(server: LocalServer, web: Web) -> None:
    def endless(asked: Asked) -> None:
        asked.send(Page(b"#EXTM3U\n", "audio/x-mpegurl", with_length=False).head() + b"#EXTM3U\n")
        while asked.send(b"# nothing\n" * 1000):
            pass

    server.routes["/list"] = endless
    with pytest.raises(LinkError, match="too long for a playlist") as caught:
        find(server, "/list", web)
    assert caught.value.status == 413
    assert MAX_PLAYLIST_BYTES < 1 << 20


def test_an_empty_playlist_says_so(server: LocalServer, web: Web) -> None:
    for body, content_type in ((b"#EXTM3U\n", "audio/x-mpegurl"), (b"[playlist]\nFile1=\n", "audio/x-scpls")):
        server.routes["/list"] = Page(body, content_type)
        with pytest.raises(LinkError):
            find(server, "/list", web)


def test_titles_are_of_one_line_and_short() -> None:
    assert clean_title(" a\n\x00b\u202e  c ") == "a b c"
    assert len(clean_title("x" * 10_000)) == 200
    (entry,) = entries("#EXTINF:-1," + "y" * 5000 + "\nhttp://radio.test/\n", "m3u", "http://radio.test/")
    assert len(entry.title) == 200


# ---- HLS -------------------------------------------------------------------------------------------------------------


def test_an_hls_stream_is_found_and_it_is_known_whether_it_has_an_end(server: LocalServer, web: Web) -> None:
    server.routes |= {
        "/live.m3u8": Page(MEDIA.encode(), "application/vnd.apple.mpegurl"),
        "/done.m3u8": Page(f"{MEDIA}#EXT-X-ENDLIST\n".encode(), "text/plain"),
        "/master.m3u8": Page(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000\n/done.m3u8\n", "application/x-mpegurl"),
    }
    live = find(server, "/live.m3u8", web)
    assert (live.kind, live.live, live.seconds, live.title) == ("hls", True, None, "live")
    for path in ("/done.m3u8", "/master.m3u8"):
        done = find(server, path, web)
        assert (done.kind, done.live, done.seconds) == ("hls", False, 6.5)


def test_an_hls_stream_may_not_lead_to_private_addresses(internet: Internet) -> None:
    internet.plain.routes["/a.m3u8"] = Page(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://10.0.0.1/b.m3u8\n")
    with pytest.raises(LinkError, match="private network"):
        find_playable("http://public.test/a.m3u8", internet.web(), extractor=no_site)


# ---- what is none of these -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (Page(b"<!DOCTYPE html><html>", "text/html"), "a web page"),
        (Page(b"<html>", "application/octet-stream"), "a web page"),
        (Page(b"%PDF-1.7 \x00\x01", "application/pdf"), r"no sound \(application/pdf\)"),
        (Page(b"", "audio/mpeg"), "empty"),
        (Page(b'<?xml version="1.0"?><rss>', "application/rss+xml"), "a feed"),
        (Page(b'<?xml version="1.0"?><MPD xmlns="urn">', "application/dash+xml"), "a DASH stream"),
        (Page(b"\x00\x01\x02", "x\x7fy"), "no sound"),
    ],
)
def test_what_cannot_be_played_is_said_to_be_what_it_is_and_what_could_be_is_named(
    server: LocalServer, web: Web, page: Page, says: str
) -> None:
    server.routes["/x"] = page
    with pytest.raises(LinkError, match=says) as caught:
        find(server, "/x", web)
    assert "radio stations" in str(caught.value)


def test_a_page_is_given_to_the_extractor_also_where_it_turns_programs_away(server: LocalServer, web: Web) -> None:
    server.routes |= {"/page": Page(b"<html>", "text/html"), "/shy": Page(status="403 Forbidden")}
    asked = []

    def extractor(url: str, _: Web) -> Playable | None:
        asked.append(url)
        return Playable(server.url("/a.mp3"), "Song", "stream", False) if "gone" not in url else None

    for path in ("/page", "/shy"):
        assert find_playable(server.url(path), web, extractor=extractor).title == "Song"
    with pytest.raises(LinkError, match="404"):
        find_playable(server.url("/gone"), web, extractor=extractor)
    assert len(asked) == 3


def test_the_extractor_is_not_asked_about_links_that_are_refused(internet: Internet) -> None:
    def extractor(url: str, _: Web) -> Playable | None:
        raise AssertionError(f"asked about {url}")

    internet.names["lan.test"] = "192.168.0.1"
    for url in ("file:///etc/passwd", "http://lan.test/", "http://127.0.0.1/", "http://a@public.test/"):
        with pytest.raises(LinkError):
            find_playable(url, internet.web(), extractor=extractor)


def test_a_way_over_an_open_address_is_not_hidden(internet: Internet) -> None:
    internet.encrypted.routes["/"] = redirect("http://public.test/a.mp3")
    internet.plain.routes["/a.mp3"] = Page(MP3, "audio/mpeg")
    assert find_playable("https://public.test/", internet.web(), extractor=no_site).downgraded
    assert not find_playable("http://public.test/a.mp3", internet.web(), extractor=no_site).downgraded


def test_nothing_stays_open_after_looking(server: LocalServer) -> None:
    web = Web(LinkPolicy(allow_private=True, max_fetches=2, read_seconds=2.0))
    server.routes |= {"/list": Page(b"#EXTM3U\n/a.mp3\n", "audio/x-mpegurl"), "/page": Page(b"<html>", "text/html")}
    for _ in range(3):
        find(server, "/list", web)
        for path in ("/page", "/gone"):
            with pytest.raises(LinkError):
                find(server, path, web)
