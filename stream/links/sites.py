"""Pages of YouTube, SoundCloud and the other sites that yt-dlp knows: what they play, and by whom it is.

yt-dlp reads what strangers have written, so it is given as little as possible: all that it asks for goes through our
checks (`web.py`) and counts towards a limit, and it gets no files, plug-ins, settings, cookies, proxies or passwords
of this machine and starts no programs. Pages of sites it does not know are not searched for sound.
"""

from __future__ import annotations

import functools
import io
import re
import threading
import types
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import yt_dlp
import yt_dlp.globals
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.networking import Request, RequestDirector, RequestHandler, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import DownloadError

from model.errors import LinkError
from stream.links.address import checked_address, shown
from stream.links.icy import clean_title
from stream.links.playable import Playable
from stream.links.web import Reply, Web

LOOK_UP_SECONDS = 60.0
MAX_REQUESTS = 80
MAX_ANSWER_BYTES = 16_000_000
MAX_BODY_BYTES = 1_000_000
ENOUGH_KILOBITS = 160.0
"""Sound that is better than this is not told better."""

# Those that start a program (PhantomJS), which would go where it likes; and the one that searches any page.
_NOT_USED = ("generic", "douyu.*", "iqiyi", r"iq\.com.*", "pornhub.*")
_HEADERS_KEPT = frozenset({"user-agent", "accept", "accept-language", "referer", "origin"})
_SOUND_EXTENSIONS = frozenset({"mp3", "m4a", "aac", "ogg", "oga", "opus", "flac", "wav", "weba", "mka"})


def known_site(url: str, extra: tuple[type[InfoExtractor], ...] = ()) -> bool:
    """Whether this is the address of a page yt-dlp knows how to read. Nothing is asked for."""
    return any(_used(one.IE_NAME) and one.suitable(url) for one in (*extra, *gen_extractor_classes()))


def site_playable(url: str, web: Web, *, extra: tuple[type[InfoExtractor], ...] = ()) -> Playable | None:
    """What a page is about; None if its site is not known. Of a list of pieces, the first.

    extra : more extractors than yt-dlp has.

    Raises LinkError if the page cannot be read, or nothing on it can be played.
    """
    if not known_site(url, extra):
        return None
    with _Reader(web, extra) as reader:
        try:
            info = reader.extract_info(url, download=False)
        except LinkError:
            raise
        except Exception as error:  # extractors meet pages they were not written for, in every possible way
            raise _words(url, error) from None
    for _ in range(3):  # lists of lists
        if info is None or "entries" not in info:
            break
        info = next((one for one in info["entries"] or () if one), None)
    if not info or not isinstance(info.get("url"), str):
        raise _nothing(url, "there is no sound on it")
    checked_address(info["url"], web.policy, resolve=web.resolve)
    return _playable(info)


def _playable(info: Mapping[str, Any]) -> Playable:
    seconds = info.get("duration")
    who = next((info[key] for key in ("artist", "uploader", "channel", "creator") if info.get(key)), "")
    chunk = (info.get("downloader_options") or {}).get("http_chunk_size")
    headers = info.get("http_headers") or {}
    return Playable(
        url=info["url"],
        title=clean_title(str(info.get("title") or info.get("id") or "")),
        kind="hls" if str(info.get("protocol", "")).startswith("m3u8") else "stream",
        live=bool(info.get("is_live")),
        station=clean_title(str(who or info.get("webpage_url_domain") or "")),
        seconds=float(seconds) if isinstance(seconds, int | float) and seconds > 0 else None,
        headers=types.MappingProxyType(
            {str(name): str(value) for name, value in headers.items() if str(name).lower() in _HEADERS_KEPT}
        ),
        chunk_bytes=int(chunk) if isinstance(chunk, int) and chunk > 0 else None,
    )


def _chosen(context: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The format to play: sound alone before sound with pictures, a plain file before HLS; not better than needed."""
    formats = [one for one in context["formats"] if one.get("acodec") != "none" and not one.get("has_drm")]
    for protocols in (("http", "https"), ("m3u8", "m3u8_native")):
        fitting = [one for one in formats if one.get("protocol") in protocols and not one.get("fragments")]
        alone = [one for one in fitting if _sound_alone(one)]
        if alone:
            enough = [one for one in alone if 0.0 < _kilobits(one) <= ENOUGH_KILOBITS]
            yield max(enough, key=_kilobits) if enough else min(alone, key=_kilobits)
            return
        if fitting:
            # As little picture as possible; those whose size is not known last.
            yield min(fitting, key=lambda one: _kilobits(one) or float("inf"))
            return
    protocols_found = sorted({str(one.get("protocol")) for one in formats})
    if "http_dash_segments" in protocols_found:
        raise _nothing("this page", "its sound comes only in pieces (DASH), which are not put together here")
    raise _nothing("this page", f"its sound comes only as {', '.join(protocols_found)}" if formats else "it has none")


def _sound_alone(one: Mapping[str, Any]) -> bool:
    return one.get("vcodec") == "none" or (not one.get("vcodec") and one.get("ext") in _SOUND_EXTENSIONS)


def _kilobits(one: Mapping[str, Any]) -> float:
    return float(one.get("abr") or one.get("tbr") or 0.0)


def _used(name: str) -> bool:
    return not any(re.fullmatch(pattern, name.lower()) for pattern in _NOT_USED)


# ---- yt-dlp, tamed ---------------------------------------------------------------------------------------------------


class _Silence:
    """What yt-dlp would print."""

    def debug(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...


class _Reader(yt_dlp.YoutubeDL):
    """Reads one page. All requests go through `web`."""

    _starting = threading.Lock()

    def __init__(self, web: Web, extra: tuple[type[InfoExtractor], ...]) -> None:
        self._web = web
        settings = {
            "logger": _Silence(),
            "quiet": True,
            "no_warnings": True,
            "color": "no_color",
            "cachedir": False,
            "proxy": "",
            "usenetrc": False,
            "js_runtimes": {},
            "geo_bypass": False,
            "allow_unplayable_formats": False,
            "check_formats": False,
            "allowed_extractors": ["default", *(f"-{name}" for name in _NOT_USED)],
            "noplaylist": True,
            "playlist_items": "1",
            "lazy_playlist": True,
            "extractor_retries": 1,
            "format": _chosen,
        }
        with _Reader._starting:
            # It looks for plug-ins once, when the first of its readers is made: in no folder at all.
            yt_dlp.globals.plugin_dirs.value = []
            super().__init__(settings)
        for one in extra:
            self.add_info_extractor(one())

    def build_request_director(self, handlers: Any, preferences: Any = None) -> RequestDirector:
        """Whatever handlers there are, ours is the only one."""
        return super().build_request_director([functools.partial(_CheckedRH, web=self._web)], ())


class _CheckedRH(RequestHandler):
    """Sends yt-dlp's requests through `Web`, which checks addresses and redirects."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    _SUPPORTED_PROXY_SCHEMES = None  # none is used
    _SUPPORTED_FEATURES = None

    def __init__(self, *, web: Web, **settings: Any) -> None:
        super().__init__(**settings)
        self._web = web
        self._ends = web.clock.now() + LOOK_UP_SECONDS
        self._requests_left = MAX_REQUESTS
        self._replies: list[Reply] = []

    def close(self) -> None:
        """Extractors leave open what they did not want."""
        for reply in self._replies:
            reply.close()

    def _check_extensions(self, extensions: dict[str, Any]) -> None:
        super()._check_extensions(extensions)
        for name in ("cookiejar", "timeout", "legacy_ssl", "keep_header_casing"):
            extensions.pop(name, None)

    def _send(self, request: Request) -> Response:
        left = self._ends - self._web.clock.now()
        self._requests_left -= 1
        if left <= 0.0 or self._requests_left < 0:
            raise TransportError("it takes too long to find the sound on it")
        headers = self._get_headers(request)
        # Cookies of this one look-up, for those who cannot do without.
        jar = self._get_cookiejar(request)
        cookies = jar.get_cookie_header(request.url)
        if cookies:
            headers["Cookie"] = cookies
        try:
            reply = self._web.request(
                request.method, request.url, headers=headers, body=_body(request), deadline_seconds=left
            )
        except LinkError as error:
            raise TransportError(str(error), cause=error) from error
        self._replies.append(reply)
        response = Response(_Answer(reply), reply.url, reply.headers, reply.status)
        jar.extract_cookies(types.SimpleNamespace(info=lambda: response.headers), urllib.request.Request(reply.url))
        if not 200 <= reply.status < 300:
            raise HTTPError(response)
        return response


class _Answer(io.RawIOBase):
    """A reply as yt-dlp reads it, bounded."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._left = MAX_ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        pieces = []
        while wanted and (piece := self._reply.read(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
            self._left -= len(piece)
            if self._left < 0:
                raise _nothing(self._reply.url, "it is too large for a page")
        return b"".join(pieces)

    def close(self) -> None:
        self._reply.close()
        super().close()


def _body(request: Request) -> bytes | None:
    data = request.data
    if data is not None and not isinstance(data, bytes):
        data = data.read(MAX_BODY_BYTES + 1) if hasattr(data, "read") else b"".join(data)
    if data is not None and len(data) > MAX_BODY_BYTES:
        raise TransportError("it would have to send too much")
    return data


def _words(url: str, error: BaseException) -> LinkError:
    """What went wrong: our own refusal, if it was one; otherwise what yt-dlp says of it."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        if isinstance(one, LinkError):
            return one
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__, getattr(one, "cause", None)]
        waiting += list(getattr(one, "exc_info", None) or ())[1:2]
    if not isinstance(error, DownloadError):
        return _nothing(url, "yt-dlp cannot make sense of it")
    said = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).removeprefix("ERROR: ")
    said = re.split(r"[;.] (?:please report this|Confirm you are|Use --|See {2}?https)", said, maxsplit=1)[0]
    return _nothing(url, clean_title(re.sub(r"^\[[^\]]+\] (?:[\w-]+: )?", "", said)).rstrip(". "))


def _nothing(url: str, why: str) -> LinkError:
    return LinkError(
        f"{shown(url) if '://' in url else url} cannot be played",
        rule=why or "yt-dlp finds nothing on it",
        next_step="Choose another link",
        status=502,
    )
