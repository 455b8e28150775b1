"""cheroot, made fit for strangers: whoever is slow, silent or too many holds nobody else up.

A thread of cheroot's reads a request's head as it comes, however long that takes. Here the heads of all connections are
collected by the one thread that watches them, and only a request whose head has arrived whole gets a thread of its own.
That thread may then answer for as long as it likes: with a file, a stream of events, or a websocket.
"""

from __future__ import annotations

import _pyio
import contextlib
import io
import logging
import re
import selectors
import socket
import threading
import time
from typing import Any

from cheroot import connections, makefile, wsgi
from cheroot import server as cheroot_server
from cheroot.workers.threadpool import _SHUTDOWNREQUEST, ThreadPool, WorkerThread
from flask import Flask

from dashboard.request_body import RequestInput
from dashboard.server import ServerLimits

log = logging.getLogger(__name__)

CONNECTION = "genrescope.connection"
"""In a request's environ: its socket, for who takes the connection over."""
CLOSING = "genrescope.closing"
"""In a request's environ: a threading.Event that is set when the server stops; answers without an end end then."""
TAKEN_OVER = "genrescope.taken-over"
"""Set in the environ by who has taken the connection over and answered himself: nothing more is sent."""
QUEUED = 256
"""Requests that wait for a thread. Those beyond are answered 503."""
LAST_JOIN_SECONDS = 1.0
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


class _Connection(cheroot_server.HTTPConnection):
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


class _Manager(connections.ConnectionManager):
    """Watches the connections on which nobody works, and the socket that new ones come from."""

    def put(self, conn: _Connection) -> None:
        """A request was answered; the connection may bring another."""
        conn.put_back()
        conn.last_used = time.time()
        self.server.process_conn(conn)

    def watch(self, conn: _Connection) -> None:
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


class _Pool(ThreadPool):
    """Threads as they are needed. cheroot's own pool never grows by itself."""

    def put(self, obj: Any) -> None:
        super().put(obj)
        if self.idle < self.qsize and len(self._threads) < self.max:
            self._threads.append(self._spawn_worker())

    def start(self) -> None:
        pass  # the first request brings the first thread

    def _spawn_worker(self) -> WorkerThread:
        worker = WorkerThread(self.server)
        worker.name, worker.daemon = "page-request", True
        worker.start()
        return worker

    def stop(self, timeout: float = 5.0) -> None:
        """Let the threads finish; after the time, cut their connections."""
        end = time.monotonic() + timeout
        threads, self._threads[:] = self._threads[:], []
        for _ in threads:
            self._queue.put(_SHUTDOWNREQUEST)
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        for thread in threads:
            conn = thread.conn if thread.is_alive() else None
            if conn is not None:
                with contextlib.suppress(OSError):
                    conn.socket.shutdown(socket.SHUT_RDWR)
                thread.join(LAST_JOIN_SECONDS)


class _Gateway(wsgi.Gateway_10):
    """What the application gets of a request, and the end of it."""

    def get_environ(self) -> dict[str, Any]:
        request = self.req
        environ = super().get_environ()
        environ[CONNECTION] = request.conn.socket
        environ[CLOSING] = request.server.closing
        chunked = bool(request.chunked_read)
        self._input = RequestInput(
            request.conn.socket,
            request.conn.rfile,
            None if chunked else int(request.inheaders.get(b"Content-Length", 0)),
            request.server.limits.body_seconds,
        )
        environ["wsgi.input"] = self._input
        environ["wsgi.input_terminated"] = True
        return environ

    def respond(self) -> None:
        request = self.req
        if (self._input.length or 0) < 0:
            request.close_connection = request.sent_headers = True
            request.simple_response("400 Bad Request", "A length is not negative.")
            return
        response = request.server.wsgi_app(self.env, self.start_response)
        try:
            if TAKEN_OVER in self.env:
                request.sent_headers = request.close_connection = True
                return
            # With a rest of the body in the way the connection cannot be used again, and cheroot would read that rest
            # into memory.
            # A client whose wish for a websocket was refused may speak that language already.
            request.close_connection |= not self._input.exhausted or "HTTP_UPGRADE" in self.env
            request.close_connection |= request.server.closing.is_set()
            request.rfile = None
            for chunk in filter(None, response):
                self.write(chunk)
            request.ensure_headers_sent()
        finally:
            if hasattr(response, "close"):
                response.close()
        if not self._input.exhausted:
            if request.chunked_write:
                request.conn.wfile.write(b"0\r\n\r\n")
                request.chunked_write = False
            self._input.drain()


class HttpServer(wsgi.Server):
    """A Flask application behind a socket that listens already. `start` serves until `stop`."""

    ConnectionClass = _Connection

    def __init__(self, listener: socket.socket, application: Flask, limits: ServerLimits) -> None:
        super().__init__(listener.getsockname()[:2], application, server_name="genrescope")
        self.limits = limits
        self.closing = threading.Event()
        self.gateway = _Gateway
        self.requests = _Pool(self, min=1, max=limits.threads, accepted_queue_size=QUEUED, accepted_queue_timeout=0)
        self.timeout = limits.patience_seconds
        # How often it looks for who has lost patience with him, and whether it is to stop.
        self.expiration_interval = 0.1
        self.shutdown_timeout = limits.farewell_seconds
        self.max_request_header_size = limits.head_bytes
        self.keep_alive_conn_limit = limits.connections
        self.request_queue_size = 128
        self._listener = listener
        self._open = 0
        self._count_lock = threading.Lock()

    @property
    def open_connections(self) -> int:
        return self._open

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002 (the base class calls it so)
        self.socket = self._listener
        return self.socket

    def prepare(self) -> None:
        super().prepare()
        self._connections.close()
        self._connections: _Manager = _Manager(self)

    def process_conn(self, conn: _Connection) -> None:
        """Hand a connection to a thread if it has brought a whole request, else go on watching it."""
        if conn.collect():
            super().process_conn(conn)
        else:
            self._connections.watch(conn)

    def one_more(self) -> None:
        with self._count_lock:
            self._open += 1
            if self._open == self.limits.connections:
                self._connections.accept(False)

    def one_less(self) -> None:
        with self._count_lock:
            self._open -= 1
            if self._open == self.limits.connections - 1 and self.ready:
                self._connections.accept(True)

    def stop(self) -> None:
        """Take no more requests, let those that are being answered finish, and free the port."""
        self.closing.set()
        super().stop()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        # What clients do wrong is nobody's business here; what goes wrong in an answer after it has begun is.
        if level >= logging.ERROR:
            log.error("%s", msg, exc_info=traceback)
