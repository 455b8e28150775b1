"""Serves the page from a thread of its own."""

from __future__ import annotations

import errno
import socket
import threading
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from dashboard.access import is_loopback
from model.errors import ServerError

WILDCARDS = ("0.0.0.0", "::", "")
# Documentation addresses: nobody has them, and connecting a datagram socket sends nothing anyway.
FAR_AWAY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


class _QuietHandler(WSGIRequestHandler):
    """Four polls a second and a viewer would drown everything else in the terminal."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 (the base class calls it so)
        pass


class PageServer:
    """Takes the port when it is made, serves from `serve` on, until `stop`.

    A browser that asks in between waits for `serve` and is not refused.

    Raises ServerError when the port is taken or the address is not this machine's. Port 0 takes any free one.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self._socket = bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where a browser finds the page; for "every address" the one other machines are likely to reach."""
        host = (outward_address() or "127.0.0.1") if self.host in WILDCARDS else self.host
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def serve(self, application: Flask) -> None:
        """Answer requests from now on, each in a thread of its own; returns at once."""
        self._server = make_server(
            self.host or "0.0.0.0",
            self.port,
            application,
            threaded=True,
            request_handler=_QuietHandler,
            fd=self._socket.fileno(),
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="page-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Serve nobody any more and free the port. May be called twice, and before `serve`."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join(timeout=5.0)
            self._server.server_close()
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
