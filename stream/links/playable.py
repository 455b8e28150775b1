"""What a link plays: a file or a radio station, an HLS stream, an entry of a playlist, or what a page is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stream.links.web import NO_HEADERS


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
    headers: Mapping[str, str] = NO_HEADERS
    """To be sent along when it is asked for."""
    downgraded: bool = False
    """The way to it led from an encrypted address to one that is not."""
