"""Reads m3u and pls playlists. What they name is as hostile as they are."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass

from model.errors import LinkError
from stream.links.address import shown, split_link
from stream.links.icy import clean_title
from stream.links.sound_kind import plain_type
from stream.links.web import Reply

MAX_PLAYLIST_BYTES = 262_144
MAX_ENTRIES = 500

_M3U_TYPES = frozenset(
    {"audio/mpegurl", "audio/x-mpegurl", "application/mpegurl", "application/x-mpegurl"}
    | {"application/vnd.apple.mpegurl", "application/vnd.apple.mpegurl.audio"}
)
_PLS_TYPES = frozenset({"audio/x-scpls", "audio/scpls", "application/pls+xml", "application/pls"})


@dataclass(frozen=True)
class Entry:
    """One line of a playlist."""

    url: str
    """Whole: relative ones have been joined to the playlist's own address."""
    title: str
    """As the playlist says, or empty."""


def playlist_kind(content_type: str, path: str, start: bytes) -> str | None:
    """ "hls", "m3u" or "pls"; None if it is no playlist. `start`: its first bytes."""
    said = plain_type(content_type)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"#EXTM3U"):
        return "hls" if b"#EXT-X-" in text else "m3u"
    if text[:10].lower() == b"[playlist]":
        return "pls"
    named = path.lower()
    # Without its first line it may still be one; sound is not told so.
    if said in _M3U_TYPES or (said in ("text/plain", "") and named.endswith((".m3u", ".m3u8"))):
        return "m3u"
    return "pls" if said in _PLS_TYPES else None


def rest_of_playlist(start: bytes, reply: Reply) -> str:
    """The whole text, of which `start` has been read. Raises LinkError if it is longer than playlists are."""
    data = start
    while len(data) <= MAX_PLAYLIST_BYTES and (piece := reply.read(MAX_PLAYLIST_BYTES + 1 - len(data))):
        data += piece
    if len(data) > MAX_PLAYLIST_BYTES:
        raise LinkError(
            f"{shown(reply.url)} is too long for a playlist",
            rule=f"at most {MAX_PLAYLIST_BYTES // 1024} KiB are read",
            next_step="Choose another link",
            status=413,
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def entries(text: str, kind: str, url: str) -> tuple[Entry, ...]:
    """What an m3u or pls playlist at `url` names and can be asked for, in its order.

    Entries that are not of the web are left out. Raises LinkError, naming the first of those, if nothing remains.
    """
    named = _pls(text) if kind == "pls" else _m3u(text)
    usable: list[Entry] = []
    refused: LinkError | None = None
    for place, title in named[:MAX_ENTRIES]:
        try:
            joined = urllib.parse.urljoin(url, place)
            split_link(joined)
        except ValueError:  # unbalanced brackets
            continue
        except LinkError as error:
            refused = refused or error
        else:
            usable.append(Entry(joined, clean_title(title)))
    if not usable:
        raise LinkError(
            f"{shown(url)} is a playlist with nothing in it that can be played",
            rule=f"{refused.what}: {refused.rule}" if refused else "it names nothing",
            next_step="Choose another link",
        )
    return tuple(usable)


def _m3u(text: str) -> list[tuple[str, str]]:
    named = []
    title = ""
    for line in text.splitlines():
        line = line.strip()
        if line[:8].upper() == "#EXTINF:":
            title = line.partition(",")[2]
        elif line and not line.startswith("#"):
            named.append((line, title))
            title = ""
    return named


def _pls(text: str) -> list[tuple[str, str]]:
    values: dict[str, dict[int, str]] = {"file": {}, "title": {}}
    for line in text.splitlines():
        match = re.fullmatch(r"\s*(file|title)(\d{1,6})\s*=\s*(.*?)\s*", line, re.IGNORECASE)
        if match:
            values[match[1].lower()].setdefault(int(match[2]), match[3])
    return [(values["file"][number], values["title"].get(number, "")) for number in sorted(values["file"])]
