"""The server behind the followers' page: strict, patient for so long, and never overrun."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboard.follower_messages import Answer, Request
from dashboard.follower_server import FollowerServer, Pace
from tests.dashboard.conftest import until
from tests.dashboard.followers import Phone, raw

OK = Answer(b"here", "text/plain")


@pytest.fixture
def server() -> Iterator[Callable[..., FollowerServer]]:
    running: list[FollowerServer] = []

    def start(answer: Answer = OK, **settings: Any) -> FollowerServer:
        busy, faulty = Answer(b"busy", "text/plain", status=503), Answer(b"what?", "text/plain", status=400)
        made = FollowerServer("127.0.0.1", 0, lambda _: (answer, ""), busy=busy, faulty=faulty, **settings)
        running.append(made)
        made.serve()
        return made

    yield start
    for made in running:
        made.stop()


def test_a_silent_client_is_cut_off(server: Callable[..., FollowerServer]) -> None:
    with socket.create_connection(("127.0.0.1", server(patience_seconds=0.1).port), timeout=10) as connection:
        assert connection.recv(1) == b""


def test_a_client_that_drips_is_cut_off(server: Callable[..., FollowerServer]) -> None:
    port = server(patience_seconds=0.3).port
    with socket.create_connection(("127.0.0.1", port), timeout=0.02) as connection:
        connection.send(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        while time.monotonic() - began < 20:
            try:
                connection.send(b"x")
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    pytest.fail("a request that never ends was waited for without end")


def test_a_client_that_takes_nothing_is_cut_off(server: Callable[..., FollowerServer]) -> None:
    large = Answer(b"x" * 8_000_000, "text/plain")
    running = server(large, patience_seconds=0.2)
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        until(lambda: bool(running._open), "the connection is taken")
        until(lambda: not running._open, "the connection is given up")


def test_those_for_whom_there_is_no_room_are_told_so_and_come_in_later(server: Callable[..., FollowerServer]) -> None:
    running = server(connections=3)
    silent = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(3)]
    until(lambda: len(running._open) == 3, "three connections are taken")
    before = threading.active_count()
    assert raw(running.port, b"") == (503, b"busy")
    assert threading.active_count() == before
    silent.pop().close()
    until(lambda: raw(running.port, b"GET / HTTP/1.1\r\n\r\n") == (200, b"here"), "there is room again")
    for connection in silent:
        connection.close()


def test_where_many_follow_they_take_turns(
    server: Callable[..., FollowerServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.follower_server.KEPT_CONNECTIONS", 1)
    port = server().port
    first, second = Phone(port), Phone(port)
    assert first.ask("/").headers["Connection"] == "keep-alive"
    assert second.ask("/").headers["Connection"] == "close"


def test_requests_are_read_strictly() -> None:
    head = b"GET /now?t=a%20b&t2=&x HTTP/1.1\r\nCookie: a=1; b = 2=3 ;c\r\nX-A:  y \r\n\r\n"
    request = Request.parse(head)
    assert request is not None and request.keeps_alive
    assert (request.method, request.path, dict(request.query)) == ("GET", "/now", {"t": "a b"})
    assert request.headers["x-a"] == "y" and request.cookies == {"a": "1", "b": "2=3"}
    many = Request.parse(b"GET /?" + b"a=1&" * 50 + b" HTTP/1.0\r\n\r\n")
    assert many is not None and many.query == {} and not many.keeps_alive


def test_more_answers_than_so_many_a_second_have_to_wait() -> None:
    pace = Pace(per_second=100.0, burst=20.0)
    waits = [pace.seconds_to_wait(now=5.0) for _ in range(120)]
    assert waits[:20] == [0.0] * 20 and waits[-1] == pytest.approx(1.0)
    assert pace.seconds_to_wait(now=7.0) == 0.0
    at_ease = Pace(per_second=100.0, burst=20.0)
    assert not any(at_ease.seconds_to_wait(now=index * 0.02) for index in range(500))
