"""The server behind every page: nobody who is slow, silent or rude keeps the others waiting."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, request

from dashboard.http_server import CLOSING, HttpServer
from dashboard.request_body import RequestBody
from dashboard.server import PageServer, ServerLimits
from tests.dashboard.conftest import until
from tests.dashboard.followers import raw

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
THREADS = 4
LARGE = 30_000_000
Served = Callable[..., PageServer]


def application() -> Flask:
    """Small and large answers, bodies that are read and not read, and one answer without an end."""
    app = Flask(__name__)
    app.get("/", endpoint="small")(lambda: "here")
    app.get("/large", endpoint="large")(lambda: b"x" * LARGE)
    app.post("/unread", endpoint="unread")(lambda: "not read")
    app.post("/read", endpoint="read")(lambda: {"length": len(request.get_data())})

    @app.post("/patient")
    def patient() -> dict[str, Any]:
        body = RequestBody(patience_seconds=5.0)
        pieces = list(iter(lambda: body.read(1000), b""))
        return {"pieces": [len(piece) for piece in pieces], "data": b"".join(pieces).decode()}

    @app.get("/endless")
    def endless() -> Response:
        closing = request.environ[CLOSING]

        def events() -> Iterator[bytes]:
            try:
                while not closing.wait(0.01):
                    yield b"more\n"
                yield b"end\n"
            finally:
                app.config["ended"] = True

        return Response(events(), mimetype="text/plain")

    @app.get("/slow-file")
    def slow_file() -> Response:
        def pieces() -> Iterator[bytes]:
            for _ in range(20):
                time.sleep(0.02)
                yield b"x" * 100

        return Response(pieces(), mimetype="text/plain")

    @app.get("/broken")
    def broken() -> Response:
        def pieces() -> Iterator[bytes]:
            yield b"it begins well"
            raise RuntimeError("and ends badly")

        return Response(pieces(), mimetype="text/plain")

    return app


@pytest.fixture
def served() -> Iterator[Served]:
    running: list[PageServer] = []

    def start(app: Flask | None = None, **limits: Any) -> PageServer:
        running.append(PageServer("127.0.0.1", 0, ServerLimits(**{"threads": THREADS, **limits})))
        running[-1].serve(app or application())
        return running[-1]

    yield start
    for server in running:
        server.stop()


def connected(server: PageServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def everything(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


# ---- requests and answers --------------------------------------------------------------------------------------------


def test_a_connection_serves_one_request_after_the_other(served: Served) -> None:
    server = served()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(3):
        client.request("GET", "/")
        assert client.getresponse().read() == b"here"
    assert server.open_connections == 1


def test_requests_sent_ahead_are_answered_in_turn(served: Served) -> None:
    with connected(served()) as connection:
        connection.sendall(REQUEST + b"POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello" + LAST)
        answers = everything(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert b'{"length":5}' in answers


@pytest.mark.parametrize("length", [0, 1, 8191, 8192, 8193, 40_000, 3_000_000])
def test_bodies_arrive_byte_for_byte(served: Served, length: int) -> None:
    data = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    head = f"POST /patient HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n".encode()
    with connected(served()) as connection:
        # In one piece, so that much of the body is there together with the head.
        connection.sendall(head + data)
        answer = everything(connection)
    assert data.decode() in answer.decode()


def test_a_body_that_nobody_reads_is_not_in_the_way_of_the_answer(served: Served) -> None:
    with connected(served()) as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\nHost: here\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
        answer = everything(connection)
    assert answer.endswith(b"not read")
    assert b"Connection: close" in answer


def test_a_body_that_stands_still_gets_408(served: Served) -> None:
    with connected(served(body_seconds=0.2)) as connection:
        connection.sendall(b"POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nhalf")
        assert connection.recv(12) == b"HTTP/1.1 408"


def test_a_body_in_chunks_is_asked_for_its_length(served: Served) -> None:
    with connected(served()) as connection:
        connection.sendall(
            b"POST /read HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        )
        assert connection.recv(12) == b"HTTP/1.1 411"


@pytest.mark.parametrize("length", [b"-5", b"abc", b"1e3", b"5, 6"])
def test_a_length_that_is_none_is_a_bad_request(served: Served, length: bytes) -> None:
    with connected(served()) as connection:
        connection.sendall(b"POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: " + length + b"\r\n\r\nhello")
        assert connection.recv(12) == b"HTTP/1.1 400"


@pytest.mark.parametrize(
    "nonsense", [b"nonsense\r\n\r\n", b"\r\n\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
def test_what_is_no_request_ends_the_connection(served: Served, nonsense: bytes) -> None:
    server = served()
    with connected(server) as connection:
        connection.sendall(nonsense)
        assert not everything(connection).startswith(b"HTTP/1.1 200")
    assert raw(server.port, REQUEST) == (200, b"here")


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Host: there",
        b"Name : spaced",
        b" folded: from nothing",
        b"Name: a\r\n folded",
        b"Name: a\0b",
        b"no colon",
        b": no name",
    ],
)
def test_headers_that_can_be_read_in_two_ways_are_refused(served: Served, headers: bytes) -> None:
    with connected(served()) as connection:
        connection.sendall(b"POST /read HTTP/1.1\r\nHost: here\r\n" + headers + b"\r\n\r\nhello")
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_a_header_with_an_underscore_is_not_taken_for_one_with_a_hyphen(served: Served) -> None:
    app = application()
    app.get("/header", endpoint="header")(lambda: request.headers.get("X-Name", "none"))
    with connected(served(app)) as connection:
        connection.sendall(b"GET /header HTTP/1.1\r\nHost: here\r\nConnection: close\r\nX_Name: forged\r\n\r\n")
        assert everything(connection).endswith(b"none")


# ---- the slow, the silent, the many ----------------------------------------------------------------------------------


def test_clients_that_send_half_a_request_hold_nobody_up(served: Served) -> None:
    server = served()
    assert raw(server.port, REQUEST) == (200, b"here")
    threads = threading.active_count()
    halves = [connected(server) for _ in range(8 * THREADS)]
    for half in halves:
        half.sendall(b"GET / HTTP/1.1\r\nX-Name: ")
    until(lambda: server.open_connections == len(halves), "all are connected")
    assert raw(server.port, REQUEST) == (200, b"here")
    assert threading.active_count() <= threads + 1, "the one that answered in between"
    for half in halves:
        half.sendall(b"complete\r\nHost: here\r\n\r\n")
        assert half.recv(15) == b"HTTP/1.1 200 OK"
        half.close()


def test_clients_that_take_nothing_hold_nobody_up_and_are_cut_off(served: Served) -> None:
    server = served(patience_seconds=1.0)
    greedy = [connected(server) for _ in range(THREADS - 1)]
    for connection in greedy:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
    until(lambda: server.open_connections == len(greedy), "all are connected")
    assert raw(server.port, REQUEST) == (200, b"here")
    until(lambda: server.open_connections == 0, "they are cut off")
    assert all(len(everything(connection)) < LARGE for connection in greedy)


def test_clients_that_fall_silent_are_cut_off(served: Served) -> None:
    server = served(patience_seconds=0.2)
    silent = [connected(server) for _ in range(3)]
    for connection, sent in zip(silent, (b"", b"GET / HTTP/1.1\r\n", REQUEST), strict=True):
        connection.sendall(sent)
    for connection in silent:
        everything(connection)
        connection.close()
    until(lambda: server.open_connections == 0, "they are forgotten")


def test_a_byte_now_and_then_does_not_keep_a_connection_open(served: Served) -> None:
    with connected(served(patience_seconds=0.5)) as connection:
        end = time.monotonic() + 20
        with pytest.raises(OSError):
            while time.monotonic() < end:
                connection.sendall(b"G")
                time.sleep(0.02)


def test_a_request_that_never_ends_is_cut_off(served: Served) -> None:
    with connected(served(head_bytes=8192)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Name: ".ljust(9000, b"x"))
        assert everything(connection).startswith(b"HTTP/1.1 413 ")


def test_those_for_whom_there_is_no_room_wait_for_their_turn(served: Served) -> None:
    server = served(connections=3)
    silent = [connected(server) for _ in range(3)]
    until(lambda: server.open_connections == 3, "three are connected")
    with connected(server) as waiting:
        waiting.sendall(REQUEST)
        silent.pop().close()
        assert waiting.recv(15) == b"HTTP/1.1 200 OK"
        assert server.open_connections == 3
    for connection in silent:
        connection.close()


def test_more_requests_than_threads_are_answered_one_after_the_other(served: Served) -> None:
    server = served(threads=2)
    answers: list[bytes] = []
    clients = [threading.Thread(target=lambda: answers.append(raw(server.port, LAST)[1])) for _ in range(30)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(timeout=20)
    assert answers == [b"here"] * 30


def test_it_writes_nothing_to_the_terminal(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    server = served(connections=2)
    for sent in (REQUEST, b"nonsense\r\n\r\n", b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n"):
        with connected(server) as connection:  # gone before the answer is there
            connection.sendall(sent)
    crowd = [connected(server) for _ in range(4)]
    until(lambda: server.open_connections == 2, "there is no room for the others")
    for connection in crowd:
        connection.close()
    server.stop()
    assert capfd.readouterr() == ("", "")


def test_an_answer_that_breaks_off_is_logged_and_the_client_notices(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    server = served()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    client.request("GET", "/broken")
    with pytest.raises(http.client.IncompleteRead):
        client.getresponse().read()
    assert "ends badly" in caplog.text
    assert raw(server.port, REQUEST) == (200, b"here")


# ---- the end ---------------------------------------------------------------------------------------------------------


def test_an_answer_without_an_end_ends_when_its_client_has_gone(served: Served) -> None:
    app = application()
    server = served(app)
    connection = connected(server)
    connection.sendall(b"GET /endless HTTP/1.1\r\nHost: here\r\n\r\n")
    assert connection.recv(12) == b"HTTP/1.1 200"
    connection.close()
    until(lambda: "ended" in app.config, "the answer has ended")


def test_answers_without_an_end_say_good_bye_when_the_server_stops(served: Served) -> None:
    server = served()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    client.request("GET", "/endless")
    answer = client.getresponse()
    assert answer.read(5) == b"more\n"
    server.stop()
    assert answer.read().endswith(b"end\n")


def test_a_file_on_its_way_arrives_whole_when_the_server_stops(served: Served) -> None:
    server = served()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    client.request("GET", "/slow-file")
    answer = client.getresponse()
    answer.read(100)
    server.stop()
    assert len(answer.read()) == 1900


def test_an_answer_that_never_gets_there_does_not_hold_up_the_end(served: Served) -> None:
    server = served(farewell_seconds=0.2)
    with connected(server) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
        connection.recv(100)
        server.stop()
        assert len(everything(connection)) < LARGE


def test_a_stopped_server_leaves_no_thread_and_no_connection_behind(served: Served) -> None:
    before = set(threading.enumerate())
    server = served()
    with connected(server) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        server.stop()
        everything(connection)
    until(lambda: not set(threading.enumerate()) - before, "all of its threads have ended")


def test_its_port_can_be_taken_again_at_once(served: Served) -> None:
    server = served()
    assert raw(server.port, REQUEST) == (200, b"here")
    server.stop()
    again = PageServer("127.0.0.1", server.port)
    again.stop()


def test_threads_come_as_they_are_needed() -> None:
    server = PageServer("127.0.0.1", 0)
    # By name, as threads of other tests may still come and go.
    before = set(threading.enumerate())

    def threads() -> list[str]:
        return sorted(thread.name for thread in threading.enumerate() if thread not in before and "page" in thread.name)

    server.serve(application())
    try:
        assert len(threads()) <= 2, "one that watches, one for those who are turned away"
        assert raw(server.port, REQUEST) == (200, b"here")
        assert threads().count("page-request") == 1
    finally:
        server.stop()


def test_the_limits_are_those_of_the_library_underneath() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    limits = ServerLimits(head_bytes=1234, patience_seconds=5.0)
    server = HttpServer(listener, application(), limits)
    assert (server.max_request_header_size, server.timeout) == (1234, 5.0)
    listener.close()
