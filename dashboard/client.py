"""A client for the interface of genrescope: models, whole files, sessions, events, and sound that a program sends.

    from dashboard.client import Client

    with Client() as client:
        print(client.classify("song.mp3", top=3)["labels"])

It needs the standard library and wsproto, and neither TensorFlow nor the page.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from dashboard.client_connection import ClientError, Server
from dashboard.client_socket import Buffer, ProgramSocket

__all__ = ["Client", "ClientError", "Event", "RemoteSession"]

LINK = re.compile(r"https?://", re.IGNORECASE)
POLL_SECONDS = 0.5
SILENT_SECONDS = 45.0
"""Events: the server says something every 15 s; without a byte for so long the connection is dead."""
RECONNECT_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
"""Events: for so long it is tried to connect again."""
FILE_TYPE = "application/octet-stream"
JSON_TYPE = "application/json"


class Client:
    """A running genrescope.

    url : where it is served. token : the password it printed, if it was started with --host.
    timeout_seconds : for one answer.
    sleep : waits between two questions; tests hand in another.

    Every method raises ClientError for whatever is refused, and if genrescope cannot be reached.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8050",
        token: str | None = None,
        *,
        timeout_seconds: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = Server(url, token, timeout_seconds)
        self._sleep = sleep
        self._started: list[RemoteSession] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sessions that were started here and have not been ended."""
        while self._started:
            with suppress(ClientError):
                self._started[-1].end()

    # ---- what there is --------------------------------------------------------------------------------------------

    def models(self) -> list[dict[str, Any]]:
        """The models that can listen."""
        return self._get("/models")["models"]

    def devices(self) -> list[dict[str, Any]]:
        """Sound devices of the machine that genrescope runs on."""
        return self._get("/devices")["devices"]

    def samples(self) -> list[dict[str, Any]]:
        """The clips that come with genrescope."""
        return self._get("/samples")["samples"]

    def health(self) -> dict[str, Any]:
        """Whether it is up, and how its sessions are."""
        return self._get("/health")

    # ---- whole tracks ---------------------------------------------------------------------------------------------

    def classify(
        self,
        source: str | Path,
        *,
        model: str | None = None,
        top: int | None = None,
        windows: bool = False,
        progress: Callable[[float, float | None], None] = lambda done, total: None,
    ) -> dict[str, Any]:
        """What a file, or (a text that begins with http) a link, is; returns when it has been heard to its end.

        top : so many labels; None for all. windows : also what was heard in every window.
        progress : called with the seconds heard so far and in all (None while nobody knows), if it takes longer. What
            it raises cancels the work.
        """
        query = {"model": model, "top": top, "windows": "true" if windows else None}
        if isinstance(source, str) and LINK.match(source):
            answer = self._send("POST", "/classify", query, {"url": source})
        else:
            answer = self._send_file("/classify", query, Path(source))
        return answer if "state" not in answer else self._wait_for(answer, progress)

    def upload(self, path: str | Path) -> dict[str, Any]:
        """Send a file, for sessions to listen to; returns its `id`, `title` and `seconds`."""
        return self._send_file("/files", {}, Path(path))

    # ---- sessions -------------------------------------------------------------------------------------------------

    def sessions(self) -> list[RemoteSession]:
        """All sessions; the first is "main", that of the command line."""
        return [self.session(found["id"]) for found in self._get("/sessions")["sessions"]]

    def session(self, identifier: str = "main") -> RemoteSession:
        """The session of this name. It is not asked whether there is one."""
        return RemoteSession(self._server, identifier, sleep=self._sleep)

    def start(self, kind: str, what: str | Path = "", **wanted: Any) -> RemoteSession:
        """Start a session. It ends with `end`, with the client, or a while after its sound has ended.

        kind, what : "sample" and its name; "file" and the id of an upload, or a path, which is sent first; "device" and
            its name, or nothing for the default; "link" and its address; "audio", for sound that `send_audio` sends.
        wanted : `model`, `second_model`, `settings`, `keep_sound`; see the description of the interface.
        """
        if isinstance(what, Path):
            what = self.upload(what)["id"]
        name = {"sample": "name", "device": "name", "file": "id", "link": "url"}.get(kind)
        source = {"kind": kind} | ({name: what} if name and (what or kind != "device") else {})
        order = {"source": source} | {key: value for key, value in wanted.items() if value is not None}
        answer = self._send("POST", "/sessions", {}, order)
        session = RemoteSession(self._server, answer["id"], sleep=self._sleep, ended=self._forget)
        self._started.append(session)
        return session

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _get(self, path: str) -> dict[str, Any]:
        return self._server.call("GET", path)

    def _send(self, method: str, path: str, query: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
        return self._server.call(method, path + _query(query), json.dumps(order).encode(), JSON_TYPE)

    def _send_file(self, path: str, query: Mapping[str, Any], file: Path) -> dict[str, Any]:
        try:
            with file.open("rb") as content:
                body: BinaryIO = content
                return self._server.call("POST", path + _query({**query, "name": file.name}), body, FILE_TYPE)
        except FileNotFoundError as error:
            raise ClientError(f"there is no file {file}", next_step="Name a sound file, or a link") from error

    def _wait_for(self, job: dict[str, Any], progress: Callable[[float, float | None], None]) -> dict[str, Any]:
        path = f"/jobs/{job['id']}"
        try:
            while job["state"] in ("queued", "running"):
                progress(job["progress_seconds"], job["total_seconds"])
                self._sleep(POLL_SECONDS)
                job = self._get(path)
        except BaseException:
            with suppress(ClientError):
                self._server.call("DELETE", path)
            raise
        if job["problem"] is not None:
            raise ClientError.of(job["problem"])
        if job["answer"] is None:
            raise ClientError("the job was cancelled", status=409)
        answer: dict[str, Any] = job["answer"]
        return answer

    def _forget(self, session: RemoteSession) -> None:
        self._started = [other for other in self._started if other is not session]


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
        return self._server.call("GET", f"{self._path}/results" + _query({"since": since, "limit": limit}))

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
                    f"{self._path}/events" + _query({"since": since}),
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


def _query(values: Mapping[str, Any]) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


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
