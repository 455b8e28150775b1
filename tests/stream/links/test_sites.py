"""Pages of known sites, read by yt-dlp, which gets nothing but what our checks let through."""

from __future__ import annotations

import html
import importlib.util
import json
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yt_dlp
from yt_dlp.extractor.common import InfoExtractor

from model.errors import LinkError
from stream.links import sites
from stream.links.playable import Playable, find_playable
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from tests.stream.links.conftest import PUBLIC_ADDRESS, Internet
from tests.stream.links.servers import Asked, Page, redirect

PAGE = "http://madeup.test/song/42"


class MadeUpIE(InfoExtractor):
    """A site that exists only here. What its page says is taken for what is to be played."""

    _VALID_URL = r"https?://madeup\.test/song/(?P<id>\d+)"

    def _real_extract(self, url: str) -> dict[str, Any]:
        song = self._match_id(url)
        page = self._download_webpage(url, song)
        told = self._search_json(r"data =", page, "data", song)
        for also in told.pop("also", []):
            self._download_webpage(also, song)
        return {"id": song, **told}


class MadeUpAlbumIE(InfoExtractor):
    _VALID_URL = r"https?://madeup\.test/album/(?P<id>\d+)"

    def _real_extract(self, url: str) -> dict[str, Any]:
        return self.playlist_result((self.url_result(f"http://madeup.test/song/{n}") for n in range(42, 99)), "1")


def look(internet: Internet, url: str = PAGE, policy: LinkPolicy | None = None) -> Playable | None:
    return sites.site_playable(url, internet.web(policy), extra=(MadeUpIE, MadeUpAlbumIE))


def say(internet: Internet, **told: object) -> None:
    """Make this the made-up page."""
    told = {"title": "Song", "uploader": "The Testers"} | told
    internet.plain.routes["/song/42"] = Page(f"<script>data = {json.dumps(told)}</script>".encode(), "text/html")


def audio(url: str = "http://media.test/a.m4a", **more: object) -> dict[str, object]:
    return {"url": url, "ext": "m4a", "acodec": "mp4a.40.2", "vcodec": "none", "abr": 128, "format_id": "a"} | more


# ---- which pages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://youtu.be/dQw4w9WgXcQ",
        "https://music.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://soundcloud.com/somebody/a-song",
        "https://somebody.bandcamp.com/track/a-song",
        "https://www.mixcloud.com/somebody/a-mix/",
        "https://vimeo.com/12345678",
    ],
)
def test_pages_of_well_known_sites_are_known_without_asking_for_anything(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "socket", None)
    assert sites.known_site(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://example.com/song.mp3",
        "https://example.com/embed?v=https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "http://127.0.0.1:8050/",
        "ytsearch:anything",
        "file:///etc/passwd",
    ],
)
def test_other_pages_are_not_searched_for_sound(url: str, internet: Internet) -> None:
    if not url.startswith("ytsearch"):
        assert not sites.known_site(url)
    with pytest.raises(LinkError):
        find_playable(url, internet.web())
    assert not any("youtube" in asked.headers.get("host", "") for asked in internet.encrypted.asked)


# ---- what is played --------------------------------------------------------------------------------------------------


def test_a_page_gives_what_it_is_about_who_made_it_and_how_long_it_is(internet: Internet) -> None:
    say(internet, duration=212, formats=[audio(http_headers={"Referer": PAGE, "Cookie": "a=b", "X-Y": "z"})])
    found = look(internet)
    assert found is not None
    assert (found.url, found.kind, found.live) == ("http://media.test/a.m4a", "stream", False)
    assert (found.title, found.station, found.seconds) == ("Song", "The Testers", 212.0)
    assert found.headers["Referer"] == PAGE and "User-Agent" in found.headers
    assert not {"Cookie", "X-Y"} & set(found.headers)


def test_sound_alone_is_chosen_before_sound_with_pictures_and_not_better_than_needed(internet: Internet) -> None:
    picture = {"ext": "mp4", "acodec": "mp4a.40.2", "vcodec": "avc1", "url": "http://media.test/v.mp4"}
    hls = {"protocol": "m3u8_native", "ext": "mp4"}
    cases: list[tuple[list[dict[str, object]], str]] = [
        ([audio(abr=48, url="http://m.test/48"), audio(abr=128, url="http://m.test/128"), picture], "128"),
        ([audio(abr=320, url="http://m.test/320"), audio(abr=256, url="http://m.test/256")], "256"),
        ([picture | {"tbr": 5000}, picture | {"tbr": 500, "url": "http://m.test/small"}], "small"),
        ([audio(**hls, url="http://m.test/hls"), picture], "v.mp4"),
        ([audio(**hls, url="http://m.test/a.m3u8"), picture | hls | {"url": "http://m.test/v.m3u8"}], "a.m3u8"),
        ([{"url": "http://m.test/plain.mp3"}], "plain.mp3"),
        ([audio(protocol="http_dash_segments", fragments=[{"url": "x"}]), audio(url="http://m.test/whole")], "whole"),
    ]
    for formats, chosen in cases:
        for number, one in enumerate(formats):
            one["format_id"] = str(number)
        say(internet, formats=formats)
        found = look(internet)
        assert found is not None and found.url.endswith(chosen)
        assert (found.kind == "hls") == found.url.endswith("m3u8")


def test_a_live_page_is_live(internet: Internet) -> None:
    say(internet, is_live=True, formats=[audio("http://media.test/live.m3u8", protocol="m3u8_native")])
    found = look(internet)
    assert found is not None and found.live and found.kind == "hls"


def test_of_a_list_the_first_is_played_and_the_others_are_not_asked_for(internet: Internet) -> None:
    say(internet, formats=[audio()])
    found = look(internet, "http://madeup.test/album/1")
    assert found is not None and found.title == "Song"
    assert internet.plain.paths() == ["/song/42"]


@pytest.mark.parametrize(
    ("formats", "says"),
    [
        ([audio(protocol="http_dash_segments", fragments=[{"url": "x"}])], "DASH"),
        ([audio(url="rtmp://media.test/live", protocol="rtmp")], "rtmp"),
        ([{"url": "http://media.test/v", "acodec": "none", "vcodec": "avc1", "format_id": "v"}], "none"),
        ([audio(has_drm=True)], "DRM"),
        ([], "No video formats found"),
    ],
)
def test_what_cannot_be_played_of_a_page_is_said(
    internet: Internet, formats: list[dict[str, object]], says: str
) -> None:
    say(internet, formats=formats)
    with pytest.raises(LinkError, match=says) as caught:
        look(internet)
    assert "report" not in str(caught.value) and "\n" not in str(caught.value)


# ---- what yt-dlp must not do -----------------------------------------------------------------------------------------

HOSTILE = [
    ("http://127.0.0.1:8050/", "of this machine"),
    ("http://10.0.0.1/", "private network"),
    ("http://lan.test/", "private network"),
    ("http://169.254.169.254/latest/meta-data/", "secrets"),
    ("http://[::1]/", "of this machine"),
    ("http://2130706433/", "unusual spelling"),
    ("http://public.test/to-lan", "private network"),
    ("http://public.test/to-file", "not of the web"),
]
ELSEWHERE = ["file:///etc/passwd", "ftp://public.test/", "data:text/plain,hello", "ws://public.test/", "rtsp://a.test/"]


@pytest.mark.parametrize(("url", "says"), HOSTILE)
def test_an_extractor_cannot_ask_for_what_is_not_public(internet: Internet, url: str, says: str) -> None:
    internet.names["lan.test"] = "192.168.0.1"
    internet.plain.routes |= {"/to-lan": redirect("http://10.0.0.1/"), "/to-file": redirect("file:///etc/passwd")}
    say(internet, formats=[audio()], also=[url])
    with pytest.raises(LinkError, match=says) as caught:
        look(internet)
    assert caught.value.status == 422
    assert {address for address, _ in internet.dialled} == {PUBLIC_ADDRESS}


@pytest.mark.parametrize("url", ELSEWHERE)
def test_an_extractor_cannot_speak_other_protocols(internet: Internet, url: str) -> None:
    say(internet, formats=[audio()], also=[url])
    with pytest.raises(LinkError, match="cannot be played"):
        look(internet)
    assert internet.plain.paths() == ["/song/42"]


@pytest.mark.parametrize(("url", "says"), HOSTILE[:6])
def test_what_a_page_wants_played_is_checked_like_a_link(internet: Internet, url: str, says: str) -> None:
    internet.names["lan.test"] = "192.168.0.1"
    say(internet, formats=[audio(url)])
    with pytest.raises(LinkError, match=says):
        look(internet)


def test_a_page_that_hands_over_to_another_site_does_not_get_one_that_is_not_known(internet: Internet) -> None:
    say(internet, _type="url", url="http://public.test/whatever.html")
    with pytest.raises(LinkError):
        look(internet)
    assert internet.plain.paths() == ["/song/42"]


def test_no_program_is_started_and_no_name_looked_up_but_through_the_check(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("that goes around the checks")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    say(internet, formats=[audio()])
    assert look(internet) is not None


def test_nothing_of_the_environment_is_used(
    internet: Internet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "yt-dlp").mkdir()
    (tmp_path / "yt-dlp" / "config").write_text("--exec touch /tmp/never\n--print-traffic\n")
    (tmp_path / "yt-dlp.conf").write_text("--nonsense\n")
    (tmp_path / ".netrc").write_text("machine madeup login me password secret\n")
    plugin = tmp_path / "yt-dlp" / "plugins" / "bad" / "yt_dlp_plugins" / "extractor"
    plugin.mkdir(parents=True)
    (plugin / "bad.py").write_text("raise SystemExit('a plug-in was loaded')\n")
    monkeypatch.setattr(yt_dlp.globals.all_plugins_loaded, "value", False)
    say(internet, formats=[audio()])
    assert look(internet) is not None
    headers = internet.plain.asked[0].headers
    assert "authorization" not in headers and "cookie" not in headers and headers["accept-encoding"] == "identity"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".netrc", "yt-dlp", "yt-dlp.conf"]  # nothing is kept
    assert capfd.readouterr() == ("", "")


def test_cookies_last_for_one_look_and_go_to_their_own_site_only(internet: Internet) -> None:
    say(internet, formats=[audio()], also=["http://madeup.test/next", "http://public.test/next"])
    page = internet.plain.routes["/song/42"]
    assert isinstance(page, Page)
    internet.plain.routes |= {
        "/song/42": Page(page.body, "text/html", headers=(("Set-Cookie", "visit=1; path=/"),)),
        "/next": Page(b"ok"),
    }
    for _ in range(2):
        look(internet)
    assert [asked.headers.get("cookie") for asked in internet.plain.asked] == [None, "visit=1", None] * 2


def test_an_answer_that_does_not_end_or_comes_again_and_again_is_given_up(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(asked: Asked) -> None:
        asked.send(Page(with_length=False).head())
        while asked.send(bytes(100_000)):
            pass

    internet.plain.routes |= {"/endless": endless, "/again": Page(b"ok")}
    monkeypatch.setattr(sites, "MAX_ANSWER_BYTES", 1_000_000)
    say(internet, formats=[audio()], also=["http://madeup.test/endless"])
    with pytest.raises(LinkError, match="too large"):
        look(internet)
    say(internet, formats=[audio()], also=["http://madeup.test/again"] * 200)
    internet.plain.asked.clear()
    with pytest.raises(LinkError, match="takes too long to find"):
        look(internet)
    assert len(internet.plain.asked) == sites.MAX_REQUESTS


def test_nothing_stays_open_after_a_look_that_failed(internet: Internet) -> None:
    web = internet.web(LinkPolicy(max_fetches=1))
    for _ in range(3):
        with pytest.raises(LinkError, match="404"):
            sites.site_playable(PAGE, web, extra=(MadeUpIE,))


def test_every_extractor_that_starts_a_program_is_left_out() -> None:
    folder = Path(yt_dlp.__file__).parent / "extractor"
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.name in ("common.py", "openload.py") or "jsc" in path.parts:
            continue  # the base of all, the starter itself, and what needs a JavaScript runtime, which is switched off
        if re.search(r"PhantomJS|subprocess|Popen|os\.system", text):
            spec = importlib.util.find_spec(f"yt_dlp.extractor.{path.stem}")
            assert spec is not None
            module = importlib.import_module(spec.name)
            found = [one for name, one in vars(module).items() if name.endswith("IE") and one.__module__ == spec.name]
            for one in found:
                assert not one._VALID_URL or not sites._used(one.IE_NAME), one.IE_NAME


# ---- its own extractors, with answers of the form their sites give ---------------------------------------------------


def youtube_player(**more: object) -> dict[str, Any]:
    def one(itag: int, kind: str, **also: object) -> dict[str, object]:
        url = f"https://rr1---sn-test.googlevideo.com/videoplayback?itag={itag}"
        return {"itag": itag, "mimeType": kind, "url": url, "bitrate": 130_000, "contentLength": "3400000"} | also

    return {
        "playabilityStatus": {"status": "OK"},
        "videoDetails": {
            "videoId": "abcdefghijk",
            "title": "A Song That Is Made Up",
            "lengthSeconds": "212",
            "channelId": "UC" + "a" * 22,
            "author": "The Testers",
            "shortDescription": "",
        },
        "streamingData": {
            "adaptiveFormats": [
                one(140, 'audio/mp4; codecs="mp4a.40.2"', averageBitrate=129_000, audioSampleRate="44100"),
                one(251, 'audio/webm; codecs="opus"', averageBitrate=190_000, audioSampleRate="48000"),
                one(137, 'video/mp4; codecs="avc1.640028"', width=1920, height=1080, fps=25),
            ]
        },
    } | more


def youtube(internet: Internet, player: dict[str, Any]) -> Callable[[], Playable]:
    def posted(asked: Asked) -> None:
        assert asked.method == "POST" and json.loads(asked.body)["videoId"] == "abcdefghijk"
        answer = player if "/player" in asked.target else {"contents": {}}
        asked.answer(Page(json.dumps(answer).encode(), "application/json"))

    internet.encrypted.routes |= {
        "/watch": Page(b"<!DOCTYPE html><html><title>YouTube</title></html>", "text/html"),
        "/youtubei/v1/player": posted,
        "/youtubei/v1/next": posted,
    }
    return lambda: find_playable("https://www.youtube.com/watch?v=abcdefghijk", internet.web())


def test_a_youtube_page_is_played_by_its_sound(internet: Internet) -> None:
    found = youtube(internet, youtube_player())()
    assert found.url == "https://rr1---sn-test.googlevideo.com/videoplayback?itag=140"
    assert (found.title, found.seconds, found.live) == ("A Song That Is Made Up", 212.0, False)
    assert found.station in ("The Testers", "youtube.com")
    assert found.chunk_bytes is not None  # its servers are slow with whole files


def test_a_youtube_video_that_is_gone_says_so_in_youtube_s_words(internet: Internet) -> None:
    gone = {"status": "ERROR", "reason": "This video is not available any more in tests"}
    with pytest.raises(LinkError, match="not available any more in tests") as caught:
        youtube(internet, youtube_player(playabilityStatus=gone, streamingData={}))()
    assert "report" not in str(caught.value)


def test_a_youtube_answer_cannot_lead_to_this_machine(internet: Internet) -> None:
    player = youtube_player()
    for one in player["streamingData"]["adaptiveFormats"]:
        one["url"] = "http://127.0.0.1:8050/live"
    with pytest.raises(LinkError, match="of this machine"):
        youtube(internet, player)()


def test_a_bandcamp_page_is_played(internet: Internet) -> None:
    track = {"title": "Song", "track_id": 7, "duration": 99.5, "file": {"mp3-128": "https://t4.bcbits.com/stream/7"}}
    tralbum = html.escape(json.dumps({"id": 7, "trackinfo": [track]}))
    embed = html.escape(json.dumps({"artist": "The Testers"}))
    internet.encrypted.routes["/track/song"] = Page(
        f'<html><meta property="og:image" content="https://f4.bcbits.com/a.jpg">'
        f'<script data-tralbum="{tralbum}" data-embed="{embed}"></script>'.encode(),
        "text/html",
    )
    found = find_playable("https://testers.bandcamp.com/track/song", internet.web())
    assert (found.url, found.kind) == ("https://t4.bcbits.com/stream/7", "stream")
    assert (found.title, found.station, found.seconds) == ("The Testers - Song", "The Testers", 99.5)


# ---- without it ------------------------------------------------------------------------------------------------------


def test_without_yt_dlp_pages_say_what_to_install_and_other_links_work(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yt_dlp", None)
    internet.plain.routes |= {
        "/page": Page(b"<html>", "text/html"),
        "/a.mp3": Page(b"\xff\xfb\x90\x64" + bytes(500), "audio/mpeg"),
    }
    web: Web = internet.web()
    assert find_playable("http://public.test/a.mp3", web).title == "a"
    with pytest.raises(LinkError, match=r"pip install 'genrescope\[links\]'") as caught:
        find_playable("http://public.test/page", web)
    assert caught.value.status == 501
    with pytest.raises(LinkError, match="404"):
        find_playable("http://public.test/gone", web)
