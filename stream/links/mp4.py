"""Whether an MP4 file can be heard while it comes (ISO/IEC 14496-12: a row of boxes, each with its length and name)."""

from __future__ import annotations


def index_at_end(beginning: bytes) -> bool:
    """Whether the sound (mdat) stands before the table that says how to read it (moov).

    beginning : the first bytes of a file, of any kind; a kilobyte tells.
    """
    if beginning[4:8] != b"ftyp":
        return False
    at = 0
    while at + 8 <= len(beginning):
        size, name = int.from_bytes(beginning[at : at + 4], "big"), beginning[at + 4 : at + 8]
        if name == b"mdat":
            return True
        if name in (b"moov", b"moof"):
            return False
        if size == 1 and at + 16 <= len(beginning):
            size = int.from_bytes(beginning[at + 8 : at + 16], "big")
        if size < 8:
            return False
        at += size
    return False
