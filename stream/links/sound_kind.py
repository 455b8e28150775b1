"""Tells sound by its first bytes, and by what a server says it is where the bytes do not tell."""

from __future__ import annotations

SNIFF_BYTES = 2048
"""So many are enough."""

# What names a file that is made of what came: never anything that came itself.
_SUFFIXES_OF_TYPES = {
    "audio/mpeg": ".mp3",
    "audio/mp3": ".mp3",
    "audio/aac": ".aac",
    "audio/aacp": ".aac",
    "audio/x-aac": ".aac",
    "audio/flac": ".flac",
    "audio/x-flac": ".flac",
    "audio/ogg": ".ogg",
    "application/ogg": ".ogg",
    "video/ogg": ".ogg",
    "audio/opus": ".ogg",
    "audio/vorbis": ".ogg",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/wave": ".wav",
    "audio/vnd.wave": ".wav",
    "audio/aiff": ".aiff",
    "audio/x-aiff": ".aiff",
    "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
    "audio/m4a": ".m4a",
    "video/mp4": ".mp4",
    "video/quicktime": ".mp4",
    "audio/webm": ".webm",
    "video/webm": ".webm",
    "audio/x-matroska": ".mka",
    "video/x-matroska": ".mka",
    "audio/x-ms-wma": ".wma",
    "audio/ac3": ".ac3",
    "audio/basic": ".au",
    "audio/x-caf": ".caf",
    "video/mp2t": ".ts",
    "video/mpeg": ".ts",
}
SOUND_SUFFIXES = frozenset(_SUFFIXES_OF_TYPES.values())

_MARKS = (
    (0, b"OggS", ".ogg"),
    (0, b"fLaC", ".flac"),
    (4, b"ftyp", ".m4a"),
    (4, b"styp", ".m4a"),
    (4, b"moof", ".m4a"),
    (0, b"\x1a\x45\xdf\xa3", ".webm"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ".wma"),
    (0, b"\x0b\x77", ".ac3"),
    (0, b".snd", ".au"),
    (0, b"caff", ".caf"),
)


def plain_type(content_type: str) -> str:
    """ "Audio/MPEG; charset=x" is "audio/mpeg"."""
    return content_type.partition(";")[0].strip().lower()


def suffix_of_bytes(start: bytes) -> str | None:
    """What kind of sound file begins like this, as the ending of its name; None if none does."""
    if start[:3] == b"ID3":
        # Its length: four times seven bits. What follows it counts, if that is among what there is.
        length = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(start[6:10], (21, 14, 7, 0), strict=False))
        return suffix_of_bytes(start[length:]) or ".mp3" if len(start) > length + 1 else ".mp3"
    if start[:4] in (b"RIFF", b"RF64") and start[8:12] == b"WAVE":
        return ".wav"
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return ".aiff"
    for place, mark, suffix in _MARKS:
        if start[place : place + len(mark)] == mark:
            return suffix
    if len(start) > 188 and start[0] == start[188] == 0x47:
        return ".ts"
    if len(start) > 2 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0:
        if start[1] & 0xF6 == 0xF0:
            return ".aac"  # ADTS: no layer
        # A version, a layer, a bit rate and a sampling rate that exist.
        if start[1] & 0x18 != 0x08 and start[1] & 0x06 and start[2] & 0xF0 != 0xF0 and start[2] & 0x0C != 0x0C:
            return ".mp3"
    return None


def sound_suffix(content_type: str, start: bytes) -> str | None:
    """The ending of the name of a file of this; None if it is no sound. Bytes count more than what is said of them."""
    found = suffix_of_bytes(start)
    said = plain_type(content_type)
    if found == ".mp3" and start[:3] == b"ID3" and said in ("audio/aac", "audio/aacp", "audio/x-aac"):
        return ".aac"  # pieces of HLS begin so
    if found is not None:
        return found
    if not start or looks_like_text(start):
        return None
    known = _SUFFIXES_OF_TYPES.get(said)
    if known is None and said.startswith(("audio/", "video/")):
        return ".mp3"  # a guess: the decoder looks again
    return known


def looks_like_text(start: bytes) -> bool:
    """A page, a playlist, words: something in which no sound begins."""
    piece = start[:256]
    if not piece or any(byte < 0x20 and byte not in (0x09, 0x0A, 0x0C, 0x0D, 0x1B) for byte in piece):
        return False
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError as error:
        # A letter cut in two at the end, or words in an older script.
        return error.start >= len(piece) - 3 or sum(byte < 0x7F for byte in piece) >= 0.7 * len(piece)
    return True
