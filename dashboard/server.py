"""Serves the page from a thread of its own."""

from __future__ import annotations

import errno
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask

from dashboard.access import is_loopback
from model.errors import ServerError

if TYPE_CHECKING:
    from dashboard.http_server import HttpServer

WILDCARDS = ("0.0.0.0", "::", "")
# Documentation addresses: nobody has them, and connecting a datagram socket sends nothing anyway.
FAR_AWAY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


@dataclass(frozen=True)
class ServerLimits:
    """How much a server takes upon itself."""

    threads: int = 320
    """Requests that are answered at once; each event stream and websocket is one of them."""
    connections: int = 480
    """Open at once. More wait for their turn; a process may often have only 1024 files open."""
    head_bytes: int = 32 * 1024
    """Of a request: its first line and all headers."""
    patience_seconds: float = 10.0
    """For the whole head to come, for an idle connection to be used again, and for a client to take the next piece."""
    body_seconds: float = 30.0
    """For the whole of a body that nobody reads with a patience of its own."""
    farewell_seconds: float = 15.0
    """For answers that are on their way when the server stops."""


class PageServer:
    """Takes the port when it is made, serves from `serve` on, until `stop`.

    A browser that asks in between waits for `serve` and is not refused.

    limits : how much it takes upon itself; without, those of the page.

    Raises ServerError when the port is taken or the address is not this machine's. Port 0 takes any free one.
    """

    def __init__(self, host: str, port: int, limits: ServerLimits | None = None) -> None:
        self.host = host
        self._limits = limits
        self._socket = bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server: HttpServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where a browser finds the page; for "every address" the one other machines are likely to reach."""
        host = (outward_address() or "127.0.0.1") if self.host in WILDCARDS else self.host
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def serve(self, application: Flask) -> None:
        """Answer requests from now on, each in a thread of its own; returns at once."""
        # Imported here: the port is to be taken before anything else is done.
        from dashboard.http_server import HttpServer

        self._server = HttpServer(self._socket, application, self._limits or ServerLimits())
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="page-server", daemon=True)
        self._thread.start()

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return 0 if self._server is None else self._server.open_connections

    def stop(self) -> None:
        """Let the answers that are on their way finish, serve nobody any more and free the port.

        Answers without an end are told to end, and have some seconds for it. May be called twice, and before `serve`.
        """
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(timeout=5.0)
            self._server = None
        self._socket.close()


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there; "::" stands for IPv4 as well. Raises ServerError in words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without this a restart within a minute would find the port taken by its own closed connections.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::" and socket.has_dualstack_ipv6():
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise _explained(error, host, port) from error
    return listener


def _explained(error: OSError | OverflowError, host: str, port: int) -> ServerError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return ServerError(
            f"port {port} of {host} is in use",
            rule="only one program can serve a port",
            next_step="End the other one, or choose another port with --port (0 takes any free one)",
        )
    if number in (errno.EACCES, errno.EPERM):
        return ServerError(
            f"port {port} may not be used",
            rule="ports below 1024 are reserved for the administrator",
            next_step="Choose a higher one with --port",
        )
    return ServerError(
        f"the page cannot be served at {host}, port {port} ({getattr(error, 'strerror', None) or error})",
        rule="the address must be one of this machine's own",
        next_step="Leave out --host, or use 0.0.0.0 for all addresses of this machine",
    )


def outward_address(family: socket.AddressFamily = socket.AF_INET) -> str | None:
    """This machine's address in the network it is connected to; None where there is none but loopback."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((FAR_AWAY[family], 9))
            address = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(address) or address in WILDCARDS else address
