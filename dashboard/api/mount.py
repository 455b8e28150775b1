"""Where the interface for programs joins the page: it is built when a program first asks, not when the page starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/api/v1"


class ApiMount:
    """A WSGI application: what lies below `PREFIX` goes to the interface for programs, everything else to the page.

    page : answers everything else.
    build : makes the interface. Called once, with the first request for it; if that fails, with the next one again.
    """

    def __init__(self, page: WSGIApplication, build: Callable[[], WSGIApplication]) -> None:
        self._page = page
        self._build = build
        self._lock = threading.Lock()
        self._api: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._application(environ)(environ, start_response)

    def _application(self, environ: dict[str, Any]) -> WSGIApplication:
        path = environ.get("PATH_INFO", "")
        if path != PREFIX and not path.startswith(f"{PREFIX}/"):
            return self._page
        with self._lock:
            if self._api is None:
                self._api = self._build()
            return self._api
