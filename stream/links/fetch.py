"""Fetches what a link plays whole, into a file the decoder can open."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from model.errors import AudioFileError, LinkError
from stream.links.address import shown
from stream.links.playable import Playable
from stream.links.sound_kind import SNIFF_BYTES, sound_suffix
from stream.links.web import Reply, Web
from stream.sources.decoder import open_audio

PIECE_BYTES = 65_536
FIRST_SECONDS = 1.0


class Body(Protocol):
    """What is fetched, as a row of bytes."""

    def read(self, size: int) -> bytes: ...

    def close(self) -> None: ...


def fetch_whole(
    playable: Playable,
    folder: Path,
    web: Web,
    *,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Fetch it into a file of a made-up name in `folder`; the decoder has opened it once and found sound in it.

    progress : is told how many bytes have come, and of how many, if that is known.
    cancelled : is asked after every piece.

    Raises LinkError if it has no end, is too large or too long by `web.policy`, takes too long, breaks off, is no
    sound, or is cancelled; then no file is left.
    """
    policy = web.policy
    if playable.live:
        raise _endless(playable)
    if playable.seconds is not None and playable.seconds > policy.max_seconds:
        raise _too_long(playable, playable.seconds, web)
    ends = web.clock.now() + policy.fetch_seconds
    path: Path | None = None
    try:
        with _opened(playable, web) as (body, content_type, total):
            if total is not None and total > policy.max_bytes:
                raise _too_large(playable, web)
            start = b""
            while len(start) < SNIFF_BYTES and (piece := body.read(SNIFF_BYTES - len(start))):
                start += piece
            path = folder / f"link-{secrets.token_hex(8)}{_suffix(playable, content_type, start)}"
            with path.open("xb") as file:
                done = 0
                piece = start
                while piece:
                    done += len(piece)
                    if done > policy.max_bytes:
                        raise _too_large(playable, web)
                    if web.clock.now() > ends:
                        raise _too_slow(playable, web)
                    if cancelled():
                        raise LinkError(f"{_name(playable)} is not fetched any more", rule="cancelled", status=409)
                    file.write(piece)
                    progress(done, total)
                    piece = body.read(PIECE_BYTES)
        _check(path, playable, web)
    except BaseException as error:
        if path is not None:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise LinkError(
                f"{_name(playable)} cannot be kept",
                rule=f"the disk says: {error.strerror or type(error).__name__}",
                next_step="Make room on the machine that genrescope runs on",
                status=507,
            ) from None
        raise
    return path


@contextmanager
def _opened(playable: Playable, web: Web) -> Iterator[tuple[Body, str, int | None]]:
    """The bytes, what they are said to be, and how many there will be."""
    seconds = web.policy.fetch_seconds
    if playable.kind == "hls":
        from stream.links.hls import HlsReader

        with closing(HlsReader(playable.url, web, headers=playable.headers)) as segments:
            segments.open()
            if segments.live:
                raise _endless(playable)
            yield segments, "", None
    elif playable.chunk_bytes is not None:
        with closing(_Pieces(playable, web, seconds)) as pieces:
            yield pieces, pieces.content_type, pieces.length
    else:
        with web.open(playable.url, headers=playable.headers, deadline_seconds=seconds) as reply:
            yield reply, reply.headers.get("Content-Type", ""), reply.length


class _Pieces:
    """A file asked for piece by piece (RFC 9110, 14), from a server that is slow with whole ones."""

    def __init__(self, playable: Playable, web: Web, seconds: float) -> None:
        self._playable, self._web = playable, web
        self._ends = web.clock.now() + seconds
        self._at = 0
        self.length: int | None = None
        self._reply = self._next()
        self.content_type = self._reply.headers.get("Content-Type", "")

    def read(self, size: int) -> bytes:
        while True:
            data = self._reply.read(size)
            self._at += len(data)
            if data or self._reply.status != 206 or self.length is None or self._at >= self.length:
                return data
            self._reply.close()
            before = self._at
            self._reply = self._next()
            data = self._reply.read(size)
            self._at += len(data)
            if self._at == before:
                raise self._confused()
            return data

    def close(self) -> None:
        self._reply.close()

    def _next(self) -> Reply:
        assert self._playable.chunk_bytes is not None
        wanted = f"bytes={self._at}-{self._at + self._playable.chunk_bytes - 1}"
        left = self._ends - self._web.clock.now()
        reply = self._web.open(
            self._playable.url, headers={**self._playable.headers, "Range": wanted}, deadline_seconds=left
        )
        if reply.status == 206:
            said = re.fullmatch(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})", reply.headers.get("Content-Range", ""))
            if said is None or int(said[1]) != self._at or self.length not in (None, int(said[2])):
                reply.close()
                raise self._confused()
            self.length = int(said[2])
        elif self._at:
            reply.close()
            raise self._confused()
        else:
            self.length = reply.length
        return reply

    def _confused(self) -> LinkError:
        return LinkError(
            f"{_name(self._playable)} cannot be fetched",
            rule="its server sends other pieces than it was asked for",
            next_step="Try again, or choose another link",
            status=502,
            temporary=True,
        )


def _suffix(playable: Playable, content_type: str, start: bytes) -> str:
    suffix = sound_suffix(content_type, start)
    if suffix is None:
        raise LinkError(
            f"{_name(playable)} is {'no sound' if start else 'empty'}",
            rule="sound was there when the link was looked at",
            next_step="Choose another link",
            status=502,
        )
    return suffix


def _check(path: Path, playable: Playable, web: Web) -> None:
    """That the decoder can open it, and that it does not say it is longer than is allowed."""
    try:
        decoder = open_audio(path)
        try:
            seconds = decoder.duration_seconds
            if seconds is not None and seconds > web.policy.max_seconds:
                raise _too_long(playable, seconds, web)
            if not len(decoder.read(round(FIRST_SECONDS * decoder.sample_rate))):
                raise AudioFileError("it holds no sound")
        finally:
            decoder.close()
    except AudioFileError as error:
        # Its words name the file, which nobody has heard of.
        raise LinkError(
            f"{_name(playable)} cannot be read as sound", rule=error.rule, next_step=error.next_step, status=502
        ) from None


def _name(playable: Playable) -> str:
    return playable.title or shown(playable.url)


def _endless(playable: Playable) -> LinkError:
    return LinkError(
        f"{_name(playable)} is live and has no end",
        rule="only what has an end can be fetched whole",
        next_step="Listen to it in a session",
    )


def _too_large(playable: Playable, web: Web) -> LinkError:
    return LinkError(
        f"{_name(playable)} is too large",
        rule=f"at most {web.policy.max_bytes / 1e6:.3g} MB are fetched",
        next_step="Listen to it in a session, or choose another link",
        status=413,
    )


def _too_long(playable: Playable, seconds: float, web: Web) -> LinkError:
    return LinkError(
        f"{_name(playable)} is {seconds / 3600:.1f} hours long",
        rule=f"at most {web.policy.max_seconds / 3600:g} hours of sound are fetched",
        next_step="Listen to it in a session, or choose another link",
        status=413,
    )


def _too_slow(playable: Playable, web: Web) -> LinkError:
    return LinkError(
        f"{_name(playable)} comes too slowly",
        rule=f"fetching may take {web.policy.fetch_seconds:g} s",
        next_step="Listen to it in a session, or try again later",
        status=504,
        temporary=True,
    )
