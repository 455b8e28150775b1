"""The server behind the followers' page: nobody who is slow, silent or rude keeps the others from following."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from dashboard.follower_server import HEAD_BYTES, THREADS, FollowerServer
from tests.dashboard.conftest import until
from tests.dashboard.followers import raw

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
Served = Callable[..., FollowerServer]


@pytest.fixture
def served() -> Iterator[Served]:
    running: list[FollowerServer] = []
    application = Flask(__name__)
    application.get("/", endpoint="small")(lambda: "here")
    application.get("/large", endpoint="large")(lambda: b"x" * 8_000_000)

    def start(**settings: Any) -> FollowerServer:
        running.append(FollowerServer("127.0.0.1", 0, **settings))
        running[-1].serve(application)
        return running[-1]

    yield start
    for server in running:
        server.stop()


def connected(server: FollowerServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def channels(server: FollowerServer) -> int:
    """How many connections are open."""
    return len(server._server.active_channels)


def test_clients_that_send_half_a_request_hold_nobody_up(served: Served) -> None:
    server = served()
    threads = threading.active_count()
    halves = [connected(server) for _ in range(8 * THREADS)]
    for half in halves:
        half.sendall(b"GET / HTTP/1.1\r\nX-Name: ")
    until(lambda: channels(server) == len(halves), "all are connected")
    assert raw(server.port, REQUEST) == (200, b"here")
    assert threading.active_count() == threads
    for half in halves:
        half.sendall(b"complete\r\n\r\n")
        assert half.recv(15) == b"HTTP/1.1 200 OK"
        half.close()


def test_clients_that_take_nothing_hold_nobody_up(served: Served) -> None:
    server = served()
    greedy = [connected(server) for _ in range(2 * THREADS)]
    for connection in greedy:
        connection.sendall(b"GET /large HTTP/1.1\r\n\r\n")
    until(lambda: channels(server) == len(greedy), "all are connected")
    assert raw(server.port, REQUEST) == (200, b"here")
    for connection in greedy:
        connection.close()
    until(lambda: channels(server) == 0, "they are forgotten")


def test_clients_that_fall_silent_are_cut_off(served: Served) -> None:
    server = served(patience_seconds=0)
    silent = [connected(server) for _ in range(3)]
    for connection, sent in zip(silent, (b"", b"GET / HTTP/1.1\r\n", REQUEST), strict=True):
        connection.sendall(sent)
    for connection in silent:
        while connection.recv(4096):
            pass
        connection.close()


def test_a_request_that_never_ends_is_cut_off(served: Served) -> None:
    with connected(served()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Name: ".ljust(HEAD_BYTES, b"x"))
        assert connection.makefile("rb").read().startswith(b"HTTP/1.0 431 ")


def test_those_for_whom_there_is_no_room_wait_for_their_turn(served: Served) -> None:
    server = served(connections=3)
    silent = [connected(server) for _ in range(3)]
    until(lambda: channels(server) == 3, "three are connected")
    with connected(server) as waiting:
        waiting.sendall(REQUEST)
        silent.pop().close()
        assert waiting.recv(15) == b"HTTP/1.1 200 OK"
        assert channels(server) == 3
    for connection in silent:
        connection.close()


def test_it_writes_nothing_to_the_terminal(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    server = served(connections=2)
    for request in (REQUEST, b"nonsense\r\n\r\n", b"GET /large HTTP/1.1\r\n\r\n"):
        with connected(server) as connection:  # gone before the answer is there
            connection.sendall(request)
    crowd = [connected(server) for _ in range(4)]
    until(lambda: channels(server) == 2, "there is no room for the others")
    for connection in crowd:
        connection.close()
    server.stop()
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("waitress.queue").isEnabledFor(logging.ERROR)


def test_a_stopped_server_leaves_no_thread_behind(served: Served) -> None:
    before = set(threading.enumerate())
    server = served()
    with connected(server) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        server.stop()
    until(lambda: not set(threading.enumerate()) - before, "all of its threads have ended")
