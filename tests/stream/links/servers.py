"""Web servers on this machine that do as they are told, also what no web server should."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType


@dataclass(frozen=True)
class Page:
    """A plain answer."""

    body: bytes = b""
    content_type: str = "text/plain"
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = ()
    with_length: bool = True

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status}", f"Content-Type: {self.content_type}", "Connection: close"]
        if self.with_length:
            lines.append(f"Content-Length: {len(self.body)}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def redirect(location: str, status: str = "302 Found") -> Page:
    return Page(status=status, headers=(("Location", location),))


@dataclass
class Asked:
    """One request, and the connection to answer it on."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    connection: socket.socket
    closing: threading.Event
    """Set when the server is ending: endless answers end then."""

    def send(self, data: bytes) -> bool:
        """False if the client has gone."""
        try:
            self.connection.sendall(data)
        except OSError:
            return False
        return True

    def answer(self, page: Page) -> None:
        self.send(page.head() + page.body)


Route = Page | Callable[[Asked], None]


@dataclass
class LocalServer:
    """Answers on a free port of 127.0.0.1, each connection in a thread of its own. A context manager.

    `routes` may be changed while it runs; their keys are paths, without the query. "*" answers all others; what has
    no route is 404.
    """

    routes: dict[str, Route] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(
            (self.host, 0), family=socket.AF_INET6 if ":" in self.host else socket.AF_INET, backlog=64
        )
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def url(self, path: str = "/", host: str | None = None) -> str:
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"http{'s' if self.tls else ''}://{name}:{self.port}{path}"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [asked.target for asked in self.asked]

    def close(self) -> None:
        """May be called twice."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                _end(connection)
        self._accepting.join(10.0)
        for thread in self._threads:
            thread.join(10.0)

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self.connections += 1
                self._open.append(connection)
                self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        if self.closing.is_set():
            _end(connection)
        plain = connection
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._open.append(connection)
            asked = _request(connection, self.closing)
            if asked is not None:
                self.asked.append(asked)
                path = asked.target.split("?")[0]
                route = self.routes.get(path) or self.routes.get("*") or Page(status="404 Not Found")
                if isinstance(route, Page):
                    asked.answer(route)
                else:
                    route(asked)
        except OSError:
            pass  # the client has gone
        finally:
            _end(connection)
            connection.close()
            plain.close()


def _end(connection: socket.socket) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass


def _request(connection: socket.socket, closing: threading.Event) -> Asked | None:
    with connection.makefile("rb") as file:
        first = file.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = {}
        while line := file.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
    return Asked(first[0], first[1], headers, body, connection, closing)


def resolver(names: Mapping[str, str | tuple[str, ...]]) -> Callable[..., list]:
    """What stands for `socket.getaddrinfo`: these names, and no others."""

    def resolve(host: str, port: int, **_: object) -> list:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = names[host]
        addresses = (found,) if isinstance(found, str) else found
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    return resolve
