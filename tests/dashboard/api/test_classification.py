"""Whole tracks for programs: short ones answered at once, long ones and links by jobs, all else refused in words."""

from __future__ import annotations

import http.client
import io
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from flask.testing import FlaskClient

from dashboard.access import Access
from dashboard.api.application import create_api
from dashboard.api.job import JobStatus
from dashboard.api.jobs import QUEUED
from dashboard.api.track import Job, TrackAnswer
from dashboard.api.whole_tracks import AT_ONCE, OWNER, SHORT_SECONDS, Wanted, WholeTracks
from dashboard.samples import SAMPLE_FOLDER
from dashboard.studio import Studio
from dashboard.uploads import Upload
from model.library import SHIPPED_BUNDLES, Library
from stream.links.playable import Playable
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from stream.offline import hear_file
from tests.commands import run
from tests.dashboard.api.small_studio import SmallLibrary, served, small_studio
from tests.dashboard.conftest import until
from tests.stream.fakes import LoudnessClassifier, LoudnessNetwork
from tests.stream.links.servers import LocalServer, Page

OCTETS = {"Content-Type": "application/octet-stream"}


def sound(seconds: float, *, loudness: float = 0.9, rate: int = 8000, suffix: str = "wav") -> bytes:
    """A sound file. The classifier of these tests says how loud it is."""
    file = io.BytesIO()
    soundfile.write(
        file, np.full((round(seconds * rate), 1), loudness) * _alternating(seconds, rate), rate, format=suffix
    )
    return file.getvalue()


def _alternating(seconds: float, rate: int) -> np.ndarray:
    """A constant would be taken out as an offset; a slow square wave stays."""
    return np.where(np.arange(round(seconds * rate)) // 40 % 2 == 0, 1.0, -1.0)[:, None]


SHORT = sound(10.0)
LONG = sound(SHORT_SECONDS + 10.0, rate=2000)


class SlowNetwork(LoudnessNetwork):
    """Answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, windows: np.ndarray) -> Any:
        self.asked.set()
        assert self.may_answer.wait(30)
        return super().__call__(windows)


class Programs:
    """A program's view of a studio, without a network between them."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.client: FlaskClient = create_api(studio, Access()).test_client()

    def post(self, address: str, data: Any, **headers: str) -> Any:
        return self.client.post(f"/api/v1{address}", data=data, headers={**OCTETS, **_named(headers)})

    def form(self, address: str, **fields: Any) -> Any:
        return self.client.post(f"/api/v1{address}", data=fields, content_type="multipart/form-data")

    def link(self, url: Any, address: str = "/classify") -> Any:
        return self.client.post(f"/api/v1{address}", json={"url": url})

    def job(self, identifier: str) -> dict[str, Any]:
        response = self.client.get(f"/api/v1/jobs/{identifier}")
        assert response.status_code == 200, response.text
        Job.model_validate_json(response.data)
        return dict(response.json)

    def outcome(self, accepted: Any) -> dict[str, Any]:
        """What becomes of a job."""
        assert accepted.status_code == 202, accepted.text
        identifier = accepted.json["id"]
        assert accepted.headers["Location"] == f"/api/v1/jobs/{identifier}"
        assert int(accepted.headers["Retry-After"]) >= 1
        until(lambda: self.job(identifier)["state"] in ("done", "failed"), "the job is over")
        return self.job(identifier)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything is kept that must not stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def files_in(disk: Path) -> list[Path]:
    return list(disk.glob("genrescope-*/*"))


@pytest.fixture
def studio(disk: Path) -> Iterator[Studio]:
    found = small_studio(SmallLibrary(other=LoudnessClassifier()))
    yield found
    found.stop()


@pytest.fixture
def programs(studio: Studio) -> Programs:
    return Programs(studio)


@pytest.fixture
def tracks(studio: Studio) -> WholeTracks:
    return WholeTracks(studio)


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_a_short_file_is_answered_at_once(programs: Programs) -> None:
    response = programs.post("/classify?name=My%20song.wav", SHORT)
    assert response.status_code == 200
    answer = TrackAnswer.model_validate_json(response.data)
    assert answer.model.name == "loudness"
    assert answer.title == "My song" and answer.seconds == pytest.approx(10.0, abs=0.05)
    assert [each.label for each in answer.labels] == ["loud", "soft"]
    assert answer.labels[0].probability == pytest.approx(0.9, abs=0.05)
    assert [(each.start_seconds, each.label) for each in answer.segments] == [(0.0, "loud")]
    assert answer.segments[-1].end_seconds == pytest.approx(answer.seconds, abs=0.01)
    assert answer.problem is None and answer.windows is None


def test_so_many_labels_and_every_window_are_given_if_they_are_asked_for(programs: Programs) -> None:
    answer = TrackAnswer.model_validate_json(programs.post("/classify?top=1&windows=true", SHORT).data)
    assert len(answer.labels) == 1
    assert answer.windows is not None and len(answer.windows) == 15
    assert answer.windows[0].end_seconds == 3.0 and answer.windows[0].verdict == "sure"
    assert len(answer.windows[0].probabilities) == 2


def test_a_form_gives_the_answer_of_the_bare_file(programs: Programs) -> None:
    bare = programs.post("/classify?name=song.wav", SHORT).json
    response = programs.form("/classify", note="for you", file=(io.BytesIO(SHORT), "song.wav"))
    assert response.status_code == 200 and response.json == bare


@pytest.mark.parametrize("kind", ["audio/wav", "audio/x-wav; codecs=1", "video/webm", "application/ogg", ""])
def test_what_a_file_is_called_by_its_sender_does_not_matter_if_it_is_sound(programs: Programs, kind: str) -> None:
    assert programs.post("/classify", SHORT, Content_Type=kind).status_code == 200


def test_a_silent_file_has_no_labels(programs: Programs) -> None:
    answer = programs.post("/classify", sound(5.0, loudness=0.0)).json
    assert answer["labels"] == [] and [each["label"] for each in answer["segments"]] == ["silence"]


def test_a_file_that_ends_early_is_answered_as_far_as_it_goes(programs: Programs) -> None:
    whole = sound(20.0)
    answer = programs.post("/classify?name=song.wav", whole[: len(whole) // 2]).json
    assert answer["seconds"] == pytest.approx(10.0, abs=0.1)
    assert answer["problem"].startswith("song.wav ends early: 10.0 of 20.0 s could be read")


def test_another_model_answers_if_it_is_named(programs: Programs) -> None:
    assert programs.post("/classify?model=other", SHORT).json["model"]["name"] == "other"


@pytest.mark.parametrize(
    "name", ["polka", "../../etc", "/etc", "..", str(SHIPPED_BUNDLES / "genres"), "./loudness", "x" * 200]
)
def test_a_model_is_named_and_never_a_path(programs: Programs, name: str) -> None:
    response = programs.client.post("/api/v1/classify", query_string={"model": name}, data=SHORT, headers=OCTETS)
    assert response.status_code == 409
    assert response.json["detail"].startswith("there is no model named") and "loudness" in response.json["rule"]


@pytest.mark.parametrize(
    "query",
    [
        "top=0",
        "top=-1",
        "top=1.5",
        "top=all",
        "top=",
        "windows=1",
        "windows=yes",
        "wait=",
        "unknown=1",
        "model=" + "x" * 201,
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(programs: Programs, query: str) -> None:
    response = programs.post(f"/classify?{query}", SHORT)
    assert response.status_code == 422
    assert response.json["mistakes"][0]["place"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"Dear diary, " * 2000, 415, "song.wav is not a sound file genrescope can read"),
        (b"#EXTM3U\nfile:///etc/passwd\n", 415, "song.wav is not a sound file"),
        (SHORT[:44], 415, "song.wav holds no sound"),
        (SHORT[:60], 422, "song.wav is 0.0 s long"),
        (sound(1.0), 422, "song.wav is 1.0 s long"),
    ],
)
def test_what_is_no_sound_is_refused_in_words_and_nothing_of_it_stays(
    programs: Programs, disk: Path, data: bytes, status: int, words: str
) -> None:
    response = programs.post("/classify?name=song.wav", data)
    assert response.status_code == status and words in response.json["detail"]
    assert response.json["next_step"] and str(disk) not in response.text
    assert files_in(disk) == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "image/png", "nonsense", "audio"]
)
def test_other_kinds_of_bodies_are_refused_and_it_is_said_which_are_taken(programs: Programs, kind: str) -> None:
    response = programs.post("/classify", SHORT, Content_Type=kind)
    assert response.status_code == 415 and "application/octet-stream" in response.json["rule"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"other": (io.BytesIO(SHORT), "a.wav")}, "there is no field 'file'"), ({}, "no f")],
)
def test_a_form_without_the_file_is_refused_in_words(programs: Programs, fields: dict[str, Any], words: str) -> None:
    response = programs.form("/classify", **fields)
    assert response.status_code == 400 and words in response.json["detail"]


def test_nothing_of_an_answered_file_stays(programs: Programs, disk: Path) -> None:
    assert programs.post("/classify", SHORT).status_code == 200
    assert programs.outcome(programs.post("/classify?wait=false", SHORT))["state"] == "done"
    until(lambda: files_in(disk) == [], "the file is removed")


# ---- jobs ------------------------------------------------------------------------------------------------------------


def test_a_long_file_is_a_job_whose_answer_is_that_of_a_short_one(programs: Programs) -> None:
    done = programs.outcome(programs.post("/classify?name=Long.wav&top=1", LONG))
    assert done["state"] == "done" and done["problem"] is None
    assert done["title"] == "Long.wav"
    assert done["progress_seconds"] == done["total_seconds"] == SHORT_SECONDS + 10.0
    answer = TrackAnswer.model_validate(done["answer"])
    assert answer.title == "Long" and answer.labels[0].label == "loud" and len(answer.labels) == 1


def test_a_program_need_not_wait_for_a_short_file_either(programs: Programs) -> None:
    at_once = programs.post("/classify?name=a.wav&windows=true", SHORT).json
    done = programs.outcome(programs.post("/classify?name=a.wav&windows=true&wait=false", SHORT))
    assert done["answer"] == at_once


def test_a_running_job_tells_how_far_it_is_and_stops_when_it_is_deleted(disk: Path) -> None:
    network = SlowNetwork()
    programs = Programs(small_studio(SmallLibrary(loudness=LoudnessClassifier(network=network))))
    try:
        identifier = programs.post("/classify", LONG).json["id"]
        assert network.asked.wait(20)
        running = programs.job(identifier)
        assert running["state"] == "running" and running["answer"] is None
        assert 0.0 < running["progress_seconds"] < running["total_seconds"]
        second = programs.post("/classify", LONG).json["id"]
        assert programs.job(second)["state"] == "queued"
        assert programs.client.get(f"/api/v1/jobs/{second}").headers["Retry-After"]
        for each in (identifier, second):
            assert programs.client.delete(f"/api/v1/jobs/{each}").status_code == 204
            assert programs.client.get(f"/api/v1/jobs/{each}").status_code == 404
            assert programs.client.delete(f"/api/v1/jobs/{each}").status_code == 404
        network.may_answer.set()
        until(lambda: files_in(disk) == [], "the files are removed")
        assert len(network.batches) <= 2
    finally:
        network.may_answer.set()
        programs.studio.stop()


def test_too_many_jobs_are_refused_before_the_file_is_taken_in() -> None:
    network = SlowNetwork()
    programs = Programs(small_studio(SmallLibrary(loudness=LoudnessClassifier(network=network))))
    try:
        assert programs.post("/classify?wait=false", SHORT).status_code == 202
        assert network.asked.wait(20)
        for _ in range(QUEUED):
            assert programs.post("/classify?wait=false", SHORT).status_code == 202
        for refused in (
            programs.post("/classify?wait=false", SHORT),
            programs.post("/classify", LONG),
            programs.link("http://radio.example/"),
        ):
            assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
            assert refused.json["detail"] == f"{QUEUED} jobs are waiting already"
    finally:
        network.may_answer.set()
        programs.studio.stop()


def test_short_files_beyond_those_that_are_being_answered_become_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.api.whole_tracks.PATIENCE_SECONDS", 0.05)
    network = SlowNetwork()
    programs = Programs(small_studio(SmallLibrary(loudness=LoudnessClassifier(network=network))))
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(programs.client.application.test_client().post("/api/v1/classify", data=SHORT).status_code)

    threads = [threading.Thread(target=ask) for _ in range(AT_ONCE + 1)]
    try:
        for thread in threads:
            thread.start()
        until(lambda: statuses == [202], "one of them is a job")
        network.may_answer.set()
        for thread in threads:
            thread.join(20)
        assert sorted(statuses) == [200] * AT_ONCE + [202]
    finally:
        network.may_answer.set()
        programs.studio.stop()


def upload(tracks: WholeTracks, data: bytes, **values: Any) -> Upload:
    kept = tracks.uploads.receive(io.BytesIO(data), filename="song.wav", length=len(data), owner=OWNER)
    return replace(kept, **values)


@pytest.mark.parametrize("said", [None, 5.0])
def test_a_file_that_does_not_say_or_lies_about_its_length_is_a_job_if_it_is_long(
    tracks: WholeTracks, said: float | None
) -> None:
    found = tracks.hear_upload(upload(tracks, sound(95.0, rate=2000), seconds=said), Wanted("loudness"), wait=True)
    assert isinstance(found, JobStatus)
    until(lambda: tracks.jobs.get(found.identifier).over, "the job is over")
    assert json.loads(tracks.jobs.get(found.identifier).answer or b"")["seconds"] == pytest.approx(95.0, abs=0.1)
    until(lambda: tracks.in_use() == set(), "the file is removed")


def test_a_file_that_never_ends_is_given_up(tracks: WholeTracks, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = upload(tracks, sound(95.0, rate=2000), seconds=5.0)
    tracks._studio.uploads.limits = replace(tracks._studio.uploads.limits, max_seconds=80.0)
    found = tracks.hear_upload(kept, Wanted("loudness"), wait=False)
    assert isinstance(found, JobStatus)
    until(lambda: tracks.jobs.get(found.identifier).over, "the job is over")
    problem = tracks.jobs.get(found.identifier).problem
    assert problem is not None and problem.what == "song.wav holds more sound than 80 s"


def test_a_network_that_cannot_be_loaded_is_the_answer() -> None:
    broken = LoudnessClassifier(loaded=False)
    broken.load_error = AssertionError("never mind")
    programs = Programs(small_studio(SmallLibrary(loudness=broken)))
    try:
        assert programs.post("/classify", SHORT).status_code == 500
        failed = programs.outcome(programs.post("/classify?wait=false", SHORT))
        assert failed["state"] == "failed" and failed["problem"]["status"] == 500
    finally:
        programs.studio.stop()


def test_when_the_studio_stops_jobs_end_in_words_and_their_files_go(disk: Path) -> None:
    network = SlowNetwork()
    programs = Programs(small_studio(SmallLibrary(loudness=LoudnessClassifier(network=network))))
    try:
        identifiers = [programs.post("/classify", LONG).json["id"] for _ in range(2)]
        assert network.asked.wait(20)
        ending = threading.Thread(target=programs.studio.stop)
        ending.start()
        until(lambda: programs.job(identifiers[1])["state"] == "failed", "the waiting one ends")
        network.may_answer.set()
        ending.join(20)
        for identifier in identifiers:
            problem = programs.job(identifier)["problem"]
            assert problem["status"] == 503 and "closed before the job was done" in problem["detail"]
        assert files_in(disk) == []
        assert programs.post("/classify", SHORT).status_code == 503
    finally:
        network.may_answer.set()
        programs.studio.stop()


# ---- links -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def reachable(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Links may lead to this machine."""
    found = Web(LinkPolicy(allow_private=True))
    monkeypatch.setattr(programs.studio, "web", lambda: found)
    return programs


def test_a_link_to_a_file_is_fetched_and_heard(reachable: Programs, web: LocalServer) -> None:
    web.routes["/music/Evening.wav"] = Page(SHORT, "audio/wav")
    done = reachable.outcome(reachable.link(web.url("/music/Evening.wav"), "/classify?top=1"))
    assert done["state"] == "done", done
    assert done["title"] == done["answer"]["title"]
    assert "Evening" in done["title"]
    assert done["answer"]["labels"][0]["label"] == "loud" and len(done["answer"]["labels"]) == 1
    assert done["total_seconds"] == pytest.approx(10.0)


def test_what_a_link_leads_to_may_be_no_sound_or_nothing(reachable: Programs, web: LocalServer) -> None:
    web.routes["/page"] = Page(b"<html><title>A page</title></html>", "text/html")
    for path in ("/page", "/nothing"):
        failed = reachable.outcome(reachable.link(web.url(path)))
        assert failed["state"] == "failed" and failed["answer"] is None
        assert failed["problem"]["status"] >= 400 and failed["problem"]["detail"]


def test_links_to_this_machine_are_refused_unless_that_was_asked_for(programs: Programs, web: LocalServer) -> None:
    failed = programs.outcome(programs.link(web.url("/song.wav")))
    assert failed["state"] == "failed" and failed["problem"]["status"] == 422
    assert web.connections == 0


def test_live_radio_cannot_be_heard_whole_and_the_next_step_is_a_session(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    radio = Playable("http://radio.example/", "Night radio", "stream", True)
    monkeypatch.setattr("stream.links.playable.find_playable", lambda url, web: radio)
    failed = programs.outcome(programs.link("http://radio.example/"))
    assert failed["problem"]["detail"] == "Night radio is live and has no end"
    assert "POST /api/v1/sessions" in failed["problem"]["next_step"]


def test_a_fetch_tells_how_much_has_come_and_stops_when_it_is_cancelled(reachable: Programs, web: LocalServer) -> None:
    gone = threading.Event()

    def drip(asked: Any) -> None:
        head = Page(SHORT, "audio/wav").head().replace(str(len(SHORT)).encode(), b"400000000")
        asked.send(head + SHORT)
        while asked.send(bytes(65536)) and not asked.closing.wait(0.01):
            pass
        gone.set()

    web.routes["/endless.wav"] = drip
    identifier = reachable.link(web.url("/endless.wav")).json["id"]
    until(lambda: "fetching: " in reachable.job(identifier)["detail"], "it is being fetched")
    assert reachable.job(identifier)["detail"].endswith(" of 400 MB")
    assert reachable.client.delete(f"/api/v1/jobs/{identifier}").status_code == 204
    assert gone.wait(20)


def test_no_room_on_the_disk_ends_a_fetch(
    reachable: Programs, web: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.routes["/song.wav"] = Page(SHORT, "audio/wav")
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("dashboard.uploads.shutil.disk_usage", lambda folder: usage)
    failed = reachable.outcome(reachable.link(web.url("/song.wav")))
    assert failed["problem"]["status"] == 507 and "there is no room" in failed["problem"]["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"http://a.example"',
        b"null",
        b"{}",
        b'{"url": null}',
        b'{"url": 5}',
        b'{"url": ""}',
        b'{"url": "song.mp3"}',
        b'{"url": "file:///etc/passwd"}',
        b'{"url": "ftp://a.example/song.mp3"}',
        b'{"url": "http://a.example/ b"}',
        b'{"url": "http://a.example/", "more": 1}',
        b'{"url": "http://a.example/' + b"x" * 3000 + b'"}',
        b'{"url": "http://\xff\xfe/"}',
    ],
)
def test_what_is_no_link_is_refused_at_once(programs: Programs, body: bytes) -> None:
    response = programs.post("/classify", body, Content_Type="application/json")
    assert response.status_code == 422 and response.mimetype == "application/problem+json"
    assert response.json["mistakes"]


def test_a_link_that_is_endless_is_not_read(programs: Programs) -> None:
    response = programs.post("/classify", b'{"url": "' + b"x" * 100_000, Content_Type="application/json")
    assert response.status_code == 413


# ---- over the network ------------------------------------------------------------------------------------------------


@contextmanager
def connected(studio: Studio) -> Iterator[http.client.HTTPConnection]:
    with served(studio) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        yield connection
        connection.close()


def spoken(
    connection: http.client.HTTPConnection, *, length: int | str | None, body: bytes, **headers: str
) -> tuple[int, Any]:
    """Send a request by hand; the status and the JSON of the answer."""
    connection.putrequest("POST", "/api/v1/classify?name=song.wav")
    if length is not None:
        connection.putheader("Content-Length", str(length))
    for name, value in {**OCTETS, **_named(headers)}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


@pytest.mark.parametrize("form", [False, True])
def test_sound_comes_over_the_network_in_both_ways(studio: Studio, form: bool) -> None:
    body, kind = _form(SHORT) if form else (SHORT, "audio/wav")
    with connected(studio) as connection:
        for _ in range(2):  # the connection may be used again
            status, answer = spoken(connection, length=len(body), body=body, Content_Type=kind)
            assert status == 200 and answer["labels"][0]["label"] == "loud"


def _form(data: bytes) -> tuple[bytes, str]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="song.wav"\r\n\r\n'
    return head + data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


@pytest.mark.parametrize("kind", ["audio/wav", "multipart/form-data; boundary=b"])
@pytest.mark.parametrize(
    ("length", "status", "words"),
    [(10**12, 413, "song.wav is too large (1000000 MB)"), (None, 411, "came without its length")],
)
def test_bodies_that_are_too_large_or_of_no_length_are_refused_before_they_come(
    studio: Studio, kind: str, length: int | None, status: int, words: str
) -> None:
    with connected(studio) as connection:
        answered, problem = spoken(connection, length=length, body=b"", Content_Type=kind)
        assert answered == status and words in problem["detail"]


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("audio/wav", 400, "song.wav is empty"),
        ("multipart/form-data; boundary=b", 400, "song.wav did not arrive whole"),
        ("application/json", 422, "Invalid JSON"),
    ],
)
def test_an_empty_body_is_refused_in_words(studio: Studio, kind: str, status: int, words: str) -> None:
    with connected(studio) as connection:
        answered, problem = spoken(connection, length=0, body=b"", Content_Type=kind)
        assert answered == status and words in problem["detail"]


@pytest.mark.parametrize("form", [False, True])
def test_a_sender_that_stands_still_is_given_up(studio: Studio, form: bool) -> None:
    studio.uploads.limits = replace(studio.uploads.limits, patience_seconds=0.3)
    body, kind = _form(SHORT) if form else (SHORT, "audio/wav")
    with connected(studio) as connection:
        status, problem = spoken(connection, length=500_000, body=body[:20_000], Content_Type=kind)
        assert status == 408 and "song.wav came too slowly" in problem["detail"]


# ---- the real thing --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[Programs]:
    studio = small_studio(Library(), model="genres")
    yield Programs(studio)
    studio.stop()


CLIP = SAMPLE_FOLDER / "metal_chaos-god.opus"


def test_programs_get_the_answer_of_the_command_line(real: Programs) -> None:
    done = run("classify", CLIP, "--format", "json", "--cpu")
    assert done.returncode == 0, done.stderr
    (track,) = json.loads(done.stdout)["tracks"]
    assert track.pop("file") == str(CLIP)
    response = real.post(f"/classify?windows=true&name={CLIP.name}", CLIP.read_bytes())
    assert response.status_code == 200 and response.json == track
    assert track["labels"][0]["label"] == "metal" and track["model"]["version"]
    assert TrackAnswer.model_validate_json(response.data).windows


def test_a_job_gives_the_answer_that_is_given_at_once(real: Programs) -> None:
    at_once = real.post(f"/classify?windows=true&name={CLIP.name}", CLIP.read_bytes()).json
    job = real.outcome(real.form("/classify?windows=true&wait=false", file=(io.BytesIO(CLIP.read_bytes()), CLIP.name)))
    assert job["answer"] == at_once


def test_a_track_that_is_heard_in_other_batches_is_heard_the_same(
    real: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = real.studio.classifier("genres")
    classifier.load()
    heard = {}
    for size in (1, 16):
        monkeypatch.setattr("stream.offline.BATCH", size)
        heard[size] = hear_file(CLIP, classifier, real.studio.settings).windows
    for one, many in zip(heard[1], heard[16], strict=True):
        assert one.verdict is many.verdict
        np.testing.assert_allclose(one.probabilities, many.probabilities, atol=1e-5)
