"""One attempt at a link: a thread finds out what it plays, fetches it, and fills a buffer with its sound."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from model.errors import GenrescopeError, LinkError
from stream.clock import Clock
from stream.links.download import Download
from stream.links.fetch import fetch_whole
from stream.links.hls import HlsReader
from stream.links.mp4 import index_at_end
from stream.links.playable import Playable
from stream.links.sound_buffer import SoundBuffer
from stream.links.transcoder import Transcoder
from stream.links.web import Web
from stream.sources.decoder import open_audio

Find = Callable[[str, Web], Playable]
"""`find_playable`, or what stands for it in tests."""

BLOCK_FRAMES = 4096
_LOOKED_AT_BYTES = 4096


class _Bytes(Protocol):
    """What `Download` and `HlsReader` have in common."""

    def read(self, size: int) -> bytes: ...

    def close(self) -> None: ...


class Reception:
    """Fills `buffer` until the sound ends, breaks, or nobody wants it any more. It is not started again.

    Whoever uses it waits for the buffer only, never for the network: looking a name up cannot be interrupted, and a
    thread that is held up there ends by itself later, without having touched anything.
    """

    def __init__(self, url: str, web: Web, *, clock: Clock, find: Find) -> None:
        self._url, self._web, self._clock, self._find = url, web, clock, find
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._bytes: _Bytes | None = None
        self._transcoder: Transcoder | None = None
        self._hls_lost_seconds = 0.0
        self.buffer = SoundBuffer(clock)
        self.playable: Playable | None = None
        """What the link plays, once that is known."""
        self.live = False
        """It has no end: if it stops, it is broken."""
        self.detail = ""
        """What it is busy with, where that takes longer than usual."""
        self._thread = threading.Thread(target=self._run, name="link-reception", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End it. From any thread, and twice; returns at once."""
        self._closed.set()
        self.buffer.close()
        self.close_parts()

    def _run(self) -> None:
        error: LinkError | None = None
        try:
            self._receive()
        except LinkError as reason:
            error = reason
        except GenrescopeError as reason:
            error = LinkError(reason.what, rule=reason.rule, next_step=reason.next_step, status=502)
        except Exception as reason:
            error = LinkError(f"listening to the link stopped: {type(reason).__name__}: {reason}", status=502)
        finally:
            self.buffer.end(error)
            self.close_parts()

    def close_parts(self) -> None:
        """Free connection and process; what is in the buffer can still be taken."""
        with self._lock:
            source, transcoder = self._bytes, self._transcoder
        if source is not None:
            source.close()
        if transcoder is not None:
            transcoder.close()

    def _receive(self) -> None:
        playable = self._find(self._url, self._web)
        self.playable = playable
        if playable.kind == "hls":
            self._receive_hls(playable)
        else:
            self._receive_stream(playable)

    def _receive_hls(self, playable: Playable) -> None:
        reader = HlsReader(playable.url, self._web, headers=playable.headers, clock=self._clock)
        if not self._take_on(reader):
            return
        reader.open()
        self.live = reader.live

        def pull(size: int) -> bytes:
            data = reader.read(size)
            lost = reader.lost_seconds - self._hls_lost_seconds
            if lost > 0.0:
                self._hls_lost_seconds += lost
                self.buffer.lost(lost)
            return data

        # A live one waits on its server, in segments: there is no need to leave anything out.
        self._transcode(pull)

    def _receive_stream(self, playable: Playable) -> None:
        download = Download(playable, self._web, clock=self._clock, on_title=self.buffer.title)
        if not self._take_on(download):
            return
        if playable.live:
            self._receive_station(playable, download)
        else:
            self._receive_file(playable, download)

    def _receive_station(self, playable: Playable, download: Download) -> None:
        self.live = self.buffer.keep_up = True
        self._transcode(download.read, joined=True)
        if self._closed.is_set():
            return
        hurried = self.buffer.hurried
        if self.buffer.too_fast or (hurried and not self.buffer.keep_all()):
            # A file whose server does not say how long it is: again, from its beginning and with patience.
            self.live = self.buffer.keep_up = self.buffer.too_fast = False
            self.close_parts()
            self._receive_stream(dataclasses.replace(playable, live=False))
        elif download.announced or not hurried:
            raise LinkError("the station has stopped sending", next_step="Try again later", status=502, temporary=True)

    def _receive_file(self, playable: Playable, download: Download) -> None:
        beginning = b""
        while len(beginning) < _LOOKED_AT_BYTES and (data := download.read(_LOOKED_AT_BYTES - len(beginning))):
            beginning += data
        if index_at_end(beginning):
            download.close()
            self._play_whole(playable)
            return
        rest = [beginning] if beginning else []
        self._transcode(lambda size: rest.pop() if rest else download.read(size))

    def _take_on(self, source: _Bytes) -> bool:
        """Note what is to be closed; False if it is too late."""
        with self._lock:
            self._bytes = source
        return not self._closed.is_set()

    def _transcode(self, pull: Callable[[int], bytes], *, joined: bool = False) -> None:
        """Put all the sound there is; ends early where it turns out to be too fast."""
        transcoder = Transcoder(pull, joined=joined)
        with self._lock:
            self._transcoder = transcoder
        begun = False
        while not (self._closed.is_set() or self.buffer.too_fast) and len(block := transcoder.read(BLOCK_FRAMES)):
            if not begun:
                self.buffer.begin(transcoder.sample_rate)
                begun = True
            self.buffer.put(block)

    def _play_whole(self, playable: Playable) -> None:
        """Some files can only be read by going back and forth in them: fetch it first, then read it from the disk."""

        def progress(done: int, total: int | None) -> None:
            share = f": {100 * done // total} %" if total else ""
            self.detail = f"its table of contents stands at its end, so it is fetched whole first{share}"

        progress(0, None)
        with tempfile.TemporaryDirectory(prefix="genrescope-link-") as folder:
            path = fetch_whole(playable, Path(folder), self._web, progress=progress, cancelled=self._closed.is_set)
            self.detail = ""
            decoder = open_audio(path)
            try:
                self.buffer.begin(decoder.sample_rate)
                while not self._closed.is_set() and len(block := decoder.read(BLOCK_FRAMES)):
                    self.buffer.put(block)
            finally:
                decoder.close()
