"""Who may see the page and command it: this machine without a word, others with a password."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from flask import Flask, Response, request

READING = ("GET", "HEAD", "OPTIONS")
TOKEN = "token"  # the name of the query parameter, not a password
COOKIE_SECONDS = 30 * 24 * 3600


class Access:
    """Decides about every request before anything else sees it.

    token : the password, or None where none is needed (the server listens on this machine's own address only).
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    @classmethod
    def for_host(cls, host: str) -> Access:
        """No password on loopback; a fresh random one on any other address."""
        return cls(None if is_loopback(host) else secrets.token_urlsafe(16))

    def address(self, url: str) -> str:
        """What a person opens in the browser: the server's URL, with the password where one is needed."""
        return url if self.token is None else f"{url.rstrip('/')}/?{TOKEN}={self.token}"

    def guard(self, server: Flask, *, script_hashes: Sequence[str] = ()) -> None:
        """Check every request of this server, and send every answer with the headers that confine it.

        script_hashes : hashes of the page's own inline scripts, in the notation of Content-Security-Policy.
        """
        policy = content_security_policy(script_hashes)

        @server.before_request
        def check() -> Response | None:
            return self._refusal()

        @server.after_request
        def confine(response: Response) -> Response:
            response.headers.setdefault("Content-Security-Policy", policy)
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["X-Frame-Options"] = "DENY"
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
            given = request.args.get(TOKEN)
            if self.token is not None and given is not None and self._fits(given):
                # No redirect: a strict cookie would not be sent along one that began in another site (a mail, a chat).
                response.set_cookie(
                    _cookie_name(), self.token, max_age=COOKIE_SECONDS, httponly=True, samesite="Strict"
                )
            return response

    def _refusal(self) -> Response | None:
        """The answer to a request that may not pass; None for one that may."""
        if self.token is None and not is_loopback(_host_name()):
            # DNS rebinding: a foreign site whose name suddenly points to 127.0.0.1 would be "same origin" to a browser.
            return _page(
                403, "This address is not known here", "Open the page as http://localhost or http://127.0.0.1."
            )
        # A socket begins as a GET, and browsers open one to any site; it may send, so it counts as a command.
        if (request.method not in READING or _is_socket()) and not _same_origin():
            return _page(403, "Another site tried to command genrescope", "Commands are taken from its own page only.")
        if self.token is not None:
            given = request.args.get(TOKEN) or request.cookies.get(_cookie_name()) or ""
            if not self._fits(given):
                return _page(
                    401,
                    "A password is needed",
                    "Open the whole address that genrescope printed when it was started; it ends in ?token=...",
                )
        return None

    def _fits(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether this name or address means this machine itself: localhost, 127.0.0.1, ::1 or [::1]."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def content_security_policy(script_hashes: Sequence[str]) -> str:
    """Everything from this server and nothing else; Plotly puts styles into the page, pictures come as data."""
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src 'self'; media-src 'self' blob: data:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


def _host_name() -> str:
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_socket() -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _same_origin() -> bool:
    """Programs send no Origin and may pass; a browser sends one with every command, and it must be our own."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    return origin == f"{request.scheme}://{request.headers.get('Host', '')}"


def _cookie_name() -> str:
    """Cookies know no ports: without it, two servers on one machine would overwrite each other's."""
    return f"genrescope_{request.host.rpartition(':')[2] if ':' in request.host else '80'}"


def _page(status: int, title: str, text: str) -> Response:
    return Response(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>genrescope: {escape(title)}</title>"
        "<style>body{font:1.25rem/1.5 system-ui,sans-serif;background:#0c0e14;color:#f2f3f7;max-width:34rem;"
        "margin:20vh auto;padding:0 1.5rem}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p></html>",
        status=status,
        mimetype="text/html",
    )
