"""A program sends sound over a websocket and gets what is heard in it: every window, in order, and soon."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from simple_websocket import Client, ConnectionClosed
from simple_websocket import ConnectionError as HandshakeRefused

from dashboard.access import Access
from dashboard.api.sample_formats import FORMATS
from dashboard.samples import MIX
from dashboard.server import PageServer
from dashboard.stage import Stage
from dashboard.studio import Studio
from model.library import Library
from stream.offline import hear_file
from stream.settings import StreamSettings
from tests.dashboard.api.small_studio import SmallLibrary, served, small_studio
from tests.dashboard.conftest import until
from tests.stream.fakes import LoudnessClassifier

RATE = 8000
NOISE = np.random.default_rng(3).uniform(-0.5, 0.5, (20 * RATE, 2)).astype(np.float32)
LOUD_AND_SOFT = NOISE * np.repeat([1.0, 0.1, 0.0, 1.9], 5 * RATE)[:, None].astype(np.float32)


def at_the_rate(rate: int = RATE) -> LoudnessClassifier:
    """Nothing is resampled on the way to it."""
    classifier = LoudnessClassifier()
    classifier.sample_rate, classifier.hop_length = rate, rate // 100
    return classifier


@pytest.fixture
def studio() -> Studio:
    return small_studio(SmallLibrary(loudness=at_the_rate(), other=at_the_rate()))


@pytest.fixture
def server(studio: Studio) -> Iterator[PageServer]:
    with served(studio) as running:
        yield running


def waiting(studio: Studio) -> Stage:
    """A session that waits for a program's sound."""
    stage = studio.open_stage()
    studio.listen_to("audio", stage)
    return stage


class Program:
    """The other end of the socket."""

    def __init__(self, server: PageServer, session: str, query: str = "") -> None:
        self.client = Client(f"ws://127.0.0.1:{server.port}/api/v1/sessions/{session}/audio{query}")
        self.said: list[dict[str, Any]] = []

    def hello(self, **said: Any) -> Program:
        self.client.send(json.dumps({"version": 1, "rate": RATE, "channels": 2, "format": "f32"} | said))
        return self

    def send(self, samples: np.ndarray, *, block: int = 800, pause: float = 0.0) -> Program:
        for first in range(0, len(samples), block):
            self.client.send(samples[first : first + block].astype("<f4").tobytes())
            time.sleep(pause)
        return self

    def end(self) -> Program:
        self.client.send(json.dumps({"type": "end"}))
        return self

    def next(self, kind: str) -> dict[str, Any]:
        """The next message of this kind; the others are noted."""
        while True:
            message = self.client.receive(20.0)
            assert message is not None, f"waited in vain for {kind!r}"
            self.said.append(json.loads(message))
            if self.said[-1]["type"] == kind:
                return self.said[-1]

    def farewell(self) -> tuple[int, str]:
        """Code and reason of the server's closing; what was said before is noted."""
        try:
            while (message := self.client.receive(20.0)) is not None:
                self.said.append(json.loads(message))
        except ConnectionClosed as closed:
            return int(closed.reason), str(closed.message or "")
        raise AssertionError("the server did not close the connection")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.said if message["type"] == kind]


# ---- the formats of samples --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "samples"),
    [
        ("s16", "0000 0100 ffff ff7f 0080 0040", [0, 2**-15, -(2**-15), 32767 / 32768, -1, 0.5]),
        ("s24", "000000 010000 ffffff ffff7f 000080 000040", [0, 2**-23, -(2**-23), 1 - 2**-23, -1, 0.5]),
        ("s32", "00000000 01000000 ffffffff ffffff7f 00000080 00000040", [0, 2**-31, -(2**-31), 1, -1, 0.5]),
        ("f32", "00000000 0000803f 000080bf 0000003f 00000040", [0, 1, -1, 0.5, 2]),
    ],
)
def test_samples_are_read_to_the_last_bit(name: str, content: str, samples: list[float]) -> None:
    block = FORMATS[name].block(bytes.fromhex(content), 1)
    assert block.dtype == np.float32
    np.testing.assert_array_equal(block[:, 0], np.array(samples, np.float32))


@pytest.mark.parametrize(
    ("name", "subtype"), [("s16", "PCM_16"), ("s24", "PCM_24"), ("s32", "PCM_32"), ("f32", "FLOAT")]
)
def test_samples_are_read_as_libsndfile_reads_them(name: str, subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "sound.raw"
    how = {"samplerate": RATE, "subtype": subtype, "endian": "LITTLE", "format": "RAW"}
    soundfile.write(path, NOISE, **how)
    expected, _ = soundfile.read(path, channels=2, dtype="float32", always_2d=True, **how)
    np.testing.assert_array_equal(FORMATS[name].block(path.read_bytes(), 2), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_frame_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="no whole frames"):
        FORMATS[name].block(bytes(3 * FORMATS[name].sample_bytes), 2)
    assert FORMATS[name].block(b"", 2).shape == (0, 2)


# ---- a conversation ----------------------------------------------------------------------------------------------


def test_results_come_back_while_the_program_sends(server: PageServer, studio: Studio) -> None:
    stage = waiting(studio)
    program = Program(server, stage.identifier).hello(pace="live")
    assert program.next("ready") == {
        "type": "ready",
        "session": stage.identifier,
        "model": "loudness",
        "labels": ["loud", "soft"],
        "window_seconds": 3.0,
    }
    program.send(NOISE[: 3 * RATE])
    result = program.next("result")
    assert result == {
        "type": "result",
        "number": 0,
        "time_seconds": 3.0,
        "track": 0,
        "position_seconds": 3.0,
        "verdict": "sure",
        "label": "soft",
        "probability": pytest.approx(0.796, abs=0.01),
        "probabilities": [pytest.approx(0.204, abs=0.01), pytest.approx(0.796, abs=0.01)],
        "place": [pytest.approx(-0.592, abs=0.02), 0.0],
        "latency_ms": result["latency_ms"],
    }
    program.send(NOISE[3 * RATE : 4 * RATE], block=4000, pause=0.2)
    assert [program.next("result")["time_seconds"] for _ in range(2)] == [3.5, 4.0]
    program.client.close()
    until(
        lambda: stage.source is not None and stage.source.status().state == "reconnecting", "the program to be missed"
    )


@pytest.mark.parametrize("name", ["s16", "s24", "s32"])
def test_every_format_is_heard_alike(server: PageServer, studio: Studio, name: str) -> None:
    size, scale = FORMATS[name].sample_bytes, {"s16": 2**15, "s24": 2**23, "s32": 2**31}[name]
    samples = np.round(NOISE[: 4 * RATE].astype(float) * scale).astype("<i4")
    content = samples.ravel().view(np.uint8).reshape(-1, 4)[:, :size].tobytes()
    program = Program(server, waiting(studio).identifier).hello(format=name, pace="file")
    for first in range(0, len(content), 2400 * size):
        program.client.send(content[first : first + 2400 * size])
    program.end()
    assert program.farewell() == (1000, "")
    assert [result["time_seconds"] for result in program.of("result")] == [3.0, 3.5, 4.0]
    assert program.of("result")[0]["probabilities"][0] == pytest.approx(
        np.sqrt(np.mean(NOISE[: 3 * RATE].mean(1) ** 2)), abs=1e-3
    )


def test_the_end_comes_after_the_last_result(server: PageServer, studio: Studio) -> None:
    stage = waiting(studio)
    program = Program(server, stage.identifier).hello(pace="file").send(NOISE).end()
    assert program.farewell() == (1000, "")
    assert program.said[-1] == {"type": "end", "seconds": 20.0}
    assert program.of("result")[-1]["time_seconds"] == 20.0
    assert program.of("state")[-1]["state"] == "ended"
    assert stage.source is not None and stage.source.status().state == "ended"


def test_a_program_may_end_without_having_sent_anything(server: PageServer, studio: Studio) -> None:
    program = Program(server, waiting(studio).identifier).hello().end()
    assert program.farewell() == (1000, "")
    assert program.said[-1] == {"type": "end", "seconds": 0.0}


def test_sound_shorter_than_a_window_has_no_result(server: PageServer, studio: Studio) -> None:
    program = Program(server, waiting(studio).identifier).hello(pace="file").send(NOISE[: 3 * RATE - 1]).end()
    assert program.farewell() == (1000, "")
    assert program.of("result") == []


def test_after_the_end_another_piece_may_be_sent_to_the_same_session(server: PageServer, studio: Studio) -> None:
    stage = waiting(studio)
    for times in ([3.0, 3.5], [6.7, 7.2]):
        program = Program(server, stage.identifier).hello(pace="file").send(NOISE[: round(3.7 * RATE)]).end()
        assert program.farewell() == (1000, "")
        assert [result["time_seconds"] for result in program.of("result")] == times


def test_another_model_is_announced_before_its_results(server: PageServer, studio: Studio) -> None:
    stage = waiting(studio)
    program = Program(server, stage.identifier).hello(pace="file").send(NOISE[: 4 * RATE])
    while program.next("result")["time_seconds"] < 4.0:
        pass
    studio.use_model("other", stage)
    assert program.next("model")["model"] == "other"
    assert program.next("result")["number"] == 0
    program.send(NOISE[4 * RATE : 6 * RATE]).end()
    assert program.farewell() == (1000, "")
    assert program.of("result")[-1]["time_seconds"] == 6.0


# ---- pace --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hop_seconds", [0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("block", [37, 800, 8000])
def test_of_a_file_every_window_is_heard_however_fast_it_comes(tmp_path: Path, hop_seconds: float, block: int) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, LOUD_AND_SOFT, RATE, subtype="FLOAT")
    offline = hear_file(path, at_the_rate(), StreamSettings(hop_seconds=hop_seconds))  # type: ignore[arg-type]
    studio = small_studio(SmallLibrary(loudness=at_the_rate()), hop_seconds=hop_seconds)
    with served(studio) as server:
        stage = waiting(studio)
        program = Program(server, stage.identifier).hello(pace="file").send(LOUD_AND_SOFT, block=block).end()
        assert program.farewell() == (1000, "")
    assert heard(program) == [
        (window.end_seconds, window.verdict.value, window.probabilities.round(4).tolist()) for window in offline.windows
    ]
    assert program.of("state")[-1] | {"detail": ""} == {
        "type": "state",
        "state": "ended",
        "detail": "",
        "lost_seconds": 0.0,
        "skipped_windows": 0,
    }


def heard(program: Program) -> list[tuple[float, str, list[float]]]:
    return [
        (result["time_seconds"], result["verdict"], np.float32(result["probabilities"]).round(4).tolist())
        for result in program.of("result")
    ]


def test_a_file_heard_by_the_shipped_model_is_heard_as_classify_hears_it(tmp_path: Path) -> None:
    samples, rate = soundfile.read(MIX, dtype="int16", always_2d=True, frames=32000 * 12)
    path = tmp_path / "part.wav"
    soundfile.write(path, samples, rate)
    library = Library()
    studio = small_studio(library, model="genres")
    with served(studio) as server:
        program = Program(server, waiting(studio).identifier)
        # Nothing is lost while the network is loaded, either.
        program.hello(rate=rate, channels=samples.shape[1], format="s16", pace="file")
        for first in range(0, len(samples), rate // 2):
            program.client.send(samples[first : first + rate // 2].astype("<i2").tobytes())
        assert program.end().farewell() == (1000, "")
    classifier = library.open("genres", device="cpu")
    classifier.load()
    offline = hear_file(path, classifier, StreamSettings())
    assert [result["time_seconds"] for result in program.of("result")] == [w.end_seconds for w in offline.windows]
    for result, window in zip(program.of("result"), offline.windows, strict=True):
        assert result["verdict"] == window.verdict.value
        np.testing.assert_allclose(result["probabilities"], window.probabilities, atol=2e-4)


def test_whoever_sends_a_file_is_held_up_and_not_cut_short_while_the_network_loads() -> None:
    classifier = at_the_rate()
    classifier.loaded = False
    classifier.may_load.clear()
    studio = small_studio(SmallLibrary(loudness=classifier))
    with served(studio) as server:
        stage = waiting(studio)
        program = Program(server, stage.identifier).hello(pace="file").send(NOISE).end()
        until(lambda: stage.session is not None and stage.session.stream_time >= 3.0, "the first window")
        assert program.next("state")["state"] == "loading"
        assert stage.session is not None
        time.sleep(0.1)
        assert stage.session.stream_time < 4.0, "no more than a window waits for the engine"
        classifier.may_load.set()
        assert program.farewell() == (1000, "")
    assert len(program.of("result")) == 35
    assert program.of("state")[-1]["skipped_windows"] == 0


def test_live_sound_that_comes_faster_than_time_passes_is_left_out_and_said_to_be(
    server: PageServer, studio: Studio
) -> None:
    program = Program(server, waiting(studio).identifier).hello()
    program.send(np.concatenate((NOISE, NOISE)), block=RATE).end()
    assert program.farewell() == (1000, "")
    lost = program.of("state")[-1]["lost_seconds"]
    assert 25.0 < lost <= 30.0
    assert program.said[-1]["seconds"] == 40.0


# ---- who is listened to ------------------------------------------------------------------------------------------


def test_a_second_program_takes_the_place_of_the_first(server: PageServer, studio: Studio) -> None:
    stage = waiting(studio)
    first = Program(server, stage.identifier).hello()
    first.next("ready")
    second = Program(server, stage.identifier).hello()
    second.next("ready")
    assert first.farewell() == (4410, "another connection has taken the place of this one")
    second.client.close()


def test_the_connection_ends_with_the_sound_it_was_for(server: PageServer, studio: Studio) -> None:
    stage = waiting(studio)
    program = Program(server, stage.identifier).hello().send(NOISE[:800])
    program.next("ready")
    studio.listen_to("sample:mix", stage)
    assert program.farewell() == (4409, "the session listens to something else")
    assert Program(server, stage.identifier).hello().farewell() == (4409, "the session listens to something else")


def test_the_microphone_of_a_page_is_not_for_programs_nor_a_programs_sound_for_pages(
    server: PageServer, studio: Studio
) -> None:
    stage = studio.open_stage()
    studio.listen_to("microphone", stage)
    assert Program(server, stage.identifier).hello().farewell()[0] == 4409
    page = Program.__new__(Program)
    page.client, page.said = Client(f"ws://127.0.0.1:{server.port}/microphone?stage={waiting(studio).identifier}"), []
    assert page.hello().farewell()[0] == 4409


@pytest.mark.parametrize("session", ["unknown", "%00", "..", "MAIN"])
def test_a_session_that_does_not_exist_is_named_as_the_reason(server: PageServer, session: str) -> None:
    assert Program(server, session).hello().farewell() == (4404, "there is no such session, or it has ended")


def test_when_the_program_ends_the_connection_says_so(studio: Studio) -> None:
    with served(studio) as server:
        program = Program(server, waiting(studio).identifier).hello()
        program.next("ready")
        server.stop()
        assert program.farewell() == (1001, "genrescope is ending")


# ---- what is no sound --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"version": 2}, "version 1"),
        ({"rate": "8000"}, "must be numbers"),
        ({"rate": True}, "must be numbers"),
        ({"rate": 100}, "3000 to 384000 Hz"),
        ({"channels": 0}, "1 to 8 channels"),
        ({"channels": 1.5}, "must be numbers"),
        ({"format": "s8"}, "format is one of f32, s16, s24, s32"),
        ({"format": ["s16"]}, "format is one of"),
        ({"format": None}, "format is one of"),
        ({"pace": "fast"}, "pace is one of live, file"),
        ({"pace": {}}, "pace is one of"),
        ({"Pace": "file"}, "no member 'Pace'"),
    ],
)
def test_a_hello_that_makes_no_sense_is_turned_away(
    server: PageServer, studio: Studio, said: dict[str, Any], reason: str
) -> None:
    code, why = Program(server, waiting(studio).identifier).hello(**said).farewell()
    assert code == 4400
    assert reason in why


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("hello", "only sound"),
        ('{"type": "stop"}', "only sound"),
        ("[" * 90, "only sound"),
        ("x" * 5000, "only sound"),
        (b"\0" * 7, "7 bytes are no whole frames"),
        (b"\0" * 8 * (RATE + 1), "8001 frames are more than a second"),
    ],
)
def test_a_message_that_is_no_sound_ends_the_connection(
    server: PageServer, studio: Studio, message: str | bytes, reason: str
) -> None:
    stage = waiting(studio)
    program = Program(server, stage.identifier).hello()
    program.next("ready")
    program.client.send(message)
    code, why = program.farewell()
    assert code == 4400
    assert reason in why
    Program(server, stage.identifier).hello().next("ready")


def test_a_message_without_frames_is_no_error(server: PageServer, studio: Studio) -> None:
    program = Program(server, waiting(studio).identifier).hello(pace="file")
    program.client.send(b"")
    assert program.send(NOISE[: 3 * RATE]).end().farewell() == (1000, "")
    assert len(program.of("result")) == 1


def test_a_huge_message_is_not_kept(server: PageServer, studio: Studio) -> None:
    program = Program(server, waiting(studio).identifier).hello()
    program.client.send(b"\0" * (2**20 + 1))
    assert program.farewell() == (1009, "messages hold at most 1048576 bytes")


def test_nothing_comes_after_the_end(studio: Studio) -> None:
    classifier = at_the_rate()
    classifier.loaded = False
    classifier.may_load.clear()
    studio = small_studio(SmallLibrary(loudness=classifier))
    with served(studio) as server:
        program = Program(server, waiting(studio).identifier).hello(pace="file").send(NOISE[: 3 * RATE]).end()
        program.send(NOISE[:800])
        assert program.farewell() == (4400, "nothing comes after the end")
        classifier.may_load.set()


def test_a_program_that_vanishes_while_it_is_held_up_leaves_no_thread_behind() -> None:
    classifier = at_the_rate()
    classifier.loaded = False
    classifier.may_load.clear()
    studio = small_studio(SmallLibrary(loudness=classifier))
    with served(studio) as server:
        stage = waiting(studio)
        program = Program(server, stage.identifier).hello(pace="file").send(NOISE)
        until(lambda: stage.session is not None and stage.session.stream_time >= 3.0, "the first window")
        program.client.sock.shutdown(socket.SHUT_RDWR)
        classifier.may_load.set()
        until(lambda: stage.source is not None and stage.source.detached_seconds > 0.0, "the loss to be noticed")  # type: ignore[attr-defined]


# ---- who may -----------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(studio: Studio) -> Iterator[PageServer]:
    with served(studio, Access("sesame-open-sesame")) as running:
        yield running


def test_the_guard_looks_at_the_handshake_too(guarded: PageServer, studio: Studio) -> None:
    stage = waiting(studio)
    with pytest.raises(HandshakeRefused, match=": 40"):
        Program(guarded, stage.identifier)
    assert Program(guarded, stage.identifier, "?token=sesame-open-sesame").hello().next("ready")


def test_another_site_cannot_send(server: PageServer, studio: Studio) -> None:
    url = f"ws://127.0.0.1:{server.port}/api/v1/sessions/{waiting(studio).identifier}/audio"
    with pytest.raises(HandshakeRefused, match=": 40"):
        Client(url, headers={"Origin": "https://evil.example"})
    # (This client names the host without its port.)
    Client(url, headers={"Origin": "http://127.0.0.1"}).close()


def test_the_sockets_address_is_no_page(
    server: PageServer, request_status: Callable[[str], int], studio: Studio
) -> None:
    address = f"http://127.0.0.1:{server.port}/api/v1/sessions/{waiting(studio).identifier}/audio"
    assert request_status(address) in (400, 404, 405, 426)


@pytest.fixture
def request_status() -> Callable[[str], int]:
    import urllib.error
    import urllib.request

    def status(address: str) -> int:
        try:
            with urllib.request.urlopen(address, timeout=10.0) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    return status
