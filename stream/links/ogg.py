"""Titles inside an Ogg stream: each logical stream begins with a packet of comments (RFC 3533, RFC 7845, Vorbis I).

A station that plays the next piece begins a new logical stream. Pages are looked at while they pass; nothing is kept
but the beginning of a comment packet that is still incomplete.
"""

from __future__ import annotations

import struct

from stream.links.icy import clean_title

MAX_COMMENT_BYTES = 65536
"""So much of a comment packet is looked at; a picture of the cover may follow."""
MAX_STREAMS = 4
"""Logical streams side by side, as sound and pictures are; more are not looked at."""
MAX_COMMENTS = 1000

_PAGE = struct.Struct("<4sBBqIIIB")
_BEGINS, _CONTINUED = 0x02, 0x01
_FLAC_COMMENTS = 4
# First bytes of the first packet, and what stands before the comments in the second.
_CODECS = ((b"\x01vorbis", b"\x03vorbis"), (b"OpusHead", b"OpusTags"), (b"\x7fFLAC", b""))


class _Comments:
    """The comment packet of one logical stream, as far as it has come."""

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self.packet = bytearray()


class OggTitles:
    """Watches an Ogg stream go by: `feed` it every byte, it says when a new title begins."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._body = bytearray()
        self._lacing = b""
        self._flags = 0
        self._serial = 0
        self._left: int | None = None
        self._waiting: dict[int, _Comments] = {}

    def feed(self, data: bytes) -> str | None:
        """The next bytes. Returns the title that began last in them ("" if it has no name), None if none began."""
        title: str | None = None
        at = 0
        while at < len(data):
            if self._left is None:
                at = self._take_head(data, at)
                continue
            piece = data[at : at + self._left]
            if self._wanted():
                self._body += piece
            self._left -= len(piece)
            at += len(piece)
            if self._left == 0:
                found = self._end_page()
                title = title if found is None else found
        return title

    def _wanted(self) -> bool:
        return bool(self._flags & _BEGINS) or self._serial in self._waiting

    def _take_head(self, data: bytes, at: int) -> int:
        """Collect a page's header; returns where its body begins (or that all was taken)."""
        head = self._head
        while at < len(data):
            need = _PAGE.size if len(head) < _PAGE.size else _PAGE.size + head[26]
            piece = data[at : at + need - len(head)]
            head += piece
            at += len(piece)
            # Out of step (it was joined in the middle, or is damaged): go on at the next place that may be a page.
            if not head.startswith(b"OggS"[: len(head)]):
                found = head.find(b"OggS", 1)
                del head[: found if found > 0 else max(1, len(head) - 3)]
                continue
            if len(head) < _PAGE.size or len(head) < _PAGE.size + head[26]:
                continue
            _, _, self._flags, _, self._serial, _, _, _ = _PAGE.unpack_from(head)
            self._lacing = bytes(head[_PAGE.size :])
            self._left = sum(self._lacing)
            self._body.clear()
            head.clear()
            if self._left == 0:
                self._left = None
                continue
            return at
        return at

    def _end_page(self) -> str | None:
        self._left = None
        if self._flags & _BEGINS:
            self._begin_stream()
            return None
        comments = self._waiting.get(self._serial)
        if comments is None:
            return None
        length, complete = _first_packet(self._lacing)
        if self._flags & _CONTINUED or not comments.packet:
            room = MAX_COMMENT_BYTES - len(comments.packet)
            comments.packet += self._body[: min(length, room)]
        if not complete and len(comments.packet) < MAX_COMMENT_BYTES:
            return None
        del self._waiting[self._serial]
        return _title(bytes(comments.packet), comments.prefix)

    def _begin_stream(self) -> None:
        self._waiting.pop(self._serial, None)
        for first, prefix in _CODECS:
            if self._body.startswith(first):
                if len(self._waiting) >= MAX_STREAMS:
                    self._waiting.clear()
                self._waiting[self._serial] = _Comments(prefix)


def _first_packet(lacing: bytes) -> tuple[int, bool]:
    """Bytes of the first packet of a page, and whether it ends there."""
    length = 0
    for size in lacing:
        length += size
        if size < 255:
            return length, True
    return length, False


def _title(packet: bytes, prefix: bytes) -> str | None:
    """Artist and title of a comment packet, possibly cut off; None if it is none."""
    if prefix:
        if not packet.startswith(prefix):
            return None
        at = len(prefix)
    else:  # FLAC: a metadata block with its header of four bytes, like the vendor's length little-endian from there on
        if len(packet) < 4 or packet[0] & 0x7F != _FLAC_COMMENTS:
            return None
        at = 4
    fields = _fields(packet, at)
    artist, title = clean_title(fields.get("artist", "")), clean_title(fields.get("title", ""))
    return clean_title(" · ".join(part for part in (artist, title) if part))


def _fields(packet: bytes, at: int) -> dict[str, str]:
    """Names in lower case, the first value of each; as many as lie within the packet."""

    def number(place: int) -> int | None:
        return int.from_bytes(packet[place : place + 4], "little") if place + 4 <= len(packet) else None

    fields: dict[str, str] = {}
    vendor = number(at)
    count = number(at + 4 + vendor) if vendor is not None else None
    if vendor is None or count is None:
        return fields
    at += 8 + vendor
    for _ in range(min(count, MAX_COMMENTS)):
        length = number(at)
        if length is None or at + 4 + length > len(packet):
            break
        name, equals, value = packet[at + 4 : at + 4 + length].partition(b"=")
        if equals:
            fields.setdefault(name.decode("ascii", "replace").lower(), value.decode("utf-8", "replace"))
        at += 4 + length
    return fields
