"""Titles inside a radio's stream of bytes, as Shoutcast and Icecast send them (ICY metadata).

Whoever asks with `Icy-MetaData: 1` gets, after every `icy-metaint` bytes of sound, one byte that says how long the
block of text is that follows, in units of 16 bytes; mostly it is 0. It reads `StreamTitle='...';StreamUrl='...';`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from model.errors import LinkError

REQUEST_HEADERS = {"Icy-MetaData": "1"}
MAX_INTERVAL_BYTES = 16 * 1024 * 1024
MAX_TITLE_LENGTH = 200

# A quote ends the title only where the next field or the end follows: "Don't stop" has one too.
_TITLE = re.compile(r"StreamTitle='(.*?)'(?:;\s*(?=[A-Za-z][A-Za-z0-9_-]{0,30}=')|;?\s*\Z)", re.DOTALL)
_CUT_OFF_TITLE = re.compile(r"StreamTitle='(.*)\Z", re.DOTALL)
_JOINERS = "\u200c\u200d"  # these two belong to scripts and pictograms; what else has no shape is left out


@dataclass(frozen=True)
class Passed:
    """What came out of a piece of the stream."""

    sound: bytes
    title: str | None = None
    """The last title in this piece, cleaned; "" where the station took its title away, None where there was none."""


class IcyStripper:
    """Takes the blocks of text out of a stream. Keeps at most one block (4080 bytes).

    interval_bytes : what the header `icy-metaint` says; 0 where there are no blocks.
    """

    def __init__(self, interval_bytes: int) -> None:
        if not 0 <= interval_bytes <= MAX_INTERVAL_BYTES:
            raise LinkError(
                f"the station says that its titles stand {interval_bytes} bytes apart",
                rule=f"0 to {MAX_INTERVAL_BYTES} are possible",
                next_step="Try another address of the station",
                status=502,
            )
        self._interval = interval_bytes
        self._sound_left = interval_bytes
        self._text_left = 0
        self._text = bytearray()

    @classmethod
    def of_header(cls, value: str | None) -> IcyStripper:
        """For a reply whose `icy-metaint` header is this; None where it has none. LinkError if it is no number."""
        text = (value or "0").strip()
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise LinkError(
                f"the station says that its titles stand {clean_title(text)[:40]!r} bytes apart",
                rule="icy-metaint is a number",
                next_step="Try another address of the station",
                status=502,
            )
        return cls(int(text))

    def feed(self, data: bytes) -> Passed:
        """The next bytes, any number of them; returns the sound in them and the title, if one was completed."""
        if not self._interval:
            return Passed(data)
        sound = bytearray()
        title: str | None = None
        at = 0
        while at < len(data):
            if self._text_left:
                piece = data[at : at + self._text_left]
                self._text += piece
                self._text_left -= len(piece)
                at += len(piece)
                if not self._text_left:
                    found = stream_title(bytes(self._text))
                    title = title if found is None else found
                    self._text.clear()
                    self._sound_left = self._interval
            elif self._sound_left:
                piece = data[at : at + self._sound_left]
                sound += piece
                self._sound_left -= len(piece)
                at += len(piece)
            else:
                self._text_left = 16 * data[at]
                at += 1
                if not self._text_left:
                    self._sound_left = self._interval
        return Passed(bytes(sound), title)


def stream_title(block: bytes) -> str | None:
    """The title in a block of text, cleaned; None if it has none."""
    text = decoded(block.rstrip(b"\0"))
    match = _TITLE.search(text)
    if match:
        return clean_title(match[1])
    match = _CUT_OFF_TITLE.search(text)
    return clean_title(match[1].rstrip("';\0 ")) if match else None


def decoded(text: bytes) -> str:
    """UTF-8; where it is not, the bytes of Western Windows, which holds all that is printable of latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return text.decode(encoding)
        except UnicodeDecodeError:
            pass
    return text.decode("latin-1")


def clean_title(text: str) -> str:
    """For showing: one line, without control characters and marks that turn the direction, 200 characters at most."""
    kept = (one for one in text if one.isspace() or one in _JOINERS or unicodedata.category(one)[0] != "C")
    shown = " ".join("".join(kept).split())
    return shown if len(shown) <= MAX_TITLE_LENGTH else shown[: MAX_TITLE_LENGTH - 1].rstrip() + "…"
