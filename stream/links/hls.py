"""An HLS stream as one row of bytes: segment after segment, and a playlist that is asked for again while it grows.

Everything is fetched through `Web`, with its checks: playlists and segments may lead anywhere. Each segment is fetched
whole before its first byte is given away, so that a broken one can be fetched again, and no server is kept waiting
while its sound is played. Times follow RFC 8216, section 6.3.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from model.errors import LinkError
from stream.clock import Clock
from stream.links.hls_playlist import (
    MAX_PLAYLIST_BYTES,
    MAX_SEGMENT_BYTES,
    MediaPlaylist,
    Part,
    Segment,
    parse_playlist,
)
from stream.links.web import NO_HEADERS, Reply, Web

PLAYLIST_SECONDS = 30.0
"""A playlist must have come whole by then."""
SEGMENT_SECONDS = 120.0
BEHIND_TARGETS = 3
"""A live stream is joined so many target durations before its end."""
STILL_TARGETS = 5
"""If nothing new has come for so many target durations, it is over or broken."""
STILL_SECONDS = 15.0
RETRY_SECONDS = (0.5, 1.0, 2.0)
"""A part that could not be fetched is tried again after so long."""
MOST_FAILED_IN_A_ROW = 3
"""Of a live stream single segments may be missing, but not more than these."""
MOST_LOST_SECONDS = 3600.0
SPACING_SECONDS = 0.05
"""Between two requests for segments: a playlist with thousands of tiny ones must not flood whoever they are of."""
_PIECE_BYTES = 65536


class HlsReader:
    """Reads an HLS stream, finished or live. One thread reads; any thread may close it.

    url : of a playlist, master or media. headers : sent along with every request.
    clock : the one of `web`, if none is handed in.
    """

    def __init__(
        self, url: str, web: Web, *, headers: Mapping[str, str] = NO_HEADERS, clock: Clock | None = None
    ) -> None:
        self._url = url
        self._web = web
        self._headers = dict(headers)
        self._clock = clock or web.clock
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._reply: Reply | None = None
        self._playlist: MediaPlaylist | None = None
        self._due: deque[Segment] = deque()
        self._next_sequence = 0
        self._loaded_at = 0.0
        self._news_at = 0.0
        self._head: Part | None = None
        self._data = memoryview(b"")
        self._failed_in_a_row = 0
        self._asked_at = -1.0
        self.live = False
        """More may follow, as far as is known; False until `open` or the first `read` has returned."""
        self.seconds: float | None = None
        """How long it is, if it is finished."""
        self.lost_seconds = 0.0
        """So much of a live stream could not be had."""

    def open(self) -> None:
        """Fetch the playlist, if that has not been done yet. LinkError if there is none that can be listened to."""
        if self._playlist is not None:
            return
        found = self._load(self._url)
        if isinstance(found, str):
            self._url = found
            found = self._load(self._url)
            if isinstance(found, str):
                raise LinkError(
                    "the HLS playlist is refused: it leads on and on",
                    rule="a master playlist leads to segments",
                    next_step="Choose another link",
                    status=502,
                )
        self._playlist, self.live = found, found.live
        self._loaded_at = self._news_at = self._clock.now()
        if found.live:
            self._join(found)
        else:
            self._due.extend(found.segments)
            self.seconds = sum(segment.seconds for segment in found.segments)

    def read(self, size: int) -> bytes:
        """The next bytes, up to `size`, as soon as there are any; b"" at the end and once it is closed.

        LinkError where it is refused or cannot be had; `temporary` where it may be worth joining it again.
        """
        if size <= 0:
            return b""
        while not len(self._data):
            if self._closed.is_set():
                return b""
            self.open()
            if self._due:
                self._take(self._due.popleft())
            elif not self.live:
                return b""
            else:
                self._reload()
        piece, self._data = self._data[:size], self._data[size:]
        return bytes(piece)

    def close(self) -> None:
        """End it, and a read that waits in another thread. May be called twice."""
        self._closed.set()
        with self._lock:
            reply = self._reply
        if reply is not None:
            reply.close()

    # ---- segments ------------------------------------------------------------------------------------------------

    def _take(self, segment: Segment) -> None:
        """Make its bytes the next to be given away. A live stream goes on without it where it cannot be had."""
        self._next_sequence = segment.sequence + 1
        if segment.missing:
            self._lose(segment.seconds)
            return
        try:
            head = b""
            if segment.head is not None and segment.head != self._head:
                head = self._fetch_again(segment.head)
            sound = self._fetch_again(segment.part)
            if not sound:
                raise _broken(f"segment {segment.sequence} is empty")
        except LinkError as error:
            self._failed_in_a_row += 1
            if not self.live or _refused(error) or self._failed_in_a_row >= MOST_FAILED_IN_A_ROW:
                if self.live and not _refused(error):
                    raise _broken(error.what) from None
                raise
            self._lose(segment.seconds)
            return
        self._failed_in_a_row = 0
        self._head = segment.head
        self._data = memoryview(head + sound)

    def _fetch_again(self, part: Part) -> bytes:
        """Fetch it, more than once if that may help."""
        for pause in RETRY_SECONDS[: 1 if self.live else None]:
            try:
                return self._fetch(part)
            except LinkError as error:
                if not error.temporary or self._clock.wait(self._closed, pause):
                    raise
        return self._fetch(part)

    def _fetch(self, part: Part) -> bytes:
        self._clock.wait(self._closed, self._asked_at + SPACING_SECONDS - self._clock.now())
        self._asked_at = self._clock.now()
        headers = dict(self._headers)
        if part.length is not None:
            headers["Range"] = f"bytes={part.start}-{part.start + part.length - 1}"
        with self._open(part.url, headers, SEGMENT_SECONDS) as reply:
            if part.length is not None and reply.status != 206 and part.start:
                raise _broken("the server does not give pieces of files", temporary=False)
            most = part.length if part.length is not None else MAX_SEGMENT_BYTES
            data = self._read_whole(reply, most + 1 if part.length is None else most)
        if len(data) > most:
            raise _broken(f"a segment is larger than {MAX_SEGMENT_BYTES // 1_000_000} MB", temporary=False)
        if part.length is not None and len(data) < part.length:
            raise _broken(f"a segment has {len(data)} bytes instead of {part.length}")
        return data

    def _open(self, url: str, headers: Mapping[str, str], seconds: float) -> Reply:
        reply = self._web.open(url, headers=headers, deadline_seconds=seconds)
        with self._lock:
            self._reply = reply
        if self._closed.is_set():
            reply.close()
        return reply

    def _read_whole(self, reply: Reply, most: int) -> bytes:
        data = bytearray()
        while len(data) < most and (piece := reply.read(min(_PIECE_BYTES, most - len(data)))):
            data += piece
        if reply.length is not None and len(data) < min(reply.length, most):
            raise _broken("the connection broke off")
        return bytes(data)

    def _lose(self, seconds: float) -> None:
        self.lost_seconds += min(max(0.0, seconds), MOST_LOST_SECONDS)

    # ---- the playlist --------------------------------------------------------------------------------------------

    def _load(self, url: str) -> str | MediaPlaylist:
        with self._open(url, self._headers, PLAYLIST_SECONDS) as reply:
            data = self._read_whole(reply, MAX_PLAYLIST_BYTES + 1)
            if len(data) > MAX_PLAYLIST_BYTES:
                raise _broken(f"the HLS playlist is longer than {MAX_PLAYLIST_BYTES // 1_000_000} MB", temporary=False)
            return parse_playlist(data.decode("utf-8", "replace"), reply.url)

    def _join(self, playlist: MediaPlaylist) -> None:
        """Begin some segments before the end, so that there is something to play until the next one is made."""
        left = BEHIND_TARGETS * playlist.target_seconds
        begin = len(playlist.segments)
        while begin > 0 and left > 0.0:
            begin -= 1
            left -= playlist.segments[begin].seconds
        self._due.extend(playlist.segments[begin:])
        self._next_sequence = playlist.segments[begin].sequence if playlist.segments else 0

    def _reload(self) -> None:
        """Wait until it is time, and look what is new."""
        assert self._playlist is not None
        target = self._playlist.target_seconds
        # Half as long where the last look brought nothing new: the next segment is due any moment.
        pause = target if self._news_at >= self._loaded_at else target / 2.0
        if self._clock.wait(self._closed, self._loaded_at + pause - self._clock.now()):
            return
        self._loaded_at = self._clock.now()
        try:
            found = self._load(self._url)
        except LinkError as error:
            if self._closed.is_set():
                return
            if _refused(error) or self._stands_still(target):
                raise
            return
        if isinstance(found, str):
            raise _broken("the HLS playlist has become another")
        self._playlist, self.live = found, found.live
        self._see(found)
        if not self._due and self.live and self._stands_still(target):
            raise _broken("the stream stands still: no new sound has come for some time")

    def _see(self, playlist: MediaPlaylist) -> None:
        if not playlist.segments:
            return
        first, last = playlist.segments[0].sequence, playlist.segments[-1].sequence
        if last + 1 < self._next_sequence:  # it counts anew: the sender was started again
            self._join(playlist)
        else:
            if first > self._next_sequence:
                self._lose((first - self._next_sequence) * playlist.target_seconds)
            self._due.extend(segment for segment in playlist.segments if segment.sequence >= self._next_sequence)
        if self._due:
            self._news_at = self._loaded_at

    def _stands_still(self, target_seconds: float) -> bool:
        return self._clock.now() - self._news_at > max(STILL_TARGETS * target_seconds, STILL_SECONDS)


def _refused(error: LinkError) -> bool:
    """An address that must not be asked: no second look will change that."""
    return error.status == 422 and not error.temporary


def _broken(what: str, *, temporary: bool = True) -> LinkError:
    return LinkError(
        what,
        rule="the rest cannot be had",
        next_step="Try again, or choose another link",
        status=502,
        temporary=temporary,
    )
