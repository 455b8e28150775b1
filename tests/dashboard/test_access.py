"""Who may see the page, who may command it, and where it is served."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient

from dashboard.access import Access, is_loopback
from dashboard.app import create_app
from dashboard.attempts import ADDRESSES, FORGOTTEN_SECONDS, FREE_ATTEMPTS, LONGEST_WAIT_SECONDS, Attempts
from dashboard.origins import checked_origins
from dashboard.server import PageServer
from model.errors import GenrescopeError, ServerError, SettingError
from tests.dashboard.fakes import FakeStudio
from tests.stream.fakes import ManualClock

COMMAND = "/_dash-update-component"
PASSWORD = "correct-horse-battery"
LAN = "http://192.168.1.4:8050"
OVERLAY = "https://overlay.example"
"""A site that is allowed to call the interface."""


def client_for(access: Access) -> FlaskClient:
    return create_app(FakeStudio(), access).server.test_client()  # type: ignore[arg-type]


@pytest.fixture
def local() -> FlaskClient:
    return client_for(Access.for_host("127.0.0.1"))


def guarded(access: Access, *, use_cookies: bool = True) -> FlaskClient:
    """A small server behind it: a page, a command, and an interface for programs."""
    server = Flask(__name__)
    server.get("/", endpoint="page")(lambda: "the page")
    server.post("/command", endpoint="command")(lambda: "done")
    server.get("/api/v1/models", endpoint="models")(lambda: jsonify({"models": []}))
    server.post("/api/v1/sessions", endpoint="sessions")(lambda: ("{}", 201, {"Location": "/api/v1/sessions/x"}))
    server.get("/api/v1/sessions/main/events", endpoint="events")(lambda: "data: x\n\n")
    server.get("/api/v1/health/live", endpoint="live")(lambda: jsonify({"live": True}))
    server.get("/api/v1/health", endpoint="health")(lambda: jsonify({"sessions": []}))
    server.route("/socket", endpoint="socket", websocket=True)(lambda: "as if it were one")
    access.guard(server)
    return server.test_client(use_cookies=use_cookies)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def remote(clock: ManualClock) -> FlaskClient:
    """As seen by another machine; without cookies, as programs have none."""
    return guarded(Access(PASSWORD, clock=clock), use_cookies=False)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("host", ["localhost:8050", "127.0.0.1:8050", "[::1]:8050", "LOCALHOST"])
def test_this_machine_needs_no_password(local: FlaskClient, host: str) -> None:
    assert local.get("/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8050", "localhost.evil.example", "192.168.1.4", "[", ""]
)
def test_a_foreign_name_for_this_machine_is_refused(local: FlaskClient, host: str) -> None:
    response = local.get("/live", headers={"Host": host})
    assert response.status_code in (400, 403)
    assert b"predictions" not in response.data


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_commands_from_other_sites_are_refused(local: FlaskClient, headers: dict[str, str]) -> None:
    response = local.post(COMMAND, json={}, headers={"Host": "localhost", **headers})
    assert response.status_code == 403 and b"Another site" in response.data


def test_commands_from_the_own_page_and_from_programs_pass(local: FlaskClient) -> None:
    for headers in ({"Origin": "http://localhost:8050"}, {}):
        response = local.post(COMMAND, data="{", headers={"Host": "localhost:8050", **headers})
        assert response.status_code != 403


def test_other_machines_need_the_password() -> None:
    access = Access.for_host("0.0.0.0")
    assert access.token and len(access.token) >= 20
    client = client_for(access)
    host = {"Host": "192.168.1.4:8050"}
    for address in ("/", "/live", "/audio/0", "/_dash-layout", "/assets/style.css", "/live?token=wrong", "/?token="):
        response = client.get(address, headers=host)
        assert response.status_code == 401 and b"password" in response.data
    assert client.post(COMMAND, json={}, headers=host).status_code == 401


def test_the_password_becomes_a_cookie_scripts_cannot_read() -> None:
    client = client_for(Access(PASSWORD))
    base = LAN
    response = client.get(f"/?token={PASSWORD}", base_url=base)
    assert response.status_code == 200
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and PASSWORD not in cookie
    assert client.get("/live", base_url=base).status_code == 200
    refused = client.post(COMMAND, json={}, base_url=base, headers={"Origin": "http://evil.example"})
    assert refused.status_code == 403


def test_a_wrong_password_gives_no_cookie() -> None:
    response = client_for(Access(PASSWORD)).get("/?token=stäble", base_url="http://192.168.1.4")
    assert response.status_code == 401 and "Set-Cookie" not in response.headers


def test_two_starts_have_two_passwords() -> None:
    assert Access.for_host("0.0.0.0").token != Access.for_host("0.0.0.0").token
    assert Access.for_host("localhost").token is None
    assert not is_loopback("0.0.0.0") and not is_loopback("192.168.0.1") and not is_loopback("")


def test_the_address_to_open_carries_the_password() -> None:
    assert Access("abc").address("http://192.168.1.4:8050/") == "http://192.168.1.4:8050/?token=abc"
    assert Access().address("http://127.0.0.1:8050/") == "http://127.0.0.1:8050/"


def test_every_answer_is_confined(local: FlaskClient) -> None:
    for address in ("/", "/live", "/assets/style.css"):
        headers = local.get(address, base_url="http://localhost").headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe-eval" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"


# ---- the password of a program -------------------------------------------------------------------------------------


def test_a_program_brings_the_password_in_a_header(remote: FlaskClient) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = remote.get("/api/v1/models", base_url=LAN, headers={"Authorization": f"{scheme} {PASSWORD}"})
        assert answer.status_code == 200
    assert remote.post("/api/v1/sessions", base_url=LAN, headers=bearer(PASSWORD)).status_code == 201
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "query", "error"),
    [
        ({}, "", False),
        (bearer(""), "", False),
        ({"Authorization": "Basic dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk="}, "", False),
        ({"Authorization": PASSWORD}, "", False),
        ({"X-Auth-Token": PASSWORD}, "", False),
        ({"Cookie": f"token={PASSWORD}"}, "", False),
        ({"Cookie": f"genrescope_8050={PASSWORD}"}, "", False),
        (bearer("wrong"), "", True),
        (bearer(PASSWORD[:-1]), "", True),
        (bearer(f"{PASSWORD} {PASSWORD}"), "", True),
        (bearer("x" * 8000), "", True),
        (bearer("stäble"), "", True),
        (bearer("wrong"), f"?token={PASSWORD}", True),
        ({}, "?token=wrong", True),
        ({}, f"?token=wrong&token={PASSWORD}", True),
        ({}, f"?TOKEN={PASSWORD}", False),
        ({}, f"?token={PASSWORD}%00", True),
    ],
)
def test_anything_else_is_no_password(remote: FlaskClient, headers: dict[str, str], query: str, error: bool) -> None:
    answer = remote.get(f"/api/v1/models{query}", base_url=LAN, headers=headers)
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="genrescope"')
    assert ('error="invalid_token"' in challenge) == error, "RFC 6750: only who brought one is told that it was wrong"
    assert "Set-Cookie" not in answer.headers and PASSWORD not in answer.get_data(as_text=True)


def test_below_the_programs_path_a_refusal_is_a_problem_and_elsewhere_a_page(remote: FlaskClient) -> None:
    problem = remote.get("/api/v1/models", base_url=LAN)
    assert problem.mimetype == "application/problem+json"
    said = json.loads(problem.data)
    assert said["type"] == "about:blank" and said["title"] == "Unauthorized" and said["status"] == 401
    assert said["detail"] == "a password is needed" and "Bearer" in said["rule"] and said["next_step"]
    page = remote.get("/", base_url=LAN)
    assert page.mimetype == "text/html" and b"<h1>A password is needed</h1>" in page.data
    assert {problem.headers["Cache-Control"], page.headers["Cache-Control"]} == {"no-store"}


def test_a_password_in_the_address_reads_and_never_commands(remote: FlaskClient) -> None:
    assert remote.get(f"/api/v1/sessions/main/events?token={PASSWORD}", base_url=LAN).status_code == 200
    assert remote.post(f"/api/v1/sessions?token={PASSWORD}", base_url=LAN).status_code == 401
    assert remote.post(f"/command?token={PASSWORD}", base_url=LAN).status_code == 401
    assert remote.post("/api/v1/sessions", data={"token": PASSWORD}, base_url=LAN).status_code == 401


def test_the_cookie_of_an_earlier_run_is_worth_nothing() -> None:
    first, second = guarded(Access(PASSWORD)), guarded(Access(PASSWORD))
    first.get(f"/?token={PASSWORD}", base_url=LAN)
    cookie = first.get_cookie("genrescope_8050", domain="192.168.1.4")
    assert cookie is not None and first.get("/", base_url=LAN).status_code == 200
    second.set_cookie(cookie.key, cookie.value, domain="192.168.1.4")
    assert second.get("/", base_url=LAN).status_code == 401


def test_whether_it_lives_may_be_asked_without_the_password_and_nothing_more(remote: FlaskClient) -> None:
    assert remote.get("/api/v1/health/live", base_url=LAN).status_code == 200
    assert remote.head("/api/v1/health/live", base_url=LAN).status_code == 200
    # Not even whether a password is right.
    assert "Set-Cookie" not in remote.get(f"/api/v1/health/live?token={PASSWORD}", base_url=LAN).headers
    for path in ("/api/v1/health", "/api/v1/health/live/", "/api/v1/health/live/x", "/health/live"):
        assert remote.get(path, base_url=LAN).status_code == 401
    assert remote.post("/api/v1/health/live", base_url=LAN).status_code == 401


def test_a_password_on_this_machine_is_demanded_there_too_and_lets_a_proxy_keep_its_name() -> None:
    client = guarded(Access.for_host("127.0.0.1", None))
    assert client.get("/", base_url="http://localhost").status_code == 200
    client = guarded(Access(PASSWORD))
    assert client.get("/", base_url="http://localhost").status_code == 401
    assert client.get("/", base_url="http://localhost", headers=bearer(PASSWORD)).status_code == 200
    assert client.get("/", base_url="https://genres.example", headers=bearer(PASSWORD)).status_code == 200
    assert client.get("/", base_url="http://rebound.example").status_code == 401


# ---- the password in a file ----------------------------------------------------------------------------------------


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("content", [PASSWORD, f"{PASSWORD}\n", f"{PASSWORD}\r\n", "a+b/c=d&e%f#g?h!", "x" * 256])
def test_a_file_holds_the_password(tmp_path: Path, content: str) -> None:
    path = write(tmp_path / "token", content.encode())
    for host in ("127.0.0.1", "0.0.0.0"):
        access = Access.for_host(host, path)
        assert access.token == content.strip()
        client = guarded(access)
        assert client.get("/", base_url="http://localhost").status_code == 401
        assert client.get(access.address("http://localhost/"), base_url="http://localhost").status_code == 200
        assert client.get("/", base_url="http://localhost", headers=bearer(content.strip())).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"fifteen-letters",
        b"x" * 257,
        b"x" * 10_000_000,
        b"two words are too many",
        b"a-password-that-goes\non-for-two-lines",
        b"a-password-behind-it\n\n",
        b" leading-space-of-it",
        b"a-tab-is-no-letter\t",
        "ein-paßwort-mit-scharfem-s".encode(),
        b"a-password-\0-with-zero",
        b"\xff\xfeu\0t\0f\x001\x006\0 \0t\0e\0x\0t\0",
    ],
)
def test_what_is_no_password_is_refused_and_never_quoted(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "token", content)
    with pytest.raises(GenrescopeError, match="16 to 256 letters, digits and signs") as caught:
        Access.for_host("127.0.0.1", path)
    assert str(path) in str(caught.value) and "password-" not in str(caught.value).replace(str(path), "")


def test_a_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "token", PASSWORD.encode(), 0o644)
    with pytest.raises(GenrescopeError, match=r"can be read by everybody on this machine.*chmod 600"):
        Access.for_host("0.0.0.0", path)
    path.chmod(0o440)
    assert Access.for_host("0.0.0.0", path).token == PASSWORD


@pytest.mark.parametrize("name", ["nowhere", "folder", "nul\0l"])
def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(GenrescopeError, match=r"cannot be read \(.*--token-file"):
        Access.for_host("127.0.0.1", tmp_path / name)


def test_a_password_from_a_file_is_not_printed(tmp_path: Path) -> None:
    path = write(tmp_path / "token", PASSWORD.encode())
    kept = Access.for_host("0.0.0.0", path)
    assert kept.announcement(LAN) == LAN and str(path) in kept.remark and PASSWORD not in kept.remark
    assert PASSWORD in kept.address(LAN)
    made = Access.for_host("0.0.0.0")
    assert made.token and made.token in made.announcement(LAN) and made.remark == ""


def test_every_sign_of_a_password_survives_the_address() -> None:
    token = "".join(map(chr, range(0x21, 0x7F)))
    address = Access(token).address("http://192.168.1.4/")
    assert quote(token, safe="") in address
    assert guarded(Access(token)).get(address, base_url="http://192.168.1.4").status_code == 200


# ---- guessing ------------------------------------------------------------------------------------------------------


def guess(client: FlaskClient, token: str, address: str = "10.0.0.7", path: str = "/api/v1/models") -> Any:
    return client.get(path, base_url=LAN, headers=bearer(token), environ_base={"REMOTE_ADDR": address})


def exhaust(client: FlaskClient, address: str = "10.0.0.7") -> None:
    for number in range(FREE_ATTEMPTS):
        assert guess(client, f"guess-{number}", address).status_code == 401


def test_guessing_becomes_slower_and_slower(remote: FlaskClient, clock: ManualClock) -> None:
    exhaust(remote)
    waits = []
    for number in range(9):
        refused = guess(remote, f"more-{number}")
        assert refused.status_code == 429
        waits.append(int(refused.headers["Retry-After"]))
        clock.time += waits[-1]
        assert guess(remote, f"more-{number}").status_code == 401
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert json.loads(refused.data)["next_step"] == "Wait 60 s and try again"
    assert guess(remote, "again", path="/").status_code == 429
    assert remote.get("/?token=again", base_url=LAN, environ_base={"REMOTE_ADDR": "10.0.0.7"}).status_code == 429


def test_while_it_waits_an_address_is_not_even_told_what_is_right(remote: FlaskClient, clock: ManualClock) -> None:
    exhaust(remote)
    assert guess(remote, PASSWORD).status_code == 429
    clock.time += 1.0
    assert guess(remote, PASSWORD).status_code == 200


def test_who_has_the_password_elsewhere_is_not_held_up(remote: FlaskClient) -> None:
    for address in ("10.0.0.7", "2001:db8::7"):
        exhaust(remote, address)
        assert guess(remote, "one more", address).status_code == 429
    for address in ("10.0.0.8", "2001:db8:0:1::7", "127.0.0.1", ""):
        assert guess(remote, PASSWORD, address).status_code == 200


def test_a_page_that_is_in_goes_on_though_somebody_guesses_at_the_same_address(clock: ManualClock) -> None:
    client = guarded(Access(PASSWORD, clock=clock))
    client.get(f"/?token={PASSWORD}", base_url=LAN)
    exhaust(client, "127.0.0.1")
    assert guess(client, "one more", "127.0.0.1").status_code == 429
    assert client.get("/", base_url=LAN).status_code == 200


def test_the_addresses_of_one_household_count_together(remote: FlaskClient) -> None:
    for number in range(FREE_ATTEMPTS):
        guess(remote, f"guess-{number}", f"2001:db8::{number:x}")
    assert guess(remote, "one more", "2001:db8::ffff:1").status_code == 429
    exhaust(remote, "::ffff:10.0.0.9")
    assert guess(remote, "one more", "10.0.0.9").status_code == 429


def test_an_old_password_repeated_for_days_is_one_guess(remote: FlaskClient) -> None:
    for _ in range(100):
        assert guess(remote, "of-the-run-before").status_code == 401
    assert guess(remote, PASSWORD).status_code == 200


def test_a_page_left_open_since_before_a_restart_holds_nobody_up(remote: FlaskClient) -> None:
    for _ in range(100):
        stale = remote.get("/", base_url=LAN, headers={"Cookie": "genrescope_8050=of-the-run-before"})
        assert stale.status_code == 401
    assert remote.get(f"/?token={PASSWORD}", base_url=LAN).status_code == 200


def test_wrong_guesses_are_forgotten_after_a_while(remote: FlaskClient, clock: ManualClock) -> None:
    exhaust(remote)
    clock.time += FORGOTTEN_SECONDS + 1.0
    exhaust(remote)
    clock.time += 1.0
    assert guess(remote, "one more").status_code == 401


def test_other_sites_cannot_use_up_the_attempts_of_this_machine(remote: FlaskClient) -> None:
    for number in range(50):
        image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        assert remote.get(f"/?token=guess-{number}", base_url=LAN, headers=image).status_code == 403
    assert remote.get("/api/v1/models", base_url=LAN, headers=bearer(PASSWORD)).status_code == 200


def test_the_table_of_guessers_stays_small(clock: ManualClock) -> None:
    attempts = Attempts(clock)
    for number in range(ADDRESSES + 500):
        for guess in range(FREE_ATTEMPTS):
            attempts.judge(f"10.1.{number // 256}.{number % 256}", f"x{guess}", right=False)
    assert len(attempts) == ADDRESSES
    assert attempts.judge("10.1.0.0", "x", right=True) == 0.0, "the one seen longest ago was dropped"
    assert 0.0 < attempts.judge(f"10.1.{number // 256}.{number % 256}", "x", right=True) <= LONGEST_WAIT_SECONDS


# ---- other sites ---------------------------------------------------------------------------------------------------

STRANGERS = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://192.168.1.4:9999"},
    {"Origin": "https://192.168.1.4:8050"},
    {"Origin": "http://192.168.1.4:8050.evil.example"},
    {"Origin": "http://192.168.1.4:8050", "Host": "evil.example"},
    {"Origin": "", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {"Sec-Fetch-Site": "nonsense"},
]


@pytest.mark.parametrize("headers", STRANGERS)
@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/command", {}),
        ("POST", "/api/v1/sessions", {}),
        ("GET", "/api/v1/models", {}),
        ("GET", "/api/v1/sessions/main/events", {"Accept": "text/event-stream"}),
        ("GET", "/socket", {"Upgrade": "websocket", "Connection": "Upgrade"}),
    ],
)
def test_a_cookie_is_never_enough_for_another_site(
    method: str, path: str, more: dict[str, str], headers: dict[str, str]
) -> None:
    client = guarded(Access(PASSWORD, allow_origins=[OVERLAY]))
    client.get(f"/?token={PASSWORD}", base_url=LAN)
    assert client.open(path, method=method, base_url=LAN, headers=more).status_code in (200, 201)
    assert client.open(path, method=method, base_url=LAN, headers={**more, **headers}).status_code in (401, 403)


def test_a_link_of_another_site_may_be_followed_but_not_to_a_socket_or_a_command(local: FlaskClient) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert local.get("/", base_url="http://localhost", headers=followed).status_code == 200
    assert local.post(COMMAND, base_url="http://localhost", headers=followed).status_code == 403
    socket = {**followed, "Upgrade": "websocket"}
    assert local.get("/microphone", base_url="http://localhost", headers=socket).status_code == 403


def test_the_beacon_of_a_closing_page_is_our_own() -> None:
    beacon = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert guarded(Access()).post("/command", base_url="http://localhost", headers=beacon).status_code == 200


def test_without_being_asked_to_no_other_site_may_read(remote: FlaskClient) -> None:
    for headers in ({}, {"Origin": LAN}, {"Origin": OVERLAY}):
        answer = remote.get("/api/v1/models", base_url=LAN, headers={**bearer(PASSWORD), **headers})
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
    asked = {"Origin": OVERLAY, "Access-Control-Request-Method": "GET"}
    assert remote.options("/api/v1/models", base_url=LAN, headers=asked).status_code == 403


@pytest.fixture
def overlay() -> Iterator[FlaskClient]:
    with guarded(Access(PASSWORD, allow_origins=[OVERLAY, "http://localhost:3000", "null"])) as client:
        yield client


@pytest.mark.parametrize("origin", [OVERLAY, "http://localhost:3000", "null"])
def test_an_allowed_site_may_call_the_interface_with_the_password(overlay: FlaskClient, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    answer = overlay.options("/api/v1/sessions", base_url=LAN, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, Last-Event-ID"
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    made = overlay.post("/api/v1/sessions", base_url=LAN, headers={"Origin": origin, **bearer(PASSWORD)})
    assert made.status_code == 201
    assert made.headers["Access-Control-Allow-Origin"] == origin
    assert "Location" in made.headers["Access-Control-Expose-Headers"]
    for each in (answer, made):
        assert "Access-Control-Allow-Credentials" not in each.headers
        assert "Origin" in each.headers["Vary"]


def test_an_allowed_site_without_the_password_gets_nothing_but_can_read_why(overlay: FlaskClient) -> None:
    overlay.get(f"/?token={PASSWORD}", base_url=LAN)  # the person at that browser is in
    refused = overlay.post("/api/v1/sessions", base_url=LAN, headers={"Origin": OVERLAY})
    assert refused.status_code == 401 and refused.headers["Access-Control-Allow-Origin"] == OVERLAY
    stream = f"/api/v1/sessions/main/events?token={PASSWORD}"
    assert overlay.get(stream, base_url=LAN, headers={"Origin": OVERLAY}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://overlay.example.evil.example", "http://overlay.example", "https://overlay.example:444", "*"]
)
def test_a_site_that_is_not_named_exactly_is_a_stranger(overlay: FlaskClient, origin: str) -> None:
    answer = overlay.get("/api/v1/models", base_url=LAN, headers={"Origin": origin, **bearer(PASSWORD)})
    assert answer.status_code == 403 and "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"], "a cache must not give this answer to the site that is allowed"


def test_the_page_itself_is_for_no_other_site(overlay: FlaskClient) -> None:
    for method, path in (("GET", "/"), ("POST", "/command"), ("OPTIONS", "/command")):
        headers = {"Origin": OVERLAY, "Access-Control-Request-Method": "POST", **bearer(PASSWORD)}
        answer = overlay.open(path, method=method, base_url=LAN, headers=headers)
        assert answer.status_code == 403 and "Access-Control-Allow-Origin" not in answer.headers


def test_origins_are_written_as_browsers_write_them() -> None:
    given = ["HTTPS://Overlay.Example:443", "http://localhost:3000", "http://[::1]:80", "null"]
    assert checked_origins(given) == {"https://overlay.example", "http://localhost:3000", "http://[::1]", "null"}


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "",
        "overlay.example",
        "https://overlay.example/",
        "https://overlay.example/page",
        "https://overlay.example?x",
        "https://overlay.example#x",
        "https://user@overlay.example",
        "https://*.overlay.example",
        "https://overlay.example:port",
        "https://overlay.example:99999",
        "https://overlay.example:",
        "https://über.example",
        "https://a b",
        "https://a\nb",
        "ftp://overlay.example",
        "file://",
        "https://",
        "https://[::1",
        "NULL",
    ],
)
def test_what_is_no_origin_is_refused_in_words(origin: str) -> None:
    with pytest.raises(SettingError, match=r"is no origin|cannot be allowed"):
        Access(allow_origins=[origin])


# ---- where it is served --------------------------------------------------------------------------------------------


def test_a_taken_port_is_explained() -> None:
    first = PageServer("127.0.0.1", 0)
    try:
        with pytest.raises(ServerError, match=r"port \d+ of 127\.0\.0\.1 is in use.*--port"):
            PageServer("127.0.0.1", first.port)
    finally:
        first.stop()


@pytest.mark.parametrize("host", ["203.0.113.7", "no such name"])
def test_an_address_that_is_not_ours_is_explained(host: str) -> None:
    with pytest.raises(ServerError, match="must be one of this machine's own"):
        PageServer(host, 0)


def test_a_stopped_server_frees_its_port(serve: Any) -> None:
    server = serve(FakeStudio())
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", "/live")
    assert connection.getresponse().status == 200
    server.stop()
    server.stop()
    again = PageServer("127.0.0.1", server.port)
    again.stop()
