"""The websocket `/microphone?stage=ID`: the sound of a browser's microphone, for a stage that listens to it.

The page speaks first, in text:

    {"version": 1, "rate": 48000, "channels": 1, "capture": "a name for this run of the microphone"}

and is answered `{"ok": true}`. From then on it sends binary messages, each a block of at most a second:

    bytes 0 to 7    uint64, little-endian: frames captured before this block, since the capture began
    the rest        float32, little-endian, -1..1: the frames, each one sample of every channel in turn

Frames that were left out on the way show in the count and are counted as lost. The same `capture` after a broken
connection goes on with the count.

The server closes with a code and a reason in words:

    4400  a message that does not fit the above
    4404  there is no such stage (any more)
    4409  the stage listens to something else
    4410  another connection has taken this one's place
    1009  a message is too big
    1011  an error of the server; the terminal says more
"""

from __future__ import annotations

import json
import logging
import struct
from typing import TYPE_CHECKING

import numpy as np
from flask import Flask, Response, request

from dashboard.web_socket import ConnectionGoneError, WebSocket, WebSocketServed, refuse
from model.errors import ServerError, SettingError
from stream.clock import Clock, SystemClock
from stream.sources.socket import BROWSER, Attachment, SocketSource

if TYPE_CHECKING:
    from dashboard.studio import Studio

log = logging.getLogger(__name__)

VERSION = 1
MESSAGE_BYTES = 2**20
HELLO_CHARACTERS = 300
CAPTURE_CHARACTERS = 64
HELLO_SECONDS = 10.0
STEP_SECONDS = 0.5
"""How often it is looked whether the stage still listens, while nothing comes."""

BAD_MESSAGE = 4400
NO_STAGE = 4404
LISTENS_ELSEWHERE = 4409
REPLACED = 4410
OUR_FAULT = 1011

_COUNT = struct.Struct("<Q")
_SAMPLE = np.dtype("<f4")


class _RefusalError(Exception):
    """The connection is closed, for this reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def register_microphone(server: Flask, studio: Studio, *, clock: Clock | None = None) -> None:
    """Add the websocket to the server. `Access.guard` looks at its handshake as at every request."""
    time = clock or SystemClock()

    @server.route("/microphone", websocket=True)
    def microphone() -> Response:
        try:
            page = WebSocket(request.environ, time, message_bytes=MESSAGE_BYTES)
        except (ServerError, ConnectionGoneError) as error:
            return refuse(error) if isinstance(error, ServerError) else WebSocketServed()
        try:
            _Listener(page, studio, request.args.get("stage", ""), time).run()
        except _RefusalError as refusal:
            page.close(refusal.code, str(refusal))
        except ConnectionGoneError:
            page.end()
        except Exception:
            log.exception("the connection to a browser's microphone failed")
            page.close(OUR_FAULT, "something went wrong inside genrescope")
        return WebSocketServed()


class _Listener:
    """One connection, from the hello to the end."""

    def __init__(self, page: WebSocket, studio: Studio, stage: str, clock: Clock) -> None:
        self._page = page
        self._studio = studio
        self._stage = stage
        self._clock = clock

    def run(self) -> None:
        """Pass on what the browser sends until one of the two has had enough."""
        rate, channels, capture = _hello(self._first_message())
        source = self._source()
        attachment = _attach(source, rate, channels, capture)
        try:
            self._page.send(json.dumps({"ok": True}))
            while attachment.active:
                message = self._page.receive(STEP_SECONDS)
                if message is not None:
                    _push(attachment, message)
        finally:
            attachment.detach()
        if self._source() is not source:
            raise _RefusalError(LISTENS_ELSEWHERE, "the session listens to something else now")
        raise _RefusalError(REPLACED, "another connection has taken the place of this one")

    def _source(self) -> SocketSource:
        try:
            source = self._studio.stage(self._stage).source
        except SettingError as error:
            raise _RefusalError(NO_STAGE, "this page's session has ended") from error
        if not isinstance(source, SocketSource):
            raise _RefusalError(LISTENS_ELSEWHERE, "the session listens to something else now")
        return source

    def _first_message(self) -> str | bytes:
        end = self._clock.now() + HELLO_SECONDS
        while self._clock.now() < end:
            message = self._page.receive(STEP_SECONDS)
            if message is not None:
                return message
        raise _RefusalError(BAD_MESSAGE, f"the page has said nothing for {HELLO_SECONDS:.0f} seconds")


def _hello(message: str | bytes) -> tuple[float, int, str]:
    """Rate (Hz), channels and capture of the first message."""
    if not isinstance(message, str) or len(message) > HELLO_CHARACTERS:
        raise _RefusalError(BAD_MESSAGE, "the first message must say rate and channels")
    try:
        said = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise _RefusalError(BAD_MESSAGE, "the first message is no JSON") from error
    if not isinstance(said, dict) or said.get("version") != VERSION:
        raise _RefusalError(BAD_MESSAGE, f"the server speaks version {VERSION} of this protocol; load the page again")
    rate, channels, capture = said.get("rate"), said.get("channels"), said.get("capture", "")
    if not isinstance(rate, int | float) or not isinstance(channels, int):
        raise _RefusalError(BAD_MESSAGE, "rate and channels must be numbers")
    if not isinstance(capture, str) or len(capture) > CAPTURE_CHARACTERS:
        raise _RefusalError(BAD_MESSAGE, f"capture must be a text of at most {CAPTURE_CHARACTERS} characters")
    return rate, channels, capture


def _attach(source: SocketSource, rate: float, channels: int, capture: str) -> Attachment:
    try:
        return source.attach(rate, channels, capture=capture)
    except SettingError as error:
        raise _RefusalError(BAD_MESSAGE, str(error)) from error


def _push(attachment: Attachment, message: str | bytes) -> None:
    if isinstance(message, str):
        raise _RefusalError(BAD_MESSAGE, "after the first message there is only sound")
    frame_bytes = _SAMPLE.itemsize * attachment.channels
    if len(message) < _COUNT.size or (len(message) - _COUNT.size) % frame_bytes:
        raise _RefusalError(BAD_MESSAGE, f"{len(message)} bytes are no count and whole frames")
    block = np.frombuffer(message, _SAMPLE, offset=_COUNT.size).reshape(-1, attachment.channels)
    try:
        attachment.push(block, _COUNT.unpack_from(message)[0])
    except SettingError as error:
        raise _RefusalError(BAD_MESSAGE, error.what) from error
