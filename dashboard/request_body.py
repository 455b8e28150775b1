"""The body of a request, however large, slow or unwanted, without holding up or filling up the server."""

from __future__ import annotations

import io
import selectors
import socket
import struct
import time
from typing import Any

from flask import request
from werkzeug.exceptions import LengthRequired, RequestTimeout

DRAIN_PIECE_BYTES = 256 * 1024
DRAINED_BYTES = 64 * 1024 * 1024
DRAINED_SECONDS = 10.0
QUIET_SECONDS = 2.0
"""How much of an unwanted body is still taken in, see `RequestInput.drain`."""


class RequestInput(io.RawIOBase):
    """`wsgi.input`: no more than was announced, within the time that is bearable.

    It reads the socket without blocking. A time-out of the socket would not do: a client that sends a byte now and then
    never runs into it.

    reader : what was read of the connection ahead; a buffered reader with `has_data`.
    length : of the body, in bytes; None for one that comes in chunks. Those are refused with 411.
    patience_seconds : for the whole of it, where it is read like a file; then the answer is 408.
    """

    def __init__(self, connection: socket.socket, reader: Any, length: int | None, patience_seconds: float) -> None:
        self.length = length
        self._connection = connection
        self._reader = reader
        self._left = length or 0
        self._patience_seconds = patience_seconds
        self._end: float | None = None

    @property
    def exhausted(self) -> bool:
        """Whether nothing of the body is left."""
        return self.length is not None and self._left == 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.length is None:
            raise LengthRequired("A body comes with its Content-Length.")
        if self._end is None:
            self._end = time.monotonic() + self._patience_seconds
        try:
            data = self.collect(len(buffer), self._end - time.monotonic(), fill=False)
        except TimeoutError as error:
            raise RequestTimeout("The body did not come in time.") from error
        buffer[: len(data)] = data
        return len(data)

    def collect(self, size: int, seconds: float, *, fill: bool = True) -> bytes:
        """So many bytes, fewer only at the end; without `fill`, what is there. TimeoutError when they take longer."""
        size = min(size, self._left)
        data = bytearray()
        end = time.monotonic() + seconds
        timeout = self._connection.gettimeout()
        self._connection.setblocking(False)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, selectors.EVENT_READ)
                while len(data) < size and (fill or not data):
                    piece = self._available(size - len(data))
                    if piece is None:
                        left = end - time.monotonic()
                        if left <= 0 or not selector.select(left):
                            raise TimeoutError
                    elif piece:
                        data += piece
                    else:
                        break
                    if time.monotonic() > end and len(data) < size and fill:
                        raise TimeoutError
        finally:
            self._connection.settimeout(timeout)
        self._left -= len(data)
        return bytes(data)

    def ahead(self) -> bytes:
        """What has come beyond the request's head already, for who takes the connection over."""
        data = bytearray()
        while self._reader.has_data():
            data += self._reader.read(len(self._reader.peek(1)))
        return bytes(data)

    def drain(self) -> None:
        """Take in what a client is still sending, within reason, and then hang up. Called after the answer is out.

        Browsers look for an answer only after they have sent everything, and a connection that is closed while they
        send is reset together with the answer.
        """
        while self._left and self._reader.has_data():
            self._left -= len(self._available(self._left) or b"")
        end, taken = time.monotonic() + DRAINED_SECONDS, 0
        try:
            self._connection.settimeout(QUIET_SECONDS)
            while not self.exhausted and (piece := self._connection.recv(DRAIN_PIECE_BYTES)):
                taken += len(piece)
                self._left = max(0, self._left - len(piece))
                if taken >= DRAINED_BYTES or time.monotonic() >= end:
                    # It would go on. A polite end would leave it waiting for a minute; this tells it at once.
                    self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
        except OSError:
            pass  # quiet, or gone
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _available(self, size: int) -> bytes | None:
        """What can be had without waiting: b"" at the end of the connection, None if nothing is there yet."""
        if self._reader.has_data():
            return bytes(self._reader.read(min(size, len(self._reader.peek(1)))))
        try:
            return self._connection.recv(size)
        except (BlockingIOError, InterruptedError):
            return None


class RequestBody:
    """The body of the present request, for who reads it piece by piece.

    patience_seconds : how long each piece may take.
    """

    def __init__(self, patience_seconds: float) -> None:
        # A body in chunks has no length in advance, whatever else the client says.
        self.length = None if "Transfer-Encoding" in request.headers else request.content_length
        self._left = self.length or 0
        self._patience_seconds = patience_seconds
        self._input = request.environ["wsgi.input"]

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer only at the end. Raises TimeoutError when they take longer than the patience."""
        size = min(size, self._left)
        if isinstance(self._input, RequestInput):
            data = self._input.collect(size, self._patience_seconds)
        else:  # Flask's test client
            data = self._input.read(size)
        self._left -= len(data)
        return data
