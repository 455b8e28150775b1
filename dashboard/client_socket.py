"""The client's end of the websocket that sound is sent on (`dashboard.api.audio_socket` is the other)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from dashboard.client_connection import ClientError, Server

Buffer = Any
"""Bytes, or whatever has them: a NumPy array, an array of the standard library."""
READ_BYTES = 65536
MESSAGE_BYTES = 2**20
PIECE_SECONDS = 0.5
SAMPLE_BYTES = {"s16": 2, "s24": 3}
SILENT_SECONDS = 120.0
"""Without a word for so long the connection is given up; a server that waits for its network says nothing for long."""
DONE = 1000


class ProgramSocket:
    """One connection: `converse` sends and receives, once."""

    def __init__(self, server: Server, path: str, hello: Mapping[str, Any]) -> None:
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._lock = threading.Lock()
        self._wire = threading.Lock()
        self._trouble: BaseException | None = None
        frame_bytes = SAMPLE_BYTES.get(str(hello["format"]), 4) * max(1, int(hello["channels"]))
        frames = min(int(hello["rate"] * PIECE_SECONDS), MESSAGE_BYTES // frame_bytes)
        self._frame_bytes = frame_bytes
        self._piece_bytes = max(1, frames) * frame_bytes
        self._connection = server.connect()
        try:
            self._shake_hands(server, path)
            self._connection.settimeout(SILENT_SECONDS)
            self._send(TextMessage(json.dumps(hello)))
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> ProgramSocket:
        return self

    def __exit__(self, *_error: object) -> None:
        self._hang_up()
        self._connection.close()

    def converse(self, blocks: Iterable[Buffer]) -> Iterator[dict[str, Any]]:
        """Send all blocks, and then that this is the end; yields what the server says, until it says the same.

        Raises ClientError where the server closes for another reason, and whatever taking a block raises.
        """
        sender = threading.Thread(target=self._send_all, args=(iter(blocks),), name="sound-sender", daemon=True)
        said = self._messages()
        ready = next(said, None)
        if ready is None:
            raise ClientError("the connection has ended before it began")
        yield ready
        sender.start()
        for message in said:
            yield message
            if message["type"] == "end":
                return
        if self._trouble is not None:
            raise self._trouble

    # ---- sending, in a thread of its own --------------------------------------------------------------------------

    def _send_all(self, blocks: Iterator[Buffer]) -> None:
        try:
            for block in blocks:
                content = memoryview(block).tobytes()
                if len(content) % self._frame_bytes:
                    raise ClientError(f"a block has {len(content)} bytes", rule=f"a frame has {self._frame_bytes}")
                for first in range(0, len(content), self._piece_bytes):
                    self._send(BytesMessage(content[first : first + self._piece_bytes]))
            self._send(TextMessage('{"type": "end"}'))
        except (OSError, ProtocolError):
            pass  # the connection has ended; whoever receives knows why
        except BaseException as error:
            self._trouble = error
            self._hang_up()

    def _send(self, event: Event) -> None:
        # Two locks: while this waits for the server to take something, what the server says must be read.
        with self._wire:
            with self._lock:
                data = self._protocol.send(event)
            self._connection.sendall(data)

    # ---- receiving ------------------------------------------------------------------------------------------------

    def _messages(self) -> Iterator[dict[str, Any]]:
        parts: list[str] = []
        for event in self._events():
            if isinstance(event, TextMessage):
                parts.append(event.data)
                if event.message_finished:
                    yield json.loads("".join(parts))
                    parts.clear()
            elif isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, CloseConnection):
                if event.code != DONE and self._trouble is None:
                    raise ClientError((event.reason or "the connection was closed").rstrip("."), status=int(event.code))
                return

    def _events(self) -> Iterator[Event]:
        while True:
            try:
                data = self._connection.recv(READ_BYTES)
            except TimeoutError as error:
                raise ClientError(f"genrescope has said nothing for {SILENT_SECONDS:.0f} s") from error
            except OSError:
                data = b""
            if not data:
                if self._trouble is not None:
                    return
                raise ClientError("the connection to genrescope is lost", next_step="Try again")
            with self._lock:
                try:
                    self._protocol.receive_data(data)
                    events = list(self._protocol.events())
                except ProtocolError as error:
                    raise ClientError("what answers there speaks no websocket") from error
            yield from events

    def _shake_hands(self, server: Server, path: str) -> None:
        headers = [(name.encode(), value.encode()) for name, value in server.headers.items()]
        self._send(Request(host=server.host_header, target=server.prefix + path, extra_headers=headers))
        status, body = 0, b""
        for event in self._events():
            if isinstance(event, AcceptConnection):
                return
            if isinstance(event, RejectConnection):
                status = event.status_code
                if not event.has_body:
                    break
            elif isinstance(event, RejectData):
                body += event.data
                if event.body_finished:
                    break
        raise ClientError.of_answer(status, body)

    def _hang_up(self) -> None:
        """Whoever waits on the connection finds that it has ended."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended already
