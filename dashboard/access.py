"""Who may see the page and command it: this machine without a word, others with a password.

The password comes as `Authorization: Bearer ...` (programs), or as `?token=...` in the first address (a person's
browser, and sockets and event streams of pages, which can send no headers). Whoever brings it in the address gets a
cookie. The cookie is not the password: it is worth something only while this program runs, and only to its own page.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from flask import Flask, Response, g, request

from dashboard.api.mount import PREFIX
from dashboard.attempts import Attempts
from dashboard.origins import Sender, checked_origins, is_preflight, let_read, preflight, sender
from dashboard.refused import NO_TOKEN, STRANGER, UNKNOWN_NAME, WRONG_TOKEN, Refused, too_many_attempts
from dashboard.token_file import read_token
from stream.clock import Clock, SystemClock

READING = ("GET", "HEAD")
TOKEN = "token"  # the name of the query parameter, not a password
COOKIE_SECONDS = 30 * 24 * 3600
OPEN = (f"{PREFIX}/health/live", f"{PREFIX}/health/ready")
"""Whether it lives and is ready may be asked without the password: those who watch over services have none."""
_WELCOME = "genrescope_welcome"
"""Noted of a request that brought the password in its address."""


class Access:
    """Decides about every request before anything else sees it.

    token : the password, or None where none is needed (the server listens on this machine's own address only).
    allow_origins : other sites whose pages may call the interface for programs: "https://overlay.example". They need
        the password too, where there is one.
    kept_in : the file that the password is from; None if it was made here.

    Raises SettingError for an origin that is none.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        allow_origins: Sequence[str] = (),
        kept_in: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.token = token
        self.allow_origins = checked_origins(allow_origins)
        self._kept_in = kept_in
        self._attempts = Attempts(clock or SystemClock())
        self._key = secrets.token_bytes(32)
        self._cookie = secrets.token_urlsafe(32)

    @classmethod
    def for_host(cls, host: str, token_file: Path | None = None, *, allow_origins: Sequence[str] = ()) -> Access:
        """The password of the file; without one none on loopback, and a fresh random one on any other address.

        Raises SettingError for a file that does not do, or an origin that is none.
        """
        if token_file is not None:
            return cls(read_token(token_file), allow_origins=allow_origins, kept_in=token_file)
        return cls(None if is_loopback(host) else secrets.token_urlsafe(16), allow_origins=allow_origins)

    def address(self, url: str) -> str:
        """What a person opens in the browser: the server's URL, with the password where one is needed."""
        return url if self.token is None else f"{url.rstrip('/')}/?{TOKEN}={quote(self.token, safe='')}"

    def announcement(self, url: str) -> str:
        """What may be printed of it: a password from a file stays there, as what is printed may go into a log."""
        return self.address(url) if self._kept_in is None else url

    @property
    def remark(self) -> str:
        """One sentence about the password that the announcement leaves out; "" if it leaves out none."""
        return "" if self._kept_in is None else f"The password is in {self._kept_in}: add /?{TOKEN}=... to the address."

    def guard(self, server: Flask, *, script_hashes: Sequence[str] = ()) -> None:
        """Check every request of this server, and send every answer with the headers that confine it.

        script_hashes : hashes of the page's own inline scripts, in the notation of Content-Security-Policy.
        """
        policy = content_security_policy(script_hashes)

        @server.before_request
        def check() -> Response | None:
            refused = self._refusal()
            if refused is not None:
                return refused.answer(for_program=_for_program())
            return preflight() if self._is_asked_beforehand() else None

        @server.after_request
        def confine(response: Response) -> Response:
            response.headers.setdefault("Content-Security-Policy", policy)
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["X-Frame-Options"] = "DENY"
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
            # What is heard is nobody else's business: no proxy on the way keeps it.
            response.headers.setdefault("Cache-Control", "no-store" if _for_program() else "private, no-cache")
            if self.allow_origins and _for_program():
                let_read(response, request.headers["Origin"] if self._sender() is Sender.ALLOWED else None)
            if g.get(_WELCOME):
                # No redirect: a strict cookie would not be sent along one that began in another site (a mail, a chat).
                response.set_cookie(
                    _cookie_name(),
                    self._cookie,
                    max_age=COOKIE_SECONDS,
                    httponly=True,
                    samesite="Strict",
                    secure=request.is_secure,
                )
            return response

    def _refusal(self) -> Refused | None:
        """Why the request may not pass; None if it may."""
        if self.token is None and not is_loopback(_host_name()):
            # DNS rebinding: a foreign site whose name suddenly points to 127.0.0.1 would be "same origin" to a browser.
            # Where a password is needed it gains nothing, as its pages have neither the password nor our cookie; and a
            # proxy in front may pass its own name on.
            return UNKNOWN_NAME
        sent_by = self._sender()
        if sent_by is Sender.STRANGER:
            return STRANGER
        if self.token is None or self._is_asked_beforehand():
            return None
        if request.path in OPEN and request.method in READING:
            return None
        return self._without_token(sent_by)

    def _without_token(self, sent_by: Sender) -> Refused | None:
        """None for a request that brings the password, or our own page's cookie."""
        given = bearer = _bearer()
        if bearer is None and request.method in READING:
            # Commands never: an address is soon copied, kept in a list, or led to by a link.
            given = request.args.get(TOKEN)
        if given:
            right = self._fits(given)
            wait = self._attempts.judge(request.remote_addr or "", given, right=right)
            if wait > 0.0:
                return too_many_attempts(wait)
            if not right:
                return WRONG_TOKEN
            if bearer is None:
                g.setdefault(_WELCOME, True)
            return None
        # The cookie cannot be guessed, so it is not counted: a page left open since before a restart asks on and on.
        cookie = request.cookies.get(_cookie_name(), "")
        if sent_by is not Sender.ALLOWED and self._same(cookie, self._cookie):
            return None
        return NO_TOKEN

    def _is_asked_beforehand(self) -> bool:
        return _for_program() and is_preflight(request) and self._sender() is Sender.ALLOWED

    def _sender(self) -> Sender:
        # The page itself takes nothing from other sites, allowed or not.
        allowed = self.allow_origins if _for_program() else frozenset()
        return sender(request, allowed, request.headers.get("Host", ""))

    def _fits(self, given: str) -> bool:
        return self.token is not None and self._same(given, self.token)

    def _same(self, given: str, wanted: str) -> bool:
        """Takes as long whatever is given; the hashes keep even the length a secret."""
        return hmac.compare_digest(self._hash(given), self._hash(wanted))

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()


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


def _for_program() -> bool:
    return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")


def _bearer() -> str | None:
    """What stands behind `Authorization: Bearer`; None where there is no such header, or one of another kind."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # A proxy in front may demand a name and a password of its own (Basic): that is not for us.
    return given.strip() if scheme.lower() == "bearer" else None


def _host() -> tuple[str, int | None]:
    """The name and the port that the request calls this server by; ("", None) where it makes no sense."""
    try:
        parts = urlsplit(f"//{request.headers.get('Host', '')}")
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def _host_name() -> str:
    return _host()[0]


def _cookie_name() -> str:
    """Cookies know no ports: without it, two servers on one machine would overwrite each other's."""
    return f"genrescope_{_host()[1] or 80}"
