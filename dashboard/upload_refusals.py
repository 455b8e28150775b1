"""Why an uploaded file is not taken in: the limits, and what people are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from model.errors import GenrescopeError


@dataclass(frozen=True)
class UploadLimits:
    """How much is taken in."""

    max_bytes: int = 500_000_000
    """Of one file."""
    max_files: int = 20
    """Of all pages and programs together. The one that was not wanted for longest goes first."""
    max_seconds: float = 6 * 3600.0
    """Of sound, as the file says."""
    min_free_bytes: int = 1_000_000_000
    """What is left free on the disk."""
    patience_seconds: float = 30.0
    """How long 256 KiB may take to come."""


class ByteStream(Protocol):
    """Where the bytes of a file come from."""

    def read(self, size: int, /) -> bytes:
        """Up to so many; nothing at the end. TimeoutError when they take too long, OSError when they stop coming."""


class UploadError(GenrescopeError):
    """A file is not taken in. `status` is the fitting one of HTTP."""

    def __init__(self, what: str, *, rule: str, next_step: str, status: int) -> None:
        super().__init__(what, rule=rule, next_step=next_step)
        self.status = status


def too_large(title: str, size: int | None, limits: UploadLimits) -> UploadError:
    """The refusal of a file of so many bytes; None: nobody knows how many would still have come."""
    return UploadError(
        f"{title} is too large" if size is None else f"{title} is too large ({megabytes(size)})",
        rule=f"an uploaded file has at most {megabytes(limits.max_bytes)}",
        next_step="Choose a smaller one, or name it on the command line",
        status=413,
    )


def too_long(title: str, seconds: float, limits: UploadLimits) -> UploadError:
    return UploadError(
        f"{title} is {seconds / 3600:.1f} hours long",
        rule=f"an uploaded file holds at most {limits.max_seconds / 3600:g} hours of sound",
        next_step="Cut it into pieces, or name it on the command line",
        status=413,
    )


def not_sound(title: str) -> UploadError:
    return UploadError(
        f"{title} is not a sound file genrescope can read",
        rule="wav, flac, mp3, ogg, opus, aiff, m4a, aac, wma and webm files can be played",
        next_step="Choose another file",
        status=415,
    )


def broken_off(title: str, detail: str) -> UploadError:
    return UploadError(
        f"{title} did not arrive whole", rule=detail, next_step="Send it again, or check the connection", status=400
    )


def too_slow(title: str) -> UploadError:
    return UploadError(
        f"{title} came too slowly",
        rule="the connection must not stand still",
        next_step="Try again with a better one, or with a smaller file",
        status=408,
    )


def without_length(title: str) -> UploadError:
    return UploadError(
        f"{title} came without its length",
        rule="an upload says at the start how many bytes will come",
        next_step="Send it with a Content-Length",
        status=411,
    )


def cannot_be_kept(title: str, error: OSError) -> UploadError:
    return UploadError(
        f"{title} cannot be kept",
        rule=f"the disk says: {error.strerror or type(error).__name__}",
        next_step="Make room on the machine that genrescope runs on",
        status=507,
    )


def megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 10_000_000 else f"{size / 1e6:.2g} MB"
