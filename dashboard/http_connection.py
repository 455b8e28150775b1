"""A connection of the server, and the one thread that watches all on which nobody works."""

from __future__ import annotations

import _pyio
import contextlib
import io
import re
import selectors
import socket
import time
from typing import TYPE_CHECKING, Any

from cheroot import connections, makefile
from cheroot import server as cheroot_server

from dashboard.server import ServerLimits

if TYPE_CHECKING:
    from dashboard.http_server import HttpServer

HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\0\r\n]*)\r\n")
ONLY_ONCE = (b"Host", b"Content-Length", b"Transfer-Encoding", b"Authorization", b"Origin")
TOO_MUCH_BYTES = 512
"""cheroot reads a head in steps and notices after the step that it is too large: so much more is collected."""


class _Ahead(socket.SocketIO):
    """Reads a socket, after what was read of it ahead."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection, "r")
        self.ahead = bytearray()

    def readinto(self, buffer: Any) -> int | None:
        if not self.ahead:
            return super().readinto(buffer)
        count = min(len(buffer), len(self.ahead))
        buffer[:count] = self.ahead[:count]
        del self.ahead[:count]
        return count


class _Reader(makefile.StreamReader):
    """What a connection is read through; its raw file can be filled beforehand."""

    def __init__(self, raw: _Ahead) -> None:
        _pyio.BufferedReader.__init__(self, raw, io.DEFAULT_BUFFER_SIZE)
        self.bytes_read = 0

    def has_data(self) -> bool:
        """Whether something can be read without asking the socket."""
        return bool(self.raw.ahead) or bool(super().has_data())


class _HeaderReader(cheroot_server.HeaderReader):
    """Takes RFC 9112 at its word. What two readers may understand differently is how requests are smuggled."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        headers = {} if hdict is None else hdict
        while (line := rfile.readline()) != b"\r\n":
            found = HEADER.fullmatch(line)
            if found is None:
                raise ValueError("Illegal header line.")
            name, value = found[1].title(), found[2].strip()
            if b"_" in name:
                continue  # to the application it would look like the one with hyphens
            if name in headers and name in ONLY_ONCE:
                raise ValueError("A header is given twice.")
            headers[name] = b", ".join((headers[name], value)) if name in headers else value
        if b"Transfer-Encoding" in headers and b"Content-Length" in headers:
            raise ValueError("A body has one length.")
        return headers


class _Request(cheroot_server.HTTPRequest):
    header_reader = _HeaderReader()


class Connection(cheroot_server.HTTPConnection):
    """A connection whose request is collected before anybody works on it."""

    RequestHandlerClass = _Request
    rfile: Any

    def __init__(self, server: HttpServer, connection: socket.socket, make: Any = makefile.MakeFile) -> None:
        super().__init__(server, connection, make)
        self.rfile.close()  # cheroot's own, which cannot be filled; the socket stays open
        self._raw = _Ahead(connection)
        self.rfile = _Reader(self._raw)
        self._closed = False
        # An answer is sent in two pieces at least; the second would wait until the first is acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.one_more()

    def collect(self) -> bool:
        """Read what is there, without waiting. True once there is work: a whole head, too much, or an end."""
        ahead, limits = self._raw.ahead, self.server.limits
        if _has_head(ahead, limits):
            return True
        if not ahead:
            self.last_used = time.time()  # the patience with this request begins
        self.socket.setblocking(False)
        try:
            piece = self.socket.recv(limits.head_bytes + TOO_MUCH_BYTES - len(ahead))
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True  # the thread will find out, and close it
        finally:
            with contextlib.suppress(OSError):
                self.socket.settimeout(limits.patience_seconds)
        ahead += piece
        return not piece or _has_head(ahead, limits)

    def put_back(self) -> None:
        """What was read beyond the last request is the beginning of the next: it is collected like any other."""
        if self.rfile.has_data():
            self._raw.ahead[:0] = self.rfile.peek(1)  # all that is buffered
            self.rfile.detach()
            self.rfile = _Reader(self._raw)

    def close(self) -> None:
        try:
            # cheroot raises what a socket says that was reset by its other end.
            with contextlib.suppress(OSError):
                super().close()
        finally:
            if not self._closed:
                self._closed = True
                self.server.one_less()


def _has_head(data: bytearray, limits: ServerLimits) -> bool:
    return b"\r\n\r\n" in data or len(data) >= limits.head_bytes + TOO_MUCH_BYTES


class ConnectionManager(connections.ConnectionManager):
    """Watches the connections on which nobody works, and the socket that new ones come from."""

    def put(self, conn: Connection) -> None:
        """A request was answered; the connection may bring another."""
        conn.put_back()
        conn.last_used = time.time()
        self.server.process_conn(conn)

    def watch(self, conn: Connection) -> None:
        """A request is not complete yet. The patience with it goes on from where it was."""
        self._selector.register(conn.socket.fileno(), selectors.EVENT_READ, data=conn)

    def accept(self, wanted: bool) -> None:
        """Take new connections, or leave them waiting for their turn."""
        with contextlib.suppress(KeyError, ValueError, OSError, AttributeError):
            listener = self.server.socket.fileno()
            if wanted:
                self._selector.register(listener, selectors.EVENT_READ, data=self.server)
            else:
                self._selector.unregister(listener)
