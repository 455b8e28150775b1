"""How the client reaches genrescope: one request, one answer, and what was refused as an error."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

from model.errors import GenrescopeError

PREFIX = "/api/v1"
JSON_TYPE = "application/json"
CONNECT_SECONDS = 10.0


class ClientError(GenrescopeError):
    """What genrescope has refused, or why it cannot be reached.

    status : of the HTTP answer, or the closing code of a socket; 0 where there was no answer.
    """

    def __init__(self, what: str, *, rule: str = "", next_step: str = "", status: int = 0) -> None:
        super().__init__(what, rule=rule, next_step=next_step)
        self.status = status

    @classmethod
    def of(cls, problem: Mapping[str, Any]) -> ClientError:
        """From problem details (RFC 9457)."""
        mistakes = [f"{mistake['place']}: {mistake['detail']}" for mistake in problem.get("mistakes", [])]
        return cls(
            "; ".join([str(problem.get("detail") or problem.get("title", "")), *mistakes]),
            rule=str(problem.get("rule", "")),
            next_step=str(problem.get("next_step", "")),
            status=int(problem.get("status", 0)),
        )

    @classmethod
    def of_answer(cls, status: int, body: bytes) -> ClientError:
        """From an answer that is a refusal, whatever stands in it."""
        try:
            problem = json.loads(body)
        except ValueError:
            problem = None
        if isinstance(problem, dict):
            return cls.of({"status": status} | problem)
        return cls(
            f"the answer was {status}", next_step="See whether genrescope is what is served there", status=status
        )


class Server:
    """Where genrescope is served. Proxies that the environment names are not asked: it is a machine nearby.

    Raises ClientError for an address that is none.
    """

    def __init__(self, url: str, token: str | None, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ClientError(f"{url!r} is no address", rule='it looks like "http://127.0.0.1:8050"')
        self.url = url
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.secure = parts.scheme == "https"
        self.prefix = parts.path.rstrip("/") + PREFIX
        self._token = token
        self._timeout_seconds = timeout_seconds

    @property
    def headers(self) -> dict[str, str]:
        """What every request brings."""
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def call(
        self, method: str, path: str, body: bytes | BinaryIO | None = None, content_type: str | None = None
    ) -> dict[str, Any]:
        """One request; what was answered, {} where there is nothing in it."""
        headers = {} if content_type is None else {"Content-Type": content_type}
        if body is not None and not isinstance(body, bytes):
            # How long it is must be said beforehand.
            headers["Content-Length"] = str(body.seek(0, os.SEEK_END))
            body.seek(0)
        with self.open(method, path, body, headers=headers) as answer:
            try:
                content = answer.read()
            except (OSError, HTTPException) as error:
                raise self._unreachable(error) from error
        return json.loads(content) if content else {}

    def open(
        self,
        method: str,
        path: str,
        body: bytes | BinaryIO | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> HTTPResponse:
        """One request; the answer, to be read and closed. Refusals are raised."""
        kind = HTTPSConnection if self.secure else HTTPConnection
        connection = kind(self.host, self.port, timeout=timeout_seconds or self._timeout_seconds)
        try:
            wanted = {"Connection": "close", **self.headers, **(headers or {})}
            try:
                connection.request(method, self.prefix + path, body, wanted)
            except (BrokenPipeError, ConnectionResetError):
                if connection.sock is None:
                    raise
                # Too much was sent, and the answer says so.
            answer = connection.getresponse()
            if answer.status >= 400:
                with answer:
                    raise ClientError.of_answer(answer.status, answer.read())
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from error
        return answer

    def connect(self) -> socket.socket:
        """A connection for a websocket."""
        try:
            connection = socket.create_connection((self.host, self.port), timeout=CONNECT_SECONDS)
            if self.secure:
                connection = ssl.create_default_context().wrap_socket(connection, server_hostname=self.host)
        except OSError as error:
            raise self._unreachable(error) from error
        return connection

    def _unreachable(self, error: Exception) -> ClientError:
        return ClientError(
            f"genrescope does not answer at {self.url} ({error or type(error).__name__})",
            next_step="Start it with `genrescope serve`, or give the address that it prints",
        )


def query_of(values: Mapping[str, Any]) -> str:
    """What comes behind the path of an address; None is left out."""
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
