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
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from dashboard.client_connection import JSON_TYPE, ClientError, Server, query_of
from dashboard.client_session import Event, RemoteSession

__all__ = ["Client", "ClientError", "Event", "RemoteSession"]

LINK = re.compile(r"https?://", re.IGNORECASE)
POLL_SECONDS = 0.5
FILE_TYPE = "application/octet-stream"


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
        return self._server.call(method, path + query_of(query), json.dumps(order).encode(), JSON_TYPE)

    def _send_file(self, path: str, query: Mapping[str, Any], file: Path) -> dict[str, Any]:
        try:
            with file.open("rb") as content:
                body: BinaryIO = content
                return self._server.call("POST", path + query_of({**query, "name": file.name}), body, FILE_TYPE)
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
