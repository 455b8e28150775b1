"""Whether it lives, whether it is ready, and how each session does."""

from __future__ import annotations

from flask import Response
from flask_openapi import APIBlueprint
from pydantic import Field

from dashboard.api.problems import RequestError, documented
from dashboard.api.schemas import Answer
from dashboard.api.session_schemas import State
from dashboard.stage import Stage
from dashboard.studio import Studio
from stream.records import SessionState

STALL_SECONDS = 7.0
"""With a window and so much more sound since the last result nobody works on a session: a hop is 2 s at most."""


class SessionHealth(Answer):
    id: str
    state: State
    alive: bool = Field(description="It has not failed, and what comes in is worked on.")
    seconds_since_last_result: float | None = Field(description="null before the first one.")


class Health(Answer):
    """How the program does."""

    live: bool = Field(description="What listens is running.")
    ready: bool = Field(description="The network is loaded: what is heard is classified at once.")
    sessions: list[SessionHealth]


class Yes(Answer):
    ok: bool


def register_health(api: APIBlueprint, studio: Studio) -> None:
    """Add `GET /health`, `/health/live` and `/health/ready`."""

    @api.get("/health", operation_id="get_health", responses={200: Health})
    def get_health() -> Response:
        """How the program and its sessions do."""
        return Health(
            live=studio.engine.alive,
            ready=studio.ready,
            sessions=[_health(studio, stage) for stage in studio.kept_stages()],
        ).response()

    @api.get("/health/live", operation_id="get_live", responses={200: Yes, **documented(503)})
    def get_live() -> Response:
        """Whether it should be left running (200) or started anew (503)."""
        if not studio.engine.alive:
            raise RequestError("nothing is listened to any more", status=503, next_step="Start genrescope again")
        return Yes(ok=True).response()

    @api.get("/health/ready", operation_id="get_ready", responses={200: Yes, **documented(503)})
    def get_ready() -> Response:
        """Whether what is heard is classified at once (200), or the network is still being loaded (503)."""
        if not studio.ready:
            raise RequestError("the network is being loaded", status=503, next_step="Ask again in some seconds")
        return Yes(ok=True).response()


def _health(studio: Studio, stage: Stage) -> SessionHealth:
    session = stage.session
    if session is None:
        return SessionHealth(id=stage.identifier, state=State.IDLE, alive=True, seconds_since_last_result=None)
    state, newest = session.status().state, session.results.latest
    # In seconds of sound and not of the clock: nothing is due while nothing comes in.
    stalled = state is SessionState.LIVE and session.silent_seconds > session.classifier.window_seconds + STALL_SECONDS
    since = None if newest is None else max(0.0, studio.engine.clock.now() - newest.predicted_at)
    return SessionHealth(
        id=stage.identifier,
        state=State(state.value),
        alive=state is not SessionState.FAILED and not stalled,
        seconds_since_last_result=None if since is None else round(since, 3),
    )
