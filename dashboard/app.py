"""The Dash application: the page, the feed it polls, the commands it gives, and who may do so."""

from __future__ import annotations

import secrets
from pathlib import Path

from dash import Dash

from dashboard.access import Access
from dashboard.callbacks import register_callbacks
from dashboard.feed import register_feed
from dashboard.page import INDEX, layout
from dashboard.studio import Studio

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def create_app(studio: Studio, access: Access | None = None) -> Dash:
    """The application around a studio; `.server` is the Flask application that a `PageServer` serves.

    access : who may use it; without one, only this machine.
    """
    app = Dash(
        __name__,
        assets_folder=str(ASSETS),
        serve_locally=True,
        update_title=None,  # type: ignore[arg-type]  # None keeps Dash from writing "Updating..." four times a second
        title="genrescope",
        index_string=INDEX,
    )
    # A function, so that a page opened later shows the choices as they are then.
    app.layout = lambda: layout(studio)
    register_callbacks(app, studio)
    register_feed(app.server, studio, instance=secrets.token_hex(8))
    (access or Access()).guard(app.server, script_hashes=app.csp_hashes())
    return app
