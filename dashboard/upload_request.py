"""Files that are sent over HTTP, by pages and by programs: as the body itself, or in a form."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from dashboard.foreign_files import clean_title
from dashboard.multipart_file import MultipartFile
from dashboard.request_body import RequestBody
from dashboard.upload_refusals import ByteStream, UploadError, UploadLimits, too_large, without_length
from dashboard.uploads import Upload, Uploads
from model.errors import GenrescopeError

if TYPE_CHECKING:
    from dashboard.studio import Studio

FORM = "multipart/form-data"
FORM_BYTES = 64 * 1024
"""What a form may have around its file."""


def receive_file(
    uploads: Uploads, *, owner: str, name: str = "", in_use: Callable[[], Collection[str]] = tuple
) -> Upload:
    """Take in the file that the present request brings.

    name : what it is called; without one, the name it has in the form.
    owner, in_use : as `Uploads.receive` has them.

    Raises UploadError.
    """
    body = RequestBody(uploads.limits.patience_seconds)
    stream: ByteStream = body
    length = body.length
    if length is None:
        raise without_length(clean_title(name))
    if request.mimetype == FORM:
        _check_form(clean_title(name), length, uploads.limits)
        title = clean_title(name) if name else "the form"
        form = MultipartFile(body, request.mimetype_params.get("boundary", ""), title=title)
        stream, name, length = form, name or form.filename, None
    return uploads.receive(stream, filename=name, length=length, owner=owner, in_use=in_use)


def files_in_use(studio: Studio) -> set[str]:
    """The keys of the uploads that somebody is listening to, or at least has chosen."""
    return {stage.source_key for stage in studio.stages()}


def register_uploads(server: Flask, studio: Studio, uploads: Uploads) -> None:
    """Add `POST /upload?stage=ID&name=FILENAME`; the body is the file itself, or a form.

    The answer is {"key", "title", "notice": ""}, or {"notice": why not} with the fitting status.
    """

    @server.post("/upload")
    def upload() -> Response:
        try:
            owner = studio.stage(request.args.get("stage", "")).identifier
            name = request.args.get("name", "")
            kept = receive_file(uploads, owner=owner, name=name, in_use=lambda: files_in_use(studio))
            _check_still_there(studio, uploads, owner)
        except GenrescopeError as error:
            status = error.status if isinstance(error, UploadError) else 404
            return _answer({"notice": str(error)}, status)
        return _answer({"key": kept.key, "title": kept.title, "notice": ""}, 200)


def _check_form(title: str, length: int, limits: UploadLimits) -> None:
    """Refuse a form that is too large before a byte of it has come."""
    if length > limits.max_bytes + FORM_BYTES:
        raise too_large(title, length, limits)


def _check_still_there(studio: Studio, uploads: Uploads, owner: str) -> None:
    """A page that went away while it was sending will never ask for its file."""
    try:
        studio.stage(owner)
    except GenrescopeError:
        uploads.forget(owner)
        raise


def _answer(content: dict[str, Any], status: int) -> Response:
    response = Response(json.dumps(content), status=status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
