"""A stage that listens to a browser's microphone and writes down what it hears, behind the real server."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flask import Flask
from simple_websocket import Client, ConnectionClosed

from dashboard.access import Access
from dashboard.microphone import register_microphone
from dashboard.server import PageServer
from model.errors import SettingError
from stream.clock import Clock, SystemClock
from stream.sources.socket import BROWSER, SocketSource
from stream.sources.source import Source

STAGE = "the-page"


class Notebook:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.blocks: list[np.ndarray] = []
        self.lost_seconds = 0.0

    def begin(self, rate: float, *, track: int = 0, position_seconds: float = 0.0) -> None:
        self.rates.append(rate)

    def push(self, block: np.ndarray, captured_at: float) -> None:
        self.blocks.append(block)

    def finish(self) -> None:
        pass

    def lost(self, seconds: float) -> None:
        self.lost_seconds += seconds

    def quiet(self) -> None:
        pass

    @property
    def seconds(self) -> float:
        return sum(map(len, list(self.blocks))) / self.rates[-1] if self.rates else 0.0

    def sound(self) -> np.ndarray:
        """float32 [n, channels]."""
        return np.concatenate(self.blocks)


@dataclass
class Stage:
    """What the websocket wants to know of a stage."""

    source: Source | None


@dataclass
class ListeningStudio:
    """One stage, which listens to a browser."""

    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self.stages: dict[str, Stage] = {STAGE: Stage(None)}
        self.listen()

    def listen(self) -> None:
        """Listen to a browser's microphone, from the beginning."""
        self.notebook = Notebook()
        self.source = SocketSource(BROWSER, clock=self.clock)
        self.source.start(self.notebook)
        self.stages[STAGE].source = self.source

    def listen_elsewhere(self) -> None:
        self.stages[STAGE].source = None
        self.source.stop()

    def stage(self, identifier: str) -> Stage:
        if identifier not in self.stages:
            raise SettingError(f"there is no stage {identifier!r}")
        return self.stages[identifier]


def serve_microphone(
    studio: ListeningStudio, clock: Clock | None = None, application: Flask | None = None
) -> PageServer:
    """The websocket in a real server, behind the real guard."""
    application = application or Flask("microphone")
    register_microphone(application, studio, clock=clock)  # type: ignore[arg-type]
    Access().guard(application)
    server = PageServer("127.0.0.1", 0)
    server.serve(application)
    return server


class Browser:
    """Speaks the page's side of the protocol."""

    def __init__(self, server: PageServer, stage: str = STAGE) -> None:
        self.client = Client(f"ws://127.0.0.1:{server.port}/microphone?stage={stage}")

    def hello(self, *, answer: bool = True, **said: Any) -> Browser:
        """Say hello as the page does, or with something else in its place, and wait for the answer."""
        self.client.send(json.dumps({"version": 1, "rate": 8000, "channels": 1, "capture": "one"} | said))
        if answer:
            assert json.loads(self.client.receive(10.0)) == {"ok": True}
        return self

    def send(self, samples: np.ndarray, first_frame: int) -> None:
        self.client.send(struct.pack("<Q", first_frame) + samples.astype("<f4").tobytes())

    def farewell(self) -> tuple[int, str]:
        """Code and reason of the server's closing."""
        end = time.monotonic() + 15.0
        try:
            while time.monotonic() < end:
                self.client.receive(1.0)
        except ConnectionClosed as closed:
            return int(closed.reason), str(closed.message)
        raise AssertionError("the server did not close the connection")
