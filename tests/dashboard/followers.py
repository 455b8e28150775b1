"""A made-up session for an audience, and phones that ask for it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dashboard.share import Share

TOKEN = "a-token-of-the-talk"
JAZZ: dict[str, Any] = {
    "state": "live",
    "verdict": "sure",
    "label": "jazz",
    "name": "jazz",
    "colour": "#d0b810",
    "share": 0.83,
    "sentence": "jazz, with elements of blues",
    "candidates": [["jazz", "#d0b810", 0.83], ["blues", "#5858b8", 0.12], ["hip-hop", "#e8e870", 0.003]],
    "segments": [[0.0, "rock", "#88b8e8"], [31.4, "not sure", ""], [3725.0, "jazz", "#d0b810"]],
    "source": "Demo mix",
    "number": 123,
}
METAL = {
    **JAZZ,
    "label": "metal",
    "name": "metal",
    "colour": "#b82810",
    "share": 0.999,
    "sentence": "metal",
    "candidates": [["metal", "#b82810", 0.999]],
}
NOTHING: dict[str, Any] = {
    "state": "loading",
    "verdict": "none",
    "label": "",
    "name": "",
    "colour": "",
    "share": 0.0,
    "sentence": "",
    "candidates": [],
    "segments": [],
    "source": "",
    "number": 0,
}
SILENCE = {**NOTHING, "state": "live", "verdict": "silence", "segments": JAZZ["segments"]}
NO_MUSIC = {**SILENCE, "verdict": "no music"}
UNSURE = {**JAZZ, "verdict": "not sure", "label": "", "name": "", "colour": "", "share": 0.3, "sentence": ""}

Opened = Callable[..., Share]


class Stage:
    """What the session shows, and how often it was asked."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.shown = shown
        self.asked = 0

    def snapshot(self) -> dict[str, Any]:
        self.asked += 1
        return self.shown


@contextmanager
def shares_of(stage: Stage) -> Iterator[Opened]:
    """Starts shares of this session on loopback; they are stopped at the end."""
    running: list[Share] = []

    def start(**settings: Any) -> Share:
        share = Share(stage.snapshot, **{"host": "127.0.0.1", "token": TOKEN, **settings})
        running.append(share)
        share.start()
        return share

    yield start
    for share in running:
        share.stop()


class Phone:
    """Asks over one connection, and keeps the cookie it is given."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.cookie = ""

    def ask(self, path: str, *, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        self.connection.request(method, path, headers={**({"Cookie": self.cookie} if self.cookie else {}), **given})
        response = self.connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]
        if response.headers["Set-Cookie"]:
            self.cookie = response.headers["Set-Cookie"].partition(";")[0]
        return response

    def follow(self) -> Phone:
        assert self.ask(f"/?t={TOKEN}").status == 200
        return self

    def now(self) -> dict[str, Any]:
        response = self.ask("/now")
        assert response.status == 200
        return json.loads(response.body)  # type: ignore[attr-defined, no-any-return]


def raw(port: int, request: bytes) -> tuple[int, bytes]:
    """Status and body of an answer to these very bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, response.read()
