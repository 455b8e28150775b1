"""What followers can be sent: the page with its script and style, the state, and refusals in plain words."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from pathlib import Path

from flask import Response, request

FILES = Path(__file__).resolve().parent / "follower"
_STYLE = (
    "body{font:1.25rem/1.5 system-ui,sans-serif;background:#0c0e14;color:#f2f3f7;max-width:34rem;margin:20vh auto;"
    "padding:0 1.5rem}"
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; style-src 'self' "
        f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Nothing but this page's own files may run in it, and no other site may hold it."""


class Answer:
    """An answer, compressed and with all its headers, made once and given to everybody.

    body : what is sent with `status`; a browser that has this very body already (ETag) is told 304 instead.
    """

    def __init__(
        self, body: bytes, content_type: str, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
    ) -> None:
        self._plain = body
        self._packed = gzip.compress(body, mtime=0)
        self._tag = hashlib.sha256(body).hexdigest()[:20]
        self._status = status
        self._headers = {
            **HEADERS,
            "Cache-Control": "private, no-cache" if status == HTTPStatus.OK else "no-store",
            "Content-Type": content_type,
            "Vary": "Accept-Encoding, Cookie",
            **(headers or {}),
        }

    def response(self) -> Response:
        """The answer to the request at hand."""
        packs = request.accept_encodings.quality("gzip") > 0
        response = Response(self._packed if packs else self._plain, status=self._status, headers=self._headers)
        if packs:
            response.headers["Content-Encoding"] = "gzip"
        if self._status == HTTPStatus.OK:
            response.set_etag(self._tag, weak=True)
            response.make_conditional(request)
        return response


def page() -> dict[str, Answer]:
    """The page and its files, by path. There are no others, whatever a path looks like."""
    return {
        "/": _file("index.html", "text/html; charset=utf-8"),
        "/follower.js": _file("follower.js", "text/javascript; charset=utf-8"),
        "/follower.css": _file("follower.css", "text/css; charset=utf-8"),
    }


def _file(name: str, content_type: str) -> Answer:
    return Answer((FILES / name).read_bytes(), content_type)


def _refusal(status: int, title: str, text: str, **headers: str) -> Answer:
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>genrescope: {escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p></html>"
    )
    return Answer(page.encode(), "text/html; charset=utf-8", status=status, headers=headers)


NOT_A_COMMAND = _refusal(405, "This page only shows", "No commands are taken here.", Allow="GET, HEAD")
NO_PASSWORD = _refusal(401, "Scan the code again", "Its address holds the password, and an earlier one is not valid.")
NOT_FOUND = _refusal(404, "There is nothing here", "The page is at the address without a path.")
NO_STATE = _refusal(503, "One moment", "What is heard cannot be shown just now.")
FAULTY = _refusal(400, "This was not understood", "Open the address with a web browser.")
