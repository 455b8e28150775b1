"""What goes wrong, as problem details (RFC 9457): what it was, which rule it breaks, and what to do next."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

from model.errors import (
    AudioFileError,
    BundleError,
    DataError,
    DeviceError,
    GenrescopeError,
    ServerError,
    SettingError,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
ERRORS_TOLD = 20
"""Of a request with more mistakes only so many are listed."""
INPUT_WORDS = "a request has the fields that the description of the interface names"
NEXT_STEP = "See the description of the interface at /api/v1/docs"
STATUSES: tuple[tuple[type[GenrescopeError], int], ...] = (
    (SettingError, 422),
    (AudioFileError, 422),
    (DeviceError, 409),
    (BundleError, 422),
    (DataError, 422),
    (ServerError, 503),
)
"""The status for each kind of error that does not bring one along."""


class Mistake(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(extra="forbid")

    place: str = Field(description='Where: "body.source.kind", "query.limit".')
    detail: str = Field(description="What is wrong there.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(default="about:blank", description='Always "about:blank": the status says what kind it is.')
    title: str = Field(description="The status in words.")
    status: int = Field(description="The status of HTTP.", ge=400, le=599)
    detail: str = Field(description="What was wrong, in one sentence.")
    rule: str = Field(default="", description='The rule it broke, "" if there is none to tell.')
    next_step: str = Field(default="", description='What to do now, "" if there is nothing to be done.')
    mistakes: list[Mistake] = Field(default=[], description="What is wrong with the request, one by one.")


class RequestError(GenrescopeError):
    """A request that is not carried out. `status` is the fitting one of HTTP."""

    def __init__(self, what: str, *, status: int, rule: str = "", next_step: str = "") -> None:
        super().__init__(what, rule=rule, next_step=next_step)
        self.status = status


def not_found(what: str, *, rule: str = "", next_step: str = "") -> RequestError:
    """The answer where something does not exist (any more)."""
    return RequestError(what, status=404, rule=rule, next_step=next_step)


def not_there(what: str, *, next_step: str = "") -> RequestError:
    """The answer to an order that names what does not exist (any more). The address it was sent to is right, so it is
    not "not found"."""
    return RequestError(what, status=409, next_step=next_step)


def register_problems(server: Flask) -> None:
    """Have whatever goes wrong on this server answered with problem details."""

    @server.errorhandler(GenrescopeError)
    def refused(error: GenrescopeError) -> Response:
        return problem_response(problem_of(error))

    @server.errorhandler(HTTPException)
    def answered(error: HTTPException) -> Response:
        return _of_http(error)

    @server.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.error("a request of a program failed", exc_info=error)
        return problem_response(
            _problem(
                500,
                "something went wrong inside genrescope",
                next_step="The terminal it was started from says more",
            )
        )


def problem_of(error: GenrescopeError) -> Problem:
    """An error for people as problem details; it may bring its `status` along."""
    status = getattr(error, "status", None)
    if not isinstance(status, int):
        status = next((number for kind, number in STATUSES if isinstance(error, kind)), 422)
    return _problem(status, error.what, rule=error.rule, next_step=error.next_step)


def invalid(error: ValidationError) -> Response:
    """The answer to a request that does not fit its description."""
    mistakes = [
        Mistake(place=".".join(map(str, found["loc"])) or "body", detail=found["msg"])
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    problem = _problem(422, _in_words(mistakes), rule=INPUT_WORDS, next_step=NEXT_STEP)
    return problem_response(problem.model_copy(update={"mistakes": mistakes[:ERRORS_TOLD]}))


def problem_response(problem: Problem) -> Response:
    """Problem details as an answer."""
    response = Response(problem.model_dump_json(), status=problem.status, mimetype=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def documented(*statuses: int) -> dict[str | int | HTTPStatus, Any]:
    """These statuses, each with problem details, for an operation's `responses`."""
    return {status: _described(status) for status in statuses}


def _described(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}


def _problem(status: int, detail: str, *, rule: str = "", next_step: str = "") -> Problem:
    return Problem(title=_phrase(status), status=status, detail=detail, rule=rule, next_step=next_step)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _in_words(mistakes: Sequence[Mistake]) -> str:
    first = mistakes[0]
    more = f", and {len(mistakes) - 1} more" if len(mistakes) > 1 else ""
    return f"{first.place}: {first.detail}{more}"


def _of_http(error: HTTPException) -> Response:
    """What Flask and werkzeug refuse. Redirects and ready answers pass as they are."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]  # a werkzeug answer in principle, ours in fact
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]
    response = problem_response(_problem(status, _refusal(error), next_step=NEXT_STEP if status < 500 else ""))
    for name, value in error.get_headers():
        # Allow, Retry-After, Content-Range: whatever belongs to the status.
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _refusal(error: HTTPException) -> str:
    known = {
        404: "there is nothing at this address",
        405: "this address does not take this method",
        413: "the request is too large",
        415: "the request's body is of a kind that is not taken here",
    }
    return known.get(error.code or 500) or (error.description or error.name or "").rstrip(".")
