"""The server's end of a websocket: one thread, nothing read ahead, nothing that a browser sends can break it."""

from __future__ import annotations

import socket
import threading
from collections import deque
from typing import Any

import h11
from flask import Response
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import ProtocolError

from dashboard.http_server import CLOSING, CONNECTION, TAKEN_OVER
from model.errors import ServerError
from stream.clock import Clock

READ_BYTES = 65536
SEND_SECONDS = 5.0
"""What is sent is short; a browser that takes longer to take it is gone."""
PING_SECONDS = 2.0
DEAD_SECONDS = 6.0
"""A browser answers pings by itself. Without a byte for so long the connection is broken, whatever TCP says."""
FAREWELL_SECONDS = 2.0
"""For so long the browser's answer to our closing is awaited."""
GOING_AWAY = 1001
TOO_BIG = 1009
_HEADERS = ("connection", "upgrade", "sec-websocket-key", "sec-websocket-version")


class ConnectionGoneError(Exception):
    """The browser has left, or cannot be reached any more."""


class WebSocket:
    """Takes over the connection of a request that asks for a websocket.

    It reads only when asked for the next message. A browser that sends faster than its messages are taken is thus held
    up by TCP, and nothing piles up here. Sound does not shrink, so compression is not offered.

    environ : of a request that a `PageServer` serves.
    message_bytes : longer messages end the connection.

    Raises ServerError for a request that is no proper handshake.
    """

    def __init__(self, environ: dict[str, Any], clock: Clock, *, message_bytes: int) -> None:
        self._clock = clock
        self._message_bytes = message_bytes
        self._connection: socket.socket = environ[CONNECTION]
        self._ahead: bytes = environ["wsgi.input"].ahead()
        self._closing: threading.Event = environ[CLOSING]
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._messages: deque[str | bytes] = deque()
        self._parts: list[str | bytes] = []
        self._parts_bytes = 0
        self._heard_at = self._pinged_at = clock.now()
        given = [(name, environ.get(f"HTTP_{name.upper().replace('-', '_')}")) for name in _HEADERS]
        try:
            # The name of the host was looked at before; the protocol only wants one.
            headers = [(name.encode(), value.encode("latin-1")) for name, value in given if value is not None]
            self._protocol.initiate_upgrade_connection([*headers, (b"host", b"here")], "/")
        except (ProtocolError, h11.ProtocolError, ValueError) as error:
            raise ServerError(
                "this is no websocket", rule="the handshake must follow RFC 6455", next_step="Use a browser"
            ) from error
        list(self._protocol.events())  # the request itself
        self._send_event(AcceptConnection())

    def receive(self, seconds: float) -> str | bytes | None:
        """The next message, or None if none has come after so many seconds.

        Raises ConnectionGoneError; also, after a good-bye, when the server is being closed.
        """
        if self._closing.is_set():
            self.close(GOING_AWAY, "genrescope is being closed")
            raise ConnectionGoneError
        if not self._messages:
            self._read(seconds)
            self._watch()
        return self._messages.popleft() if self._messages else None

    def send(self, text: str) -> None:
        """Send a short text. Raises ConnectionGoneError."""
        self._send_event(TextMessage(data=text))

    def close(self, code: int, reason: str) -> None:
        """Say good-bye (the reason is cut after 123 bytes), and end the connection. Never fails."""
        try:
            self._send_event(CloseConnection(code=code, reason=reason))
            self._drain()
        except ConnectionGoneError:
            pass
        self.end()

    def end(self) -> None:
        """End the connection without a word; the thread that serves the request finds it closed."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _read(self, seconds: float) -> None:
        data = self._take(seconds)
        if data is None:
            return
        self._heard_at = self._clock.now()
        try:
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                self._heed(event)
        except ProtocolError as error:
            raise ConnectionGoneError from error

    def _take(self, seconds: float) -> bytes | None:
        """What has arrived, at most READ_BYTES; None if nothing has."""
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead
        try:
            self._connection.settimeout(seconds)
            data = self._connection.recv(READ_BYTES)
        except TimeoutError:
            return None
        except (OSError, ValueError) as error:
            raise ConnectionGoneError from error
        if not data:
            raise ConnectionGoneError
        return data

    def _heed(self, event: Event) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            self._gather(event)
        elif isinstance(event, Ping):
            self._send_event(event.response())
        elif isinstance(event, CloseConnection):
            # Either the browser says good-bye, or what it sent is no websocket's: both are answered in kind.
            self._send_event(event.response())
            raise ConnectionGoneError

    def _gather(self, event: TextMessage | BytesMessage) -> None:
        self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
        self._parts_bytes += len(event.data)
        if self._parts_bytes > self._message_bytes:
            self.close(TOO_BIG, f"messages hold at most {self._message_bytes} bytes")
            raise ConnectionGoneError
        if event.message_finished:
            empty = "" if isinstance(event, TextMessage) else b""
            self._messages.append(empty.join(self._parts))  # type: ignore[arg-type]  # a message is of one type
            self._parts.clear()
            self._parts_bytes = 0

    def _watch(self) -> None:
        """Is there still somebody? A pulled cable tells nobody."""
        now = self._clock.now()
        if now - self._heard_at > DEAD_SECONDS:
            raise ConnectionGoneError
        if now - max(self._heard_at, self._pinged_at) > PING_SECONDS:
            self._pinged_at = now
            self._send_event(Ping())

    def _send_event(self, event: Event) -> None:
        try:
            self._connection.settimeout(SEND_SECONDS)
            self._connection.sendall(self._protocol.send(event))
        except (OSError, ValueError, ProtocolError) as error:
            raise ConnectionGoneError from error

    def _drain(self) -> None:
        """Read on until the browser has closed its side. To end with its sound unread would reset the connection, and
        the reason for the closing might never get there."""
        end = self._clock.now() + FAREWELL_SECONDS
        while (left := end - self._clock.now()) > 0 and self._take(left) is not None:
            pass


class WebSocketServed(Response):
    """What a view answers when its websocket is over: nothing, as the connection has had its answers."""

    def __call__(self, environ: dict[str, Any], _start_response: Any) -> Any:
        environ[TAKEN_OVER] = True
        return []


def refuse(error: ServerError) -> Response:
    """The answer to a request that is no proper handshake."""
    return Response(str(error), status=400, mimetype="text/plain")
