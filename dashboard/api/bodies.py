"""What programs send is small JSON, except where sound is taken in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

LONGEST_BODY_BYTES = 64 * 1024
_SOUND = "genrescope_takes_sound"


def takes_sound(view: Callable[..., Any]) -> Callable[..., Any]:
    """Marks an operation that reads its body itself. Stands nearest to the function."""
    setattr(view, _SOUND, True)
    return view


def check_bodies(server: Flask) -> None:
    """Refuse every other body that is too large, or no JSON object."""

    @server.before_request
    def check() -> None:
        view = server.view_functions.get(request.endpoint or "")
        if view is None or getattr(view, _SOUND, False) or request.method in ("GET", "HEAD", "OPTIONS"):
            return
        if "Transfer-Encoding" in request.headers or (request.content_length or 0) > LONGEST_BODY_BYTES:
            raise RequestEntityTooLarge
        if request.content_length:
            if not request.is_json:
                raise UnsupportedMediaType
            try:
                content = request.get_json(silent=True)
            except RecursionError:  # brackets within brackets, thousands of them
                content = None
            if not isinstance(content, dict):
                raise BadRequest("the body is no JSON object")
