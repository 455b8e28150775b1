"""Fetches what links lead to: every address checked, nothing endless, nothing of the environment believed.

No proxies, cookies, passwords or settings files are used, and nothing is decompressed. The connection is made to the
very address that was checked (see `address.py`), while `Host` and the certificate are those of the name.
"""

from __future__ import annotations

import http.client
import math
import socket
import ssl
import threading
import urllib.parse
import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from model.errors import LinkError
from stream.clock import Clock, SystemClock
from stream.links.address import Address, Resolve, checked_address, shown
from stream.links.policy import LinkPolicy
from stream.links.reply import Reply, broken, failure, header_text

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
                raise broken(address.url, "it sends more headers than servers do", temporary=False) from None
            if isinstance(error, HTTPError | OSError | http.client.HTTPException | ValueError | UnicodeError):
                raise failure(address.url, error, ended=guard.ended) from None
            raise

    def _enter(self, guard: Guard) -> Callable[[], None]:
        """Count one more; returns what counts it off again, once."""
        with self._lock:
            if self._closed:
                raise broken("the link", "genrescope is ending", status=503)
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
