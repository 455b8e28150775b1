"""What can listen: the models."""

from __future__ import annotations

from flask import Response
from flask_openapi import APIBlueprint
from pydantic import Field

from dashboard.api.schemas import Answer
from dashboard.chronicle import SHOWN_FROM
from dashboard.studio import Studio
from dashboard.track import model_version


class Interval(Answer):
    low: float
    high: float


class Metrics(Answer):
    """What was measured when the model was built; null where it was not."""

    accuracy: float | None = Field(description="Balanced accuracy per track of music by unseen artists.")
    accuracy_interval: Interval | None = Field(description="Its 95 % interval.")
    cost_ms: float | None = Field(description="Of one window, on the machine that built it.")


class Model(Answer):
    name: str = Field(description="What ?model= takes.")
    title: str
    labels: list[str]
    exclusive: bool = Field(description="One label is right at a time; otherwise several may be.")
    shown_from: float | None = Field(description="Where several may be: the probability from which a label is said.")
    window_seconds: float = Field(description="Sound one prediction is made from.")
    sample_rate: int = Field(description="Hz. Sound of any other is converted.")
    version: str = Field(description="Changes whenever anything in the model does.")
    metrics: Metrics
    default: bool = Field(description="It is used where none is named.")


class Models(Answer):
    models: list[Model]


def register_models(api: APIBlueprint, studio: Studio) -> None:
    """Add `GET /models`."""

    @api.get("/models", summary="The models that can listen", operation_id="list_models", responses={200: Models})
    def list_models() -> Response:
        return Models(models=_models(studio)).response()


def _models(studio: Studio) -> list[Model]:
    found = []
    for summary in studio.library.describe():
        if summary.problem:
            continue
        classifier = studio.classifier(summary.name)
        interval = summary.accuracy_interval
        found.append(
            Model(
                name=summary.name,
                title=summary.title,
                labels=list(summary.labels),
                exclusive=summary.exclusive,
                shown_from=None if summary.exclusive else classifier.thresholds.get("shown_from", SHOWN_FROM),
                window_seconds=classifier.window_seconds,
                sample_rate=classifier.sample_rate,
                version=model_version(classifier),
                metrics=Metrics(
                    accuracy=summary.accuracy,
                    accuracy_interval=None if interval is None else Interval(low=interval[0], high=interval[1]),
                    cost_ms=summary.cost_ms,
                ),
                default=summary.name == studio.default_model,
            )
        )
    return found
