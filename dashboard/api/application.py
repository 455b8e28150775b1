"""The interface for programs: a Flask application of its own, described by OpenAPI as it is built."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from flask_openapi import APIBlueprint, Info, OpenAPI

from dashboard.access import Access
from dashboard.api.audio_socket import register_audio_socket
from dashboard.api.bodies import check_bodies
from dashboard.api.classification import register_classification
from dashboard.api.description import register_description
from dashboard.api.events import EventHub, register_events
from dashboard.api.files import register_files
from dashboard.api.health import register_health
from dashboard.api.metrics import register_metrics
from dashboard.api.models import register_models
from dashboard.api.mount import PREFIX
from dashboard.api.overlay import register_overlay
from dashboard.api.pictures import register_pictures
from dashboard.api.problems import Problem, documented, invalid, register_problems
from dashboard.api.results import register_results
from dashboard.api.sessions import register_sessions
from dashboard.api.sources import register_sources
from dashboard.studio import Studio

OPENAPI_VERSION = "3.1.0"
COOKIE = "What a browser got when it opened the page with the password. The number in the name is the server's port."
RESOURCES: tuple[Callable[[APIBlueprint, Studio], None], ...] = (
    register_classification,
    register_files,
    register_models,
    register_sources,
    register_sessions,
    register_results,
    register_pictures,
    register_health,
    register_audio_socket,
    register_overlay,
)
"""What registers operations, in the order of the description."""


def create_api(studio: Studio, access: Access) -> OpenAPI:
    """The application that answers everything below /api/v1."""
    server = OpenAPI(
        "dashboard.api",
        info=Info(
            title="genrescope",
            version=version("genrescope"),
            description="What genre is heard, live or in files, for programs. Errors are problem details (RFC 9457).",
        ),
        security_schemes=_security_schemes(),
        openapi_extensions={"security": _security(access)},
        validation_error_model=Problem,
        validation_error_callback=invalid,
        doc_ui=False,
        static_folder=None,
    )
    server.openapi_version = OPENAPI_VERSION
    server.url_map.merge_slashes = False
    api = APIBlueprint(
        "v1",
        "dashboard.api",
        url_prefix=PREFIX,
        abp_responses=documented(400, 401, 403, 422, 429),
        operation_id_callback=lambda *, name, path, method: name,
    )
    for register in RESOURCES:
        register(api, studio)
    hub = EventHub(studio)
    register_events(api, studio, hub)
    register_metrics(api, server, studio, hub)
    access.guard(server)
    check_bodies(server)
    server.register_api(api)
    register_description(server)
    register_problems(server)
    return server


def _security(access: Access) -> list[dict[str, list[str]]]:
    """Any one of these suffices."""
    needed: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
    return needed if access.token is not None else [*needed, {}]


def _security_schemes() -> dict[str, Any]:
    return {
        "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer TOKEN"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "genrescope_8050", "description": COOKIE},
    }
