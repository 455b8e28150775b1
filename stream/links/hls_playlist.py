"""What an HLS playlist says (RFC 8216), checked and bounded, in a few frozen records."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from typing import Any

from model.errors import LinkError
from stream.links.web import INSTALL

MAX_PLAYLIST_BYTES = 8_000_000
MAX_LINES = 100_000
MAX_LINE_BYTES = 16_384
MAX_SEGMENTS = 20_000
"""Eleven hours in segments of two seconds."""
MAX_SEGMENT_BYTES = 32_000_000
MAX_SEGMENT_SECONDS = 3600.0
TARGET_SECONDS = (1.0, 60.0)
"""What is believed of the playlist's own word for how long its segments are at most."""
_SOUND_CODECS = ("mp4a", "ac-3", "ec-3", "ac-4", "opus", "flac", "alac", "mp3", "vorbis")


@dataclass(frozen=True)
class Part:
    """A file, or a piece of one."""

    url: str
    start: int = 0
    length: int | None = None
    """Bytes from `start` on; None: all of the file."""


@dataclass(frozen=True)
class Segment:
    """A few seconds of sound."""

    sequence: int
    part: Part
    seconds: float
    head: Part | None
    """What must have been read before it (EXT-X-MAP), None where it stands on its own."""
    missing: bool = False
    """The sender says that it is not there (EXT-X-GAP)."""


@dataclass(frozen=True)
class MediaPlaylist:
    """The segments there are."""

    segments: tuple[Segment, ...]
    target_seconds: float
    live: bool
    """More will follow."""


def parse_playlist(text: str, url: str) -> str | MediaPlaylist:
    """Read a playlist that was found at this address.

    A master playlist gives the address of the media playlist to listen to: of those with sound the one with the lowest
    bandwidth, preferably without pictures. LinkError if it is none, is encrypted, or is larger than is reasonable.
    """
    _check_size(text)
    try:
        import m3u8
    except ImportError:
        raise LinkError("m3u8 is not installed", rule="HLS needs it", next_step=INSTALL, status=501) from None
    try:
        playlist: Any = m3u8.loads(text)
        if playlist.is_variant:
            return urllib.parse.urljoin(url, _choose(playlist))
        return _media_playlist(playlist, url)
    except LinkError:
        raise
    except Exception as error:  # whatever a library may stumble over in what strangers wrote
        raise _refusal(f"it cannot be understood ({type(error).__name__})") from None


def _refusal(reason: str, *, rule: str = "", next_step: str = "Choose another link") -> LinkError:
    return LinkError(f"the HLS playlist is refused: {reason}", rule=rule, next_step=next_step, status=502)


def _check_size(text: str) -> None:
    if not text.lstrip("\ufeff").lstrip().startswith("#EXTM3U"):
        raise _refusal("it does not begin with #EXTM3U", next_step="Check the link")
    lines = text.splitlines()
    if len(lines) > MAX_LINES or max(map(len, lines)) > MAX_LINE_BYTES:
        raise _refusal("it is too long", rule=f"{MAX_LINES} lines of {MAX_LINE_BYTES} characters are possible")
    if text.count("#EXTINF") > MAX_SEGMENTS:
        raise _refusal(
            f"it has {text.count('#EXTINF')} segments",
            rule=f"{MAX_SEGMENTS} are possible",
            next_step="Choose another link",
        )


def _choose(master: Any) -> str:
    """The address, as it stands in the master playlist, of what is to be listened to."""
    sound = {}  # per group, the rendition a player would begin with
    for media in master.media:
        if media.type == "AUDIO" and media.uri and (media.group_id not in sound or media.default == "YES"):
            sound[media.group_id] = media.uri
    choices = []
    for variant in master.playlists:
        info = variant.stream_info
        codecs = [codec.strip().lower() for codec in (info.codecs or "").split(",") if codec.strip()]
        heard = [codec for codec in codecs if codec.startswith(_SOUND_CODECS)]
        alone = sound.get(info.audio)
        if codecs and not heard and alone is None:
            continue
        pictures = alone is None and (len(heard) < len(codecs) or info.resolution is not None)
        choices.append((pictures, info.bandwidth or 1 << 62, alone or variant.uri))
    if choices:
        return min(choices, key=lambda choice: choice[:2])[2]
    if sound:
        return next(iter(sound.values()))
    raise _refusal("none of its variants has sound", next_step="Check the link")


def _media_playlist(playlist: Any, url: str) -> MediaPlaylist:
    segments = []
    first = playlist.media_sequence or 0
    ends: dict[str, int] = {}
    for number, segment in enumerate(playlist.segments):
        method = segment.key.method if segment.key is not None else None
        if method not in (None, "NONE"):
            raise _refusal(f"its sound is encrypted ({method})", rule="only what is sent openly can be heard")
        head = segment.init_section
        part = _part(segment.uri, segment.byterange, url, ends)
        seconds = float(segment.duration or 0.0)
        if not 0.0 <= seconds <= MAX_SEGMENT_SECONDS:
            raise _refusal(f"a segment lasts {seconds:g} s", rule=f"0 to {MAX_SEGMENT_SECONDS:g} s are possible")
        segments.append(
            Segment(
                sequence=first + number,
                part=part,
                seconds=seconds,
                head=_part(head.uri, head.byterange, url, {}) if head is not None else None,
                missing=segment.gap_tag is not None,
            )
        )
    live = not playlist.is_endlist and (playlist.playlist_type or "").lower() != "vod"
    if not segments and not live:
        raise _refusal("there is nothing in it", next_step="Check the link")
    longest = max((segment.seconds for segment in segments), default=0.0)
    target = min(max(float(playlist.target_duration or longest), TARGET_SECONDS[0]), TARGET_SECONDS[1])
    return MediaPlaylist(tuple(segments), target, live)


def _part(uri: str, byte_range: str | None, base: str, ends: dict[str, int]) -> Part:
    """`byte_range` is "length" or "length@start"; without a start it follows what came before it of that file."""
    url = urllib.parse.urljoin(base, uri)
    if not byte_range:
        return Part(url)
    length, _, start = byte_range.partition("@")
    begin = int(start) if start else ends.get(url, 0)
    if begin < 0 or not 0 < int(length) <= MAX_SEGMENT_BYTES:
        raise _refusal(f"it wants {byte_range[:40]} bytes of a file", rule=f"1 to {MAX_SEGMENT_BYTES} are possible")
    ends[url] = begin + int(length)
    return Part(url, begin, int(length))
