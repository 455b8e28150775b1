"""Server-Sent Events: encoded once, sent to all, resumed without a gap; the slow hold up nobody."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from typing import Any

import pytest

import dashboard.api.event_publisher as event_publisher
from dashboard.api.event_log import KEPT_EVENTS, EventLog, Place, follow
from dashboard.api.event_publisher import Publisher
from dashboard.api.events import CLOSING, MOST_LISTENERS, EventHub
from dashboard.api.problems import RequestError
from dashboard.server import PageServer
from stream.results import Results
from stream.settings import StreamSettings
from tests.dashboard.api.conftest import Programs, problem
from tests.dashboard.conftest import until

PATIENCE_SECONDS = 30.0


class Ear:
    """Listens in a thread, as a server does, and takes the events apart."""

    def __init__(self, programs: Programs, query: str = "", *, name: str = "main", **what: Any) -> None:
        self.events: Queue[dict[str, str]] = Queue()
        self.response = programs.get(f"/sessions/{name}/events{query}", **what)
        assert self.response.status_code == 200, self.response.data
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        text = ""
        for piece in self.response.response:
            text += piece.decode() if isinstance(piece, bytes) else piece
            *whole, text = text.split("\n\n")
            for block in whole:
                lines = [line.partition(":") for line in block.splitlines()]
                self.events.put({name or "comment": value.strip() for name, _, value in lines})

    def next(self, kind: str) -> dict[str, Any]:
        """The next event of this kind: its data, and its id where it has one."""
        while True:
            try:
                event = self.events.get(timeout=PATIENCE_SECONDS)
            except Empty:
                pytest.fail(f"no {kind} came")
            if event.get("event") == kind:
                return {**json.loads(event["data"]), "id": event.get("id", "")}
            if kind in event:
                return event

    def results(self, count: int) -> list[dict[str, Any]]:
        return [self.next("result") for _ in range(count)]

    def hang_up(self) -> None:
        self.response.close()


@pytest.fixture
def listen(programs: Programs) -> Iterator[Callable[..., Ear]]:
    """Listens to events; everything ends with the test."""
    closing = threading.Event()
    ears: list[Ear] = []

    def listening(query: str = "", **what: Any) -> Ear:
        ears.append(Ear(programs, query, environ_overrides={CLOSING: closing}, **what))
        return ears[-1]

    yield listening
    closing.set()
    for ear in ears:
        ear.thread.join(timeout=PATIENCE_SECONDS)
        assert not ear.thread.is_alive(), "the answer did not end when the program was closed"


def test_the_labels_come_first_and_then_a_result_for_each_window(
    programs: Programs, listen: Callable[..., Ear]
) -> None:
    stage = programs.pushed()
    programs.play(stage, 4.0)
    ear = listen()
    model = ear.next("model")
    assert (model["labels"], model["model"], model["generation"]) == (["loud", "soft"], "loudness", 0)
    assert ear.next("state")["state"] == "live"
    programs.play(stage, 1.0)
    first, second = ear.results(2)
    assert [first["number"], second["number"]] == [3, 4]  # what was heard before nobody has asked for
    assert first["id"] == f"{model['run']}-0-3"
    polled = programs.get("/sessions/main/results?since=3").json["results"]
    assert {**polled[0], "id": first["id"]} == first


def test_whoever_comes_back_gets_what_it_missed_and_nothing_twice(
    programs: Programs, listen: Callable[..., Ear]
) -> None:
    stage = programs.pushed()
    ear = listen()
    programs.play(stage, 4.0)
    last = ear.results(3)[-1]["id"]
    programs.play(stage, 2.0)
    again = listen(headers={"Last-Event-ID": last})
    programs.play(stage, 1.0)
    assert [result["number"] for result in again.results(6)] == [3, 4, 5, 6, 7, 8]


def test_the_last_event_counts_for_more_than_the_address(programs: Programs, listen: Callable[..., Ear]) -> None:
    stage = programs.pushed()
    programs.play(stage, 6.0)
    run = programs.get("/sessions/main").json["run"]
    ear = listen("?since=0", headers={"Last-Event-ID": f"{run}-0-4"})
    assert [result["number"] for result in ear.results(2)] == [5, 6]


def test_since_says_where_to_begin(programs: Programs, listen: Callable[..., Ear]) -> None:
    stage = programs.pushed()
    programs.play(stage, 6.0)
    assert [result["number"] for result in listen("?since=2").results(5)] == [2, 3, 4, 5, 6]
    assert [result["number"] for result in listen("?since=0").results(7)] == list(range(7))


def test_of_another_run_the_one_who_comes_back_has_heard_nothing(
    programs: Programs, listen: Callable[..., Ear]
) -> None:
    stage = programs.pushed()
    programs.play(stage, 6.0)
    run = programs.get("/sessions/main").json["run"]
    stage = programs.pushed()
    programs.play(stage, 4.0)
    ear = listen(headers={"Last-Event-ID": f"{run}-0-4"})
    assert [result["number"] for result in ear.results(3)] == [0, 1, 2]


@pytest.mark.parametrize("last", ["7", "x-0-1", "5f2c01aa.1-0", "5f2c01aa.1-0--1", "5f2c01aa.1-0-1\x00", "é"])
def test_an_id_that_is_none_of_ours_is_refused(programs: Programs, last: str) -> None:
    problem(programs.get("/sessions/main/events", headers={"Last-Event-ID": last}), 422)


def test_a_new_model_and_a_new_source_are_told_with_their_labels(
    programs: Programs, listen: Callable[..., Ear]
) -> None:
    ear = listen()
    assert ear.next("state")["state"] == "idle"
    stage = programs.pushed()
    assert ear.next("model")["labels"] == ["loud", "soft"]
    programs.play(stage, 3.5)
    before = ear.results(2)
    programs.ask("PATCH", "/sessions/main", json={"model": "quiet"})
    programs.play(stage, 0.5)
    model = ear.next("model")
    assert (model["labels"], model["generation"]) == (["noisy", "quiet"], 1)
    assert ear.next("result")["number"] == 0
    stage = programs.pushed()
    other = ear.next("model")
    assert other["run"] != model["run"]
    programs.play(stage, 3.0)
    assert ear.next("result")["id"] == f"{other['run']}-0-0" != before[0]["id"]


def test_a_changed_state_is_told_at_once_and_segments_as_they_begin(
    programs: Programs, listen: Callable[..., Ear]
) -> None:
    stage = programs.pushed()
    ear = listen()
    programs.play(stage, 12.0, 0.9)
    assert ear.next("segments")["newest"][-1]["label"] == "loud"
    programs.play(stage, 12.0, 0.1)
    until(lambda: ear.next("segments")["newest"][-1]["label"] == "soft", "a new segment")
    assert stage.session is not None
    stage.session.fail("the weights are damaged")
    state = ear.next("state")
    while state["state"] != "failed":
        state = ear.next("state")
    assert state["detail"] == "the weights are damaged"


def test_the_second_model_has_events_of_its_own(programs: Programs, listen: Callable[..., Ear]) -> None:
    stage = programs.pushed()
    programs.ask("PATCH", "/sessions/main", json={"second_model": "quiet"})
    ear = listen("?which=second")
    assert ear.next("model")["labels"] == ["noisy", "quiet"]
    programs.play(stage, 3.0)
    assert ear.next("result")["label"] == "noisy"


def test_the_end_of_a_session_is_told_and_the_answer_ends(programs: Programs, listen: Callable[..., Ear]) -> None:
    name = programs.start()
    ear = listen(name=name)
    programs.ask("DELETE", f"/sessions/{name}")
    assert "ended" in ear.next("end")["reason"]
    ear.thread.join(timeout=PATIENCE_SECONDS)
    assert not ear.thread.is_alive()


def test_whoever_listens_to_a_session_keeps_it(programs: Programs, listen: Callable[..., Ear]) -> None:
    name = programs.start()
    ear = listen(name=name)
    programs.studio.keep()
    programs.clock.time += 3600.0
    ear.next("comment")  # it looked again, an hour later
    programs.studio.keep()
    assert programs.get(f"/sessions/{name}").status_code == 200


def test_where_nothing_happens_a_comment_comes_now_and_then(programs: Programs, listen: Callable[..., Ear]) -> None:
    ear = listen()
    ear.next("state")
    for _ in range(3):
        programs.clock.time += 15.0
        assert "still there" in ear.next("comment")["comment"]


def test_when_the_program_is_closed_the_events_end(programs: Programs) -> None:
    closing = threading.Event()
    ear = Ear(programs, environ_overrides={CLOSING: closing})
    closing.set()
    assert "closed" in ear.next("end")["reason"]
    ear.thread.join(timeout=PATIENCE_SECONDS)
    late = programs.get("/sessions/main/events", environ_overrides={CLOSING: closing})
    assert b"event: end" in late.data


def test_events_are_encoded_once_however_many_listen(
    programs: Programs, listen: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    once = event_publisher.encoded

    def counted(results: Any, place: Any, predictions: list[Any]) -> list[bytes]:
        encoded.extend(prediction.number for prediction in predictions)
        return once(results, place, predictions)

    monkeypatch.setattr(event_publisher, "encoded", counted)
    stage = programs.pushed()
    ears = [listen() for _ in range(20)]
    programs.play(stage, 5.0)
    for ear in ears:
        assert [result["number"] for result in ear.results(5)] == [0, 1, 2, 3, 4]
    assert encoded == [0, 1, 2, 3, 4]


def test_after_the_last_listener_nobody_looks_any_more(programs: Programs) -> None:
    hub = EventHub(programs.studio)
    stage = programs.studio.main
    listeners = [hub.listen(stage, 0, None, None) for _ in range(3)]
    publisher = listeners[0]._publisher
    assert {listener._publisher for listener in listeners} == {publisher}
    for listener in listeners:
        listener.close()
        listener.close()
    assert hub.listeners == 0 and publisher._stopped.is_set()
    again = hub.listen(stage, 0, None, None)
    assert again._publisher is not publisher
    again.close()


def test_a_client_that_asks_and_goes_leaves_its_place(programs: Programs) -> None:
    for _ in range(MOST_LISTENERS + 5):
        programs.ask("HEAD", "/sessions/main/events").close()
        programs.get("/sessions/main/events").close()  # gone before anything was sent
    assert "genrescope_event_listeners 0.0" in programs.get("/metrics").text


def test_more_listeners_than_there_is_room_for_are_told_so(programs: Programs) -> None:
    hub = EventHub(programs.studio)
    listeners = [hub.listen(programs.studio.main, 0, None, None) for _ in range(MOST_LISTENERS)]
    with pytest.raises(RequestError) as refused:
        hub.listen(programs.studio.main, 0, None, None)
    assert refused.value.status == 429
    listeners.pop().close()
    hub.listen(programs.studio.main, 0, None, None).close()
    for listener in listeners:
        listener.close()


def test_one_who_is_slow_holds_up_nobody_and_misses_nothing(programs: Programs) -> None:
    stage = programs.pushed()
    programs.play(stage, 3.0)
    publisher = Publisher(programs.studio, stage, 0)
    publisher.step()
    slow, quick = follow(publisher.log, None), follow(publisher.log, None)
    numbers: dict[str, list[int]] = {"slow": [], "quick": []}

    def read(name: str, events: Iterator[bytes]) -> None:
        found = [line for line in next(events).decode().splitlines() if line.startswith("id:")]
        numbers[name] += [int(line.rpartition("-")[2]) for line in found]

    read("slow", slow)
    read("quick", quick)
    for number in range(1, KEPT_EVENTS + 100):  # more than the log holds
        programs.play(stage, 0.5)
        publisher.step()
        read("quick", quick)
        assert numbers["quick"][-1] == number
    sent = numbers["quick"][-1]
    while not numbers["slow"] or numbers["slow"][-1] < sent:
        read("slow", slow)
    assert numbers["slow"] == numbers["quick"] == list(range(1, sent + 1))


def test_the_log_is_bounded() -> None:
    log = EventLog()
    results = Results(("loud",), StreamSettings())
    for _ in range(4 * KEPT_EVENTS):
        log.write([b"x"], Place("run", 0, 0), results, {})
    events, position, _, ended = log.after(4 * KEPT_EVENTS - 3)
    assert (events, position, ended) == ([b"x"] * 3, 4 * KEPT_EVENTS, False)
    assert log.after(0)[0] is None


def test_trouble_inside_ends_the_events_and_is_logged(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear(programs)
    ear.next("state")

    def fail(_stage: Any) -> str:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(programs.studio, "run_of", fail)
        assert "went wrong" in ear.next("end")["reason"]
    ear.thread.join(timeout=PATIENCE_SECONDS)
    assert "out of memory" in caplog.text
    again = Ear(programs)  # the first one has not hung up yet
    programs.play(programs.pushed(), 3.0)
    assert again.next("result")["number"] == 0
    programs.studio.stop()
    assert "closed" in again.next("end")["reason"]


def test_a_browser_listens_and_comes_back_by_itself(
    programs: Programs, chromium: Any, serve: Callable[..., PageServer]
) -> None:
    """A real EventSource behind the real server; the connection is cut once."""
    server = serve(programs.studio)
    stage = programs.pushed()
    page = chromium.new_page()
    try:
        page.goto(f"{server.url}api/v1/health")
        page.evaluate(
            """() => {
                window.heard = [];
                const events = new EventSource("/api/v1/sessions/main/events");
                events.addEventListener("model", (event) => (window.labels = JSON.parse(event.data).labels));
                events.addEventListener("result", (event) => window.heard.push(JSON.parse(event.data).number));
            }"""
        )
        until(lambda: page.evaluate("window.labels && window.labels.length") == 2, "the labels came")
        programs.play(stage, 4.0)
        until(lambda: page.evaluate("window.heard.length") == 3, "three results came")
        port = server.port
        server.stop()
        programs.play(stage, 2.0)
        serve(programs.studio, port=port)
        until(lambda: page.evaluate("window.heard.length") == 7, "the browser came back")
        assert page.evaluate("window.heard") == [0, 1, 2, 3, 4, 5, 6]
    finally:
        page.close()
