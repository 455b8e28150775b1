"""The file in a form that is being sent (multipart/form-data, RFC 7578), as it comes: memory holds little of it."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.http import parse_options_header

from dashboard.upload_refusals import ByteStream, UploadError, broken_off, too_slow

PIECE_BYTES = 256 * 1024
HEADER_BYTES = 16 * 1024
"""Of what stands before a part's content."""
BOUNDARY_BYTES = 70
"""RFC 2046 allows no more."""
PARTS = 8
FIELD = "file"
"""The field the file is in. Others are passed over."""
_END_OF_LINE = b"\r\n"


@dataclass(frozen=True)
class _Part:
    name: str
    filename: str


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
        # RFC 2046, 5.1.1: the line break before a boundary belongs to it; before the first there need be none.
        self._delimiter = _END_OF_LINE + b"--" + boundary.encode()
        self._came = bytearray(_END_OF_LINE)
        self._parts = 0
        self._complete = False
        try:
            self.filename = self._find()
        except TimeoutError as error:
            raise too_slow(title) from error
        except OSError as error:
            raise broken_off(title, "the connection was lost") from error

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes of the file; nothing at its end, which is also the end of the form."""
        piece = b""
        while not piece and not self._complete:
            piece, self._complete = self._content(size)
            if self._complete:
                self._pass_over_rest()
        return piece

    def _find(self) -> str:
        self._pass_over_content(HEADER_BYTES)  # words before the first part, which nobody writes
        while (part := self._next_part()) is not None:
            if part.name == FIELD:
                return part.filename
            self._pass_over_content()
        raise UploadError(
            f"there is no field {FIELD!r} in the form",
            rule=f"the sound file stands in the field {FIELD!r}",
            next_step="Name it so, or send the file itself as the body",
            status=400,
        )

    def _pass_over_rest(self) -> None:
        while (part := self._next_part()) is not None:
            if part.name == FIELD:
                raise UploadError(
                    "there are several files in the form",
                    rule="one is taken at a time",
                    next_step="Send one after the other",
                    status=400,
                )
            self._pass_over_content()

    def _pass_over_content(self, limit: int | None = None) -> None:
        passed, complete = 0, False
        while not complete:
            piece, complete = self._content(PIECE_BYTES)
            passed += len(piece)
            if limit is not None and passed > limit:
                raise _no_form("it does not begin with its boundary")

    def _content(self, size: int) -> tuple[bytes, bool]:
        """Up to so many bytes of the present part, and whether that is all of it; then the boundary has been taken."""
        while True:
            end = self._came.find(self._delimiter)
            # Without a boundary in sight, the last bytes may still be the beginning of one.
            safe = end if end >= 0 else len(self._came) - len(self._delimiter) + 1
            if end >= 0 and end <= size:
                return self._take(end, and_drop=len(self._delimiter)), True
            if safe > 0:
                return self._take(min(safe, size)), False
            self._more()

    def _next_part(self) -> _Part | None:
        """What stands behind a boundary: the header of a part, or (None) the end of the form."""
        while len(self._came) < 2:
            self._more()
        if self._came.startswith(b"--"):
            return None
        self._parts += 1
        if self._parts > PARTS:
            raise _no_form(f"it has more than {PARTS} parts")
        # The line of the boundary ends first, perhaps after blanks.
        blank_line = 2 * _END_OF_LINE
        while (end := self._came.find(blank_line, 0, HEADER_BYTES)) < 0:
            if len(self._came) >= HEADER_BYTES:
                raise _no_form("what stands before a part's content is too long")
            self._more()
        return _part(self._take(end, and_drop=len(blank_line)))

    def _take(self, size: int, *, and_drop: int = 0) -> bytes:
        taken = bytes(self._came[:size])
        del self._came[: size + and_drop]
        return taken

    def _more(self) -> None:
        data = self._body.read(PIECE_BYTES)
        if not data:
            raise broken_off(self._title, "it ends in the middle")
        self._came += data


def _part(header: bytes) -> _Part:
    """The header of a part, with what is left of the line of its boundary."""
    rest, *lines = header.split(_END_OF_LINE)
    try:
        fields = [line.decode().partition(":") for line in lines]
    except UnicodeDecodeError as error:
        raise _no_form("its names are not written in UTF-8") from error
    values = [value for name, _, value in fields if name.strip().lower() == "content-disposition"]
    disposition, options = parse_options_header(values[0].strip() if values else "")
    if rest.strip(b" \t") or disposition != "form-data":
        raise _no_form("it has a part without a name")
    return _Part(options.get("name", ""), options.get("filename", ""))


def _no_form(why: str) -> UploadError:
    return UploadError(
        "that is no form with a file",
        rule=why,
        next_step="Send it as multipart/form-data, or send the file itself as the body",
        status=400,
    )
