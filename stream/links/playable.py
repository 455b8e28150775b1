"""What a link plays: a file or a radio station, an HLS stream, an entry of a playlist, or what a page is about."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from model.errors import LinkError
from stream.links.address import shown
from stream.links.icy import clean_title
from stream.links.playlist import Entry, entries, playlist_kind, rest_of_playlist
from stream.links.sound_kind import SNIFF_BYTES, plain_type, sound_suffix
from stream.links.web import INSTALL, Reply, Web, header_text

MAX_NESTED_PLAYLISTS = 3
MAX_ENTRIES_TRIED = 5
CAN_BE_PLAYED = (
    "links to sound files, radio stations (Icecast, SHOUTcast, HLS), m3u and pls playlists, and pages of the sites "
    "yt-dlp knows can be played"
)
_OTHERS = (
    (b"<mpd", "a DASH stream"),
    (b"<asx", "an ASX playlist"),
    (b"<playlist", "an XSPF playlist"),
    (b"<rss", "a feed"),
    (b"<feed", "a feed"),
)


@dataclass(frozen=True)
class Playable:
    """Something that can be listened to."""

    url: str
    """Of the sound itself, or of the HLS playlist; not yet redirected, as redirects may differ each time."""
    title: str
    kind: Literal["stream", "hls"]
    live: bool
    """It has no end that is known: a radio station."""
    station: str = ""
    """Who sends it: the name of a station or a site, or empty."""
    seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """To be sent along when it is asked for."""
    downgraded: bool = False
    """The way to it led from an encrypted address to one that is not."""
    chunk_bytes: int | None = None
    """Its server is slow unless it is asked for pieces of this size (a Range)."""


Extractor = Callable[[str, Web], Playable | None]
"""Knows pages: what this one is about, or None if it does not know the site. Raises LinkError if nothing of it can be
played."""


def find_playable(url: str, web: Web, *, extractor: Extractor | None = None) -> Playable:
    """Look what is behind a link.

    extractor : who is asked about pages; None: yt-dlp.

    Raises LinkError if the link is refused or does not work, or if what is there cannot be played: it then says what
    it is.
    """
    return _found(Entry(url, ""), web, extractor or _site_playable, depth=0)


def _found(entry: Entry, web: Web, extractor: Extractor, *, depth: int) -> Playable:
    policy = web.policy
    try:
        # Long enough for the start, and for all of a playlist.
        reply = web.open(entry.url, deadline_seconds=policy.connect_seconds + 2.0 * policy.read_seconds)
    except LinkError as error:
        # Sites turn programs away that are no browsers; yt-dlp knows how to talk to them.
        if error.status == 502 and (known := _known(entry.url, web, extractor, instead=error)) is not None:
            return known
        raise
    with reply:
        start = _start(reply)
        content_type = reply.headers.get("Content-Type", "")
        path = urllib.parse.urlsplit(reply.url).path
        kind = playlist_kind(content_type, path, start)
        if kind is None and sound_suffix(content_type, start) is not None:
            return _sound(entry, reply)
        if kind is not None:
            text = rest_of_playlist(start, reply)
            kind = playlist_kind(content_type, path, text.encode())
    if kind == "hls":
        from stream.links.hls import HlsReader

        with closing(HlsReader(entry.url, web)) as segments:
            segments.open()  # a master playlist does not say whether it has an end
        title = entry.title or _file_name(reply)
        return Playable(entry.url, title, "hls", segments.live, seconds=segments.seconds, downgraded=reply.downgraded)
    if kind is not None:
        return _first_of(entries(text, kind, reply.url), reply, web, extractor, depth=depth + 1)
    known = extractor(entry.url, web)
    if known is None and reply.url != entry.url:
        known = extractor(reply.url, web)
    if known is not None:
        return known
    raise LinkError(
        f"{shown(entry.url)} is {_what(content_type, start)}",
        rule=CAN_BE_PLAYED,
        next_step="Choose the link of the sound itself",
    )


def _known(url: str, web: Web, extractor: Extractor, *, instead: LinkError) -> Playable | None:
    """What the extractor makes of a link that cannot be opened; `instead` is raised where there is no extractor."""
    try:
        return extractor(url, web)
    except LinkError as error:
        if error.status == 501:
            raise instead from None
        raise


def _first_of(named: tuple[Entry, ...], reply: Reply, web: Web, extractor: Extractor, *, depth: int) -> Playable:
    if depth > MAX_NESTED_PLAYLISTS:
        raise LinkError(
            f"{shown(reply.url)} is a playlist in a playlist in a playlist",
            rule=f"{MAX_NESTED_PLAYLISTS} are followed",
            next_step="Choose the link of the sound itself",
        )
    first: LinkError | None = None
    for entry in named[:MAX_ENTRIES_TRIED]:
        try:
            found = _found(entry, web, extractor, depth=depth)
        except LinkError as error:
            if depth > 1:  # otherwise playlists of playlists would make many requests of one
                raise
            first = first or error
        else:
            return dataclasses.replace(found, downgraded=found.downgraded or reply.downgraded)
    assert first is not None  # there is at least one entry
    raise first


def _sound(entry: Entry, reply: Reply) -> Playable:
    station = clean_title(header_text(reply.headers.get("icy-name", "")))
    live = reply.length is None or any(name.lower().startswith("icy-") for name in reply.headers)
    title = entry.title or station or _file_name(reply)
    return Playable(entry.url, title, "stream", live, station, downgraded=reply.downgraded)


def _start(reply: Reply) -> bytes:
    start = b""
    while len(start) < SNIFF_BYTES and (piece := reply.read(SNIFF_BYTES - len(start))):
        start += piece
    return start


def _file_name(reply: Reply) -> str:
    """What to call it: as the server would save it, or by its address. Only ever shown."""
    said = re.search(r'filename="?([^";]+)', header_text(reply.headers.get("Content-Disposition", "")))
    parts = urllib.parse.urlsplit(reply.url)
    name = said[1] if said else urllib.parse.unquote(parts.path.rstrip("/").rpartition("/")[2])
    return clean_title(re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name)) or parts.hostname or ""


def _what(content_type: str, start: bytes) -> str:
    said = plain_type(content_type)
    head = start[:SNIFF_BYTES].lower()
    if not start:
        return "empty"
    for mark, name in _OTHERS:
        if mark in head:
            return name
    if said in ("text/html", "application/xhtml+xml") or b"<html" in head or b"<!doctype html" in head:
        return "a web page of a site that is not known"
    return f"no sound ({clean_title(said)})" if said else "no sound"


def _site_playable(url: str, web: Web) -> Playable | None:
    try:
        import yt_dlp  # noqa: F401  # whether it is there; nothing is imported from it before it has been tamed
    except ImportError:
        raise LinkError(
            f"{shown(url)} is no sound, but maybe a page about some",
            rule="yt-dlp is needed to find it, which is not installed",
            next_step=INSTALL,
            status=501,
        ) from None
    from stream.links.sites import site_playable

    return site_playable(url, web)
