"""Every example of docs/api.md is run against a real server with the shipped model, and does what stands beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import soundfile

from dashboard.samples import SAMPLE_FOLDER
from dashboard.server import PageServer
from model.library import Library
from stream.links.policy import LinkPolicy
from tests.dashboard.api.small_studio import served, small_studio
from tests.dashboard.conftest import until

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "api.md"
ADDRESS = "http://127.0.0.1:8050"
ELSEWHERE = "https://music.example"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SONG_SECONDS = 12


@dataclass(frozen=True)
class Example:
    """A block of code, and the answer that stands under it."""

    language: str
    code: str
    line: int
    answer: Any = None

    def __str__(self) -> str:
        return f"{self.language}-line-{self.line}"


def examples() -> list[Example]:
    text = DOCUMENT.read_text(encoding="utf-8")
    found: list[Example] = []
    for match in BLOCK.finditer(text):
        language, code = match.groups()
        if language == "json":
            last = found.pop()
            found.append(Example(last.language, last.code, last.line, json.loads(code)))
        else:
            found.append(Example(language, code, text.count("\n", 0, match.start()) + 1))
    return found


def of(language: str) -> Any:
    chosen = [example for example in examples() if example.language == language]
    return pytest.mark.parametrize("example", chosen, ids=str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples are run: with a song, and the example that is a file."""
    folder = tmp_path_factory.mktemp("examples")
    frames, rate = soundfile.read(SAMPLE_FOLDER / "metal_war-of-freedom.opus", frames=48000 * SONG_SECONDS)
    soundfile.write(folder / "song.mp3", frames, rate)
    shutil.copy(DOCUMENT.parent / "examples" / "send_audio.py", folder)
    return folder


@pytest.fixture(scope="module")
def elsewhere(folder: Path) -> Iterator[str]:
    """The address of a server that stands for one on the internet."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    studio = small_studio(Library(), model="genres", links=LinkPolicy(allow_private=True))
    with served(studio) as running:
        studio.listen_to("sample:mix")
        until(lambda: studio.ready, "the network")
        yield running


@pytest.fixture
def run(server: PageServer, elsewhere: str, folder: Path) -> Any:
    """Runs a program in the folder; what it has printed."""

    def ran(*command: str) -> str:
        told = [part.replace(ADDRESS, server.url.rstrip("/")).replace(ELSEWHERE, elsewhere) for part in command]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, "GENRESCOPE_TOKEN": "none-is-needed-here"}
        done = subprocess.run(
            told, cwd=folder, env=environment, capture_output=True, text=True, timeout=60.0, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        assert done.stderr == ""
        return done.stdout

    return ran


def test_there_are_examples_in_all_three_languages() -> None:
    languages = [example.language for example in examples()]
    assert set(languages) == {"bash", "python", "javascript"}
    assert min(languages.count(language) for language in ("bash", "python", "javascript")) >= 5


@of("bash")
def test_what_is_shown_for_curl_gives_the_answer_that_is_shown(run: Any, example: Example) -> None:
    printed = run("bash", "-ec", example.code)
    assert printed.strip()
    if example.answer is None:
        assert '"status"' not in printed
        return
    # Of several commands the first one's answer is shown.
    answer, _ = json.JSONDecoder().raw_decode(printed)
    assert shape(answer) == shape(example.answer)
    if "status" in example.answer:
        assert answer == example.answer
    for labels in (named(answer), named(example.answer)):
        assert labels is None or labels[0] in ("metal", "heavy metal")


def named(answer: Any) -> list[str] | None:
    """The labels of a track's answer, or of a job's."""
    found = (answer.get("answer") or answer).get("labels") or []
    return [label["label"] for label in found if isinstance(label, dict)] or None


def shape(value: Any) -> Any:
    """What stands in JSON, without the values: of lists the first element only, as their lengths differ."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@of("python")
def test_what_is_shown_for_python_runs(run: Any, example: Example) -> None:
    assert run(sys.executable, "-c", example.code).strip()


@of("javascript")
def test_what_is_shown_for_javascript_runs_in_a_page_of_the_server(
    server: PageServer, folder: Path, chromium: Any, example: Example
) -> None:
    context = chromium.new_context()
    try:
        page = context.new_page()
        said: list[tuple[str, str]] = []
        page.on("console", lambda message: said.append((message.type, message.text)))
        page.on("pageerror", lambda error: said.append(("error", str(error))))
        page.goto(f"{server.url}api/v1/docs")
        page.route("**/audio/song.mp3", lambda route: route.fulfill(path=folder / "song.mp3"))
        page.evaluate(f"async () => {{ {example.code} }}")
        until(lambda: bool(said) or bool(page.evaluate("0")), "something to be printed")
        assert [text for kind, text in said if kind in ("error", "warning")] == []
    finally:
        context.close()


def test_the_example_client_has_about_thirty_lines_and_hears_the_whole_file(run: Any) -> None:
    code = (DOCUMENT.parent / "examples" / "send_audio.py").read_text()
    assert len([line for line in code.splitlines() if line.strip()]) <= 33
    printed = run(sys.executable, "send_audio.py", "song.mp3", ADDRESS).splitlines()
    times = [float(line.split()[0]) for line in printed]
    assert times == pytest.approx([3.0 + 0.5 * step for step in range(len(times))])
    assert times[-1] > SONG_SECONDS - 0.5
    assert printed[-1].split()[-1] == "metal"


def test_the_example_client_brings_its_token_along(run: Any) -> None:
    assert run(sys.executable, "send_audio.py", "song.mp3", ADDRESS, "none-is-needed-here")
