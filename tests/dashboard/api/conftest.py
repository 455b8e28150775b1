"""The interface for programs around a real studio: time and sound are moved by hand, and nothing is loaded."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug.test import TestResponse

from dashboard.access import Access
from dashboard.api.problems import MEDIA_TYPE
from dashboard.app import create_app
from dashboard.pushed_source import PushedSource
from dashboard.stage import Stage
from dashboard.studio import Studio
from stream.devices import SoundSystem
from stream.engine import Engine
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from stream.settings import StreamSettings
from tests.dashboard.api.small_studio import SmallLibrary
from tests.sounds import write_tone
from tests.stream.fakes import LoudnessClassifier, ManualClock

RATE = 1000


class Quiet(LoudnessClassifier):
    """Two other labels."""

    labels = ("noisy", "quiet")


class Programs:
    """What a program sees, and the hand that moves the time."""

    def __init__(self, files: list[Path], access: Access | None = None) -> None:
        self.clock = ManualClock()
        self.studio = Studio(
            SmallLibrary(loudness=LoudnessClassifier(), quiet=Quiet()),
            StreamSettings(settle_seconds=0.0),
            model="loudness",
            device="cpu",
            files=files,
            speaker="none",
            sound=SoundSystem(_no_sound_system),
            engine=Engine(self.clock),
        )
        # No test leads anywhere.
        self.studio._web = Web(LinkPolicy(), resolve=_no_names)
        self.application = create_app(self.studio, access).server
        self.client = self.application.test_client()

    def ask(self, method: str, path: str, **what: Any) -> TestResponse:
        return self.client.open(f"/api/v1{path}", method=method, base_url="http://localhost", **what)

    def get(self, path: str, **what: Any) -> TestResponse:
        return self.ask("GET", path, **what)

    def post(self, path: str, **what: Any) -> TestResponse:
        return self.ask("POST", path, **what)

    def start(self, **order: Any) -> str:
        """The name of a new session; it waits for a program's sound unless something else is said."""
        response = self.post("/sessions", json={"source": {"kind": "audio"}, **order})
        assert response.status_code == 201, response.data
        return str(response.json["id"])

    def pushed(self, identifier: str = "main") -> Stage:
        """Have a session listen to what `play` pushes."""
        stage = self.studio.kept_stage(identifier)
        stage.listen("pushed", PushedSource(RATE, title="by hand"))
        return stage

    def play(self, stage: Stage, seconds: float, amplitude: float = 0.9) -> None:
        """Push a square wave, a tenth of a second at a time; the engine gets a turn after each."""
        source = stage.source
        assert isinstance(source, PushedSource)
        count = RATE // 10
        wave = amplitude * np.where(np.arange(count) % 2, 1.0, -1.0)
        for _ in range(round(seconds * 10)):
            self.clock.time += 0.1
            source.inlet.push(wave.astype(np.float32)[:, None], self.clock.time)
            self.studio.engine.step()


def _no_sound_system() -> Any:
    raise OSError("PortAudio library not found")


def _no_names(*_args: Any, **_kwargs: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "no names are looked up in tests")


@pytest.fixture
def make_programs(tmp_path: Path) -> Iterator[Callable[..., Programs]]:
    made: list[Programs] = []

    def make(access: Access | None = None) -> Programs:
        files = [write_tone(tmp_path / "one.wav", 4.0, 8000), write_tone(tmp_path / "two.wav", 4.0, 8000)]
        made.append(Programs(files, access))
        return made[-1]

    yield make
    for programs in made:
        programs.studio.stop()


@pytest.fixture
def programs(make_programs: Callable[..., Programs]) -> Programs:
    """A studio that listens to nothing yet."""
    return make_programs()


def problem(response: TestResponse, status: int) -> dict[str, Any]:
    """The problem details of a refusal, which has this status."""
    assert response.status_code == status, response.data
    assert response.content_type == MEDIA_TYPE
    found = json.loads(response.data)
    assert found["status"] == status
    assert found["detail"] and found["title"] and found["type"] == "about:blank"
    return dict(found)
