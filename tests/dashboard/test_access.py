"""Who may see the page, who may command it, and where it is served."""

from __future__ import annotations

import http.client
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboard.access import Access, is_loopback
from dashboard.app import create_app
from dashboard.server import PageServer
from model.errors import ServerError
from tests.dashboard.fakes import FakeStudio

COMMAND = "/_dash-update-component"


def client_for(access: Access) -> FlaskClient:
    return create_app(FakeStudio(), access).server.test_client()  # type: ignore[arg-type]


@pytest.fixture
def local() -> FlaskClient:
    return client_for(Access.for_host("127.0.0.1"))


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
    access = Access("correct-horse")
    client = client_for(access)
    base = "http://192.168.1.4:8050"
    response = client.get("/?token=correct-horse", base_url=base)
    assert response.status_code == 200
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert client.get("/live", base_url=base).status_code == 200
    refused = client.post(COMMAND, json={}, base_url=base, headers={"Origin": "http://evil.example"})
    assert refused.status_code == 403


def test_a_wrong_password_gives_no_cookie() -> None:
    response = client_for(Access("correct-horse")).get("/?token=stäble", base_url="http://192.168.1.4")
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
