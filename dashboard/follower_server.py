"""Serves the followers' page: waitress, with limits that suit phones which ask once a second.

The main page's server begins a thread for every request. This one reads and sends in a single thread, and hands only
requests that have arrived whole to a few others, so that a slow or silent client holds nobody up.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from dashboard.server import bind

THREADS = 4
HEAD_BYTES = 8192
"""The longest request, with all its headers."""
BODY_BYTES = 1024
"""Nothing is done with a body; a short one is taken so that its request gets an answer in plain words."""
CONNECTIONS = 160
"""More at once wait for their turn; a process has 256 open files at least, and the others are for the music."""
PATIENCE_SECONDS = 10


class FollowerServer:
    """Takes the port when it is made, serves from `serve` on, until `stop`.

    host : an address of this machine; "0.0.0.0" for all of them, "::" for IPv6 and IPv4.
    patience_seconds : a connection on which nothing comes for so long is cut.
    connections : so many at once.

    Raises ServerError when the port is taken or the address is not this machine's. Port 0 takes any free one.
    """

    def __init__(
        self, host: str, port: int, *, patience_seconds: int = PATIENCE_SECONDS, connections: int = CONNECTIONS
    ) -> None:
        self._patience = patience_seconds
        self._connections = connections
        self._socket = bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._channels: dict[int, Any] = {}  # waitress keeps what it listens to here
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def serve(self, application: Flask) -> None:
        """Answer requests from now on; returns at once."""
        # It would report every queue and every limit reached to the terminal; errors of ours are reported by Flask.
        logging.getLogger("waitress").setLevel(logging.CRITICAL)
        self._server = create_server(
            application,
            map=self._channels,
            sockets=[self._socket],
            threads=THREADS,
            backlog=128,
            connection_limit=self._connections + 2,  # it counts the listener and its own wake-up pipe
            channel_timeout=self._patience,
            cleanup_interval=1,
            max_request_header_size=HEAD_BYTES,
            max_request_body_size=BODY_BYTES,
            log_socket_errors=False,
            ident=None,
            asyncore_use_poll=True,  # select() fails in a process that has many files open
        )
        self._thread = threading.Thread(target=self._server.run, name="follower-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Serve nobody any more and free the port. May be called twice, and before `serve`."""
        if self._server is not None and self._thread is not None:
            # The answering threads first, as they wake the listening one; that one then closes what it listens to.
            self._server.task_dispatcher.shutdown()
            self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._channels))
            self._thread.join(timeout=5.0)
            self._server = None
        self._socket.close()
