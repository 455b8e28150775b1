"""`GET /overlay`: what is heard now, as a page with a transparent background, for a browser source of OBS."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flask import Response, request
from flask_openapi import APIBlueprint
from pydantic import Field

from dashboard.api.schemas import Query, Whole, content
from dashboard.figures import COLOUR_OF, NAME_OF, PALETTE

if TYPE_CHECKING:
    from dashboard.studio import Studio

FILES = Path(__file__).resolve().parent.parent / "overlay"


class OverlayQuery(Query):
    """How the overlay looks. The page's script reads it; here it is only checked."""

    session: str = Field(default="main", max_length=100, description="Whose genre is shown.")
    plate: Literal["0", "1"] = Field(default="1", description="0: the letters stand straight on the video, outlined.")
    align: Literal["left", "center", "right"] = Field(default="left", description="Where, in a page wider than it.")
    names: Whole = Field(default=1, ge=1, le=4, description="Above 1: the next likeliest labels as well.")


def register_overlay(api: APIBlueprint, studio: Studio) -> None:
    """Add the page and the two files it needs."""

    @api.get(
        "/overlay",
        operation_id="show_overlay",
        responses={200: content("text/html", "A page that follows a session's events by itself.")},
    )
    def show_overlay(query: OverlayQuery) -> Response:
        """What is heard now, as a page for OBS."""
        figures = json.dumps({"palette": PALETTE, "colours": COLOUR_OF, "names": NAME_OF})
        page = (FILES / "index.html").read_text(encoding="utf-8").replace("{{figures}}", escape(figures))
        return _file(page.encode(), "text/html")

    # What the page is made of is nothing to be called, so it is not described.
    api.add_url_rule("/overlay/overlay.js", "overlay_script", lambda: _file(_read("overlay.js"), "text/javascript"))
    api.add_url_rule("/overlay/overlay.css", "overlay_style", lambda: _file(_read("overlay.css"), "text/css"))


def _read(name: str) -> bytes:
    return (FILES / name).read_bytes()


def _file(body: bytes, media_type: str) -> Response:
    """An answer that a browser asks for again each time, and gets once."""
    response = Response(body, mimetype=media_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
