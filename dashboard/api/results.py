"""What has been heard in a session: results by cursor, segments, the summary, and files to take away."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response
from flask_openapi import APIBlueprint
from pydantic import Field

from dashboard.api.problems import documented, not_found
from dashboard.api.schemas import Answer, Query, Result, Segment, Whole, content
from dashboard.api.session_schemas import SessionPath
from dashboard.chronicle import Chronicle
from dashboard.downloads import exported
from dashboard.stage import Stage
from dashboard.stretches import HeardSegment
from dashboard.studio import Studio

MOST_RESULTS = 1000
LARGEST_NUMBER = 2**53
DURATIONS = ("seconds", "music_seconds", "no_music_seconds", "silence_seconds", "not_sure_seconds")

Which = Literal["first", "second"]


class WhichQuery(Query):
    which: Which = Field(default="first", description="Which of the two models.")

    @property
    def place(self) -> int:
        return 1 if self.which == "second" else 0


class ResultsQuery(WhichQuery):
    since: Whole = Field(default=0, ge=0, le=LARGEST_NUMBER, description="The first number that is wanted.")
    limit: Whole = Field(default=300, ge=1, le=MOST_RESULTS, description="So many at most, the oldest first.")


class Results(Answer):
    """What has been heard since a number; about an hour reaches back."""

    session: str
    run: str
    generation: int = Field(ge=0)
    labels: list[str] = Field(description="What the probabilities stand for.")
    results: list[Result]
    next: int = Field(ge=0, description="What to ask for next time.")


class SessionSegment(Segment):
    """A stretch of one track with one description."""

    track: int = Field(ge=0)
    position_seconds: float = Field(description="Where in that track it begins.")

    @classmethod
    def of(cls, segment: HeardSegment) -> SessionSegment:
        return cls(
            start_seconds=round(segment.start_seconds, 2),
            end_seconds=round(segment.end_seconds, 2),
            label=segment.label,
            probability=round(float(segment.probability), 4),
            track=segment.track,
            position_seconds=round(segment.position_seconds, 2),
        )


class Segments(Answer):
    session: str
    run: str
    generation: int = Field(ge=0)
    version: int = Field(description="Grows whenever a segment begins or changes; not when the last one lasts longer.")
    dropped: int = Field(ge=0, description="So many of the oldest are no longer kept.")
    segments: list[SessionSegment]


class Share(Answer):
    label: str
    name: str = Field(description="As it is shown to people.")
    seconds: float
    share: float = Field(ge=0, le=1.001, description="Of the music.")


class Summary(Answer):
    """What a session has come to."""

    session: str
    run: str
    generation: int = Field(ge=0)
    seconds: float = Field(description="Sound that was judged: music, sound that is none, and silence.")
    music_seconds: float
    no_music_seconds: float = Field(description="Sound that is no music: speech, applause, noise.")
    silence_seconds: float
    not_sure_seconds: float = Field(description="Music for which no label was named.")
    shares: list[Share] = Field(description="The largest first.")
    changes_per_minute: float | None = Field(description="Of the label; null without music.")
    sentence: str = Field(description='What is heard now: "jazz, with elements of blues".')


def register_results(api: APIBlueprint, studio: Studio) -> None:
    """Add what is below `/sessions/<id>`: `results`, `segments`, `summary`, `export.csv`, `.json` and `.replay`."""

    @api.get("/sessions/<id>/results", operation_id="get_results", responses={200: Results, **documented(404)})
    def get_results(path: SessionPath, query: ResultsQuery) -> Response:
        """What has been heard, one result for each window.

        Ask again with `since` as `next` was. Numbers begin anew with another `run` or `generation`; whoever asks for
        one that has not been reached yet gets what there is from the beginning.
        """
        stage = studio.kept_stage(path.id)
        # The run before the session: if it changes in between, the next request shows it.
        run, session = studio.run_of(stage), (stage.session, stage.second)[query.place]
        if session is None:
            return Results(session=path.id, run=run, generation=0, labels=[], results=[], next=0).response()
        found = session.results
        since = query.since if query.since <= found.next_prediction else 0
        predictions = found.predictions_since(since)[: query.limit]
        return Results(
            session=path.id,
            run=run,
            generation=found.generation,
            labels=list(found.labels),
            results=[Result.of(prediction, found.labels) for prediction in predictions],
            next=predictions[-1].number + 1 if predictions else since,
        ).response()

    @api.get("/sessions/<id>/segments", operation_id="get_segments", responses={200: Segments, **documented(404)})
    def get_segments(path: SessionPath, query: WhichQuery) -> Response:
        """What was heard from when to when; the last segment lasts up to now."""
        facts, chronicle = _heard(studio, studio.kept_stage(path.id), query.place)
        if chronicle is None:
            return Segments(**facts, version=0, dropped=0, segments=[]).response()
        return Segments(
            **facts,
            version=chronicle.segments_version,
            dropped=chronicle.dropped_segments,
            segments=[SessionSegment.of(segment) for segment in chronicle.segments()],
        ).response()

    @api.get("/sessions/<id>/summary", operation_id="get_summary", responses={200: Summary, **documented(404)})
    def get_summary(path: SessionPath, query: WhichQuery) -> Response:
        """What the session has come to: shares of the labels, changes, and a sentence about now."""
        facts, chronicle = _heard(studio, studio.kept_stage(path.id), query.place)
        if chronicle is None:
            nothing = dict.fromkeys(DURATIONS, 0.0)
            return Summary(**facts | nothing, shares=[], changes_per_minute=None, sentence="").response()
        found = chronicle.summary()
        return Summary(
            **facts | {name: found[name] for name in DURATIONS},
            shares=[Share(**share) for share in found["shares"]],
            changes_per_minute=found["changes_per_minute"],
            sentence=chronicle.sentence(),
        ).response()

    def add_export(kind: str, media_type: str, shape: str, what: str) -> None:
        def export(path: SessionPath) -> Response:
            response = exported(studio.kept_stage(path.id), kind)
            if response is None:
                raise not_found(
                    f"in the session {path.id[:40]} nothing has been heard", next_step="Choose a source, with PATCH"
                )
            return response

        export.__name__ = f"export_{kind}"  # by which Flask knows it
        responses = {200: content(media_type, what, kind=shape), **documented(404)}
        api.get(f"/sessions/<id>/export.{kind}", operation_id=f"export_{kind}", summary=what, responses=responses)(
            export
        )

    add_export("csv", "text/csv", "string", "The session as a table: one row for each moment")
    add_export("json", "application/json", "object", "The whole session, for programs")
    add_export("replay", "application/json", "object", "The whole session, to be looked at with `genrescope replay`")


def _heard(studio: Studio, stage: Stage, place: int) -> tuple[dict[str, Any], Chronicle | None]:
    """Which session this is about, and what it has said."""
    run, session = studio.run_of(stage), (stage.session, stage.second)[place]
    generation = 0 if session is None else session.results.generation
    return {"session": stage.identifier, "run": run, "generation": generation}, stage.chronicle(place)
