"""The websocket of a browser's microphone: sound gets through, nonsense is turned away, nothing is printed."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from dashboard.server import PageServer
from dashboard.sound_socket import HELLO_SECONDS
from dashboard.web_socket import DEAD_SECONDS
from stream.records import SourceState
from tests.dashboard.conftest import until
from tests.dashboard.listening import Browser, ListeningStudio, serve_microphone
from tests.stream.fakes import ManualClock

NOISE = np.random.default_rng(2).uniform(-0.5, 0.5, 80_000).astype(np.float32)
HANDSHAKE = (
    b"GET /microphone?stage=the-page HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
)
KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
VERSION = b"Sec-WebSocket-Version: 13\r\n"


@pytest.fixture
def studio() -> ListeningStudio:
    return ListeningStudio()


@pytest.fixture
def server(
    studio: ListeningStudio, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[PageServer]:
    """At the end of every test nothing may stand on the terminal, and no thread may be left over."""
    before = set(threading.enumerate())
    running = serve_microphone(studio)
    yield running
    studio.listen_elsewhere()
    running.stop()
    until(lambda: set(threading.enumerate()) <= before, "the threads of the connections to end")
    assert capfd.readouterr() == ("", "")
    assert caplog.get_records("call") == []


def raw(server: PageServer, handshake: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10.0)
    connection.sendall(handshake + b"\r\n")
    return connection


def opened(server: PageServer) -> socket.socket:
    """A websocket of which every byte is in the test's hand."""
    connection = raw(server, HANDSHAKE + KEY + VERSION)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 101 ")
    return connection


def everything(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(4096), b""))


# ---- sound gets through ------------------------------------------------------------------------------------------


def test_sound_arrives_sample_by_sample(server: PageServer, studio: ListeningStudio) -> None:
    browser = Browser(server).hello(rate=8000, channels=2)
    sound = NOISE[:32_000].reshape(-1, 2)
    for first in range(0, 16_000, 400):
        browser.send(sound[first : first + 400], first)
    until(lambda: studio.notebook.seconds >= 2.0, "two seconds of sound")
    np.testing.assert_array_equal(studio.notebook.sound(), sound)
    assert studio.notebook.rates == [8000]
    assert studio.source.status().state is SourceState.RUNNING
    browser.client.close()
    until(lambda: studio.source.status().state is SourceState.RECONNECTING, "the connection to be missed")


def test_frames_left_out_on_the_way_are_lost(server: PageServer, studio: ListeningStudio) -> None:
    browser = Browser(server).hello()
    browser.send(NOISE[:800], 0)
    browser.send(NOISE[:800], 4800)
    until(lambda: studio.notebook.lost_seconds == 0.5, "the loss")
    assert "0.5 s of sound were left out" in studio.source.status().detail


def test_a_connection_that_breaks_and_comes_back_goes_on(server: PageServer, studio: ListeningStudio) -> None:
    first = Browser(server).hello()
    first.send(NOISE[:800], 0)
    until(lambda: studio.notebook.seconds == 0.1, "the sound")
    first.client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    first.client.sock.shutdown(socket.SHUT_RDWR)
    first.client.sock.close()
    second = Browser(server).hello()
    second.send(NOISE[:800], 1600)
    until(lambda: studio.notebook.seconds == 0.2, "the sound of the second connection")
    assert studio.notebook.lost_seconds == pytest.approx(0.1)
    assert len(studio.notebook.rates) == 1
    second.client.close()


def test_a_message_in_several_frames_is_put_together(server: PageServer, studio: ListeningStudio) -> None:
    connection = opened(server)
    hello = json.dumps({"version": 1, "rate": 8000, "channels": 1}).encode()
    block = struct.pack("<Q", 0) + NOISE[:20].tobytes()
    frames = [(0x81, hello), (0x02, block[:30]), (0x89, b"ping"), (0x00, block[30:50]), (0x80, block[50:])]
    for opcode, payload in frames:
        connection.sendall(bytes([opcode, 0x80 | len(payload)]) + bytes(4) + payload)
    until(lambda: studio.notebook.seconds > 0, "the sound")
    np.testing.assert_array_equal(studio.notebook.sound()[:, 0], NOISE[:20])
    connection.sendall(bytes([0x88, 0x80]) + bytes(4))
    answers = everything(connection)
    assert b'{"ok":true}' in answers
    assert b"\x8a\x04ping" in answers
    assert answers.endswith(b"\x88\x00"), "the last word is the answer to the good-bye"


# ---- who is listened to ------------------------------------------------------------------------------------------


def test_a_second_connection_takes_the_place_of_the_first(server: PageServer) -> None:
    first, second = Browser(server).hello(), Browser(server).hello(capture="two")
    assert first.farewell() == (4410, "another connection has taken the place of this one")
    second.client.close()


def test_the_connection_ends_when_the_stage_listens_to_something_else(
    server: PageServer, studio: ListeningStudio
) -> None:
    browser = Browser(server).hello()
    studio.listen_elsewhere()
    # Sound that is still on its way must not drown the reason.
    browser.send(NOISE[:8000], 0)
    assert browser.farewell() == (4409, "the session listens to something else")
    assert Browser(server).hello(answer=False).farewell()[0] == 4409


def test_the_reason_arrives_while_the_browser_goes_on_sending(server: PageServer, studio: ListeningStudio) -> None:
    browser = Browser(server).hello()
    over = threading.Event()

    def talk() -> None:
        first = 0
        while not over.is_set():
            try:
                browser.send(NOISE[:8000], first)
            except Exception:  # the connection is closed: that is what the test waits for
                return
            first += 8000

    talker = threading.Thread(target=talk)
    talker.start()
    until(lambda: bool(studio.notebook.blocks), "the sound")
    studio.listen_elsewhere()
    farewell = browser.farewell()
    over.set()
    talker.join()
    assert farewell[0] == 4409


@pytest.mark.parametrize("stage", ["", "unknown", "%00", "../main"])
def test_a_stage_that_does_not_exist_is_named_as_the_reason(server: PageServer, stage: str) -> None:
    assert Browser(server, stage).hello(answer=False).farewell() == (4404, "there is no such session, or it has ended")


# ---- what is no microphone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first_message", "reason"),
    [
        (b"\0" * 16, "must say rate and channels"),
        ("x" * 5000, "must say rate and channels"),
        ("hello", "no JSON"),
        ("[" * 290, "no JSON"),
        ("[]", "version 1"),
        ('{"rate": 48000, "channels": 1}', "version 1"),
        ('{"version": 2, "rate": 48000, "channels": 1}', "version 1"),
        ('{"version": 1, "rate": "48000", "channels": 1}', "must be numbers"),
        ('{"version": 1, "rate": 48000, "channels": 1.5}', "must be numbers"),
        ('{"version": 1, "rate": NaN, "channels": 1}', "3000 to 384000 Hz"),
        ('{"version": 1, "rate": 1e999, "channels": 1}', "3000 to 384000 Hz"),
        ('{"version": 1, "rate": 48000, "channels": 0}', "1 to 8 channels"),
        ('{"version": 1, "rate": 48000, "channels": 99}', "1 to 8 channels"),
        ('{"version": 1, "rate": 48000, "channels": 1, "capture": 7}', "capture must be a text"),
    ],
)
def test_a_first_message_that_makes_no_sense_is_turned_away(
    server: PageServer, first_message: str | bytes, reason: str
) -> None:
    browser = Browser(server)
    browser.client.send(first_message)
    code, said = browser.farewell()
    assert code == 4400
    assert reason in said


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("more text", "there is only sound"),
        (b"", "0 bytes are no count and whole frames"),
        (b"\0" * 7, "7 bytes"),
        (b"\0" * 13, "13 bytes"),
        (b"\0" * (8 + 4 * 8001), "a block of shape (8001, 1)"),
    ],
)
def test_a_message_that_is_no_sound_ends_the_connection(
    server: PageServer, studio: ListeningStudio, message: str | bytes, reason: str
) -> None:
    browser = Browser(server).hello()
    browser.client.send(message)
    code, said = browser.farewell()
    assert code == 4400
    assert reason in said
    assert studio.notebook.blocks == []
    assert studio.source.detached_seconds >= 0.0
    Browser(server).hello().client.close()


def test_a_message_without_frames_is_no_error(server: PageServer, studio: ListeningStudio) -> None:
    browser = Browser(server).hello()
    browser.send(NOISE[:0], 0)
    browser.send(NOISE[:10], 2**64 - 1)
    until(lambda: studio.notebook.seconds > 0, "the sound after it")
    browser.client.close()


def test_a_huge_message_is_not_kept(server: PageServer) -> None:
    browser = Browser(server).hello()
    browser.client.send(b"\0" * (2**20 + 1))
    assert browser.farewell() == (1009, "messages hold at most 1048576 bytes")


@pytest.mark.parametrize(
    "frames",
    [
        b"\x82\x03abc",
        b"\xff\xff\xff\xff\xff\xff",
        b"\x81\x82\0\0\0\0\xff\xfe",
        b"\x88\x81\0\0\0\0\x03",
        b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    ],
    ids=["unmasked", "junk", "no UTF-8", "bad closing", "longer than the world"],
)
def test_what_is_no_websocket_frame_ends_the_connection(
    server: PageServer, studio: ListeningStudio, frames: bytes
) -> None:
    connection = opened(server)
    connection.sendall(frames)
    answer = everything(connection)
    assert b"\x88" in answer
    assert b"HTTP" not in answer, "nothing comes after the good-bye"


@pytest.mark.parametrize(
    "headers",
    [b"", KEY, VERSION, KEY + b"Sec-WebSocket-Version: 8\r\n", KEY + VERSION.replace(b"13", b"1\xff3")],
    ids=["nothing", "no version", "no key", "an old version", "strange letters"],
)
def test_a_handshake_that_is_none_is_a_bad_request(server: PageServer, headers: bytes) -> None:
    answer = everything(raw(server, HANDSHAKE + headers + b"Connection: close\r\n"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"this is no websocket" in answer


def test_the_guard_looks_at_the_handshake_too(server: PageServer) -> None:
    answer = everything(raw(server, HANDSHAKE.replace(b"127.0.0.1", b"evil.example") + KEY + VERSION))
    assert answer.startswith(b"HTTP/1.1 403 ")


def test_a_connection_that_breaks_at_any_moment_does_no_harm(server: PageServer, studio: ListeningStudio) -> None:
    for farewell in (b"", b"\x81", b"\x81\x85\0\0\0\0he"):
        connection = opened(server)
        connection.sendall(farewell)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    Browser(server).hello().client.close()


# ---- silence on the line -----------------------------------------------------------------------------------------


@pytest.fixture
def timed() -> Iterator[Callable[[ListeningStudio, ManualClock], PageServer]]:
    running: list[PageServer] = []

    def start(studio: ListeningStudio, clock: ManualClock) -> PageServer:
        running.append(serve_microphone(studio, clock))
        return running[-1]

    yield start
    for server in running:
        server.stop()


def test_a_connection_on_which_nothing_moves_any_more_is_given_up(
    timed: Callable[..., PageServer],
) -> None:
    clock = ManualClock()
    studio = ListeningStudio(clock)
    connection = opened(timed(studio, clock))
    hello = json.dumps({"version": 1, "rate": 8000, "channels": 1}).encode()
    connection.sendall(bytes([0x81, 0x80 | len(hello)]) + bytes(4) + hello)
    answers = b""
    while b"ok" not in answers:
        answers += connection.recv(4096)
    clock.time += 2.5
    assert connection.recv(4096) == b"\x89\x00", "a ping"
    assert studio.source.detached_seconds == 0.0
    clock.time += DEAD_SECONDS  # whoever is there would have answered the ping
    assert connection.recv(4096) == b""
    until(lambda: studio.source.status().state is SourceState.RECONNECTING, "the loss of the connection")


def test_a_browser_that_answers_pings_may_be_silent(timed: Callable[..., PageServer]) -> None:
    clock = ManualClock()
    studio = ListeningStudio(clock)
    browser = Browser(timed(studio, clock)).hello()
    let_time_pass(clock, DEAD_SECONDS + 2.0)
    assert studio.source.detached_seconds == 0.0
    assert studio.source.status().state is SourceState.NO_SOUND
    browser.client.close()


def test_a_page_that_never_says_what_it_wants_is_sent_away(timed: Callable[..., PageServer]) -> None:
    clock = ManualClock()
    browser = Browser(timed(ListeningStudio(clock), clock))
    let_time_pass(clock, HELLO_SECONDS)
    assert browser.farewell() == (4400, "nothing has been said for 10 seconds")


def let_time_pass(clock: ManualClock, seconds: float) -> None:
    """Not in one leap, so that pings can be answered meanwhile."""
    end = clock.now() + seconds

    def move() -> bool:
        clock.time += 0.25
        return clock.now() > end

    until(move, "the clock")
