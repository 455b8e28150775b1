"""One connection to an address that was checked, with limits on its time and on the size of its headers."""

from __future__ import annotations

import functools
import http.client
import io
import math
import socket
import ssl
import threading
from typing import Any

import urllib3
import urllib3.connection

from stream.clock import Clock
from stream.links.address import Address
from stream.links.web import Dial

MAX_HEADER_BYTES = 65_536
MAX_ADDRESSES_TRIED = 4
BUFFER_BYTES = 16_384


class HeadersTooLargeError(Exception):
    """More headers than any honest server sends."""


class Guard:
    """What holds for one connection: until when it may take, and whether it was ended from outside."""

    def __init__(self, clock: Clock, dial: Dial) -> None:
        self._clock = clock
        self._dial = dial
        self._until = math.inf
        self._header_bytes_left: float = MAX_HEADER_BYTES
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self.ended = False

    def allow(self, until: float) -> None:
        """Let it take until this time of the clock."""
        self._until = until

    def seconds_left(self) -> float:
        """Raises TimeoutError if there are none."""
        left = self._until - self._clock.now()
        if left <= 0.0:
            raise TimeoutError("its time is over")
        return left

    def took(self, size: int) -> None:
        """So many bytes have come. Raises HeadersTooLargeError if they are still headers, and too many."""
        self._header_bytes_left -= size
        if self._header_bytes_left < 0:
            raise HeadersTooLargeError

    def headers_came(self) -> None:
        self._header_bytes_left = math.inf

    def watch(self, sock: socket.socket) -> None:
        """This is the socket to end. Raises OSError if it is too late for that."""
        with self._lock:
            self._socket = sock
            if self.ended:
                sock.close()
                raise OSError("ended")

    def end(self) -> None:
        """Make whatever waits for the other side stop waiting; from any thread."""
        with self._lock:
            self.ended = True
            if self._socket is not None:
                try:
                    # Not the method of TLS sockets, which would pull the encryption from under another thread's read.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                except OSError:
                    pass  # the other side was first

    def connect(self, address: Address, seconds: float) -> socket.socket:
        """Connect to one of the checked addresses, within so many seconds in all. No name is looked up."""
        tried = address.addresses[:MAX_ADDRESSES_TRIED]
        end = self._clock.now() + seconds
        failure: OSError = TimeoutError("its time is over")
        for number, ip in enumerate(tried):
            left = min(self.seconds_left(), end - self._clock.now()) / (len(tried) - number)
            if left <= 0.0:
                break
            sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
            try:
                self.watch(sock)
                sock.settimeout(left)
                self._dial(sock, (ip, address.port))
            except OSError as error:
                sock.close()
                failure = error
                if self.ended:
                    break
            else:
                sock.settimeout(max(0.001, min(self.seconds_left(), end - self._clock.now())))
                return sock
        raise failure


class _GuardedBytes(io.RawIOBase):
    """What comes from the socket, each wait as long as the guard allows."""

    def __init__(self, raw: Any, sock: socket.socket, guard: Guard) -> None:
        self._raw, self._sock, self._guard = raw, sock, guard

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._guard.seconds_left())
        size = self._raw.readinto(buffer)
        self._guard.took(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose reading is guarded, and that may begin with "ICY 200 OK" as those of old SHOUTcast servers do."""

    def __init__(self, sock: socket.socket, *, method: str | None = None, guard: Guard) -> None:
        super().__init__(sock, method=method)
        unguarded = self.fp
        self.fp = io.BufferedReader(_GuardedBytes(sock.makefile("rb", buffering=0), sock, guard), BUFFER_BYTES)
        unguarded.close()

    def _read_status(self) -> tuple[str, int, str]:
        line = str(self.fp.readline(BUFFER_BYTES), "iso-8859-1")
        if not line:
            raise http.client.RemoteDisconnected("nothing came")
        version, _, rest = line.strip().partition(" ")
        code, _, reason = rest.strip().partition(" ")
        if not (version == "ICY" or version.startswith("HTTP/1.")) or not (code.isascii() and code.isdigit()):
            raise http.client.BadStatusLine(line[:40])
        return ("HTTP/1.0" if version == "ICY" else version), int(code[:3]), reason


class _Pinned:
    """What the plain and the encrypted connection share: where it goes."""

    sock: Any
    response_class: Any

    def pin(self, address: Address, guard: Guard, connect_seconds: float) -> None:
        self._address, self._guard, self._connect_seconds = address, guard, connect_seconds
        self.response_class = functools.partial(_Response, guard=guard)

    def _new_conn(self) -> socket.socket:
        return self._guard.connect(self._address, self._connect_seconds)

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._guard.watch(self.sock)  # encryption has made another one of it


class _PlainConnection(_Pinned, urllib3.connection.HTTPConnection):
    pass


class _EncryptedConnection(_Pinned, urllib3.connection.HTTPSConnection):
    pass


def open_connection(
    address: Address, guard: Guard, connect_seconds: float, tls: ssl.SSLContext | None
) -> _PlainConnection | _EncryptedConnection:
    """A connection that will be made with its first request."""
    connection: _PlainConnection | _EncryptedConnection
    if address.scheme == "https":
        connection = _EncryptedConnection(address.host, address.port, ssl_context=tls, timeout=connect_seconds)
    else:
        connection = _PlainConnection(address.host, address.port, timeout=connect_seconds)
    connection.pin(address, guard, connect_seconds)
    return connection


def default_tls() -> ssl.SSLContext:
    """The authorities of this machine, and those of certifi where it is installed."""
    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context
