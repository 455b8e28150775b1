"""What can be said of a file from somebody else: its name, how it begins, and whether it is sound."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from dashboard.upload_refusals import UploadError, UploadLimits, not_sound, too_long
from model.errors import AudioFileError
from stream.sources.decoder import Decoder, open_audio

TITLE_LENGTH = 80
SOUND_SUFFIXES = frozenset(
    {".wav", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".caf"}
    | {".m4a", ".m4b", ".mp4", ".aac", ".ac3", ".wma", ".webm", ".mka"}
)
"""The only endings that are kept. Not .au, .snd, .vox or .gsm: by these libsndfile takes any text for sound."""

MAX_CHANNELS = 64
MAX_SAMPLE_RATE = 768_000
"""What a file says it has is what a decoder makes room for; beyond these it is not music but an attack on memory."""
PROOF_SECONDS = 0.1
"""So much sound is decoded to prove that a file holds any."""

_JOINERS = "\u200c\u200d"
"""Invisible, but words of some languages are written with them."""
_ID3_TAGS = 8
_PADDING = 65536
_BEGINNINGS = (
    (0, b"fLaC\0", b""),
    (0, b"fLaC\x80", b""),
    (0, b"OggS\0", b""),
    (0, b"caff\0", b""),
    (0, b".snd\0", b""),
    (0, b"RIFF", b"WAVE"),
    (0, b"RIFX", b"WAVE"),
    (0, b"RF64", b"WAVE"),
    (0, b"FORM", b"AIFF"),
    (0, b"FORM", b"AIFC"),
    (0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", b""),  # Wave64
    (0, b"\x1a\x45\xdf\xa3", b""),  # Matroska and WebM
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b""),  # ASF: wma
    (0, b"\x0b\x77", b""),  # AC-3
    (4, b"ftyp", b""),  # MPEG-4
)
"""Where a mark stands, the mark, and what must stand at byte 8 besides."""


def clean_title(name: str) -> str:
    """The name of a file as one line that can be shown: no path, nothing invisible, 80 characters at most, NFC.

    A name that is too long loses its middle, so that its ending can still be seen.
    """
    # Composed once more at the end: what is taken out may have stood between a letter and its accent.
    shown = "".join(_shown(character) for character in unicodedata.normalize("NFC", name))
    last = shown.replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    words = unicodedata.normalize("NFC", " ".join(last.split()))
    if len(words) > TITLE_LENGTH:
        words = f"{words[: TITLE_LENGTH - 13].rstrip()}…{words[-12:].lstrip()}"
    # A name that consists of accents only would hang on whatever stands before it.
    return words if any(not unicodedata.category(each).startswith(("M", "Z")) for each in words) else "untitled"


def _shown(character: str) -> str:
    """A character as it is, a space for what is white, nothing for what has no face or turns the text round."""
    kind = unicodedata.category(character)
    if kind.startswith("Z") or character in "\t\n\r\v\f":
        return " "
    return character if kind[0] != "C" or character in _JOINERS else ""


def kept_suffix(title: str) -> str:
    """The ending decoders may look at: one of `SOUND_SUFFIXES`, or ""."""
    suffix = Path(title).suffix.lower()
    return suffix if suffix in SOUND_SUFFIXES else ""


def begins_as_sound(path: Path) -> bool:
    """Whether the first bytes are those of a kind of sound file.

    Without this check ffmpeg would guess, and it also knows play lists: text that names other files of this machine,
    or addresses, and has them played. It looks for them behind ID3 tags too; therefore so does this.
    """
    with path.open("rb") as file:
        at = 0
        for _ in range(_ID3_TAGS):
            file.seek(at)
            start = file.read(_PADDING)
            if not start.startswith(b"ID3") or len(start) < 10:
                break
            at += 10 + _id3_length(start[6:10]) + (10 if start[5] & 0x10 else 0)
    # Some programs leave zeros between the tag and the sound.
    return _is_known(start) or _is_mpeg_frame(start.lstrip(b"\0"))


def _id3_length(data: bytes) -> int:
    """Four bytes of seven bits each."""
    length = 0
    for byte in data:
        length = length << 7 | byte & 0x7F
    return length


def _is_known(start: bytes) -> bool:
    marked = any(start.startswith(mark, at) and start.startswith(more, 8) for at, mark, more in _BEGINNINGS)
    return marked or _is_mpeg_frame(start)


def _is_mpeg_frame(start: bytes) -> bool:
    """The header of an MPEG audio frame (mp3), or of one of AAC (ADTS)."""
    if len(start) < 4 or start[0] != 0xFF:
        return False
    if start[1] & 0xF6 == 0xF0:  # ADTS; of its 16 sample rates 13 exist
        return start[2] >> 2 & 0x0F < 13
    version, layer = start[1] >> 3 & 3, start[1] >> 1 & 3
    bit_rate, rate = start[2] >> 4, start[2] >> 2 & 3
    # Layers II and III. Nobody uses layer I, but text in UTF-16 begins like it.
    return start[1] & 0xE0 == 0xE0 and version != 1 and layer in (1, 2) and bit_rate != 15 and rate != 3


def proved_seconds(path: Path, title: str, limits: UploadLimits) -> float | None:
    """How long the sound in a file is, as the file says; None if it does not.

    Raises UploadError, which calls the file by its title, where it is no sound, or too long.
    """
    try:
        if not begins_as_sound(path):
            raise not_sound(title)
        decoder = open_audio(path)
        try:
            prove(decoder, title, limits)
            return decoder.duration_seconds
        finally:
            decoder.close()
    except UploadError:
        raise
    except AudioFileError as error:
        what = error.what.replace(str(path), title)
        raise UploadError(what, rule=error.rule, next_step=error.next_step, status=415) from error
    except Exception as error:  # what a decoder makes of a file that was built to confuse it
        raise not_sound(title) from error


def prove(decoder: Decoder, title: str, limits: UploadLimits) -> None:
    """Raises UploadError unless a file that has been opened holds sound, and not too much; a moment of it is read."""
    rate, channels = decoder.sample_rate, decoder.channels
    if not 0 < rate <= MAX_SAMPLE_RATE or not 0 < channels <= MAX_CHANNELS:
        raise UploadError(
            f"{title} says it has {channels} channels at {rate} Hz",
            rule=f"at most {MAX_CHANNELS} channels and {MAX_SAMPLE_RATE} Hz are played",
            next_step="Check how it was made",
            status=415,
        )
    seconds = decoder.duration_seconds
    if seconds is not None and not 0 <= seconds <= limits.max_seconds:
        raise too_long(title, seconds, limits)
    if not len(decoder.read(max(1, round(rate * PROOF_SECONDS)))):
        raise not_sound(title)
