"""The file in a form that is being sent (multipart/form-data, RFC 7578), as it comes: memory holds little of it."""

from __future__ import annotations

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from dashboard.upload_refusals import ByteStream, UploadError, broken_off, too_slow

PIECE_BYTES = 256 * 1024
HEADER_BYTES = 16 * 1024
"""Of what stands before a part's content."""
BOUNDARY_BYTES = 70
"""RFC 2046 allows no more."""
PARTS = 8
FIELD = "file"
"""The field the file is in. Others are passed over."""


class MultipartFile:
    """Reads the one file of a form. It is found at once: what is there to be read afterwards is its content.

    body : the form. TimeoutError when it takes too long, OSError when it stops coming.
    title : what it is called where something is wrong with it.

    Raises UploadError if there is no file in the form, or if it is no form.
    """

    def __init__(self, body: ByteStream, boundary: str, *, title: str = "the form") -> None:
        if not 0 < len(boundary) <= BOUNDARY_BYTES or not boundary.isascii():
            raise _no_form("it names no boundary between its parts")
        self._body = body
        self._title = title
        # What is decoded is taken out at once; beyond this, a part's header does not end.
        self._decoder = MultipartDecoder(
            boundary.encode(), max_form_memory_size=PIECE_BYTES + 2 * HEADER_BYTES, max_parts=PARTS
        )
        self._content = bytearray()
        self._complete = False
        try:
            self.filename = self._find()
        except TimeoutError as error:
            raise too_slow(title) from error
        except OSError as error:
            raise broken_off(title, "the connection was lost") from error

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes of the file; nothing at its end, which is also the end of the form."""
        while not self._content and not self._complete:
            event = self._next()
            if isinstance(event, Data):
                self._content += event.data
                if not event.more_data:
                    self._pass_over_rest()
                    self._complete = True
        piece = bytes(self._content[:size])
        del self._content[:size]
        return piece

    def _find(self) -> str:
        while True:
            event = self._next()
            if isinstance(event, Field | File) and event.name == FIELD:
                return (event.filename or "") if isinstance(event, File) else ""
            if isinstance(event, Epilogue):
                raise UploadError(
                    f"there is no field {FIELD!r} in the form",
                    rule=f"the sound file stands in the field {FIELD!r}",
                    next_step="Name it so, or send the file itself as the body",
                    status=400,
                )

    def _pass_over_rest(self) -> None:
        while not isinstance(event := self._next(), Epilogue):
            if isinstance(event, Field | File) and event.name == FIELD:
                raise UploadError(
                    "there are several files in the form",
                    rule="one is taken at a time",
                    next_step="Send one after the other",
                    status=400,
                )

    def _next(self) -> Event:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                if len(self._decoder.buffer) > HEADER_BYTES:
                    raise _no_form("what stands before a part's content is too long")
                # Nothing at the end; the decoder complains if the form is not at its own.
                self._decoder.receive_data(self._body.read(PIECE_BYTES) or None)
        except RequestEntityTooLarge as error:
            raise _no_form(f"it has more than {PARTS} parts, or does not end where it says") from error
        except ValueError as error:
            if self._decoder.complete:
                raise broken_off(self._title, "it ends in the middle") from error
            raise _no_form("it cannot be read") from error
        return event


def _no_form(why: str) -> UploadError:
    return UploadError(
        "that is no form with a file",
        rule=why,
        next_step="Send it as multipart/form-data, or send the file itself as the body",
        status=400,
    )
