"""Fetches what links lead to: every address checked, nothing endless, nothing of the environment believed.

No proxies, cookies, passwords or settings files are used, and nothing is decompressed. The connection is made to the
very address that was checked (see `address.py`), while `Host` and the certificate are those of the name.
"""

from __future__ import annotations

import http.client
import itertools
import math
import socket
import ssl
import threading
import urllib.parse
import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from model.errors import LinkError
from stream.clock import Clock, SystemClock
from stream.links.address import Address, Resolve, checked_address, shown
from stream.links.policy import LinkPolicy

if TYPE_CHECKING:
    from stream.links.connection import Guard

Dial = Callable[[socket.socket, tuple[str, int]], None]
"""Connects a socket to an address and port; tests lead public addresses to a server of their own."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
INSTALL = "Install it: pip install 'genrescope[links]'"
USER_AGENT = "genrescope"

# What the connection itself says, and what names somebody to a server.
_OWN_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"}
    | {"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_HEADERS_FOR_ONE_SERVER = frozenset({"authorization", "cookie"})
_WORTH_TRYING_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 521, 522, 523, 524})


class Web:
    """The way to what links lead to. One per program: it counts the connections that are open."""

    def __init__(
        self,
        policy: LinkPolicy,
        *,
        resolve: Resolve = socket.getaddrinfo,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
        dial: Dial = socket.socket.connect,
    ) -> None:
        self.policy = policy
        self.clock: Clock = clock or SystemClock()
        self.resolve = resolve
        self._tls = tls
        self._dial = dial
        self._lock = threading.Lock()
        self._open = 0
        self._guards: weakref.WeakSet[Guard] = weakref.WeakSet()
        self._closed = False

    def open(
        self, url: str, *, headers: Mapping[str, str] = NO_HEADERS, deadline_seconds: float | None = None
    ) -> Reply:
        """Ask for this, following redirects, and return once the headers are there.

        `deadline_seconds` limits all of it, to the last byte of the body; None: the body may go on for ever, as that
        of a radio station does. Raises LinkError: refused, not found, too many redirects, an answer other than 2xx,
        too slow, or too many open at once.
        """
        reply = self.request("GET", url, headers=headers, deadline_seconds=deadline_seconds)
        if 200 <= reply.status < 300:
            return reply
        reply.close()
        raise LinkError(
            f"{shown(reply.url)} answered {reply.status} {http.client.responses.get(reply.status, '')}".rstrip(),
            rule="200 is what is wanted",
            next_step="Check the link" if reply.status not in _WORTH_TRYING_AGAIN else "Try again later",
            status=502,
            temporary=reply.status in _WORTH_TRYING_AGAIN,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        deadline_seconds: float | None = None,
    ) -> Reply:
        """As `open`, with any method, and any answer that is no redirect."""
        policy = self.policy
        ends = math.inf if deadline_seconds is None else self.clock.now() + deadline_seconds
        # A row of redirects must not take as long as each of them may.
        opened = min(ends, self.clock.now() + policy.connect_seconds + 2.0 * policy.read_seconds)
        hops: tuple[str, ...] = ()
        sent = {name: value for name, value in headers.items() if name.lower() not in _OWN_HEADERS}
        while True:
            address = checked_address(url, policy, resolve=self.resolve)
            hops += (address.url,)
            reply = self._ask(method, address, sent, body, opened, ends, hops)
            location = reply.headers.get("Location")
            if reply.status not in (301, 302, 303, 307, 308) or not location:
                return reply
            reply.close()
            if len(hops) > policy.max_redirects:
                raise LinkError(
                    f"{shown(hops[0])} leads on and on",
                    rule=f"{policy.max_redirects} redirects are followed",
                    next_step="Use the link it should lead to",
                    status=502,
                )
            url = urllib.parse.urljoin(address.url, header_text(location))
            if method != "GET" and method != "HEAD" and reply.status in (301, 302, 303):
                method, body = "GET", None
                sent = {name: value for name, value in sent.items() if name.lower() != "content-type"}
            if urllib.parse.urlsplit(url)[:2] != urllib.parse.urlsplit(address.url)[:2]:
                sent = {name: value for name, value in sent.items() if name.lower() not in _HEADERS_FOR_ONE_SERVER}

    def close(self) -> None:
        """End everything that is open, and open nothing more; from any thread."""
        with self._lock:
            self._closed = True
            guards = list(self._guards)
        for guard in guards:
            guard.end()

    def _ask(
        self,
        method: str,
        address: Address,
        headers: Mapping[str, str],
        body: bytes | None,
        opened: float,
        ends: float,
        hops: tuple[str, ...],
    ) -> Reply:
        try:
            from urllib3.exceptions import HTTPError

            from stream.links.connection import Guard, HeadersTooLargeError, default_tls, open_connection
        except ImportError:
            raise LinkError("urllib3 is not installed", rule="links need it", next_step=INSTALL, status=501) from None
        with self._lock:
            if address.scheme == "https" and self._tls is None:
                self._tls = default_tls()
        guard = Guard(self.clock, self._dial)
        leave = self._enter(guard)
        connection = open_connection(address, guard, self.policy.connect_seconds, self._tls)
        try:
            guard.allow(opened)
            all_headers = {"User-Agent": USER_AGENT, "Accept": "*/*"}
            all_headers |= {name.title(): value for name, value in headers.items()}
            all_headers |= {"Accept-Encoding": "identity", "Connection": "close"}
            connection.request(method, address.target, body, all_headers, preload_content=False, decode_content=False)
            guard.allow(min(opened, self.clock.now() + self.policy.read_seconds))
            response = connection.getresponse()
            guard.headers_came()

            def finish() -> None:
                response.close()
                connection.close()
                leave()

            return Reply(response, guard, self.policy.read_seconds, ends, hops, finish, self.clock)
        except BaseException as error:
            connection.close()
            leave()
            if isinstance(error, HeadersTooLargeError):
                raise _broken(address.url, "it sends more headers than servers do", temporary=False) from None
            if isinstance(error, HTTPError | OSError | http.client.HTTPException | ValueError | UnicodeError):
                raise _failure(address.url, error, ended=guard.ended) from None
            raise

    def _enter(self, guard: Guard) -> Callable[[], None]:
        """Count one more; returns what counts it off again, once."""
        with self._lock:
            if self._closed:
                raise _broken("the link", "genrescope is ending", status=503)
            if self._open >= self.policy.max_fetches:
                raise LinkError(
                    f"{self._open} links are being fetched",
                    rule=f"at most {self.policy.max_fetches} at once",
                    next_step="Wait for one to end, or end one",
                    status=429,
                    temporary=True,
                )
            self._open += 1
            self._guards.add(guard)
        counted = [guard]

        def leave() -> None:
            with self._lock:
                if counted:
                    counted.clear()
                    self._open -= 1
                    self._guards.discard(guard)

        return leave


class Reply:
    """An answer, to be read piece by piece. A context manager that closes it."""

    def __init__(
        self,
        response: Any,
        guard: Guard,
        read_seconds: float,
        ends: float,
        hops: tuple[str, ...],
        finish: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._response, self._guard, self._finish, self._clock = response, guard, finish, clock
        self._read_seconds, self._ends = read_seconds, ends
        self._reading = threading.RLock()
        self._at_end = False
        self.hops = hops
        """All addresses on the way, the last is `url`."""
        self.url = hops[-1]
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        """Case does not matter in their names."""
        self.length: int | None = response.length_remaining
        """Bytes of the body, as promised."""
        encodings = {
            self.headers.get("Content-Encoding", "").strip().lower() or "identity",
            self.headers.get("Transfer-Encoding", "").strip().lower().replace("chunked", "") or "identity",
        }
        if encodings != {"identity"}:
            # A few kilobytes could be made of gigabytes; and nobody asked for it.
            self.close()
            raise _broken(self.url, "it sends its answer compressed, which was not asked for", temporary=False)

    @property
    def downgraded(self) -> bool:
        """The way led from an encrypted address to one that is not."""
        encrypted = [hop.startswith("https:") for hop in self.hops]
        return any(before and not after for before, after in itertools.pairwise(encrypted))

    def read(self, size: int) -> bytes:
        """What is there, up to `size` bytes; waits if there is nothing. Empty at the end.

        Raises LinkError if nothing comes for too long, or if it breaks off or is closed before its end.
        """
        with self._reading:
            if self._at_end or size <= 0:
                return b""
            if self._guard.ended:
                raise _broken(self.url, "the connection was closed", status=502)
            self._guard.allow(min(self._ends, self._clock.now() + self._read_seconds))
            try:
                data = self._response.read1(size, decode_content=False)
            except Exception as error:
                self._finish()
                raise _failure(self.url, error, ended=self._guard.ended) from None
            if not data:
                self._at_end = True
                self._finish()
                if self._guard.ended:
                    raise _broken(self.url, "the connection was closed", status=502)
            return data or b""

    def close(self) -> None:
        """End it, and with it a read that waits in another thread, which raises LinkError. May be called twice."""
        self._guard.end()
        with self._reading:
            self._finish()

    def __enter__(self) -> Reply:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def header_text(value: str) -> str:
    """A header as its sender meant it: HTTP says Latin-1, most servers send UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _failure(url: str, error: BaseException, *, ended: bool) -> LinkError:
    if ended:
        return _broken(url, "the connection was closed", status=502)
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, TimeoutError | ReadTimeoutError):
        return _broken(url, "it takes too long to answer", status=504)
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return LinkError(
            f"{shown(url)} cannot prove who it is",
            rule=f"its certificate is refused ({cause.verify_message})",
            next_step="Check the link, and the date of this computer",
            status=502,
        )
    if isinstance(error, ConnectionRefusedError):
        return _broken(url, "there is no server at that address", status=502)
    return _broken(url, "the connection broke off, or what came is no HTTP", status=502)


def _broken(url: str, detail: str, *, status: int = 502, temporary: bool = True) -> LinkError:
    return LinkError(
        f"{shown(url)} cannot be fetched",
        rule=detail,
        next_step="Try again, or choose another link",
        status=status,
        temporary=temporary,
    )
