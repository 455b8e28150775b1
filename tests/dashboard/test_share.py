"""What an audience gets to see, who gets it, and what it costs."""

from __future__ import annotations

import gzip
import http.client
import json
import math
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from flask import Flask

from dashboard import server as server_module
from dashboard.access import Access
from dashboard.follower_page import FILES
from dashboard.server import outward_address
from dashboard.share import FOLLOWED, FOLLOWERS_KNOWN, Share
from model.errors import ServerError, SettingError
from tests.dashboard.followers import JAZZ, METAL, TOKEN, Opened, Phone, Stage, raw, shares_of
from tests.stream.fakes import ManualClock


@pytest.fixture
def stage() -> Stage:
    return Stage(JAZZ)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def opened(stage: Stage) -> Iterator[Opened]:
    with shares_of(stage) as opened:
        yield opened


# ---- who may look ---------------------------------------------------------------------------------------------------


def test_the_address_with_its_password_opens_the_page(opened: Opened) -> None:
    share = opened()
    phone = Phone(share.port)
    address = urlsplit(share.url)
    response = phone.ask(f"{address.path}?{address.query}")
    assert response.status == 200 and b"<title>genrescope</title>" in response.body  # type: ignore[attr-defined]
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert phone.ask("/follower.js").status == 200
    assert phone.ask("/follower.css").status == 200
    assert phone.now()["name"] == "jazz"


@pytest.mark.parametrize("path", ["/", "/now", "/follower.js", "/follower.css", "/nothing", "/?t=", "/?token=" + TOKEN])
def test_without_the_password_there_is_nothing_to_see(opened: Opened, path: str) -> None:
    response = Phone(opened().port).ask(path)
    assert response.status == 401 and b"Scan the code again" in response.body  # type: ignore[attr-defined]
    assert response.headers["Set-Cookie"] is None


@pytest.mark.parametrize("token", ["wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "%C3%A4", "a-token-of-the-talk%00"])
def test_a_wrong_password_opens_nothing(opened: Opened, stage: Stage, token: str) -> None:
    phone = Phone(opened().port)
    assert phone.ask(f"/now?t={token}").status == 401
    assert not phone.cookie and stage.asked == 0


@pytest.mark.parametrize(
    "cookie", ["{token}", "{token}.", "{token}.short", ".{id}", "x.{id}", "{token}.{id}.{id}", "="]
)
def test_a_made_up_cookie_opens_nothing(opened: Opened, cookie: str) -> None:
    share = opened()
    value = cookie.format(token=TOKEN, id="0123456789abcdef")
    name = f"genrescope_follower_{share.port}"
    assert Phone(share.port).ask("/now", Cookie=f"{name}={value}").status == 401
    assert Phone(share.port).ask("/now", Cookie=f"{name}={TOKEN}.0123456789abcdef").status == 200


def test_two_shares_have_two_passwords(stage: Stage) -> None:
    first, second = (Share(stage.snapshot, host="127.0.0.1") for _ in range(2))
    for share in (first, second):
        share.stop()
    tokens = [parse_qs(urlsplit(share.url).query)["t"][0] for share in (first, second)]
    assert tokens[0] != tokens[1] and min(map(len, tokens)) >= 16


def test_neither_page_takes_the_password_of_the_other(opened: Opened) -> None:
    share = opened()
    main_token = "the-main-page-password"
    main = Flask(__name__)
    main.get("/")(lambda: "the page with the commands")
    Access(main_token).guard(main)
    base = f"http://192.168.1.4:{share.port}"  # the same port, so that not even the cookies' names tell them apart

    phone = Phone(share.port)
    for path in (f"/now?t={main_token}", f"/now?token={main_token}"):
        assert phone.ask(path).status == 401
    client = main.test_client()
    assert client.get(f"/?token={main_token}", base_url=base).status_code == 200
    of_main = client.get_cookie(f"genrescope_{share.port}", domain="192.168.1.4")
    assert of_main is not None
    for name in (of_main.key, f"genrescope_follower_{share.port}"):
        for value in (main_token, f"{main_token}.0123456789abcdef"):
            assert phone.ask("/now", Cookie=f"{name}={value}").status == 401

    phone.follow()
    for query in (f"?token={TOKEN}", f"?t={TOKEN}", ""):
        assert main.test_client().get(f"/{query}", base_url=base, headers={"Cookie": phone.cookie}).status_code == 401
    for value in (TOKEN, phone.cookie.partition("=")[2]):
        stranger = main.test_client()
        stranger.set_cookie(f"genrescope_{share.port}", value, domain="192.168.1.4")
        assert stranger.get("/", base_url=base).status_code == 401


# ---- what cannot be done --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "COMMAND"])
@pytest.mark.parametrize("path", ["/", "/now", "/_dash-update-component"])
def test_nothing_but_looking_is_possible(opened: Opened, stage: Stage, method: str, path: str) -> None:
    phone = Phone(opened().port).follow()
    response = phone.ask(path, method=method)
    assert response.status == 405 and response.headers["Allow"] == "GET, HEAD"
    assert b"No commands are taken here." in response.body  # type: ignore[attr-defined]
    assert stage.asked == 0
    assert phone.now()["name"] == "jazz"


def test_a_head_is_what_a_get_would_bring_without_its_body(opened: Opened) -> None:
    phone = Phone(opened().port).follow()
    for path, status in (("/", 200), ("/now", 200), ("/follower.js", 200), ("/nothing", 404)):
        whole, head = phone.ask(path), phone.ask(path, method="HEAD")
        assert head.status == whole.status == status and head.body == b""  # type: ignore[attr-defined]
        assert head.headers["Content-Length"] == whole.headers["Content-Length"]
        assert head.headers["ETag"] == whole.headers["ETag"]


@pytest.mark.parametrize("method, answer", [("GET", b"200 OK"), ("POST", b"405 METHOD NOT ALLOWED")])
def test_the_body_of_a_request_is_no_request(opened: Opened, stage: Stage, method: str, answer: bytes) -> None:
    hidden = f"GET /now?t={TOKEN} HTTP/1.1\r\n\r\n"
    for body in (
        f"Content-Length: {len(hidden)}\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n",
    ):
        last = f"GET /follower.css?t={TOKEN} HTTP/1.1\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", opened().port), timeout=10) as connection:
            connection.sendall(f"{method} /?t={TOKEN} HTTP/1.1\r\n{body}{last}".encode())
            everything = connection.makefile("rb").read()
        # With a body in the way the connection is closed, and the request behind it must come again.
        assert everything.count(b"HTTP/1.1 ") == 1 and everything.startswith(b"HTTP/1.1 " + answer)
    assert stage.asked == 0


@pytest.mark.parametrize(
    "body",
    [
        "Content-Length: 5000000\r\n\r\nx",
        "Content-Length: -1\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n",
    ],
)
def test_a_large_or_garbled_body_is_not_waited_for(opened: Opened, stage: Stage, body: str) -> None:
    with socket.create_connection(("127.0.0.1", opened().port), timeout=10) as connection:
        connection.sendall(f"POST /now?t={TOKEN} HTTP/1.1\r\n{body}".encode())
        everything = connection.makefile("rb").read()
    assert everything.startswith(b"HTTP/1.1 4") and everything.count(b"HTTP/1.1 ") == 1
    assert stage.asked == 0


@pytest.mark.parametrize(
    "path",
    [
        "/now/",
        "/now//",
        "/./now",
        "/x/../now",
        "/%2fnow/",
        "/%2e%2e/share.py",
        "/NOW",
        "/now;x",
        "/now%00",
        "/index.html",
        "/share.py",
        "/../share.py",
        "/..%2fshare.py",
        "/follower/index.html",
        "/follower.js/../../share.py",
        "/etc/passwd",
        "/live",
        "/audio/0",
        "/assets/style.css",
        "/_dash-layout",
    ],
)
def test_there_are_four_paths_and_no_way_round(opened: Opened, path: str) -> None:
    status, body = raw(opened().port, f"GET {path}?t={TOKEN} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status == 404 and b"There is nothing here" in body


@pytest.mark.parametrize(
    "path, refusal", [("/%6eow", 401), ("//now", 400), ("http://elsewhere.example/now", 400), ("//etc/passwd", 400)]
)
def test_another_spelling_of_a_path_needs_the_password_too(
    opened: Opened, stage: Stage, path: str, refusal: int
) -> None:
    status, _ = raw(opened().port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status == refusal and stage.asked == 0


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET  /now?t={TOKEN} HTTP/1.1",
        f"GET /now?t={TOKEN}\tHTTP/1.1\tx y",
        f"get /now?t={TOKEN} HTTP/1.1",
        "* * *",
        "\x16\x03\x01\x02",
        f"GET /now?t={TOKEN} HTTP/1.1\r\n folded: header",
        f"GET /now?t={TOKEN} HTTP/1.1\r\nname : spaced",
        f"GET /now?t={TOKEN} HTTP/1.1\r\nno colon",
        f"GET /now?t={TOKEN} HTTP/1.1\r\nTransfer-Encoding: gzip",
    ],
)
def test_what_is_not_proper_http_is_refused(opened: Opened, stage: Stage, request_line: str) -> None:
    status, body = raw(opened().port, f"{request_line}\r\n\r\n".encode())
    assert status in (400, 501) and b"Traceback" not in body and stage.asked == 0


@pytest.mark.parametrize(
    "header",
    [
        "Host: ä:b:c",
        "Host: a b<c>",
        "Cookie: ÿ=ÿ; ;;=;",
        "Accept-Encoding: ;;q=x,gzip;q=nan",
        'If-None-Match: "W/"",',
        "Content-Type: multipart/form-data",
        "Forwarded: for=1;;;=",
        "X-Forwarded-Host: elsewhere.example",
    ],
)
def test_odd_headers_change_nothing(opened: Opened, header: str, caplog: pytest.LogCaptureFixture) -> None:
    status, body = raw(opened().port, f"GET /now?t={TOKEN} HTTP/1.1\r\n{header}\r\n\r\n".encode("latin-1"))
    assert status == 200 and json.loads(body)["name"] == "jazz"
    assert raw(opened().port, f"GET / HTTP/1.1\r\n{header}\r\n\r\n".encode("latin-1"))[0] == 401
    assert not caplog.records


def test_an_impossible_host_is_refused_in_plain_words(opened: Opened) -> None:
    request = f"GET /now?t={TOKEN} HTTP/1.1\r\nHost: {'x' * 300}\r\n\r\n".encode()
    status, body = raw(opened().port, request)
    assert status == 400 and b"not understood" in body


def test_only_what_followers_may_see_leaves(opened: Opened, stage: Stage) -> None:
    stage.shown = {**JAZZ, "path": "/home/somebody/music.flac", "token": "secret"}
    now = Phone(opened().port).follow().now()
    assert set(now) == set(FOLLOWED) == set(JAZZ) - {"number"}
    assert all(now[name] == JAZZ[name] for name in FOLLOWED)


def test_every_answer_is_confined(opened: Opened) -> None:
    phone = Phone(opened().port).follow()
    for path, cookie in (("/", None), ("/now", None), ("/follower.js", None), ("/none", None), ("/", "x=y")):
        headers = phone.ask(path, **({} if cookie is None else {"Cookie": cookie})).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer" and headers["Server"] == "genrescope"
        assert "Access-Control-Allow-Origin" not in headers and "session" not in (headers["Set-Cookie"] or "")


def test_an_error_shows_nothing_of_its_inside(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    share = opened()
    phone = Phone(share.port).follow()
    monkeypatch.setattr(share, "_note", None)  # as if we had made a mistake
    response = phone.ask("/now")
    assert response.status == 503 and b"One moment" in response.body  # type: ignore[attr-defined]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "TypeError" in caplog.text  # the terminal is told


# ---- what it costs --------------------------------------------------------------------------------------------------


def test_fifty_followers_look_at_the_session_twice_a_second_in_all(
    opened: Opened, stage: Stage, clock: ManualClock
) -> None:
    share = opened(clock=clock)
    phones = [Phone(share.port).follow() for _ in range(50)]
    for _ in range(10):
        for phone in phones:
            assert phone.now()["name"] == "jazz"
        clock.time += 0.2
    assert share.followers == 50
    assert 4 <= stage.asked <= 5  # two seconds have gone by


def test_phones_that_ask_at_the_same_moment_share_one_look(opened: Opened, clock: ManualClock) -> None:
    looking, may_see, looks = threading.Event(), threading.Event(), []

    def snapshot() -> dict[str, Any]:
        looks.append(threading.current_thread().name)
        looking.set()
        assert may_see.wait(10)
        return JAZZ

    slow = Share(snapshot, host="127.0.0.1", token=TOKEN, clock=clock)
    slow.start()
    try:
        phones = [Phone(slow.port).follow() for _ in range(8)]
        for phone in phones:
            phone.connection.request("GET", "/now", headers={"Cookie": phone.cookie})
        assert looking.wait(10)
        may_see.set()
        assert all(json.loads(phone.connection.getresponse().read())["name"] == "jazz" for phone in phones)
    finally:
        may_see.set()
        slow.stop()
    assert len(looks) == 1


def test_nobody_following_costs_the_session_nothing(opened: Opened, stage: Stage, clock: ManualClock) -> None:
    opened(clock=clock)
    clock.time += 60
    assert stage.asked == 0


def test_an_unchanged_answer_is_not_sent_again(opened: Opened, stage: Stage, clock: ManualClock) -> None:
    phone = Phone(opened(clock=clock).port).follow()
    first = phone.ask("/now")
    clock.time += 1
    stage.shown = {**JAZZ, "number": 124}  # a new prediction that says the same
    again = phone.ask("/now", If_None_Match=first.headers["ETag"])
    assert again.status == 304 and again.body == b""  # type: ignore[attr-defined]
    clock.time += 1
    stage.shown = METAL
    changed = phone.ask("/now", If_None_Match=first.headers["ETag"])
    assert changed.status == 200 and json.loads(changed.body)["name"] == "metal"  # type: ignore[attr-defined]
    for path in ("/", "/follower.js", "/follower.css"):
        tag = phone.ask(path).headers["ETag"]
        assert phone.ask(path, If_None_Match=tag).status == 304


def test_answers_travel_compressed_where_that_is_understood(opened: Opened) -> None:
    phone = Phone(opened().port).follow()
    for path in ("/", "/now", "/follower.js", "/follower.css"):
        plain, packed = phone.ask(path), phone.ask(path, Accept_Encoding="gzip, deflate")
        assert plain.headers["Content-Encoding"] is None and packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body  # type: ignore[attr-defined]


def test_the_page_is_light_and_asks_nobody_else() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in Path(FILES).iterdir()}
    assert set(files) == {"index.html", "follower.js", "follower.css"}
    assert sum(len(text.encode()) for text in files.values()) < 15_000
    elsewhere = {url for text in files.values() for url in re.findall(r"(?:https?:)?//[\w.]+\.\w+[\w./]*", text)}
    assert elsewhere <= {"http://www.w3.org/2000/svg"}


def test_a_connection_stays_open_for_the_next_question(opened: Opened) -> None:
    phone = Phone(opened().port).follow()
    phone.now()
    own_port = phone.connection.sock.getsockname()[1]
    phone.now()
    assert phone.connection.sock.getsockname()[1] == own_port
    assert phone.ask("/now", Connection="close").headers["Connection"] == "close"


# ---- followers, failures, the end -----------------------------------------------------------------------------------


def test_followers_are_counted_and_forgotten(opened: Opened, clock: ManualClock) -> None:
    share = opened(clock=clock)
    assert share.followers == 0
    one, other = Phone(share.port).follow(), Phone(share.port).follow()
    assert share.followers == 0  # a preview of the link follows nothing
    for _ in range(3):
        one.now()
    other.now()
    assert share.followers == 2
    clock.time += 6
    one.follow().now()  # loaded anew: still the same phone
    assert share.followers == 2
    clock.time += 5
    assert share.followers == 1
    clock.time += 6
    assert share.followers == 0


def test_made_up_followers_do_not_fill_the_memory(opened: Opened, clock: ManualClock) -> None:
    share = opened(clock=clock)
    for number in range(FOLLOWERS_KNOWN + 50):
        share._note(f"{number:016x}")
    assert share.followers == len(share._seen) == FOLLOWERS_KNOWN
    clock.time += 60
    Phone(share.port).follow().now()
    share._note("somebody")
    assert len(share._seen) == 2


def test_a_session_that_cannot_be_read_is_told_and_comes_back(
    opened: Opened, stage: Stage, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    phone = Phone(opened(clock=clock).port).follow()
    for bad in ({**JAZZ, "share": math.nan}, {**JAZZ, "name": object()}, None):
        stage.shown = bad  # type: ignore[assignment]
        clock.time += 1
        for _ in range(5):
            response = phone.ask("/now")
            assert response.status == 503 and b"Traceback" not in response.body  # type: ignore[attr-defined]
    assert stage.asked == 3
    assert len(caplog.records) == 1
    stage.shown = METAL
    clock.time += 1
    assert phone.now()["name"] == "metal"


def test_a_stopped_share_answers_nobody_and_frees_its_port(opened: Opened) -> None:
    share = opened()
    phone = Phone(share.port).follow()
    share.stop()
    share.stop()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        phone.connection.auto_open = 0
        phone.now()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", share.port), timeout=5)
    again = opened(port=share.port)
    assert Phone(again.port).follow().now()["name"] == "jazz"
    assert not [thread for thread in threading.enumerate() if thread.name == "follower-server"][1:]


def test_a_share_that_was_never_started_can_be_stopped(stage: Stage) -> None:
    share = Share(stage.snapshot, host="127.0.0.1")
    share.stop()
    Share(stage.snapshot, host="127.0.0.1", port=share.port).stop()


def test_a_taken_port_and_a_foreign_address_are_explained(opened: Opened) -> None:
    with pytest.raises(ServerError, match="only one program can serve a port"):
        opened(port=opened().port)
    for host in ("203.0.113.7", "no such name"):
        with pytest.raises(ServerError, match="must be one of this machine's own"):
            opened(host=host)
    with pytest.raises(ServerError):
        opened(port=70000)


@pytest.mark.parametrize("token", ["short", "with a space in it", "with;a;semicolon", "dots.are.not.allowed", "ä" * 20])
def test_a_poor_password_is_refused(stage: Stage, token: str) -> None:
    with pytest.raises(SettingError, match="12 to 64 letters"):
        Share(stage.snapshot, token=token)


# ---- the address and its code ---------------------------------------------------------------------------------------


def test_the_address_is_that_of_the_local_network(opened: Opened) -> None:
    found: dict[Any, str] = {socket.AF_INET: "192.168.1.4"}
    share = opened(host="0.0.0.0", outward=found.get)
    assert share.url == f"http://192.168.1.4:{share.port}/?t={TOKEN}" and share.warning is None
    found[socket.AF_INET] = "10.0.0.7"  # the machine has joined another network
    assert share.url.startswith("http://10.0.0.7:")


def test_where_there_is_no_network_it_says_so_and_works_here(opened: Opened) -> None:
    share = opened(host="0.0.0.0", outward=lambda family: None)
    assert share.warning is not None and "No network was found" in share.warning
    assert share.url == f"http://127.0.0.1:{share.port}/?t={TOKEN}"
    assert Phone(share.port).follow().now()["name"] == "jazz"


def test_an_address_that_only_this_machine_reaches_is_warned_of(opened: Opened) -> None:
    warning = opened().warning
    assert warning is not None and "127.0.0.1 is reached from this machine only" in warning


def test_an_ipv6_address_stands_in_brackets(opened: Opened) -> None:
    found: dict[Any, str] = {socket.AF_INET6: "fd00::2"}
    try:
        share = opened(host="::", outward=found.get)
    except ServerError:
        pytest.skip("this machine has no IPv6, not even on loopback")
    assert share.url == f"http://[fd00::2]:{share.port}/?t={TOKEN}" and share.warning is None
    found[socket.AF_INET] = "192.168.1.4"  # phones have IPv4 for certain
    assert share.url.startswith("http://192.168.1.4:")
    alone = opened(host="::", outward=lambda family: None)
    assert alone.url.startswith(f"http://[::1]:{alone.port}/")


def test_the_way_outward_is_found_without_sending_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    found = outward_address()
    assert found is None or (re.fullmatch(r"(\d+\.){3}\d+", found) and not found.startswith("127."))

    class Probe(socket.socket):
        def connect(self, address: Any) -> None:
            raise OSError("Network is unreachable")

    monkeypatch.setattr(server_module.socket, "socket", Probe)
    assert outward_address() is None and outward_address(socket.AF_INET6) is None


def test_the_code_is_drawn_to_be_scanned(opened: Opened) -> None:
    svg = opened().qr_svg()
    assert svg.startswith("<svg ") and svg.endswith("</svg>")
    assert 'role="img"' in svg and 'aria-label="QR code of' in svg and "<title>" in svg
    assert re.search(r'viewBox="0 0 (\d+) \1"', svg) and not re.search(r"\s(width|height)=", svg)


def test_the_code_says_the_address(opened: Opened, chromium: Any) -> None:
    """What Chromium paints of the picture is the code of the address, with its margin, black on white."""
    share = opened()
    page = chromium.new_page()
    painted = page.evaluate(
        """async (svg) => {
            const size = Number(/viewBox="0 0 (\\d+)/.exec(svg)[1]);
            const picture = new Image(size * 8, size * 8);
            picture.src = "data:image/svg+xml," + encodeURIComponent(svg);
            await picture.decode();
            const canvas = document.createElement("canvas");
            canvas.width = canvas.height = size * 8;
            const ink = canvas.getContext("2d");
            ink.drawImage(picture, 0, 0, size * 8, size * 8);
            const dots = ink.getImageData(0, 0, size * 8, size * 8).data;
            return Array.from({length: size}, (_, y) => Array.from({length: size}, (_, x) => {
                const place = 4 * ((8 * y + 4) * size * 8 + 8 * x + 4);
                return dots[place + 3] === 255 ? dots[place] : -1;
            }));
        }""",
        share.qr_svg(),
    )
    page.close()
    assert {value for row in painted for value in row} == {0, 255}
    assert all(value == 255 for row in painted[:4] + painted[-4:] for value in row)
    modules = [[int(value == 0) for value in row[4:-4]] for row in painted[4:-4]]
    assert modules == [list(row) for row in segno.make(share.url, error="m", micro=False).matrix]
