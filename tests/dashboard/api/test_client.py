"""The Python client against a real server: all that the interface can do, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from dashboard.access import Access
from dashboard.client import Client, ClientError
from dashboard.server import PageServer
from dashboard.studio import Studio
from tests.dashboard.api.relay import Relay
from tests.dashboard.api.small_studio import SmallLibrary, served, small_studio
from tests.dashboard.conftest import until
from tests.sounds import write_tone
from tests.stream.fakes import LoudnessClassifier

NOISE = np.random.default_rng(4).uniform(-0.5, 0.5, (4 * 8000, 2)).astype(np.float32)


@pytest.fixture
def studio() -> Studio:
    return small_studio(SmallLibrary(other=LoudnessClassifier()))


@pytest.fixture
def client(studio: Studio) -> Iterator[Client]:
    with served(studio) as server, Client(server.url) as made:
        yield made


# ---- what there is -----------------------------------------------------------------------------------------------


def test_it_says_what_there_is(client: Client) -> None:
    assert [model["name"] for model in client.models()] == ["loudness", "other"]
    assert client.models()[0]["labels"] == ["loud", "soft"]
    assert "mix" in [sample["name"] for sample in client.samples()]
    assert client.devices() == []
    assert client.health()["live"] is True


def test_it_loads_nothing_heavy() -> None:
    code = "import sys; from dashboard.client import Client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"numpy", "flask", "dash", "tensorflow", "pydantic", "dashboard.studio"}.isdisjoint(loaded)


# ---- whole tracks ------------------------------------------------------------------------------------------------


def test_a_short_file_is_answered_at_once(client: Client, tmp_path: Path) -> None:
    answer = client.classify(write_tone(tmp_path / "söng.wav", 5.0, 8000), top=1, windows=True, model="other")
    assert answer["title"] == "söng"
    assert answer["model"]["name"] == "other"
    assert [label["label"] for label in answer["labels"]] == ["soft"]
    assert [window["end_seconds"] for window in answer["windows"]] == [3.0, 3.5, 4.0, 4.5, 5.0]


def test_a_long_file_is_waited_for_and_its_progress_told(client: Client, tmp_path: Path) -> None:
    told: list[tuple[float, float | None]] = []
    path = write_tone(tmp_path / "long.wav", 100.0, 8000, channels=1)
    answer = client.classify(str(path), progress=lambda done, total: told.append((done, total)))
    assert answer["seconds"] == 100.0
    assert len(answer["labels"]) == 2
    assert told
    assert all(0.0 <= done <= 100.0 for done, _ in told)


def test_whoever_gives_up_waiting_leaves_no_job_behind(client: Client, tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def give_up(done: float, total: float | None) -> None:
        raise EnoughError

    path = write_tone(tmp_path / "long.wav", 100.0, 8000, channels=1)
    calls: list[str] = []
    call = client._server.call

    def noted(method: str, path: str, *rest: object) -> object:
        calls.append(f"{method} {path}")
        return call(method, path, *rest)  # type: ignore[arg-type]

    client._server.call = noted  # type: ignore[method-assign,assignment]
    with pytest.raises(EnoughError):
        client.classify(path, progress=give_up)
    assert calls[-1].startswith("DELETE /jobs/")
    with pytest.raises(ClientError) as gone:
        call("GET", calls[-1].removeprefix("DELETE "))
    assert gone.value.status == 404


def test_a_link_that_may_not_be_followed_is_an_error_in_words(client: Client) -> None:
    with pytest.raises(ClientError) as refused:
        client.classify("http://127.0.0.1:9/song.mp3")
    assert refused.value.what
    assert refused.value.status >= 400


def test_what_is_refused_says_what_and_which_rule(client: Client, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    with pytest.raises(ClientError) as refused:
        client.classify(tmp_path / "notes.txt")
    assert refused.value.status in (415, 422)
    assert refused.value.what
    with pytest.raises(ClientError, match="no file"):
        client.classify(tmp_path / "nowhere.wav")
    with pytest.raises(ClientError, match="nosuch"):
        client.classify(write_tone(tmp_path / "song.wav", 4.0, 8000), model="nosuch")


# ---- sessions ----------------------------------------------------------------------------------------------------


def test_a_session_is_commanded_and_read(client: Client, tmp_path: Path) -> None:
    files = [write_tone(tmp_path / "one.wav", 60.0, 8000)]
    session = client.start("file", files[0], model="other", settings={"hop_seconds": 0.25})
    assert repr(session).startswith(f"<session {session.identifier} at http")
    assert [other.identifier for other in client.sessions()] == ["main", session.identifier]
    assert session.status()["model"] == "other"
    assert session.status()["source"]["tracks"] == ["one.wav"]
    session.pause()
    until(lambda: session.status()["state"] == "paused", "the pause")
    assert session.seek(30.0)["source"]["position_seconds"] == 30.0
    session.resume()
    until(lambda: len(session.results()["results"]) >= 2, "two results")
    first, second = session.results(limit=2)["results"]
    assert session.results(1, limit=1)["results"] == [second]
    assert first["number"] == 0
    assert session.segments()[0]["label"] in ("soft", "not sure")
    assert session.summary()["seconds"] > 0.0
    assert session.change(model="loudness")["model"] == "loudness"
    session.end()
    with pytest.raises(ClientError) as gone:
        session.status()
    assert gone.value.status == 404


@pytest.mark.parametrize("suffix", ["csv", "json", "replay"])
def test_a_session_is_exported(client: Client, tmp_path: Path, suffix: str) -> None:
    session = client.start("audio")
    results = list(session.send_audio([NOISE], 8000, 2, pace="file"))
    path = session.export(tmp_path / f"session.{suffix}")
    content = path.read_text(encoding="utf-8-sig")
    assert len(results) >= 1
    assert "soft" in content


def test_an_export_of_another_kind_does_not_exist(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ClientError) as refused:
        client.start("audio").export(tmp_path / "session.xlsx")
    assert refused.value.status == 404
    assert not (tmp_path / "session.xlsx").exists()


def test_sessions_end_with_their_block_and_with_the_client(studio: Studio) -> None:
    with served(studio) as server:
        with Client(server.url) as client:
            with client.start("audio"):
                assert len(client.sessions()) == 2
            assert len(client.sessions()) == 1
            client.start("audio")
            client.session("main").change(source={"kind": "sample", "name": "mix"})
        with Client(server.url) as other:
            assert [session.identifier for session in other.sessions()] == ["main"]
            assert other.session().status()["source"]["title"], "what was not started here goes on"


def test_a_session_that_failed_to_end_does_not_hide_what_went_wrong(client: Client) -> None:
    with pytest.raises(ZeroDivisionError), client.start("audio") as session:
        session.end()
        _ = 1 / 0


# ---- events ------------------------------------------------------------------------------------------------------


def test_events_come_as_they_happen_and_end_with_the_session(client: Client) -> None:
    session = client.start("sample", "mix")
    events = session.events(since=0)
    first = next(events)
    assert (first.name, first.data["labels"]) == ("model", ["loud", "soft"])
    results = list(islice((event.data for event in events if event.name == "result"), 2))
    assert [result["number"] for result in results] == [0, 1]
    session.end()
    assert list(events)[-1].name == "end"


def test_events_go_on_behind_the_last_one_where_the_network_broke(studio: Studio) -> None:
    waited: list[float] = []
    with served(studio) as server:
        relay = Relay(server.port)
        session = Client(f"http://127.0.0.1:{relay.port}", sleep=waited.append).start("sample", "mix")
        numbers = []
        for event in session.events(since=0):
            if event.name == "result":
                numbers.append(event.data["number"])
                if len(numbers) == 2:
                    # What is heard meanwhile must not be missing.
                    until(lambda: len(Client(server.url).session(session.identifier).results()["results"]) > 3, "more")
                    relay.cut()
                if len(numbers) == 6:
                    break
        relay.close()
    assert numbers == [0, 1, 2, 3, 4, 5]
    assert waited == [2.0]


def test_events_of_a_session_that_does_not_exist_are_refused(client: Client) -> None:
    with pytest.raises(ClientError) as refused:
        next(client.session("nowhere").events())
    assert refused.value.status == 404


# ---- sound that a program sends ----------------------------------------------------------------------------------


def test_sound_is_sent_and_its_results_come_back(client: Client) -> None:
    told: list[str] = []
    blocks = (NOISE[first : first + 1000] for first in range(0, len(NOISE), 1000))
    results = client.start("audio").send_audio(
        blocks, 8000, 2, pace="file", heed=lambda message: told.append(message["type"])
    )
    assert [result["number"] for result in results] == [0, 1, 2]
    assert told[0] == "ready"
    assert told[-1] == "end"


def test_blocks_may_be_of_any_length_and_of_any_kind_that_has_bytes(client: Client) -> None:
    content = (NOISE * 32767).astype("<i2").tobytes()
    blocks = [content, bytearray(content[:4]), memoryview(content[:400]), b""]
    session = client.start("audio")
    ends: list[dict[str, object]] = []
    list(session.send_audio(blocks, 8000, 2, sample_format="s16", pace="file", heed=ends.append))
    assert ends[-1] == {"type": "end", "seconds": pytest.approx(4.0 + 101 / 8000, abs=1e-3)}


def test_what_goes_wrong_while_sound_is_made_reaches_who_asked(client: Client) -> None:
    def broken() -> Iterator[bytes]:
        yield b"\0" * 800
        raise RuntimeError("the microphone is gone")

    with pytest.raises(RuntimeError, match="the microphone is gone"):
        list(client.start("audio").send_audio(broken(), 8000, 2))


def test_half_a_frame_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(ClientError, match="a frame has 8"):
        list(client.start("audio").send_audio([b"123"], 8000, 2))


@pytest.mark.parametrize(
    ("identifier", "rate", "status"), [("nowhere", 8000, 4404), ("main", 8000, 4409), ("", 8000, 404)]
)
def test_the_reason_for_a_closed_socket_is_an_error(client: Client, identifier: str, rate: int, status: int) -> None:
    with pytest.raises(ClientError) as refused:
        list(client.session(identifier).send_audio([NOISE], rate, 2))
    assert refused.value.status == status


def test_whoever_has_heard_enough_may_stop(client: Client, studio: Studio) -> None:
    session = client.start("audio")

    def endless() -> Iterator[np.ndarray]:
        while True:
            yield NOISE

    results = session.send_audio(endless(), 8000, 2, pace="file")
    assert next(results)["number"] == 0
    results.close()  # type: ignore[attr-defined]  # a generator
    before = threading.active_count()
    until(lambda: session.status()["state"] == "reconnecting", "the loss to be noticed")
    until(lambda: "sound-sender" not in [thread.name for thread in threading.enumerate()], f"the sender, of {before}")


# ---- who may, and what is not there ------------------------------------------------------------------------------


def test_the_password_goes_along_with_everything(studio: Studio) -> None:
    with served(studio, Access("sesame-open-sesame")) as server:
        client = Client(server.url, "sesame-open-sesame")
        session = client.start("audio")
        assert len(list(session.send_audio([NOISE], 8000, 2, pace="file"))) == 3
        assert next(session.events()).name == "model"
        session.end()
        for stranger in (Client(server.url), Client(server.url, "guessed-guessed-guessed")):
            with pytest.raises(ClientError) as refused:
                stranger.models()
            assert refused.value.status in (401, 403)
            with pytest.raises(ClientError) as refused:
                list(stranger.session("main").send_audio([NOISE], 8000, 2))
            assert refused.value.status in (401, 403)


def test_where_nobody_answers_it_says_what_to_do(studio: Studio) -> None:
    server = PageServer("127.0.0.1", 0)
    server.stop()
    client = Client(server.url)
    with pytest.raises(ClientError, match="genrescope serve"):
        client.models()
    with pytest.raises(ClientError, match="genrescope serve"):
        list(client.session().send_audio([NOISE], 8000, 2))
    assert server.port


@pytest.mark.parametrize("url", ["127.0.0.1:8050", "ftp://127.0.0.1", "http://", ""])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ClientError, match="is no address"):
        Client(url)
