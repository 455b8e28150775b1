"""The Dash application: the page, the feed it polls, the commands it gives, and who may do so."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from dash import ClientsideFunction, Dash, Input, Output
from dash.exceptions import DashException
from flask import Flask, Response

from dashboard.access import Access
from dashboard.api.mount import ApiMount
from dashboard.commands import register_commands
from dashboard.downloads import register_downloads
from dashboard.feed import register_feed
from dashboard.insight import register_insight
from dashboard.microphone import register_microphone
from dashboard.page import INDEX, layout
from dashboard.studio import Studio
from dashboard.upload_request import register_uploads

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def create_app(studio: Studio, access: Access | None = None) -> Dash:
    """The application around a studio; `.server` is the Flask application that a `PageServer` serves.

    access : who may use it; without one, only this machine.
    """
    app = Dash(
        __name__,
        assets_folder=str(ASSETS),
        # It runs in the browser's audio thread, where the page's own scripts have no place.
        assets_ignore=r".*\.worklet\.js",
        serve_locally=True,
        update_title=None,  # type: ignore[arg-type]  # None keeps Dash from writing "Updating..." four times a second
        title="genrescope",
        index_string=INDEX,
    )
    # A function, so that a page opened later shows the choices as they are then.
    app.layout = lambda: layout(studio)
    for control, function in (("source", "chooseSource"), ("model", "chooseModel")):
        app.clientside_callback(
            ClientsideFunction("genrescope", function),
            Output("chosen", "data", allow_duplicate=True),
            Input(control, "value"),
            prevent_initial_call=True,
        )
    server = app.server
    _turn_away_nonsense(server)
    register_feed(server, studio, instance=secrets.token_hex(8))
    register_commands(server, studio)
    register_insight(server, studio)
    register_downloads(server, studio)
    register_uploads(server, studio, studio.uploads)
    register_microphone(server, studio)
    access = access or Access()
    access.guard(server, script_hashes=app.csp_hashes())
    server.wsgi_app = ApiMount(server.wsgi_app, lambda: _api(studio, access))
    return app


def _turn_away_nonsense(server: Flask) -> None:
    """What Dash would answer with an exception on the terminal: scripts that do not exist, and calls of callbacks.

    Of these there are none; all run in the browser.
    """

    def nothing(*_: object) -> Response:
        return Response("There is nothing at this address.", status=404, mimetype="text/plain")

    server.register_error_handler(DashException, nothing)
    server.view_functions["/_dash-update-component"] = nothing


def _api(studio: Studio, access: Access) -> WSGIApplication:
    """The interface for programs. What describes and checks it takes a moment to import, and pages do without it."""
    from dashboard.api.application import create_api

    return create_api(studio, access)
