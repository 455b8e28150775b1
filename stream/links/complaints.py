"""What ffmpeg complains of, in words for people."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator

from model.errors import LinkError


def lines(read: Callable[[int], bytes | None]) -> Iterator[str]:
    """Lines of text, each of them cut at 300 characters."""
    rest = b""
    while data := read(4096):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line[:300].decode("utf-8", "replace")
        rest = rest[:300]
    if rest:
        yield rest.decode("utf-8", "replace")


def reason(complaints: deque[str]) -> str:
    """ffmpeg's last complaint, without the part that names its own innards."""
    for line in reversed(complaints):
        text = re.sub(r"^\[[^\]]*\]\s*", "", line).strip().rstrip(".")
        text = re.sub(r"^(pipe|Error while decoding stream #)[\d:]*:?\s*", "", text)
        if text and not text.startswith("Conversion failed"):
            return text[:120]
    return "ffmpeg gives no reason"


def not_sound(complaints: deque[str]) -> LinkError:
    """The error for a stream of which ffmpeg made no sound."""
    said = " ".join(complaints)
    next_step = "Check that the link leads to sound"
    if "matches no streams" in said or "does not contain any stream" in said:
        detail = "there is no sound track in it"
    elif "moov atom not found" in said:
        detail = "its table of contents stands at its end"
        next_step = "Download the file, and open it here"
    elif "whitelist" in said:
        detail = "it refers to other places"
    elif "Invalid data found" in said or not complaints:
        detail = "it is nothing that ffmpeg knows as sound"
    else:
        detail = reason(complaints)
    return LinkError(
        f"what the link leads to cannot be heard: {detail}",
        rule="files and streams of mp3, aac, ogg, opus, flac, wav and their like can",
        next_step=next_step,
        status=502,
    )
