"""What the websockets that bring sound have in common: the hello, who may send to what, and the farewells.

The server closes with a code and a reason in words:

    4400  a message that does not fit the protocol
    4404  there is no such session (any more)
    4409  the session listens to something else
    4410  another connection has taken this one's place
    1001  the program ends
    1009  a message is too big
    1011  an error of the server; the terminal says more
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Response, request

from dashboard.http_server import CLOSING
from dashboard.web_socket import ConnectionGoneError, WebSocket, WebSocketServed, refuse
from model.errors import ServerError, SettingError
from stream.clock import Clock
from stream.sources.socket import Attachment, Sender, SocketSource

if TYPE_CHECKING:
    from dashboard.stage import Stage
    from dashboard.studio import Studio

log = logging.getLogger(__name__)

VERSION = 1
MESSAGE_BYTES = 2**20
HELLO_CHARACTERS = 300
HELLO_SECONDS = 10.0
STEP_SECONDS = 0.5
"""How often it is looked whether the session still listens, while nothing comes."""

ENDING = 1001
OUR_FAULT = 1011
BAD_MESSAGE = 4400
NO_STAGE = 4404
LISTENS_ELSEWHERE = 4409
REPLACED = 4410


class RefusalError(Exception):
    """The connection is closed, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class SoundSocket:
    """One connection that brings sound for one session. Only the thread that serves it uses it.

    identifier : of the stage. sender : who may send; a stage that listens to anybody else refuses.
    closing : set when the program ends.

    Its methods raise RefusalError where the protocol is broken, and ConnectionGoneError where the other side has left.
    """

    def __init__(
        self,
        socket: WebSocket,
        studio: Studio,
        identifier: str,
        sender: Sender,
        clock: Clock,
        closing: threading.Event,
    ) -> None:
        self._clock = clock
        self._closing = closing
        self._socket = socket
        self._studio = studio
        self._identifier = identifier
        self._sender = sender

    def hello(self) -> dict[str, Any]:
        """The first message: an object of JSON, of our version, with `rate` and `channels` as numbers."""
        end = self._clock.now() + HELLO_SECONDS
        while self._clock.now() < end:
            message = self.receive(STEP_SECONDS)
            if message is not None:
                return _understood(message)
        raise RefusalError(BAD_MESSAGE, f"nothing has been said for {HELLO_SECONDS:.0f} seconds")

    def stage(self) -> Stage:
        """The stage; asking counts as a sign of life."""
        try:
            return self._studio.stage(self._identifier)
        except SettingError as error:
            raise RefusalError(NO_STAGE, "there is no such session, or it has ended") from error

    def source(self) -> SocketSource:
        """What the stage listens to, if that is this sender's sound."""
        source = self.stage().source
        if not isinstance(source, SocketSource) or source.sender is not self._sender:
            raise RefusalError(LISTENS_ELSEWHERE, "the session listens to something else")
        return source

    def attach(self, source: SocketSource, rate: float, channels: int, **how: Any) -> Attachment:
        """Begin to send, as `SocketSource.attach` says."""
        try:
            return source.attach(rate, channels, **how)
        except SettingError as error:
            raise RefusalError(BAD_MESSAGE, str(error)) from error

    def now(self) -> float:
        """The clock, seconds."""
        return self._clock.now()

    def wait(self, seconds: float) -> None:
        """Let time pass without reading: whoever sends is held up meanwhile."""
        if self._clock.wait(self._closing, seconds):
            raise _ending()

    def receive(self, seconds: float) -> str | bytes | None:
        """The next message, or None if none has come after so many seconds."""
        if self._closing.is_set():
            raise _ending()
        return self._socket.receive(seconds)

    def send(self, message: dict[str, Any]) -> None:
        """Send a short object as JSON."""
        self._socket.send(json.dumps(message, separators=(",", ":"), allow_nan=False))

    def replaced(self, source: SocketSource) -> RefusalError:
        """Why a source does not listen to this connection any more."""
        if self.source() is not source:
            return RefusalError(LISTENS_ELSEWHERE, "the session listens to something else")
        return RefusalError(REPLACED, "another connection has taken the place of this one")


def serve_sound(
    studio: Studio, identifier: str, sender: Sender, clock: Clock, talk: Callable[[SoundSocket], None]
) -> Response:
    """Answer the request at hand, which asks for a websocket: `talk` over it, from the hello to the end.

    When `talk` returns, the connection is closed with 1000; when it raises, with what fits the error.
    """
    try:
        socket = WebSocket(request.environ, clock, message_bytes=MESSAGE_BYTES)
    except (ServerError, ConnectionGoneError) as error:
        return refuse(error) if isinstance(error, ServerError) else WebSocketServed()
    closing = request.environ.get(CLOSING) or threading.Event()
    try:
        talk(SoundSocket(socket, studio, identifier, sender, clock, closing))
        socket.close(1000, "")
    except RefusalError as refusal:
        socket.close(refusal.code, str(refusal))
    except ConnectionGoneError:
        socket.end()
    except Exception:
        log.exception("a connection that brings sound failed")
        socket.close(OUR_FAULT, "something went wrong inside genrescope")
    return WebSocketServed()


def _ending() -> RefusalError:
    return RefusalError(ENDING, "genrescope is ending")


def _understood(message: str | bytes) -> dict[str, Any]:
    if not isinstance(message, str) or len(message) > HELLO_CHARACTERS:
        raise RefusalError(BAD_MESSAGE, "the first message must say rate and channels")
    try:
        said = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise RefusalError(BAD_MESSAGE, "the first message is no JSON") from error
    if not isinstance(said, dict) or said.get("version") != VERSION:
        raise RefusalError(BAD_MESSAGE, f"the server speaks version {VERSION} of this protocol")
    for name, kinds in (("rate", int | float), ("channels", int)):
        if not isinstance(said.get(name), kinds) or isinstance(said[name], bool):
            raise RefusalError(BAD_MESSAGE, "rate and channels must be numbers")
    return said
