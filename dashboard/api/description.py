"""The description of the interface (OpenAPI 3.1), and a page to browse it; all of it comes from this server."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from flask import Response, jsonify, redirect, send_from_directory
from flask_openapi import OpenAPI
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from dashboard.api.mount import PREFIX

PAGE = Path(__file__).resolve().parent / "page"
SHOWN_BY = "flask_openapi_swagger"
"""The package that brings the scripts of Swagger UI."""
FILES = {
    "docs.css": PAGE,
    "docs.js": PAGE,
    "swagger-ui.css": Path("css"),
    "swagger-ui-bundle.js": Path("js"),
}
"""What the page loads, and where it lies: here, or below the package's own folder."""


def register_description(server: OpenAPI) -> None:
    """Add `GET /openapi.json`, `/docs`, and what that page loads."""

    @server.route(f"{PREFIX}/openapi.json")
    def openapi() -> Response:
        return jsonify(server.api_doc)

    @server.route(f"{PREFIX}/docs")
    def docs() -> Response:
        return send_from_directory(PAGE, "docs.html")

    @server.route(f"{PREFIX}/docs/<name>")
    def docs_file(name: str) -> Response:
        folder = FILES.get(name)
        if folder is None:
            raise NotFound
        return send_from_directory(folder if folder.is_absolute() else _shown_by() / folder, name)

    @server.route(PREFIX)
    def root() -> WerkzeugResponse:
        return redirect(f"{PREFIX}/docs")


def _shown_by() -> Path:
    found = find_spec(SHOWN_BY)
    if found is None or found.origin is None:
        raise NotFound("the package that shows the description is not installed")
    return Path(found.origin).parent / "templates" / "swagger"
