"""A session of a running genrescope, as the client sees and commands it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from dashboard.client_connection import JSON_TYPE, ClientError, Server, query_of
from dashboard.client_socket import Buffer, ProgramSocket

SILENT_SECONDS = 45.0
"""Events: the server says something every 15 s; without a byte for so long the connection is dead."""
RECONNECT_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
"""Events: for so long it is tried to connect again."""


@dataclass(frozen=True)
class Event:
    """Something that happened in a session. name : "model", "state", "segments", "result" or "end"."""

    name: str
    data: dict[str, Any]


class RemoteSession:
    """A session of a running genrescope. As a context it ends with the block."""

    def __init__(
        self,
        server: Server,
        identifier: str,
        *,
        sleep: Callable[[float], None],
        ended: Callable[[RemoteSession], None] = lambda session: None,
    ) -> None:
        self.identifier = identifier
        self._server = server
        self._path = f"/sessions/{quote(identifier, safe='')}"
        self._sleep = sleep
        self._ended = ended

    def __repr__(self) -> str:
        return f"<session {self.identifier} at {self._server.url}>"

    def __enter__(self) -> RemoteSession:
        return self

    def __exit__(self, _type: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.end()
        except ClientError:
            if error is None:
                raise

    def status(self) -> dict[str, Any]:
        """What it listens to, and how well that works."""
        return self._server.call("GET", self._path)

    def change(self, **wanted: Any) -> dict[str, Any]:
        """Have it listen with another `model`, `second_model` or `settings`, to another `source`, or keep the sound."""
        return self._server.call("PATCH", self._path, json.dumps(wanted).encode(), JSON_TYPE)

    def pause(self) -> dict[str, Any]:
        """Hold a file where it is."""
        return self._order("pause")

    def resume(self) -> dict[str, Any]:
        """Go on."""
        return self._order("resume")

    def next(self) -> dict[str, Any]:
        """Go to the next track."""
        return self._order("next")

    def previous(self) -> dict[str, Any]:
        """Go to the track before."""
        return self._order("previous")

    def seek(self, seconds: float, *, track: int | None = None) -> dict[str, Any]:
        """Go to this place of a track (an index; None is the one that is playing)."""
        place = {"seconds": seconds} | ({} if track is None else {"track": track})
        return self._server.call("POST", f"{self._path}/seek", json.dumps(place).encode(), JSON_TYPE)

    def results(self, since: int = 0, *, limit: int = 300) -> dict[str, Any]:
        """What was heard: `labels`, `results`, and `next`, which is what to ask `since` next time."""
        return self._server.call("GET", f"{self._path}/results" + query_of({"since": since, "limit": limit}))

    def segments(self) -> list[dict[str, Any]]:
        """What was heard from when to when."""
        found: list[dict[str, Any]] = self._server.call("GET", f"{self._path}/segments")["segments"]
        return found

    def summary(self) -> dict[str, Any]:
        """What it has come to: shares of the labels, and a sentence about now."""
        return self._server.call("GET", f"{self._path}/summary")

    def export(self, path: str | Path) -> Path:
        """Write the whole session into a file: .csv, .json or .replay, as its name ends."""
        path = Path(path)
        with self._server.open("GET", f"{self._path}/export{path.suffix}") as answer:
            path.write_bytes(answer.read())
        return path

    def events(self, *, since: int | None = None) -> Iterator[Event]:
        """What happens, as it happens, until the session ends.

        Where the connection breaks, a new one goes on behind the last result that came.

        since : the first result that is wanted; None for only what is new.
        """
        last, alone_since = "", time.monotonic()
        while True:
            try:
                answer = self._server.open(
                    "GET",
                    f"{self._path}/events" + query_of({"since": since}),
                    headers={"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})},
                    timeout_seconds=SILENT_SECONDS,
                )
            except ClientError as error:
                # What was refused will be refused again; a server that is starting anew will not.
                if error.status or time.monotonic() - alone_since > PATIENCE_SECONDS:
                    raise
            else:
                with answer, suppress(OSError, HTTPException):
                    for event, identifier in _events(answer):
                        last = identifier or last
                        yield event
                        if event.name == "end":
                            return
                alone_since = time.monotonic()
            self._sleep(RECONNECT_SECONDS)

    def send_audio(
        self,
        blocks: Iterable[Buffer],
        rate: float,
        channels: int,
        *,
        sample_format: str = "f32",
        pace: str = "live",
        heed: Callable[[dict[str, Any]], None] = lambda message: None,
    ) -> Iterator[dict[str, Any]]:
        """Send sound to a session of the kind "audio"; yields results as they are made, until all has been heard.

        blocks : bytes, or arrays, of whole frames, the channels interleaved; taken in a thread of its own, as fast as
            the server takes them.
        rate : Hz. sample_format : "f32", "s16", "s24" or "s32", little-endian.
        pace : "live" for sound that is just being captured, "file" for sound that is there already and may wait.
        heed : called with every other message: states, and another model's labels.
        """
        hello = {"version": 1, "rate": rate, "channels": channels, "format": sample_format, "pace": pace}
        with ProgramSocket(self._server, f"{self._path}/audio", hello) as socket:
            for message in socket.converse(blocks):
                if message["type"] == "result":
                    yield message
                else:
                    heed(message)

    def end(self) -> None:
        """End it. "main" only stops listening."""
        self._ended(self)
        self._server.call("DELETE", self._path)

    def _order(self, command: str) -> dict[str, Any]:
        return self._server.call("POST", f"{self._path}/{command}")


def _events(answer: HTTPResponse) -> Iterator[tuple[Event, str]]:
    """Server-Sent Events (the WHATWG's HTML, 9.2), each with the id that stood at it, or ""."""
    name, identifier, data = "", "", []
    for line in answer:
        field, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "id":
            identifier = value
        elif field == "data":
            data.append(value)
        elif not field and not value and data:
            yield Event(name, json.loads("\n".join(data))), identifier
            name, identifier, data = "", "", []
