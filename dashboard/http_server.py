"""cheroot, made fit for strangers: whoever is slow, silent or too many holds nobody else up.

A thread of cheroot's reads a request's head as it comes, however long that takes. Here the heads of all connections are
collected by the one thread that watches them, and only a request whose head has arrived whole gets a thread of its own.
That thread may then answer for as long as it likes: with a file, a stream of events, or a websocket.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import Any

from cheroot import wsgi
from cheroot.workers.threadpool import _SHUTDOWNREQUEST, ThreadPool, WorkerThread
from flask import Flask

from dashboard.http_connection import Connection, ConnectionManager
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

    ConnectionClass = Connection

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
        self._connections: ConnectionManager = ConnectionManager(self)

    def process_conn(self, conn: Connection) -> None:
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
