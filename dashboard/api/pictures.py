"""What the page draws beside the answer: the spectrogram, the map, and what in the sound spoke for a label."""

from __future__ import annotations

import base64
from typing import Annotated

from flask import Response
from flask_openapi import APIBlueprint
from pydantic import Field

from dashboard.api.problems import documented, not_found
from dashboard.api.results import LARGEST_NUMBER, WhichQuery
from dashboard.api.schemas import Answer, Path, Whole
from dashboard.api.session_schemas import SessionPath
from dashboard.studio import Studio

MOST_COLUMNS = 1000
PIXELS = "in base64, a byte each: column after column, the lowest band first"

Pixels = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
Dot = Annotated[list[float], Field(min_length=3, max_length=3)]


class ModelPath(Path):
    name: str = Field(min_length=1, max_length=100, description="As `GET /models` lists it.")


class Map(Answer):
    """The music a model was trained on, in two dimensions; its axes have no meaning of their own."""

    model: str
    labels: list[str]
    points: list[Dot] = Field(description="Tracks: x, y, and the index of the label; x and y are -1..1.")
    anchors: list[Dot] = Field(description="Where the name of a label stands: x, y, and its index.")


class SpectrogramQuery(WhichQuery):
    since: Whole = Field(default=0, ge=0, le=LARGEST_NUMBER, description="The first column that is wanted.")
    limit: Whole = Field(default=300, ge=1, le=MOST_COLUMNS, description="So many at most, the oldest first.")


class Spectrogram(Answer):
    """Columns of the spectrogram since a number; about an hour reaches back."""

    session: str
    run: str
    column_seconds: float
    bands_hz: list[float] = Field(description="Where each band lies.")
    first: int = Field(ge=0, description="Number of the first column here.")
    times_seconds: list[float] = Field(description="Seconds of sound since the source began, at each column's end.")
    data: Pixels = Field(description=f"How loud, 0 to 255, {PIXELS}.")
    next: int = Field(ge=0, description="What to ask for next time.")


class Explanation(Answer):
    """What in a window's sound spoke for the likeliest label (integrated gradients)."""

    session: str
    run: str
    number: int = Field(ge=0, description="Of the result that is explained.")
    time_seconds: float = Field(description="At the window's end.")
    window_seconds: float
    label: str
    columns: int = Field(ge=1)
    bands_hz: list[float]
    data: Pixels = Field(description=f"How much, 0 to 255, {PIXELS}.")


def register_pictures(api: APIBlueprint, studio: Studio) -> None:
    """Add `GET /models/<name>/map`, `/sessions/<id>/spectrogram` and `/sessions/<id>/explanation`."""

    @api.get("/models/<name>/map", operation_id="get_map", responses={200: Map, **documented(404)})
    def get_map(path: ModelPath) -> Response:
        """The map of a model's labels, on which the `place` of a result lies."""
        named = [summary.name for summary in studio.library.describe() if not summary.problem]
        found = studio.classifier(path.name).genre_map if path.name in named else None
        if found is None:
            raise not_found(
                f"there is no map of the model {path.name[:40]!r}",
                rule="some models have one",
                next_step="GET /models lists the models",
            )
        labels = studio.classifier(path.name).labels
        return Map(model=path.name, labels=list(labels), **found.describe(labels)).response()

    @api.get(
        "/sessions/<id>/spectrogram", operation_id="get_spectrogram", responses={200: Spectrogram, **documented(404)}
    )
    def get_spectrogram(path: SessionPath, query: SpectrogramQuery) -> Response:
        """The sound as a picture. Ask again with `since` as `next` was; numbers begin anew with another `run`."""
        stage = studio.kept_stage(path.id)
        run, session = studio.run_of(stage), (stage.session, stage.second)[query.place]
        if session is None:
            return Spectrogram(
                session=path.id, run=run, column_seconds=0.0, bands_hz=[], first=0, times_seconds=[], data="", next=0
            ).response()
        results = session.results
        since = query.since if query.since <= results.next_column else 0
        columns = results.columns_since(since)[: query.limit]
        return Spectrogram(
            session=path.id,
            run=run,
            column_seconds=session.settings.column_seconds,
            bands_hz=[round(float(frequency), 1) for frequency in session.classifier.band_frequencies_hz],
            first=columns[0].number if columns else since,
            times_seconds=[round(column.stream_time, 3) for column in columns],
            data=base64.b64encode(b"".join(column.bands.tobytes() for column in columns)).decode("ascii"),
            next=columns[-1].number + 1 if columns else since,
        ).response()

    @api.get("/sessions/<id>/explanation", operation_id="explain", responses={200: Explanation, **documented(404, 503)})
    def explain(path: SessionPath) -> Response:
        """Why the newest window was given its label.

        At most one is made a second, for all who ask; in between everybody gets the last one. It takes a while.
        """
        stage = studio.kept_stage(path.id)
        run, session = studio.run_of(stage), stage.session
        found = studio.explanations.of(stage)
        if session is None or "number" not in found:
            raise not_found(
                f"there is nothing to explain in the session {path.id[:40]}",
                rule=str(found.get("reason", "nothing is heard")),
                next_step="Try again in a second",
            )
        return Explanation(
            session=path.id,
            run=run,
            number=found["number"],
            time_seconds=found["time"],
            window_seconds=found["seconds"],
            label=found["label_name"],
            columns=found["columns"],
            bands_hz=[round(float(frequency), 1) for frequency in session.classifier.band_frequencies_hz],
            data=found["data"],
        ).response()
