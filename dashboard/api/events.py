"""Server-Sent Events: what happens in a session, as it happens (`GET /sessions/<id>/events`)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from flask import Response, request
from flask_openapi import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field

from dashboard.api.event_log import Place, follow
from dashboard.api.event_publisher import Publisher
from dashboard.api.problems import RequestError, documented
from dashboard.api.results import LARGEST_NUMBER, WhichQuery
from dashboard.api.schemas import Whole, content
from dashboard.api.session_schemas import SessionPath
from dashboard.stage import Stage
from dashboard.studio import Studio

MOST_LISTENERS = 200
"""Of all sessions together; each is a thread."""
CLOSING = "genrescope.closing"
"""Where the server says that the program is being closed."""
EXAMPLE = """event: model
data: {"run":"5f2c01aa.1","generation":0,"model":"genres","labels":["blues","classical"],"exclusive":true}

event: state
data: {"state":"live","detail":"","title":"Demo mix","station":"","track":0,"behind":false}

id: 5f2c01aa.1-0-17
event: result
data: {"number":17,"time_seconds":11.5,"verdict":"sure","label":"blues","probability":0.91,"probabilities":[0.91,0.09]}

"""
EVENT_ID = r"^(?:([0-9a-f]{8}\.[0-9]{1,9})-([0-9]{1,9})-([0-9]{1,15}))?$"


class EventsQuery(WhichQuery):
    since: Whole = Field(
        default=-1, ge=-1, le=LARGEST_NUMBER, description="The first result that is wanted; -1: only what is new."
    )


class EventsHeader(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    last_event_id: str = Field(
        default="",
        alias="Last-Event-ID",
        pattern=EVENT_ID,
        description="The last event that came: those after it come first. Browsers send it by themselves.",
    )


class Listener:
    """One who listens: an iterator for the answer, which the server closes in any case."""

    def __init__(self, hub: EventHub, key: tuple[str, int], publisher: Publisher, since: Place | None) -> None:
        self._hub = hub
        self._key = key
        self._publisher = publisher
        self._events = follow(publisher.log, since)
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._events)

    def close(self) -> None:
        """It listens no more. May be called twice."""
        if self._open:
            self._open = False
            self._events.close()  # type: ignore[attr-defined]  # a generator
            self._hub.leave(self._key, self._publisher)


class EventHub:
    """Brings listeners and publishers together. Every method may be called from any thread."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._lock = threading.Lock()
        self._publishers: dict[tuple[str, int], tuple[Publisher, int]] = {}
        self._listeners = 0

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return self._listeners

    def listen(self, stage: Stage, place: int, since: Place | None, closing: threading.Event | None) -> Listener:
        """One more listener. Raises RequestError where there are enough."""
        key = stage.identifier, place
        with self._lock:
            if self._listeners >= MOST_LISTENERS:
                raise RequestError(
                    f"{MOST_LISTENERS} programs are listening to events already",
                    status=429,
                    rule="each costs a connection",
                    next_step="Close one of them, or ask for results with ?since=",
                )
            found = self._publishers.get(key)
            if found is None or found[0].log.ended:
                found = Publisher(self._studio, stage, place), 0
            publisher, count = found
            publisher.end_with(closing)
            if count == 0:
                publisher.start()
            self._publishers[key] = publisher, count + 1
            self._listeners += 1
        return Listener(self, key, publisher, since)

    def leave(self, key: tuple[str, int], publisher: Publisher) -> None:
        """One listener less; after the last one the publisher ends."""
        with self._lock:
            self._listeners -= 1
            found, count = self._publishers.get(key, (None, 0))
            if found is not publisher:
                return
            if count > 1:
                self._publishers[key] = publisher, count - 1
            else:
                del self._publishers[key]
                publisher.stop()


def register_events(api: APIBlueprint, studio: Studio, hub: EventHub) -> None:
    """Add `GET /sessions/<id>/events`."""

    described = content("text/event-stream", "Server-Sent Events, until the session ends.", kind="", example=EXAMPLE)

    @api.get(
        "/sessions/<id>/events",
        operation_id="listen_to_events",
        responses={200: described, **documented(404, 429)},
    )
    def listen_to_events(path: SessionPath, query: EventsQuery, header: EventsHeader) -> Response:
        """What happens in a session, as it happens.

        `model` comes first and after every change: labels, run and generation. `state`: what the session is doing.
        `segments`: the newest of them, whenever one begins or changes. `result`: one for each window, as in the
        results; its id lets the next connection go on behind it. `end`: the session has ended, nothing more will come.
        """
        stage = studio.kept_stage(path.id)
        since = _since(studio, stage, query, header)
        listener = hub.listen(stage, query.place, since, request.environ.get(CLOSING))
        response = Response(listener, mimetype="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        # A proxy that collects answers before it passes them on would hold back every event.
        response.headers["X-Accel-Buffering"] = "no"
        return response


def _since(studio: Studio, stage: Stage, query: EventsQuery, header: EventsHeader) -> Place | None:
    """What the listener has got. The event it had last counts for more than the address it began with."""
    if header.last_event_id:
        run, had_generation, number = header.last_event_id.split("-")
        return Place(run, int(had_generation), int(number) + 1)
    if query.since < 0:
        return None
    session = (stage.session, stage.second)[query.place]
    generation = 0 if session is None else session.results.generation
    return Place(studio.run_of(stage), generation, query.since)
