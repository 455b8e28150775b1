"""The body of a request, however large, slow or unwanted, without holding up or filling up the server."""

from __future__ import annotations

import selectors
import socket
import struct
import time

from flask import request

DRAIN_PIECE_BYTES = 256 * 1024
DRAINED_BYTES = 64 * 1024 * 1024
DRAINED_SECONDS = 10.0
QUIET_SECONDS = 2.0
"""How much of a refused body is still taken in, see `RequestBody.drain`."""


class RequestBody:
    """The body of the present request, read as it comes: no more than was announced, no slower than is bearable.

    It reads werkzeug's socket without blocking, where there is one. A time-out of the socket would not do: a client
    that sends a byte now and then never runs into it.
    """

    def __init__(self, patience_seconds: float) -> None:
        # A body in chunks has no length in advance, whatever else the client says.
        chunked = "Transfer-Encoding" in request.headers
        self.length = None if chunked else request.content_length
        self._left = self.length or 0
        self._patience_seconds = patience_seconds
        self._input = request.environ["wsgi.input"]
        self._socket: socket.socket | None = request.environ.get("werkzeug.socket")

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer only at the end. Raises TimeoutError when they take longer than the patience."""
        size = min(size, self._left)
        if self._socket is None:
            data = self._input.read(size)
        else:
            timeout = self._socket.gettimeout()
            self._socket.setblocking(False)
            try:
                data = self._collected(size, self._socket)
            finally:
                self._socket.settimeout(timeout)
        self._left -= len(data)
        return data

    def _collected(self, size: int, connection: socket.socket) -> bytes:
        data = bytearray()
        end = time.monotonic() + self._patience_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            while len(data) < size:
                # First what was read together with the headers, and what is there. Nothing may mean "not yet", too;
                # but nothing although the socket has something to say means that it has ended.
                piece = self._input.read1(size - len(data))
                if not piece:
                    if not selector.select(max(0.0, end - time.monotonic())):
                        raise TimeoutError
                    piece = self._input.read1(size - len(data))
                    if not piece:
                        break
                data += piece
                if time.monotonic() > end and len(data) < size:
                    raise TimeoutError
        return bytes(data)

    def drain(self) -> None:
        """Take in what a client is still sending, within reason, and then hang up. Called after the answer is out.

        Browsers look for an answer only after they have sent everything, and a connection that is closed while they
        send is reset together with the answer. Werkzeug would take in ten gigabytes, for as long as it takes.
        """
        if self._socket is None:
            return
        end, taken = time.monotonic() + DRAINED_SECONDS, 0
        try:
            # After a whole body nothing should come. If something is there all the same, it is not waited for.
            self._socket.settimeout(QUIET_SECONDS if self.length is None or self._left else 0.0)
            while piece := self._socket.recv(DRAIN_PIECE_BYTES):
                taken += len(piece)
                if taken >= DRAINED_BYTES or time.monotonic() >= end:
                    # It would go on. A polite end would leave it waiting for a minute; this tells it at once.
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
        except OSError:
            pass  # quiet, or gone
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
