"""Ctrl-C and SIGTERM: a running genrescope ends within seconds, and nobody is cut off in the middle of a word."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from simple_websocket import Client, ConnectionClosed

from dashboard.samples import MIX
from tests.commands import LivePage
from tests.sounds import write_tone

ENDING_SECONDS = 20.0
"""No more than this, even on a busy machine. (Answers that nobody takes are given up after some seconds.)"""
GOING_AWAY = 1001
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-C", "SIGTERM"])


class Program(LivePage):
    """A running command whose end is looked at."""

    said = ""
    """What it has printed to the terminal since the page was up, once it has ended."""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """The exit code, once it has ended by itself."""
        try:
            _, self.said = self._process.communicate(timeout=ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            pytest.fail(f"it did not end within {ENDING_SECONDS:.0f} s")
        return self._process.returncode

    def stop(self) -> int:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        return self._process.returncode

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=20.0) as answer:
            return bytes(answer.read())

    def post(self, path: str, content: Any = None, data: bytes = b"") -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        body = json.dumps(content).encode() if content is not None else data
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method="POST")
        with urllib.request.urlopen(request, timeout=60.0) as answer:
            return json.loads(answer.read() or b"{}")

    def slow_reader(self) -> socket.socket:
        """A connection whose other end cannot send much ahead."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(ENDING_SECONDS)
        connection.connect(("127.0.0.1", self.port))
        return connection


@contextmanager
def running(*arguments: str | Path, **environment: str) -> Iterator[Program]:
    with Program(*arguments, environment=environment) as program:
        yield program


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@BOTH
def test_it_ends_while_the_network_is_still_being_loaded(number: signal.Signals) -> None:
    with running("serve") as program:
        program.signal(number)
        assert program.ended() == 0
        assert program.said == ""
        assert is_free(program.port)


@BOTH
def test_it_ends_while_music_plays_and_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    with running("play", MIX, "--speaker", "none", "--share", TMPDIR=str(tmp_path)) as program:
        program.post("command", {"do": "record", "on": True})
        stage = program.post("stage")["stage"]
        sound = write_tone(tmp_path / "tone.wav", 2.0)
        program.post(f"upload?stage={stage}&name=tone.wav", data=sound.read_bytes())
        sound.unlink()
        assert len(list(tmp_path.iterdir())) == 2, "the kept sound and the upload"
        program.until(lambda feed: bool(feed["predictions"]), "a prediction")
        idle = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20.0)
        idle.request("GET", "/sources")
        idle.getresponse().read()  # the connection stays open, as browsers keep theirs
        program.signal(number)
        assert program.ended() == 0
        assert program.said == ""
        assert list(tmp_path.iterdir()) == []
        assert is_free(program.port) and is_free(urlsplit(program.follow_url).port or 0)


@BOTH
def test_a_file_that_is_being_downloaded_arrives_whole(number: signal.Signals, tmp_path: Path) -> None:
    long = write_tone(tmp_path / "long.wav", 120.0)  # 21 MB: more than fits into the buffers on the way
    with running("play", long, "--speaker", "none") as program, program.slow_reader() as connection:
        connection.sendall(b"GET /audio/main/0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 200
        got = answer.read(100_000)
        program.signal(number)
        time.sleep(0.5)  # it ends in earnest now, and waits for us
        got += answer.read()
        assert program.ended() == 0
    assert got == long.read_bytes()


def test_every_export_that_has_begun_is_complete(tmp_path: Path) -> None:
    whole, broken = [], []
    over = threading.Event()

    def fetch(program: Program, kind: str) -> None:
        while not over.is_set():
            try:
                with urllib.request.urlopen(f"{program.url}export/main/{kind}", timeout=20.0) as answer:
                    try:
                        text = answer.read().decode()
                        assert kind == "csv" or json.loads(text)
                        assert len(text) == int(answer.headers.get("Content-Length", len(text)))
                        whole.append(kind)
                    except (http.client.HTTPException, OSError, ValueError) as error:
                        broken.append(f"{kind}: {error!r}")
            except OSError:
                return  # not begun: there is nobody there any more

    with running("play", MIX, "--speaker", "none") as program:
        program.until(lambda feed: len(feed["predictions"]) > 3, "predictions")
        threads = [threading.Thread(target=fetch, args=(program, kind)) for kind in ("csv", "json", "replay", "csv")]
        for thread in threads:
            thread.start()
        while len(whole) < 12:
            time.sleep(0.01)
        program.signal(signal.SIGTERM)
        assert program.ended() == 0
        over.set()
        for thread in threads:
            thread.join(30.0)
        assert broken == [] and program.said == ""


@BOTH
def test_listeners_to_events_get_a_proper_end(number: signal.Signals) -> None:
    with running("play", MIX, "--speaker", "none") as program:
        listeners = [http.client.HTTPConnection("127.0.0.1", program.port, timeout=ENDING_SECONDS) for _ in range(3)]
        answers = []
        for listener in listeners:
            listener.request("GET", "/api/v1/sessions/main/events", headers={"Accept": "text/event-stream"})
            answers.append(listener.getresponse())
        for answer in answers:
            assert answer.status == 200 and answer.headers.get_content_type() == "text/event-stream"
            while answer.readline().strip():  # the first event
                pass
        program.signal(number)
        for answer in answers:
            rest = answer.read()  # raises IncompleteRead unless the last, empty chunk comes
            assert rest == b"" or rest.endswith(b"\n\n"), "no event is cut in two"
        assert program.ended() == 0
        assert program.said == ""


def farewell(connection: Client) -> int | None:
    """The code of the good-bye."""
    with pytest.raises(ConnectionClosed) as closed:
        while connection.receive(timeout=ENDING_SECONDS) is not None:
            pass
    return closed.value.reason


@BOTH
def test_a_browsers_microphone_is_told_good_bye(number: signal.Signals) -> None:
    with running("serve") as program:
        stage = program.post("stage")["stage"]
        program.post("command", {"do": "source", "stage": stage, "key": "microphone"})
        microphone = Client.connect(f"ws://127.0.0.1:{program.port}/microphone?stage={stage}")
        microphone.send(json.dumps({"version": 1, "rate": 48000, "channels": 1}))
        assert json.loads(microphone.receive(timeout=20.0)) == {"ok": True}
        program.signal(number)
        assert farewell(microphone) == GOING_AWAY
        assert program.ended() == 0
        assert program.said == ""


def test_a_program_that_sends_sound_is_told_good_bye() -> None:
    with running("serve") as program:
        session = program.post("api/v1/sessions", {"source": {"kind": "audio"}})["id"]
        sender = Client.connect(f"ws://127.0.0.1:{program.port}/api/v1/sessions/{session}/audio")
        sender.send(json.dumps({"version": 1, "rate": 16000, "channels": 1, "format": "s16"}))
        assert json.loads(sender.receive(timeout=20.0))["type"] == "ready"
        sender.send(bytes(16000))
        program.signal(signal.SIGTERM)
        assert farewell(sender) == GOING_AWAY
        assert program.ended() == 0
        assert program.said == ""


def test_pressed_twice_ctrl_c_waits_for_nobody(tmp_path: Path) -> None:
    long = write_tone(tmp_path / "long.wav", 120.0)
    with running("play", long, "--speaker", "none") as program, program.slow_reader() as stuck:
        stuck.sendall(b"GET /audio/main/0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert stuck.recv(100)
        program.signal(signal.SIGINT)
        while not is_free(program.port):
            time.sleep(0.05)
        os.kill(program.pid, signal.SIGINT)
        assert program.ended() == -signal.SIGINT
