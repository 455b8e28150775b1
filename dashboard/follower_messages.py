"""What the followers' server reads and sends: strict small requests, and answers made beforehand."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl

_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) (/[!-~]*) HTTP/1\.([01])")


@dataclass(frozen=True)
class Request:
    """What was asked. The path is as it was sent: nothing is decoded, so nothing can hide in it."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in small letters."""
    keeps_alive: bool = False

    @classmethod
    def parse(cls, head: bytes) -> Request | None:
        """The request in these bytes, which end with the empty line; None where they are not proper HTTP/1.x."""
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        line = _REQUEST_LINE.fullmatch(first)
        if line is None:
            return None
        headers = {}
        for name, colon, value in (line.partition(":") for line in lines):
            if not colon or not name or name != name.strip():
                return None
            headers[name.lower()] = value.strip()
        path, _, query = line[2].partition("?")
        # A body is never read, and must not be taken for the next request.
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        return cls(
            method=line[1],
            path=path,
            query=_fields(query),
            headers=headers,
            keeps_alive=line[3] == "1" and headers.get("connection", "").lower() != "close" and not has_body,
        )

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that came along."""
        pairs = (pair.partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _fields(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, max_num_fields=8))
    except ValueError:
        return {}


class Answer:
    """An answer, compressed and with all its headers, made once and sent to everybody.

    body : what is sent with `status`; a browser that has this very body already (ETag) is told 304 instead.
    """

    def __init__(
        self, body: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
        packed = gzip.compress(body, mtime=0)
        common = {
            "Cache-Control": "private, no-cache" if status == HTTPStatus.OK else "no-store",
            "Vary": "Accept-Encoding, Cookie",
            **(headers or {}),
        }
        kind = {"Content-Type": content_type}
        if status == HTTPStatus.OK:
            common["ETag"] = self.tag
        self._plain = _head(status, {**common, **kind, "Content-Length": str(len(body))}), body
        self._packed = (
            _head(status, {**common, **kind, "Content-Encoding": "gzip", "Content-Length": str(len(packed))}),
            packed,
        )
        self._unchanged = _head(304, common), b""

    def message(self, request: Request | None = None, *, stay: bool = False, cookie: str = "") -> bytes:
        """The bytes to send to whoever asked so; `stay` keeps the connection, `cookie` is a Set-Cookie value."""
        asked = request.headers if request is not None else {}
        known = self.status == HTTPStatus.OK and self.tag in asked.get("if-none-match", "")
        packs = "gzip" in asked.get("accept-encoding", "")
        head, body = self._unchanged if known else self._packed if packs else self._plain
        if request is not None and request.method == "HEAD":
            body = b""
        end = f"Connection: {'keep-alive' if stay else 'close'}\r\n"
        if cookie:
            end += f"Set-Cookie: {cookie}\r\n"
        return head + end.encode("latin-1") + b"\r\n" + body


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {text}" for name, text in headers.items())]
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")
