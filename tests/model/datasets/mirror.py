"""A web server on this machine that has a data set's files, and fails as real ones do."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType


@dataclass
class Fault:
    """What goes wrong with a file, for the first `times` requests."""

    times: int = 1_000_000
    status: int = 0
    retry_after: str = ""
    breaks_after: int = -1
    """Bytes of the body after which the connection ends, though more was promised."""
    redirect_to: str = ""
    without_length: bool = False
    content_encoding: str = ""


class Mirror:
    """Serves the files below `folder` on a free port, with ranges and tags. A context manager.

    faults : by path, without the first "/".
    asked : paths and ranges ("" for none), in order.
    """

    def __init__(self, folder: Path, *, tags: bool = True, ranges: bool = True) -> None:
        self.folder = folder
        self.tags, self.ranges = tags, ranges
        self.faults: dict[str, Fault] = {}
        self.asked: list[tuple[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with mirror.lock:
                    mirror.at_once += 1
                    mirror.most_at_once = max(mirror.most_at_once, mirror.at_once)
                try:
                    mirror.answer(self)
                finally:
                    with mirror.lock:
                        mirror.at_once -= 1

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def requests(self, path: str) -> list[str]:
        """The ranges that were asked for of a file."""
        return [span for asked, span in self.asked if asked == path]

    def __enter__(self) -> Mirror:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10.0)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.lstrip("/")
        with self.lock:
            self.asked.append((path, handler.headers.get("Range", "")))
            fault = self.faults.get(path, Fault(times=0))
            if fault.times <= 0:
                fault = Fault()
            else:
                fault.times -= 1
        if fault.redirect_to:
            self._plain(handler, 302, {"Location": fault.redirect_to})
        elif fault.status:
            self._plain(handler, fault.status, {"Retry-After": fault.retry_after} if fault.retry_after else {})
        elif not (self.folder / path).is_file():
            self._plain(handler, 404, {})
        else:
            self._file(handler, (self.folder / path).read_bytes(), fault)

    def _plain(self, handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str]) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            handler.send_header(name, value)
        handler.end_headers()

    def _file(self, handler: BaseHTTPRequestHandler, content: bytes, fault: Fault) -> None:
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        span = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", "")) if self.ranges else None
        if span is not None and handler.headers.get("If-Range", tag) != tag:
            span = None
        begin = int(span[1]) if span else 0
        if span is not None and begin >= len(content):
            self._plain(handler, 416, {"Content-Range": f"bytes */{len(content)}"})
            return
        handler.send_response(206 if span else 200)
        if span is not None:
            handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if self.tags:
            handler.send_header("ETag", tag)
        if fault.content_encoding:
            handler.send_header("Content-Encoding", fault.content_encoding)
        body = content[begin:]
        if not fault.without_length:
            handler.send_header("Content-Length", str(len(body)))
        if fault.without_length or fault.breaks_after >= 0:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()
        try:
            handler.wfile.write(body if fault.breaks_after < 0 else body[: fault.breaks_after])
        except OSError:
            pass  # the client has gone
