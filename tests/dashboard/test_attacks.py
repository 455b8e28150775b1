"""What is done to a genrescope that the network can reach, over a real socket. docs/security.md is the list of it."""

from __future__ import annotations

import ast
import json
import re
import socket
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import soundfile

from dashboard.access import Access
from dashboard.app import create_app
from dashboard.guests import OWN_STAGES
from dashboard.server import PageServer, ServerLimits
from dashboard.studio import Studio
from model.library import Library
from tests.commands import PROJECT
from tests.dashboard.api.small_studio import SmallLibrary, small_studio
from tests.dashboard.conftest import until
from tests.sounds import tone

TOKEN = "the-password-of-this-test"
EVIL = "http://evil.example"
API = "/api/v1"
SECRET = "root:x:0:0"
"""How /etc/passwd begins: where this is in an answer, a file was given away."""
SOURCE_CODE = "from __future__ import"


class Answer:
    """An answer, whole."""

    def __init__(self, data: bytes) -> None:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.raw = data
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/1.1 ") else 0
        self.headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        self.body = _joined(rest) if self.header("transfer-encoding") == "chunked" else rest

    def header(self, name: str) -> str:
        return ", ".join(value for each, value in self.headers if each == name)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def _joined(chunks: bytes) -> bytes:
    body = b""
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size or b"0", 16)
        body, chunks = body + chunks[:length], chunks[length + 2 :]
    return body


class Target:
    """A running genrescope, as somebody out there sees it."""

    def __init__(self, server: PageServer, studio: Studio) -> None:
        self.server = server
        self.studio = studio
        self.host = f"127.0.0.1:{server.port}"

    def say(self, data: bytes) -> Answer:
        """Send these bytes, and take the answer, or what comes until the end of the connection."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20.0) as connection:
            try:
                connection.sendall(data)
                while not _is_whole(answer) and (piece := connection.recv(65536)):
                    answer += piece
            except ConnectionError:
                pass
        return Answer(answer)

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        host: str | None = None,
    ) -> Answer:
        """A request; the path goes out as it stands, and a body that is no bytes as JSON."""
        sent = {"Host": self.host if host is None else host, "Connection": "close"}
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
            sent |= {"Content-Type": kind, "Content-Length": str(len(data))}
        elif method != "GET":
            sent["Content-Length"] = "0"
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in {**sent, **(headers or {})}.items()),
        ]
        return self.say("\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + data)

    def command(self, **order: Any) -> str:
        """What the page has to say about a command."""
        return str(self.ask("/command", "POST", order).json["notice"])

    def own_stage(self) -> str:
        return str(self.ask("/stage", "POST").json["stage"])

    def alive(self) -> bool:
        return self.ask(f"{API}/health/live").status == 200 and self.ask("/live").status == 200


@contextmanager
def target(
    access: Access | None = None, *, limits: ServerLimits | None = None, library: Library | None = None
) -> Iterator[Target]:
    studio = small_studio(library)
    server = PageServer("127.0.0.1", 0, limits)
    try:
        studio.start()
        server.serve(create_app(studio, access).server)
        yield Target(server, studio)
    finally:
        server.stop()
        studio.stop()


@pytest.fixture(scope="module")
def shared() -> Iterator[Target]:
    """On this machine, without a password."""
    with target() as running:
        yield running


@pytest.fixture
def here(shared: Target, caplog: pytest.LogCaptureFixture) -> Iterator[Target]:
    """After every attack it works as before, and nothing was reported to the terminal."""
    yield shared
    assert shared.alive()
    assert [record.getMessage() for record in caplog.get_records("call")] == []


@pytest.fixture
def fenced() -> Iterator[Target]:
    """Demands a password."""
    with target(Access(TOKEN)) as running:
        yield running


def wav(seconds: float = 0.5, rate: int = 8000) -> bytes:
    file = BytesIO()
    soundfile.write(file, tone(seconds, rate, channels=1), rate, format="WAV")
    return file.getvalue()


WAV = wav()


def form(filename: str, data: bytes = WAV, field: str = "file") -> tuple[bytes, dict[str, str]]:
    """A form with a file, and its content type."""
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n\r\n'
    return head.encode() + data + b"\r\n--edge--\r\n", {"Content-Type": "multipart/form-data; boundary=edge"}


def is_problem(answer: Answer) -> bool:
    """Whether it is a refusal in the words of RFC 9457."""
    said = answer.json if answer.header("content-type").startswith("application/problem+json") else {}
    return 400 <= answer.status < 500 and said.get("status") == answer.status and bool(said.get("detail"))


# ---- paths -----------------------------------------------------------------------------------------------------------

WAYS_OUT = [
    "../setup.cfg",
    "..%2fsetup.cfg",
    "%2e%2e/setup.cfg",
    "%2e%2e%2fsetup.cfg",
    "..%5csetup.cfg",
    "....//setup.cfg",
    "%252e%252e%252fsetup.cfg",
    "..%c0%afsetup.cfg",
    "../../../../../../etc/passwd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "style.css/../../dashboard/access.py",
    "style.css%00.html",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("prefix", ["/assets/", "/_dash-component-suites/dash/", "/", "//", f"{API}/", f"{API}/docs/"])
@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_address_leads_out_of_the_folder_of_the_page(here: Target, prefix: str, way: str) -> None:
    answer = here.ask(prefix + way)
    assert answer.status < 500
    for given_away in (SECRET, SOURCE_CODE, "[metadata]"):
        assert given_away not in answer.text


@pytest.mark.parametrize(
    "identifier", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "main%00", "main%2f..%2fmain", "x" * 5000, "*"]
)
@pytest.mark.parametrize("rest", ["", "/results", "/segments", "/summary", "/export.csv", "/events", "/pause"])
def test_no_session_id_is_a_path(here: Target, identifier: str, rest: str) -> None:
    method = "POST" if rest == "/pause" else "GET"
    answer = here.ask(f"{API}/sessions/{identifier}{rest}", method)
    assert answer.status in (404, 405, 422) and is_problem(answer) and SECRET not in answer.text
    answer = here.ask(f"/export/{identifier}/csv")
    assert answer.status == 404 or answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    "name", ["../../../../etc/passwd", "/etc/passwd", "C:\\Windows\\win.ini", "\0", "mix/../mix", ".."]
)
@pytest.mark.parametrize("kind", ["sample", "file", "device"])
def test_no_name_of_a_source_is_a_path(here: Target, kind: str, name: str) -> None:
    field = "id" if kind == "file" else "name"
    answer = here.ask(f"{API}/sessions", "POST", {"source": {"kind": kind, field: name}})
    assert answer.status in (404, 409, 422) and is_problem(answer)
    for key in (f"{kind}:{name}", f"upload:{name}", name):
        assert here.command(do="source", stage="main", key=key) != ""
    assert here.studio.main.source_key == ""


@pytest.mark.parametrize("name", ["../loudness", "{folder}", "{folder}/../bundle", "./bundle", "/etc", "\0", ""])
def test_no_name_of_a_model_is_a_path(tmp_path: Path, name: str) -> None:
    # A folder that the command line would take.
    bundle = next(path for path in (PROJECT / "model" / "bundles").iterdir() if path.is_dir())
    (tmp_path / "bundle").symlink_to(bundle)
    name = name.format(folder=tmp_path / "bundle")

    class WithFolders(SmallLibrary):
        def open(self, name_or_path: str | Path, *, device: Any = "auto") -> Any:
            assert name_or_path in self.names(), "a folder was looked into"
            return super().open(name_or_path, device=device)

    with target(library=WithFolders()) as here:
        before = here.studio.main.model
        answers = [
            here.ask(f"{API}/classify?model={quote(name)}", "POST", WAV),
            here.ask(f"{API}/sessions", "POST", {"source": {"kind": "audio"}, "model": name}),
            here.ask(f"{API}/sessions/main", "PATCH", {"model": name}),
        ]
        for answer in answers[0 if name else 1 :]:
            assert answer.status in (404, 409, 422) and is_problem(answer)
        for order in ("model", "second"):
            here.command(do=order, name=name)
        assert here.studio.main.model == before and here.studio.main.second_model in ("", None)


@pytest.mark.parametrize(
    "name", ["../../../../tmp/owned.wav", "/etc/cron.d/owned", "..\\owned.wav", "a\0b.wav", "x" * 900]
)
def test_no_name_of_an_upload_is_a_path(here: Target, name: str) -> None:
    stage = here.own_stage()
    answers = [here.ask(f"/upload?stage={stage}&name={quote(name)}", "POST", WAV)]
    answers.append(here.ask(f"{API}/files?name={quote(name)}", "POST", WAV))
    body, headers = form(name.replace("\0", ""))
    answers.append(here.ask(f"{API}/files", "POST", body, headers))
    assert [answer.status for answer in answers] == [200, 201, 201]
    for upload in [*here.studio.uploads.of(stage), *here.studio.uploads.of("api")]:
        assert re.fullmatch(r"[0-9a-f]{24}", upload.path.stem) and upload.path.parent.name.startswith("genrescope-")
        assert "/" not in upload.title and "\\" not in upload.title
    for upload in here.ask(f"{API}/files").json["files"]:
        here.ask(f"{API}/files/{upload['id']}", "DELETE")
    here.ask("/leave", "POST", {"stage": stage})
    assert not Path("/tmp/owned.wav").exists() and not Path("/etc/cron.d/owned").exists()


@pytest.mark.parametrize("track", ["-1", "0%00", "..%2f0", "999999999999999999999", "1e3", "0/../../../../etc/passwd"])
def test_no_number_of_a_track_is_a_path(here: Target, track: str) -> None:
    answer = here.ask(f"/audio/main/{track}")
    assert answer.status == 404 or answer.text.startswith("<!doctype html>")
    assert SECRET not in answer.text


# ---- files that are sent ---------------------------------------------------------------------------------------------


def both_doors(here: Target, data: bytes, name: str = "song.wav") -> list[Answer]:
    """The page's upload and the two of the interface."""
    stage = here.own_stage()
    answers = [here.ask(f"/upload?stage={stage}&name={quote(name)}", "POST", data)]
    answers += [here.ask(f"{API}/{path}?name={quote(name)}", "POST", data) for path in ("files", "classify")]
    assert here.studio.uploads.of(stage) == []
    here.studio.close_stage(stage)
    return answers


def zipped(content: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.wav", content)
    return file.getvalue()


def wav_of(rate: int, frames: int, channels: int = 1, claimed: int | None = None) -> bytes:
    """A WAV file of zeros; `claimed` frames according to its header."""
    data = bytes(2 * channels * frames)
    said = len(data) if claimed is None else 2 * channels * claimed
    frame = 2 * channels & 0xFFFF
    layout = struct.pack("<HHIIHH", 1, channels, rate, rate * frame & 0xFFFFFFFF, frame, 16)
    head = b"RIFF" + struct.pack("<I", min(36 + said, 2**32 - 1)) + b"WAVEfmt " + struct.pack("<I", 16) + layout
    return head + b"data" + struct.pack("<I", min(said, 2**32 - 1)) + data


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (zipped(bytes(50_000_000)), 415),
        (b"\x1f\x8b\x08\x00" + bytes(1000), 415),
        (b"<html><script>alert(1)</script></html>" * 50, 415),
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415),
        (b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", 415),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", 415),
        (b"[playlist]\nFile1=file:///etc/passwd\n", 415),
        (b"\x7fELF" + bytes(1000), 415),
        (b"MZ" + bytes(1000), 415),
        (b"RIFF\xff\xff\xff\xffWAVE" + bytes(2000), 415),
        (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(100), 415),
        (b"", 400),
    ],
)
def test_what_is_no_sound_is_refused_whatever_it_is_called(here: Target, data: bytes, status: int) -> None:
    for answer in both_doors(here, data, "song.mp3"):
        assert answer.status == status
        assert SECRET not in answer.text and "genrescope-" not in answer.text


def test_sound_that_goes_on_for_years_is_refused(here: Target) -> None:
    for answer in both_doors(here, wav_of(rate=1, frames=300_000)):
        assert answer.status == 413 and "6 hours" in answer.text


def test_a_header_that_promises_years_costs_no_more_than_what_there_is(here: Target) -> None:
    answer = here.ask(f"{API}/classify", "POST", wav_of(rate=8000, frames=32_000, claimed=2**31 - 1))
    assert answer.status == 200 and answer.json["seconds"] == 4.0


def test_a_small_file_that_unpacks_to_days_of_silence_is_refused(here: Target) -> None:
    file = BytesIO()
    with soundfile.SoundFile(file, "w", 8000, 1, format="FLAC", subtype="PCM_16") as packed:
        hour = np.zeros(3600 * 8000, np.int16)
        for _ in range(7):
            packed.write(hour)
    bomb = file.getvalue()
    assert len(bomb) < 1_000_000
    for answer in both_doors(here, bomb, "silence.flac"):
        assert answer.status == 413 and "6 hours" in answer.text


@pytest.mark.parametrize(("rate", "channels"), [(2**31, 1), (44100, 60000), (768_001, 2)])
def test_a_header_that_would_fill_the_memory_is_refused(here: Target, rate: int, channels: int) -> None:
    for answer in both_doors(here, wav_of(rate=rate, frames=8, channels=channels)):
        assert answer.status == 415


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_compressed_body_is_not_unpacked(here: Target, encoding: str) -> None:
    import gzip

    bomb = gzip.compress(bytes(20_000_000))
    for path in (f"{API}/files", f"{API}/classify", "/upload?stage=main"):
        assert here.ask(path, "POST", bomb, {"Content-Encoding": encoding}).status == 415
    order = gzip.compress(b'{"source": {"kind": "audio"}}')
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    assert here.ask(f"{API}/sessions", "POST", order, headers).status in (400, 415, 422)


def test_a_body_larger_than_any_limit_is_refused_before_it_is_sent(here: Target) -> None:
    for path in (f"{API}/files", f"{API}/classify", "/upload?stage=main"):
        head = f"POST {path} HTTP/1.1\r\nHost: {here.host}\r\nConnection: close\r\n"
        kind = "Content-Type: application/octet-stream\r\n"
        assert here.say(f"{head}{kind}Content-Length: {10**12}\r\n\r\n".encode()).status == 413
    for path in (f"{API}/sessions", f"{API}/sessions/main/seek"):
        head = f"POST {path} HTTP/1.1\r\nHost: {here.host}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        assert here.say(f"{head}Content-Length: {10**9}\r\n\r\n".encode()).status == 413


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/zip", "image/svg+xml", "x" * 500])
def test_a_body_of_a_wrong_kind_is_refused(here: Target, kind: str) -> None:
    for path in ("classify", "files"):
        assert here.ask(f"{API}/{path}", "POST", WAV, {"Content-Type": kind}).status == 415
    order = b'{"source": {"kind": "audio"}}'
    assert here.ask(f"{API}/sessions", "POST", order, {"Content-Type": kind}).status in (400, 415)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--edge--\r\n",
        b"--edge\r\n",
        b"--edge\r\n\r\n\r\n",
        b'--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + bytes(1000),
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n' + b"X: y\r\n" * 5000 + b"\r\n",
        b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 2000 + b"--edge--\r\n",
        b'--edge\r\nContent-Disposition: form-data; name="' + b"x" * 100_000,
        b"\r\n" * 100_000,
    ],
)
def test_a_form_that_is_none_is_refused(here: Target, body: bytes) -> None:
    for boundary in ("edge", "", "x" * 300, '"', "ä"):
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        for path in ("files", "classify"):
            answer = here.ask(f"{API}/{path}", "POST", body, headers)
            assert answer.status in (400, 413, 415) and is_problem(answer)


def test_an_upload_that_is_slow_is_given_up_at_every_door() -> None:
    with target() as here:
        here.studio.uploads.limits = replace(here.studio.uploads.limits, patience_seconds=0.3)
        stage = here.own_stage()
        for path in (f"/upload?stage={stage}&name=a.wav", f"{API}/files"):
            head = f"POST {path} HTTP/1.1\r\nHost: {here.host}\r\nContent-Type: audio/wav\r\nConnection: close\r\n"
            answer = here.say(f"{head}Content-Length: 500000\r\n\r\n".encode() + WAV)
            assert answer.status == 408
        assert here.studio.uploads.of(stage) == here.studio.uploads.of("api") == []


def test_an_upload_is_never_shown_as_a_page(here: Target) -> None:
    stage = here.own_stage()
    page = b"<html><script>alert(document.domain)</script></html>"
    polyglot = WAV + b"LIST" + struct.pack("<I", len(page)) + page
    sent = here.ask(f"/upload?stage={stage}&name=evil.html", "POST", polyglot)
    assert sent.status == 200
    assert here.command(do="source", stage=stage, key=sent.json["key"]) == ""
    answer = here.ask(f"/audio/{stage}/0")
    assert answer.status == 200 and answer.body == polyglot
    assert answer.header("content-type").split(";")[0] in ("application/octet-stream", "audio/x-wav", "audio/wav")
    assert answer.header("x-content-type-options") == "nosniff"
    assert "script-src 'self'" in answer.header("content-security-policy")
    here.studio.close_stage(stage)


def test_nobody_gets_at_the_uploads_of_others(here: Target) -> None:
    mine, other = here.own_stage(), here.own_stage()
    key = here.ask(f"/upload?stage={mine}&name=mine.wav", "POST", WAV).json["key"]
    assert "no such uploaded file" in here.command(do="source", stage=other, key=key)
    identifier = key.partition(":")[2]
    assert here.ask(f"{API}/sessions", "POST", {"source": {"kind": "file", "id": identifier}}).status in (404, 409, 422)
    assert here.ask(f"{API}/files/{identifier}", "DELETE").status == 404
    assert identifier not in here.ask(f"{API}/files").text
    assert len(here.studio.uploads.of(mine)) == 1
    for stage in (mine, other):
        here.studio.close_stage(stage)


def test_sessions_of_pages_are_named_to_nobody(here: Target) -> None:
    stage = here.own_stage()
    for path in (f"{API}/sessions", f"{API}/health", f"{API}/metrics", "/live", "/sources"):
        answer = here.ask(path)
        assert answer.status == 200 and stage not in answer.text
    assert len(stage) >= 16
    here.studio.close_stage(stage)


# ---- links -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret_service() -> Iterator[tuple[int, list[bytes]]]:
    """Something on this machine that is nobody's business; notes who comes."""
    visits: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    visits.append(connection.recv(1000))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], visits
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://LOCALHOST.:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f000001:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://127.1:{port}/",
        "http://user@127.0.0.1:{port}/",
        "http://good.example@127.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/_x",
        "concat:/etc/passwd|/etc/hosts",
        "subfile,,start,0,end,100,,:/etc/passwd",
        "data:audio/wav;base64,UklGRg==",
        "http://127.0.0.1:{port}/\r\nX-Injected: yes",
        "-i /etc/passwd",
        "http://",
        "//127.0.0.1:{port}/",
    ],
)
def test_links_into_this_machine_are_refused_at_every_door(
    here: Target, secret_service: tuple[int, list[bytes]], link: str
) -> None:
    port, visits = secret_service
    url = link.format(port=port)
    stage = here.own_stage()
    begun = here.ask(f"{API}/sessions", "POST", {"source": {"kind": "link", "url": url}})
    job = here.ask(f"{API}/classify", "POST", {"url": url})
    here.command(do="source", stage=stage, key=f"link:{url}")
    assert begun.status == 201 or is_problem(begun)
    assert job.status == 202 or is_problem(job)
    # What is not refused at once is refused when the name has been looked up, and says so.
    if begun.status == 201:
        path = begun.header("location")
        until(lambda: here.ask(path).json["state"] in ("failed", "ended"), "the session to give up")
        assert SECRET not in here.ask(path).text
        here.ask(path, "DELETE")
    if job.status == 202:
        path = job.header("location")
        until(lambda: here.ask(path).json["state"] == "failed", "the job to give up")
        assert SECRET not in here.ask(path).text
        here.ask(path, "DELETE")
    here.studio.close_stage(stage)
    assert visits == []


# ---- the password ----------------------------------------------------------------------------------------------------

FORGERIES: list[dict[str, str]] = [
    {},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN.upper()}"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": f"Bearer  {TOKEN}, Bearer {TOKEN}"},
    {"Authorization": "Bearer " + "x" * 20_000},
    {"Authorization": "Bearer \xff\xfe"},
    {"Cookie": f"genrescope={TOKEN}"},
    {"Cookie": f"token={TOKEN}"},
    {"X-Auth-Token": TOKEN},
    {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1;host=localhost"},
    {"X-Original-URL": f"{API}/health/live", "X-Rewrite-URL": f"{API}/health/live"},
]


@pytest.mark.parametrize("headers", FORGERIES)
def test_a_forged_or_cut_or_misplaced_password_opens_nothing(fenced: Target, headers: dict[str, str]) -> None:
    for path in ("/", "/live", f"{API}/sessions"):
        answer = fenced.ask(path, headers=headers)
        assert answer.status in (401, 429), path
        assert "set-cookie" not in dict(answer.headers) and TOKEN not in answer.text
    cookie = {"Cookie": f"genrescope_{fenced.server.port}={TOKEN}"}
    assert fenced.ask("/live", headers=cookie).status == 401, "the cookie is not the password"
    assert fenced.ask("/live", headers={"Authorization": f"Bearer {TOKEN}"}).status in (200, 429)


def rules(studio: Studio, access: Access) -> Iterator[tuple[str, str, bool]]:
    """Method and path of everything there is, and whether it is a websocket."""
    from dashboard.api.application import create_api

    for application in (create_app(studio, access).server, create_api(studio, access)):
        for rule in application.url_map.iter_rules():
            path = re.sub(r"<(?:[^<>:]*:)?([^<>]*)>", lambda found: "0" if "track" in found[1] else "main", rule.rule)
            for method in sorted(rule.methods or {"GET"}):
                yield method, path, rule.websocket


OPEN = (f"{API}/health/live", f"{API}/health/ready")


def test_nothing_at_all_is_open_without_the_password(fenced: Target) -> None:
    tried = 0
    for method, path, is_socket in rules(fenced.studio, Access(TOKEN)):
        headers = dict(UPGRADE) if is_socket else {}
        if path in OPEN and method in ("GET", "HEAD"):
            continue
        assert fenced.ask(path, method, headers=headers).status == 401, (method, path)
        tried += 1
    assert tried > 40


def test_guessing_is_slowed_down(fenced: Target) -> None:
    statuses = [fenced.ask("/live", headers={"Authorization": f"Bearer guess-{n}"}).status for n in range(30)]
    assert statuses[:5] == [401] * 5 and statuses.count(429) >= 20
    refused = fenced.ask(f"{API}/models", headers={"Authorization": f"Bearer {TOKEN}"})
    assert refused.status == 429 and int(refused.header("retry-after")) >= 1 and is_problem(refused)


def test_the_password_gets_into_no_log_no_answer_and_no_referrer(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    with target(Access(TOKEN)) as fenced:

        def fail(*_: Any) -> None:
            raise RuntimeError("made to fail")

        monkeypatch.setattr(fenced.studio, "kept_stages", fail)
        monkeypatch.setattr(fenced.studio, "choices", fail)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for path in ("/", "/live", "/sources", f"{API}/sessions", "/nothing", f"{API}/nothing", f"{API}/docs"):
            for answer in (fenced.ask(f"{path}?token={TOKEN}"), fenced.ask(path, headers=headers)):
                assert TOKEN.encode() not in answer.raw
                assert answer.header("referrer-policy") == "no-referrer"
        fenced.say(f"GET /?token={TOKEN} HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n".encode())
        fenced.say(f"GET /?token={TOKEN} HTTP/9.9\r\n\r\n".encode())
    printed = "".join(capfd.readouterr()) + caplog.text
    assert "made to fail" in printed
    assert TOKEN not in printed


def test_the_password_leaves_the_address_bar(look: Callable[..., Any]) -> None:
    with target(Access(TOKEN)) as fenced:
        viewer = look(f"http://127.0.0.1:{fenced.server.port}/?token={TOKEN}")
        viewer.until("!location.href.includes('token')")
        assert TOKEN not in viewer.value("document.documentElement.outerHTML + document.cookie + document.referrer")
        assert viewer.value("genrescope.answer !== null"), "the cookie has taken its place"


# ---- other sites -----------------------------------------------------------------------------------------------------

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}
ELSEWHERE = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Origin": "http://127.0.0.1.evil.example"},
]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_no_command_is_taken_from_another_site(here: Target, headers: dict[str, str]) -> None:
    tried = 0
    for method, path, is_socket in rules(here.studio, Access()):
        if method not in ("GET", "HEAD", "OPTIONS") and not is_socket:
            # As a form of another site would send it, without asking first.
            sent = {"Content-Type": "text/plain", **headers}
            answer = here.ask(path, method, b'{"do": "source", "key": "sample:mix"}', sent)
            assert answer.status == 403, (method, path)
            tried += 1
    assert tried > 10
    assert here.studio.main.source_key == "" and here.studio.kept_stages() == [here.studio.main]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_no_socket_and_no_stream_is_opened_for_another_site(here: Target, headers: dict[str, str]) -> None:
    for path in ("/microphone?stage=main", f"{API}/sessions/main/audio"):
        assert here.ask(path, headers={**UPGRADE, **headers}).status == 403, path
    events = here.ask(f"{API}/sessions/main/events", headers={"Accept": "text/event-stream", **headers})
    assert events.status == 403


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.1"])
def test_a_name_that_was_turned_to_this_machine_is_refused(here: Target, name: str) -> None:
    host = f"{name}:{here.server.port}"
    for path in ("/", "/live", "/audio/main/0", f"{API}/sessions", f"{API}/health/live", f"{API}/sessions/main/events"):
        answer = here.ask(path, host=host)
        assert answer.status == 403 and "predictions" not in answer.text
    same = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert here.ask(f"{API}/sessions", "POST", {"source": {"kind": "audio"}}, same, host=host).status == 403
    assert here.ask("/microphone?stage=main", headers={**UPGRADE, **same}, host=host).status == 403


@pytest.mark.parametrize(
    "host", ["", "[", "[::1", "127.0.0.1:99999", "127.0.0.1@evil.example", "127.0.0.1#evil", "a b", "ä"]
)
def test_a_host_that_is_none_does_no_harm(here: Target, fenced: Target, host: str) -> None:
    for path in ("/live", f"{API}/models"):
        assert here.ask(path, host=host).status in (200, 400, 403)
        assert fenced.ask(f"{path}?token={TOKEN}", host=host).status in (200, 400)
    assert here.ask("http://evil.example/live", host=here.host).status in (200, 400, 403, 404)
    without = here.say(b"GET /live HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert without.status in (400, 403)


def test_nothing_can_be_put_into_a_frame_or_be_read_across(here: Target) -> None:
    for path in ("/", "/live", "/nothing", f"{API}/docs", f"{API}/overlay", f"{API}/models", f"{API}/nothing"):
        answer = here.ask(path)
        assert answer.header("x-frame-options") == "DENY", path
        assert "frame-ancestors 'none'" in answer.header("content-security-policy"), path
        assert "unsafe-eval" not in answer.header("content-security-policy")
        assert answer.header("cross-origin-resource-policy") == "same-origin"
        assert answer.header("x-content-type-options") == "nosniff"
        assert not [name for name, _ in answer.headers if name.startswith("access-control-")]


def test_other_sites_may_not_even_ask_unless_they_are_named(here: Target) -> None:
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "DELETE"}
    for path in ("/command", f"{API}/sessions", f"{API}/sessions/main"):
        answer = here.ask(path, "OPTIONS", headers=asked)
        assert answer.status == 403 and "access-control-allow-origin" not in dict(answer.headers)


# ---- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "poison", ["a%0d%0aSet-Cookie:%20owned=1", "a%0aX-Owned:%201", "%0d%0a%0d%0a<script>", "a\u2028b"]
)
def test_nothing_that_is_asked_gets_into_a_header(here: Target, poison: str) -> None:
    poison = quote(poison, safe="%")
    stage = here.own_stage()
    answers = [
        here.ask(f"{path}{poison}") for path in ("/live?stage=", "/sources?stage=", f"{API}/sessions/", "/", "/export/")
    ]
    answers.append(here.ask(f"/upload?stage={stage}&name={poison}.wav", "POST", WAV))
    answers.append(here.ask(f"{API}/files?name={poison}", "POST", WAV))
    answers.append(here.ask(f"{API}/sessions/{poison}", "DELETE"))
    for answer in answers:
        assert answer.status < 500
        names = dict(answer.headers)
        assert "x-owned" not in names and "owned" not in answer.header("set-cookie")
    here.studio.close_stage(stage)


def test_no_proxy_keeps_what_was_heard(fenced: Target) -> None:
    mine = {"Authorization": f"Bearer {TOKEN}"}
    for path in (
        "/",
        "/live",
        "/sources",
        f"{API}/sessions",
        f"{API}/models",
        f"{API}/sessions/main/summary",
        "/replay",
    ):
        for answer in (fenced.ask(path, headers=mine), fenced.ask(path)):
            kept = answer.header("cache-control")
            assert "no-store" in kept or "private" in kept, path
            assert "public" not in kept


def test_an_error_inside_is_told_without_its_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with target() as here:

        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError(f"the secret is in {PROJECT}")

        for name in ("kept_stages", "choices", "stage"):
            monkeypatch.setattr(here.studio, name, fail)
        for path in ("/sources", "/live", f"{API}/sessions"):
            answer = here.ask(path)
            assert answer.status == 500, path
            for inside in ("Traceback", "secret", str(PROJECT), "RuntimeError", "debugger"):
                assert inside not in answer.text
        for path in ("/console", "/?__debugger__=yes&cmd=resource&f=debugger.js", "/_reload-hash"):
            assert "Werkzeug" not in here.ask(path).text


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "///evil.example/..", "/%2f%2fevil.example", f"{API}//evil.example"]
)
def test_nobody_is_sent_to_another_site(here: Target, path: str) -> None:
    answer = here.ask(path)
    assert "evil.example" not in answer.header("location")
    assert "refresh" not in dict(answer.headers)


def test_a_title_is_no_formula_in_a_spreadsheet(here: Target) -> None:
    titles = ("=1+cmd|' C calc'!A0", "+1+cmd", "-2+3", "@SUM(1)")
    stages = [here.own_stage() for _ in titles]
    for title, stage in zip(titles, stages, strict=True):
        sent = here.ask(f"/upload?stage={stage}&name={quote(title, safe='')}.wav", "POST", wav(8.0))
        assert here.command(do="source", stage=stage, key=sent.json["key"]) == ""
    for title, stage in zip(titles, stages, strict=True):
        path = f"/export/{stage}/csv"
        until(lambda path=path: here.ask(path).text.count("\r\n") > 1, "something to be heard")
        rows = here.ask(path).text
        assert f",'{title[0]}" in rows and not re.search(r'(^|,)"?[=+@-][^\d,]', rows), rows
        here.studio.close_stage(stage)


def test_a_title_is_text_and_nothing_else(look: Callable[..., Any]) -> None:
    title = "<img src=x onerror=window.owned=1>.wav"
    with target() as here:
        stage = here.own_stage()
        key = here.ask(f"/upload?stage={stage}&name={quote(title)}", "POST", wav(20.0)).json["key"]
        here.command(do="source", stage=stage, key=key)
        here.studio.main.listen(key, here.studio.stage(stage).source)
        viewer = look(f"http://127.0.0.1:{here.server.port}/")
        viewer.until("document.body.textContent.includes('onerror')")
        assert viewer.value("document.querySelector('img[src=x]') === null && window.owned === undefined")
        answer = here.ask("/live")
        assert answer.header("content-type").startswith("application/json")


# ---- requests that are no requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: yes\r\n\r\n",
        b"POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /leave HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /command HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_proper_request_is_no_request_at_all(here: Target, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", here.server.port), timeout=20.0) as connection:
        connection.sendall(request_bytes + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        try:
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:
            answer = b""
    assert not re.match(rb"HTTP/1.1 50[0234]", answer)
    assert SECRET.encode() not in answer


@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"x" * 200_000,
        b"Cookie: " + b"a=b; " * 40_000,
        b"\r\n".join(b"X-%d: y" % number for number in range(20_000)),
    ],
)
def test_headers_without_end_are_cut_off(here: Target, head: bytes) -> None:
    answer = here.say(b"GET /live HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
    assert answer.status in (0, 400, 413, 431)
    answer = here.say(b"GET /live?" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.status in (0, 400, 413, 414)


def test_half_a_head_holds_nobody_up_and_is_cut_off() -> None:
    with target(limits=ServerLimits(patience_seconds=1.0)) as here:
        slow = [socket.create_connection(("127.0.0.1", here.server.port), timeout=20.0) for _ in range(100)]
        for connection in slow:
            connection.sendall(b"GET /live HTTP/1.1\r\nHost: local")
        assert here.alive()
        for connection in slow:
            assert connection.recv(1000).startswith((b"HTTP/1.1 408", b"")), "cut off"
            connection.close()
        until(lambda: here.server.open_connections == 0, "all to be cut off")
        assert here.alive()


def test_more_connections_than_there_is_room_for_do_no_harm() -> None:
    with target(limits=ServerLimits(connections=20, patience_seconds=1.0)) as here:
        crowd = [socket.create_connection(("127.0.0.1", here.server.port), timeout=20.0) for _ in range(60)]
        until(lambda: here.server.open_connections == 20, "as many as there is room for")
        assert here.alive(), "as soon as the silent ones are cut off"
        for connection in crowd:
            connection.close()


def test_a_refused_request_that_came_whole_is_over_and_done_with(here: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.request_body.QUIET_SECONDS", 60.0)
    head = f"POST {API}/files HTTP/1.1\r\nHost: {here.host}\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", here.server.port), timeout=20.0) as connection:
        connection.sendall(head.encode() + bytes(1000))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 415 " in answer


@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_is_what_stands_in_the_first_line(here: Target, override: str) -> None:
    session = here.ask(f"{API}/sessions", "POST", {"source": {"kind": "audio"}}).json["id"]
    path = f"{API}/sessions/{session}"
    for method in ("GET", "POST"):
        here.ask(f"{path}?_method=DELETE", method, headers={override: "DELETE"})
    assert here.ask(path).status == 200
    assert here.ask(path, "DELETE").status == 204


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "get", "X" * 1000])
def test_unusual_methods_are_refused_and_tell_nothing(here: Target, method: str) -> None:
    for path in ("/live", f"{API}/models"):
        answer = here.ask(path, method, headers={"Cookie": "secret=of-the-browser"})
        assert answer.status in (0, 400, 404, 405, 501) and "of-the-browser" not in answer.text


DEEP = b"[" * 100_000
JSON_BOMBS = [
    DEEP,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"seconds": 1' + b"0" * 20_000 + b"}",
    b'{"seconds": 1e999}',
    b'{"seconds": -1e999}',
    b'{"seconds": NaN}',
    b'{"seconds": Infinity}',
    b'{"seconds": "' + b"9" * 30_000 + b'"}',
    b'{"seconds": true}',
    b'{"seconds": 1, "track": 1e400}',
    b'{"seconds": 1, "track": ' + b"9" * 5_000 + b"}",
    b'{"seconds": {"__proto__": {}}}',
    b'{"__proto__": {"x": 1}, "constructor": {}}',
    b'{"source": {"kind": "sample", "name": "\\ud800"}}',
    b'{"source": {"kind": "sample", "name": "\\u0000"}}',
    b'{"a": 1, "a": 2}',
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b"\xc3\x28",
    b"null",
    b"[]",
    b"0",
    b'"text"',
    b"{",
    b"",
]


@pytest.mark.parametrize("bomb", JSON_BOMBS)
def test_json_that_was_made_to_hurt_is_refused(here: Target, bomb: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", f"{API}/sessions"),
        ("PATCH", f"{API}/sessions/main"),
        ("POST", f"{API}/sessions/main/seek"),
        ("POST", f"{API}/classify"),
    ):
        answer = here.ask(path, method, bomb, headers)
        assert is_problem(answer) or (method == "PATCH" and answer.status == 200), (path, answer.raw[:300])
    assert here.studio.kept_stages() == [here.studio.main]
    for path in ("/command", "/leave", "/_dash-update-component"):
        assert here.ask(path, "POST", bomb, headers).status < 500


@pytest.mark.parametrize(
    "query",
    [
        "since=-1",
        "since=1e9",
        "since=" + "9" * 400,
        "limit=-1",
        "limit=" + "9" * 30,
        "since=NaN",
        "limit=%00",
        "since=1&since=2",
    ],
)
def test_numbers_that_are_none_are_refused(here: Target, query: str) -> None:
    answer = here.ask(f"{API}/sessions/main/results?{query}")
    assert is_problem(answer) or answer.status == 200
    for name in ("cursor", "since", "second", "to", "columns", "run", "stage"):
        assert here.ask(f"/live?{name}={query.partition('=')[2]}").status < 500


@pytest.mark.parametrize(
    "ranges", ["bytes=0-0," * 5000, "bytes=-0", "bytes=9999999999999-", "bytes=5-2", "lines=1-2", "bytes=" + "9" * 5000]
)
def test_ranges_that_were_made_to_hurt_get_one_answer(here: Target, ranges: str) -> None:
    stage = here.own_stage()
    assert here.command(do="source", stage=stage, key="sample:mix") == ""
    answer = here.ask(f"/audio/{stage}/0", headers={"Range": ranges.rstrip(",")})
    assert answer.status in (200, 206, 413, 416)
    assert len(answer.body) <= 5_000_000
    here.studio.close_stage(stage)


# ---- too many --------------------------------------------------------------------------------------------------------


def test_there_is_room_for_so_many_sessions_and_no_more() -> None:
    with target() as here:
        answers = [here.ask(f"{API}/sessions", "POST", {"source": {"kind": "audio"}}) for _ in range(OWN_STAGES + 8)]
        statuses = [answer.status for answer in answers]
        assert statuses.count(201) <= OWN_STAGES + 1 and set(statuses) == {201, 429}
        assert is_problem(answers[-1])
        pages = [here.ask("/stage", "POST").json for _ in range(OWN_STAGES + 5)]
        assert sum(bool(page["stage"]) for page in pages) <= OWN_STAGES, "pages have a room of their own"
        assert pages[0]["stage"] and pages[-1]["notice"]


def test_there_is_room_for_so_many_files_and_no_more(here: Target) -> None:
    most = here.studio.uploads.limits.max_files
    for _ in range(most + 5):
        assert here.ask(f"{API}/files", "POST", WAV).status == 201
    assert len(here.ask(f"{API}/files").json["files"]) <= most
    for upload in here.ask(f"{API}/files").json["files"]:
        here.ask(f"{API}/files/{upload['id']}", "DELETE")


# ---- the list --------------------------------------------------------------------------------------------------------


def table() -> list[tuple[str, str, str]]:
    """Attack, what happens, and the tests named, of every row of docs/security.md."""
    text = (PROJECT / "docs" / "security.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`test" in line]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in rows]  # type: ignore[misc]


def named(cell: str) -> list[tuple[str, str]]:
    """File and function of each test in a cell: `test_attacks::test_x` without the folder."""
    return [tuple(found.split("::")) for found in re.findall(r"`(test_\w+::test_\w+)`", cell)]  # type: ignore[misc]


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_attack_in_the_list_has_a_test_that_exists() -> None:
    rows = table()
    assert len(rows) >= 40
    files = {path.stem: path for path in (PROJECT / "tests").rglob("test_*.py")}
    for attack, happens, tests in rows:
        assert attack and happens and named(tests), attack
        for file, function in named(tests):
            assert file in files and function in functions(files[file]), f"{attack}: {file}::{function}"


def test_every_attack_that_is_tried_here_is_in_the_list() -> None:
    listed = {function for _, _, tests in table() for _, function in named(tests)}
    about_the_list = {
        "test_every_attack_in_the_list_has_a_test_that_exists",
        "test_every_attack_that_is_tried_here_is_in_the_list",
    }
    tried = {name for name in functions(Path(__file__)) if name.startswith("test_")}
    assert tried - about_the_list - listed == set()
