"""Where a request comes from, as the browser that sent it says; and which other sites may call the interface (CORS).

Programs say nothing about it. Browsers send `Origin` with every command and every socket, and newer ones
`Sec-Fetch-Site` with everything (to this machine, and over https); the pages in them cannot change either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from urllib.parse import urlsplit

from flask import Request, Response

from model.errors import SettingError

METHODS = "GET, HEAD, POST, PATCH, DELETE"
REQUEST_HEADERS = "Authorization, Content-Type, Last-Event-ID"
ANSWER_HEADERS = "Content-Disposition, Location, Retry-After, WWW-Authenticate"
PREFLIGHT_SECONDS = 600
STANDARD_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", re.ASCII)


class Sender(Enum):
    """Who sent a request."""

    OURSELVES = "the page, or a program: no browser says anything else"
    ALLOWED = "a page of another site that was named with --allow-origin"
    LINK = "a person who followed a link of another site: the page of this one is to fill the window"
    STRANGER = "a page of another site"


def checked_origins(origins: Iterable[str]) -> frozenset[str]:
    """Origins as browsers write them. Raises SettingError for whatever is none, and for "*"."""
    return frozenset(origin if origin == "null" else _checked(origin) for origin in origins)


def sender(request: Request, allowed: frozenset[str], host: str) -> Sender:
    """Who sent this request; `host` is what it calls this server, with the port."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin == "null" and site == "same-origin":
        # What a page sends as it closes (a beacon) has no origin where the page gives no referrer, as ours does.
        return Sender.OURSELVES
    if origin is not None:
        if origin == f"{request.scheme}://{host}":
            return Sender.OURSELVES
        return Sender.ALLOWED if origin in allowed else Sender.STRANGER
    if site in (None, "same-origin", "none"):
        return Sender.OURSELVES
    return Sender.LINK if _fills_the_window(request) else Sender.STRANGER


def is_preflight(request: Request) -> bool:
    """Whether a browser asks beforehand what a page of another site may send. It never brings a password."""
    named = "Origin" in request.headers and "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and named


def preflight() -> Response:
    """What pages of allowed sites may send."""
    answer = Response(status=204)
    answer.headers["Access-Control-Allow-Methods"] = METHODS
    answer.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
    answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return answer


def let_read(response: Response, origin: str | None) -> None:
    """Let the page of this (allowed) origin read the answer; None: nobody else's page.

    Credentials are never allowed: a page of another site brings the password itself, and never the cookie.
    """
    response.vary.add("Origin")
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = ANSWER_HEADERS


def _fills_the_window(request: Request) -> bool:
    headers = request.headers
    return (
        request.method in ("GET", "HEAD")
        and headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document"
        and "Upgrade" not in headers
    )


def _checked(origin: str) -> str:
    if origin == "*":
        raise SettingError(
            "every site there is cannot be allowed",
            rule="whoever opens any page would hand genrescope to it",
            next_step="Name the sites one by one: --allow-origin https://overlay.example",
        )
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    name = parts.netloc.lower().removesuffix("" if port is None else f":{port}")
    # Put together again it must be what it was: no path, no user, no question mark.
    whole = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in STANDARD_PORTS or origin.lower() != whole.lower() or not _HOST.fullmatch(name):
        raise SettingError(
            f"{origin[:200]!r} is no origin",
            rule="an origin is written scheme://host or scheme://host:port, http or https, and nothing behind it",
            next_step="Write it as the address line of the browser begins: --allow-origin https://overlay.example",
        )
    shown = "" if port is None or port == STANDARD_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{name}{shown}"
