"""For the audience: a read-only page on the local network, behind a QR code.

The followers' page has an address, a port, a password and a server of its own, and no command exists there. What it
may show is listed in `FOLLOWED`; the session is looked at twice a second at most, however many follow.
"""

from __future__ import annotations

import hmac
import io
import json
import logging
import re
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import segno
from flask import Flask, Response, after_this_request, request
from werkzeug.exceptions import HTTPException

from dashboard import follower_page
from dashboard.access import is_loopback
from dashboard.follower_page import Answer
from dashboard.server import WILDCARDS, PageServer, ServerLimits, outward_address
from model.errors import SettingError
from stream.clock import Clock, SystemClock

log = logging.getLogger(__name__)

FOLLOWED = (
    "state",
    "verdict",
    "label",
    "name",
    "colour",
    "share",
    "sentence",
    "candidates",
    "segments",
    "source",
)
"""What followers get of a snapshot. Nothing else leaves, whatever it holds; its running number would only make an
unchanged answer look new."""
SNAPSHOT_SECONDS = 0.5
PRESENT_SECONDS = 10.0
"""Who has not asked for so long follows no more."""
FOLLOWERS_KNOWN = 1024
FOLLOWER_LIMITS = ServerLimits(threads=4, connections=160, head_bytes=8192, body_seconds=1.0, farewell_seconds=2.0)
"""Phones ask once a second, for little: few threads answer a whole hall, and the processor is left to the music."""
TOKEN = "t"  # the name of the query parameter, not a password
QUIET_ZONE = 4
"""Modules of white around the code; scanners need four."""
_TOKEN_FORM = re.compile(r"[\w-]{12,64}", re.ASCII)
_COOKIE = re.compile(r"([\w-]+)\.([\w-]{8,32})", re.ASCII)


class Share:
    """Shows a session to everybody who scans its code, from `start` until `stop`; the port is taken at once.

    snapshot : gives what is heard now; called in a thread of the share, at most twice a second, and only while
        somebody follows. {"state": "live", "verdict": "sure" | "not sure" | "no music" | "silence" | "none",
        "label": "jazz", "name": "jazz", "colour": "#d0b810", "share": 0.83, "sentence": "jazz, with elements of blues",
        "candidates": [[name, colour, share], ...], "segments": [[start_seconds, name, colour], ...],
        "source": "Demo mix"}; the likeliest candidate and the oldest segment first, three and six of them at most.
    host : where to listen: "0.0.0.0" for all IPv4 addresses, "::" for IPv6 as well, or one address of this machine.
    port : 0 takes any free one.
    token : the password in the address; a new random one if none is given, so that an old code is worth nothing. With
        that of the run before, phones find back to a program that was started anew on the same port.
    outward : finds this machine's address in the network, of this family, or None.

    Raises ServerError when the port is taken or the address is not this machine's, SettingError for a poor token.
    """

    def __init__(
        self,
        snapshot: Callable[[], Mapping[str, Any]],
        *,
        host: str = "0.0.0.0",
        port: int = 0,
        token: str | None = None,
        clock: Clock | None = None,
        outward: Callable[[socket.AddressFamily], str | None] | None = None,
    ) -> None:
        if token is not None and not _TOKEN_FORM.fullmatch(token):
            raise SettingError(
                "the followers' password is not suitable",
                rule="it has 12 to 64 letters, digits, - or _",
                next_step="Leave it out; a random one is made then",
            )
        self._snapshot = snapshot
        self._host = host
        self._token = token or secrets.token_urlsafe(12)
        self._clock = clock or SystemClock()
        self._outward = outward or outward_address
        self._now: tuple[float, Answer] | None = None
        self._failing = False
        self._seen: dict[str, float] = {}
        self._seen_lock = threading.Lock()
        self._now_lock = threading.Lock()
        self._server = PageServer(host, port, FOLLOWER_LIMITS)
        self.port = self._server.port

    def start(self) -> None:
        """Let people follow; returns at once."""
        self._server.serve(self._application())

    def stop(self) -> None:
        """Show nothing to anybody any more. May be called twice, and before `start`."""
        self._server.stop()

    @property
    def url(self) -> str:
        """What a phone in the same network opens; looked up anew each time, as machines change networks."""
        host = self._address() or ("::1" if ":" in self._host else "127.0.0.1")
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/?{TOKEN}={self._token}"

    @property
    def warning(self) -> str | None:
        """One sentence if no other machine can open the page, otherwise None."""
        if self._address() is None:
            return "No network was found: until this machine joins the one the phones are in, nobody else can follow."
        if is_loopback(self._host):
            return f"{self._host} is reached from this machine only: nobody else can follow."
        return None

    @property
    def followers(self) -> int:
        """How many different browsers asked in the last ten seconds."""
        with self._seen_lock:
            oldest = self._clock.now() - PRESENT_SECONDS
            return sum(seen > oldest for seen in self._seen.values())

    def qr_svg(self) -> str:
        """The address as a QR code: an SVG without a size of its own, black on white with its margin."""
        title = "QR code of the page for followers"
        out = io.BytesIO()
        segno.make(self.url, error="m", micro=False).save(
            out,
            kind="svg",
            border=QUIET_ZONE,
            dark="#000",
            light="#fff",
            title=title,
            omitsize=True,
            xmldecl=False,
            nl=False,
        )
        named = f'<svg role="img" aria-label="{title}" shape-rendering="crispEdges" '
        return out.getvalue().decode().replace("<svg ", named, 1)

    def _address(self) -> str | None:
        if self._host not in WILDCARDS:
            return self._host
        four = self._outward(socket.AF_INET)
        return four or (self._outward(socket.AF_INET6) if self._host == "::" else None)

    def _application(self) -> Flask:
        application = Flask(__name__, static_folder=None)
        application.debug = False  # even where FLASK_DEBUG is set
        application.url_map.merge_slashes = False  # a path is right or it is not; nobody is sent anywhere
        application.before_request(self._check)
        application.add_url_rule("/now", view_func=self._show)
        for path, answer in follower_page.page().items():
            application.add_url_rule(path, endpoint=path, view_func=answer.response)
        application.register_error_handler(HTTPException, _refused)
        return application

    def _check(self) -> Response | None:
        """The refusal of a request that may not pass; whoever brings the password gets a cookie."""
        if request.method not in ("GET", "HEAD"):
            return follower_page.NOT_A_COMMAND.response()
        if self._follower() is None:
            if not self._fits(request.args.get(TOKEN, "")):
                return follower_page.NO_PASSWORD.response()
            after_this_request(self._welcome)
        return None

    def _welcome(self, response: Response) -> Response:
        value = f"{self._token}.{secrets.token_hex(8)}"
        response.set_cookie(self._cookie_name, value, httponly=True, samesite="Strict")
        return response

    def _show(self) -> Response:
        follower = self._follower()
        if follower is not None:
            self._note(follower)
        return self._current().response()

    def _follower(self) -> str | None:
        """Who asks, by the cookie; None where it was not given here."""
        cookie = _COOKIE.fullmatch(request.cookies.get(self._cookie_name, ""))
        return cookie[2] if cookie is not None and self._fits(cookie[1]) else None

    @property
    def _cookie_name(self) -> str:
        return f"genrescope_follower_{self.port}"  # cookies know no ports

    def _fits(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _note(self, follower: str) -> None:
        with self._seen_lock:
            now = self._clock.now()
            self._seen.pop(follower, None)  # so that the first in the table is always the one seen longest ago
            self._seen[follower] = now
            while len(self._seen) > FOLLOWERS_KNOWN or next(iter(self._seen.values())) <= now - PRESENT_SECONDS:
                del self._seen[next(iter(self._seen))]

    def _current(self) -> Answer:
        """The state of the session, at most half a second old."""
        with self._now_lock:
            now = self._clock.now()
            if self._now is None or now - self._now[0] >= SNAPSHOT_SECONDS:
                self._now = now, self._taken()
            return self._now[1]

    def _taken(self) -> Answer:
        try:
            snapshot = self._snapshot()
            shown = {name: snapshot[name] for name in FOLLOWED if name in snapshot}
            # A browser would refuse NaN; the page then keeps what it has and tries again.
            body = json.dumps(shown, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except Exception:  # whatever is wrong with the session, its followers are told something and come back
            if not self._failing:
                log.exception("The followers' page gets no state of the session")
            self._failing = True
            return follower_page.NO_STATE
        self._failing = False
        return Answer(body.encode(), "application/json")


def _refused(error: HTTPException) -> Response:
    refusals = {404: follower_page.NOT_FOUND, 500: follower_page.NO_STATE}
    return refusals.get(error.code or 500, follower_page.FAULTY).response()
