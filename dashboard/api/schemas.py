"""What programs send and get. Times are in seconds, probabilities 0..1, numbers rounded as in the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from flask import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from dashboard.access import TOKEN
from stream.records import Prediction, Verdict


class Answer(BaseModel):
    """What a program gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def response(self, status: int = 200, **headers: str) -> Response:
        """As JSON. Headers are given with underscores: `Content_Location="..."`."""
        response = Response(self.model_dump_json(by_alias=True), status=status, mimetype="application/json")
        response.headers["Cache-Control"] = "no-store"
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response


class Order(BaseModel):
    """The JSON that a program sends. Nothing is guessed: "1" is no number, and an unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Query(BaseModel):
    """What stands behind the question mark of an address."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_token(cls, values: Any) -> Any:
        """The password may stand in any address, and has been looked at already."""
        return {name: value for name, value in values.items() if name != TOKEN} if isinstance(values, dict) else values


class Path(BaseModel):
    """What stands between the slashes of an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _switch(value: Any) -> Any:
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("it is true or false")


def _whole(value: Any) -> Any:
    # Not int(): that takes " 1 ", "1_0" and "١" as well.
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit():
        return int(value) if len(value) < 20 else value
    raise ValueError("it is a whole number")


def _index(value: Any) -> Any:
    # For JSON Schema 2.0 is a whole number, too.
    return int(value) if isinstance(value, float) and value.is_integer() else value


AS_INDEX = BeforeValidator(_index)
"""For whole numbers in JSON: `Annotated[int, Field(ge=0), AS_INDEX]`."""
AS_WHOLE = BeforeValidator(_whole)
"""For whole numbers in an address, where they have limits and may be missing as well."""
Switch = Annotated[bool, BeforeValidator(_switch), WithJsonSchema({"type": "boolean"})]
"""true or false in an address, and nothing else."""
Whole = Annotated[int, AS_WHOLE]
"""A whole number in an address."""


class LabelProbability(Answer):
    label: str
    probability: float = Field(ge=0, le=1)


class ModelVersion(Answer):
    name: str = Field(description="What ?model= takes.")
    version: str = Field(description="Changes whenever anything in the model does.")


class Segment(Answer):
    """A stretch of sound with one description."""

    start_seconds: float
    end_seconds: float
    label: str = Field(description='A label of the model, "not sure", "no music" or "silence".')
    probability: float = Field(ge=0, le=1, description="Mean over the stretch; 0 where no label is named.")


class Result(Answer):
    """What was heard in one window."""

    number: int = Field(ge=0, description="Counts up; `since` and `Last-Event-ID` refer to it.")
    time_seconds: float = Field(description="Seconds of sound since the source began, at the window's end.")
    track: int = Field(ge=0, description="Index of the track the window ended in.")
    position_seconds: float = Field(description="Where in that track the window ended.")
    verdict: Verdict
    label: str | None = Field(description="The label that is named; null unless the verdict is sure.")
    probability: float | None = Field(description="Of that label.")
    probabilities: list[float] = Field(description="Smoothed, one for each label.")
    place: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        description="Where it lies on the model's map, x and y, each -1..1; null without music, and without a map."
    )
    latency_ms: float = Field(description="From sound to prediction.")

    @classmethod
    def of(cls, prediction: Prediction, labels: Sequence[str]) -> Result:
        """labels : what the probabilities stand for."""
        # JSON knows no NaN.
        probabilities = np.nan_to_num(prediction.probabilities).astype(float).round(4).tolist()
        named = int(np.argmax(probabilities)) if prediction.verdict is Verdict.SURE else None
        return cls(
            number=prediction.number,
            time_seconds=round(prediction.stream_time, 3),
            track=prediction.track,
            position_seconds=round(prediction.position_seconds, 3),
            verdict=prediction.verdict,
            label=None if named is None else labels[named],
            probability=None if named is None else probabilities[named],
            probabilities=probabilities,
            place=None if prediction.place is None else [round(value, 3) for value in prediction.place],
            latency_ms=round(prediction.latency_ms, 1),
        )


def readable(text: str) -> str:
    """Without what JSON cannot hold: the names of files need not be text."""
    return text.encode("utf-8", "replace").decode("utf-8")


def content(media_type: str, description: str, *, kind: str = "string", example: str = "") -> dict[str, Any]:
    """For an operation's `responses`: an answer that no model describes.

    kind : "string", "object", or "" for one that has an example instead of a schema.
    """
    described: dict[str, Any] = {"schema": {"type": kind}} if kind else {}
    return {"description": description, "content": {media_type: described | ({"example": example} if example else {})}}
