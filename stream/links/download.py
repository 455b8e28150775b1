"""A file or a radio station as one row of bytes, without the titles in between; what broke off is taken up again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping

from model.errors import LinkError
from stream.clock import Clock
from stream.links.icy import REQUEST_HEADERS, IcyStripper
from stream.links.ogg import OggTitles
from stream.links.playable import Playable
from stream.links.web import Reply, Web

RESUME_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""A file that broke off is asked for again after so long, the first time, the second, ...; then it is given up."""
RESUMED_BYTES = 65536
"""So much must have come before the next break counts as the first again."""
MOST_RESUMES = 100
_RADIO = ("icy-", "ice-")


class Download:
    """Reads what a playable of the kind "stream" leads to. One thread reads; any thread may close it.

    on_title : called, in the thread that reads, with each title that passes; "" takes the one before it away.
    """

    def __init__(self, playable: Playable, web: Web, *, clock: Clock, on_title: Callable[[str], None]) -> None:
        self._playable = playable
        self._web = web
        self._clock = clock
        self._on_title = on_title
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._reply: Reply | None = None
        self._icy = IcyStripper(0)
        self._ogg: OggTitles | None = None
        self._beginning = b""
        self._at = 0
        self._length: int | None = None
        self._piece_end = 0
        self._validator = ""
        self._resumable = False
        self.announced = False
        """The server says that it is a radio station; False until the first `read` has returned."""
        self._tries = 0
        self._resumes = 0
        self._resumed_at = 0

    def read(self, size: int) -> bytes:
        """The next bytes of sound, up to `size`, as soon as there are any; b"" at the end and once it is closed.

        LinkError where it cannot be had, and where a file broke off and its server does not let one go on from there.
        """
        while not self._closed.is_set():
            data = self._next(size)
            if not data:
                return b""
            passed = self._icy.feed(data)
            title = passed.title
            if passed.sound:
                ogg_title = self._ogg_title(passed.sound)
                title = title if ogg_title is None else ogg_title
            if title is not None:
                self._on_title(title)
            if passed.sound:
                return passed.sound
        return b""

    def close(self) -> None:
        """End it, and a read that waits in another thread. May be called twice."""
        self._closed.set()
        with self._lock:
            reply = self._reply
        if reply is not None:
            reply.close()

    def _next(self, size: int) -> bytes:
        """The next bytes as they come from the server."""
        while True:
            try:
                reply = self._reply or self._open()
                data = reply.read(size)
                if not data and self._piece_ended():
                    continue
                if not data and not self._whole():
                    raise _broken("the connection broke off")
            except LinkError as error:
                if self._closed.is_set():
                    return b""
                self._break(error)
                continue
            self._at += len(data)
            return data

    def _piece_ended(self) -> bool:
        """The piece that was asked for is here, and there are more."""
        if not self._piece_end or self._at < self._piece_end or self._length is None or self._at >= self._length:
            return False
        self._let_go()
        return True

    def _whole(self) -> bool:
        """Whether the end is where it should be. A station has none, whatever length its server makes up."""
        if self._closed.is_set() or self._playable.live:
            return True
        return self._length is None or self._at >= self._length

    def _open(self) -> Reply:
        headers = dict(self._playable.headers)
        piece = 0 if self._playable.live else self._playable.chunk_bytes or 0
        if self._at or piece:
            headers["Range"] = f"bytes={self._at}-" + (str(self._at + piece - 1) if piece else "")
            if self._validator:
                headers["If-Range"] = self._validator
        elif self._playable.live:
            headers |= REQUEST_HEADERS
        reply = self._web.open(self._playable.url, headers=headers)
        with self._lock:
            self._reply = reply
        if self._closed.is_set():
            reply.close()
        begin, total = _content_range(reply)
        if begin != self._at:
            raise _broken("it broke off, and its server does not let one go on from there", temporary=False)
        self._piece_end = self._at + piece if reply.status == 206 else 0
        if not self._at:
            self._icy = IcyStripper.of_header(reply.headers.get("icy-metaint"))
            self._length = total
            self._validator = _validator(reply.headers)
            self.announced = self._playable.live and any(name.lower().startswith(_RADIO) for name in reply.headers)
            self._resumable = not self._playable.live
        return reply

    def _let_go(self) -> None:
        with self._lock:
            reply, self._reply = self._reply, None
        if reply is not None:
            reply.close()

    def _break(self, error: LinkError) -> None:
        """Wait, so that it can be taken up again; raises the error if it cannot."""
        self._let_go()
        if not (self._resumable and self._at and error.temporary):
            raise error
        if self._at - self._resumed_at >= RESUMED_BYTES:
            self._tries = 0
        self._resumed_at = self._at
        if self._tries >= len(RESUME_SECONDS) or self._resumes >= MOST_RESUMES:
            raise error
        self._clock.wait(self._closed, RESUME_SECONDS[self._tries])
        self._tries += 1
        self._resumes += 1

    def _ogg_title(self, sound: bytes) -> str | None:
        """Titles of Ogg streams stand in the stream itself; whether it is one is told by its first four bytes."""
        if len(self._beginning) < 4:
            before = self._beginning
            self._beginning = (before + sound)[:4]
            if self._beginning == b"OggS":
                self._ogg = OggTitles()
                sound = before + sound
        return self._ogg.feed(sound) if self._ogg is not None else None


def _validator(headers: Mapping[str, str]) -> str:
    """What tells that it is still the same file (RFC 9110, section 13.1.5: no weak tags)."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def _content_range(reply: Reply) -> tuple[int, int | None]:
    """Where the answer begins in the file, and how long that is (RFC 9110, section 14.4)."""
    if reply.status != 206:
        return 0, reply.length
    match = re.fullmatch(r"bytes\s+(\d{1,18})-\d{1,18}/(\d{1,18}|\*)", reply.headers.get("Content-Range", "").strip())
    if match is None:
        return -1, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _broken(what: str, *, temporary: bool = True) -> LinkError:
    return LinkError(
        what,
        rule="nothing more came of it",
        next_step="Try again, or choose another link",
        status=502,
        temporary=temporary,
    )
