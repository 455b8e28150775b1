"""Whole tracks, classified: files that are sent and links, answered at once or by a job."""

from __future__ import annotations

import json
from typing import Annotated

from flask import Response, request
from flask_openapi import APIBlueprint
from pydantic import BaseModel, Field, ValidationError

from dashboard.api.bodies import LONGEST_BODY_BYTES, takes_sound
from dashboard.api.files import SOUND_BODY, UPLOAD_REFUSALS, check_sound_type, say_when_to_try_again
from dashboard.api.job import JobStatus
from dashboard.api.mount import PREFIX
from dashboard.api.problems import RequestError, documented, invalid
from dashboard.api.schemas import AS_WHOLE, Order, Query, Switch
from dashboard.api.track import Job, TrackAnswer, job_json
from dashboard.api.whole_tracks import OWNER, Wanted, WholeTracks
from dashboard.request_body import RequestBody
from dashboard.studio import Studio
from dashboard.upload_refusals import broken_off, too_slow, without_length
from dashboard.upload_request import receive_file

JSON = "application/json"
POLL_SECONDS = 1
"""When to ask for a job again."""


class ClassifyQuery(Query):
    model: str = Field(default="", max_length=200, description="By its name; without one, the default.")
    top: Annotated[int, Field(ge=1, le=10_000), AS_WHOLE] | None = Field(
        default=None, description="So many labels; without it, all."
    )
    windows: Switch = Field(default=False, description="Also what was heard in every window.")
    wait: Switch = Field(default=True, description="false: answer with a job, however short it is.")
    name: str = Field(default="", max_length=1000, description='What the file is called: "song.mp3". It is only shown.')


class LinkOrder(Order):
    """A link to what is to be classified."""

    url: str = Field(
        max_length=2048, pattern=r"^[hH][tT][tT][pP][sS]?://[^\s]+$", description="http or https, not live."
    )


class JobPath(BaseModel):
    job_id: str = Field(description="As POST /classify has given it.")


def register_classification(api: APIBlueprint, studio: Studio) -> None:
    """Add `POST /classify`, and `GET` and `DELETE /jobs/{job_id}`."""
    tracks = WholeTracks(studio)
    link_schema = {"schema": LinkOrder.model_json_schema()}
    accepted = {
        "description": "It takes longer, and goes on as a job. Location says where to ask for it.",
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Job"}}},
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "The job."},
            "Retry-After": {"schema": {"type": "integer"}, "description": "Ask after so many seconds."},
        },
    }

    @api.post(
        "/classify",
        summary="Say what a whole file or link is",
        operation_id="classify",
        request_body={"required": True, "content": {**SOUND_BODY, JSON: link_schema}},
        responses={200: TrackAnswer, 202: accepted, **documented(409, *UPLOAD_REFUSALS)},
    )
    @takes_sound
    def classify(query: ClassifyQuery) -> Response:
        """The file is the body, or the field "file" of a form; or the body is JSON with a link.

        A file with at most 60 s of sound is answered at once, unless many are being answered just then. Everything
        else is a job, and so is every link.
        """
        check_sound_type(JSON)
        say_when_to_try_again()
        wanted = Wanted(query.model or studio.default_model, query.top, query.windows)
        # Before the body is read: it would be sent in vain.
        studio.classifier(wanted.model)
        if request.mimetype == JSON:
            try:
                link = _link()
            except ValidationError as error:
                return invalid(error)
            return _accepted(tracks.hear_link(link.url, wanted))
        if not query.wait:
            tracks.jobs.check_room()
        upload = receive_file(tracks.uploads, owner=OWNER, name=query.name, in_use=tracks.in_use)
        heard = tracks.hear_upload(upload, wanted, wait=query.wait)
        return _accepted(heard) if isinstance(heard, JobStatus) else _json(json.dumps(heard).encode())

    @api.get(
        "/jobs/<job_id>",
        summary="How it is with a job, and what came of it",
        operation_id="job",
        responses={200: Job, **documented(404)},
    )
    def job(path: JobPath) -> Response:
        status = tracks.jobs.get(path.job_id)
        response = _json(job_json(status))
        if not status.over:
            response.headers["Retry-After"] = str(POLL_SECONDS)
        return response

    @api.delete(
        "/jobs/<job_id>",
        summary="Cancel a job, if it is not over, and forget it",
        operation_id="cancel_job",
        responses={204: None, **documented(404)},
    )
    def cancel_job(path: JobPath) -> Response:
        tracks.jobs.cancel(path.job_id)
        return Response(status=204)


def _link() -> LinkOrder:
    """The link in the present request's body. Raises ValidationError if it is none."""
    body = RequestBody(10.0)
    if body.length is None:
        raise without_length("the link")
    if body.length > LONGEST_BODY_BYTES:
        raise RequestError("the link is too long", status=413, rule=f"at most {LONGEST_BODY_BYTES} bytes")
    try:
        data = body.read(body.length)
    except TimeoutError as error:
        raise too_slow("the link") from error
    except OSError as error:
        raise broken_off("the link", "the connection was lost") from error
    return LinkOrder.model_validate_json(data)


def _accepted(status: JobStatus) -> Response:
    response = _json(job_json(status), 202)
    response.headers["Location"] = f"{PREFIX}/jobs/{status.identifier}"
    response.headers["Retry-After"] = str(POLL_SECONDS)
    return response


def _json(data: bytes, status: int = 200) -> Response:
    response = Response(data, status=status, mimetype=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response
