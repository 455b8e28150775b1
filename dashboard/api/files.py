"""The files that programs have sent, for sessions to listen to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, after_this_request, request
from flask_openapi import APIBlueprint
from pydantic import BaseModel, Field

from dashboard.api.bodies import takes_sound
from dashboard.api.mount import PREFIX
from dashboard.api.problems import RequestError, documented, not_found
from dashboard.api.schemas import Answer, Query
from dashboard.studio import PROGRAMS, Studio
from dashboard.upload_request import FORM, files_in_use, receive_file
from dashboard.uploads import Upload

SOUND_TYPES = ("audio/", "video/", "application/ogg", "application/octet-stream")
"""How the media type of a sound file begins. What it really is, its content says."""
RETRY_SECONDS = 30
UPLOAD_REFUSALS = (408, 411, 413, 415, 429, 503, 507)
CONTENT = {"type": "string", "format": "binary", "minLength": 1}
BINARY = {"schema": CONTENT}
FORM_WITH_FILE = {"schema": {"type": "object", "required": ["file"], "properties": {"file": CONTENT}}}
SOUND_BODY: Mapping[str, Any] = {
    "application/octet-stream": BINARY,
    "audio/*": BINARY,
    FORM: FORM_WITH_FILE,
}
"""The ways to send a file, for an operation's description."""


class NameQuery(Query):
    name: str = Field(default="", max_length=1000, description='What the file is called: "song.mp3". It is only shown.')


class FilePath(BaseModel):
    file_id: str = Field(description="As POST /files has given it.")


class File(Answer):
    """A file that was sent, and is sound."""

    id: str = Field(description='For the source of a session: {"kind": "file", "id": ...}.')
    title: str
    seconds: float | None = Field(description="As the file says; null if it does not.")


class Files(Answer):
    files: list[File] = Field(description="The oldest first.")


def register_files(api: APIBlueprint, studio: Studio) -> None:
    """Add `POST /files`, `GET /files` and `DELETE /files/{file_id}`."""
    uploads = studio.uploads

    @api.post(
        "/files",
        summary="Send a sound file, for a session to listen to",
        operation_id="send_file",
        request_body={"required": True, "content": dict(SOUND_BODY)},
        responses={201: File, **documented(*UPLOAD_REFUSALS)},
    )
    @takes_sound
    def send_file(query: NameQuery) -> Response:
        """The file is the body, or the field "file" of a form. Those that were not wanted for longest make room."""
        check_sound_type()
        say_when_to_try_again()
        kept = receive_file(uploads, owner=PROGRAMS, name=query.name, in_use=lambda: files_in_use(studio))
        return _file(kept).response(201, Location=f"{PREFIX}/files/{kept.identifier}")

    @api.get("/files", summary="The files that were sent", operation_id="list_files", responses={200: Files})
    def list_files() -> Response:
        return Files(files=[_file(upload) for upload in uploads.of(PROGRAMS)]).response()

    @api.delete(
        "/files/<file_id>",
        summary="Remove a file",
        operation_id="delete_file",
        responses={204: None, **documented(404, 409)},
    )
    def delete_file(path: FilePath) -> Response:
        key = f"upload:{path.file_id}"
        if key in files_in_use(studio):
            raise RequestError(
                "a session is listening to this file", status=409, next_step="Have it listen to something else first"
            )
        if not uploads.remove(key, PROGRAMS):
            raise not_found("there is no such file", next_step="Ask for the list of files, or send it again")
        return Response(status=204)


def check_sound_type(*others: str) -> None:
    """Raises RequestError unless the request says that it brings a sound file, a form, one of `others`, or nothing."""
    kind = request.mimetype
    if kind and kind != FORM and kind not in others and not kind.startswith(SOUND_TYPES):
        raise RequestError(
            f"a body of the type {kind[:80]} is not taken here",
            status=415,
            rule=f"a sound file is sent as application/octet-stream or audio/..., or in {FORM}",
            next_step="With curl: -T song.mp3 -X POST, or -F file=@song.mp3",
        )


def say_when_to_try_again() -> None:
    """Give the present request's answer a Retry-After, if it comes to that."""

    @after_this_request
    def add(response: Response) -> Response:
        if response.status_code in (429, 503):
            response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
        return response


def _file(upload: Upload) -> File:
    seconds = None if upload.seconds is None else round(upload.seconds, 3)
    return File(id=upload.identifier, title=upload.title, seconds=seconds)
