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

from dashboard import follower_page
from dashboard.access import is_loopback
from dashboard.follower_messages import Answer, Request
from dashboard.follower_server import FollowerServer
from dashboard.server import WILDCARDS
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
TOKEN = "t"  # the name of the query parameter, not a password
QUIET_ZONE = 4
"""Modules of white around the code; scanners need four."""
# Documentation addresses: nobody has them, and connecting a datagram socket sends nothing anyway.
FAR_AWAY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_TOKEN_FORM = re.compile(r"[\w-]{12,64}", re.ASCII)
_COOKIE = re.compile(r"([\w-]+)\.([\w-]{8,32})", re.ASCII)


class Share:
    """Shows a session to everybody who scans its code, from `start` until `stop`; the port is taken at once.

    snapshot : gives what is heard now; called in the share's thread, at most twice a second, and only while somebody
        follows. {"state": "live", "verdict": "sure" | "not sure" | "silence" | "none", "label": "jazz",
        "name": "jazz", "colour": "#d0b810", "share": 0.83, "sentence": "jazz, with elements of blues",
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
        self._page = follower_page.page()
        self._now: tuple[float, Answer] | None = None
        self._failing = False
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()  # `followers` is read from other threads
        self._server = FollowerServer(host, port, self._answer, busy=follower_page.BUSY, faulty=follower_page.FAULTY)
        self.port = self._server.port

    def start(self) -> None:
        """Let people follow; returns at once."""
        self._server.serve()

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
        with self._lock:
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

    def _answer(self, request: Request) -> tuple[Answer, str]:
        """What a request gets, and the cookie it is given."""
        if request.method != "GET":
            return follower_page.NOT_A_COMMAND, ""
        cookie, cookie_name = "", f"genrescope_follower_{self.port}"
        known = _COOKIE.fullmatch(request.cookies.get(cookie_name, ""))
        if known is None or not self._fits(known[1]):
            known = None
            if not self._fits(request.query.get(TOKEN, "")):
                return follower_page.NO_PASSWORD, ""
            cookie = f"{cookie_name}={self._token}.{secrets.token_hex(8)}; Path=/; HttpOnly; SameSite=Strict"
        if request.path == "/now":
            if known is not None:
                self._note(known[2])
            return self._current(), cookie
        return self._page.get(request.path, follower_page.NOT_FOUND), cookie

    def _fits(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _note(self, follower: str) -> None:
        with self._lock:
            now = self._clock.now()
            self._seen.pop(follower, None)  # so that the first in the table is always the one seen longest ago
            self._seen[follower] = now
            while len(self._seen) > FOLLOWERS_KNOWN or next(iter(self._seen.values())) <= now - PRESENT_SECONDS:
                del self._seen[next(iter(self._seen))]

    def _current(self) -> Answer:
        """The state of the session, at most half a second old."""
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
        return Answer(body.encode(), "application/json", headers=follower_page.HEADERS)


def outward_address(family: socket.AddressFamily = socket.AF_INET) -> str | None:
    """This machine's address in the network it is connected to; None where there is none but loopback."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((FAR_AWAY[family], 9))
            address = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if is_loopback(address) or address in WILDCARDS else address
