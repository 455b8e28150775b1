"""What a server's answer to a request for (the rest of) a file means: RFC 9110, sections 13.1.5 and 14."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.datasets.politeness import retry_after
from model.errors import DataError

_BUSY = {408, 425, 429, 500, 502, 503, 504}
_GONE = {401, 403, 404, 410, 451}


class NotThereError(DataError):
    """The server does not have the file, or does not give it to us."""


class WrongFileError(DataError):
    """What came is another file than it should be."""


class BrokenOffError(Exception):
    """It may work if it is tried again; says what happened, and how long the server wants us to wait, if it did."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def refuse(answer: Any, url: str) -> None:
    """Errors for answers that are no file."""
    status = answer.status
    if status in _BUSY:
        raise BrokenOffError(f"its server says {status} {answer.reason or ''}".strip(), retry_after(answer.headers))
    if status in _GONE:
        raise NotThereError(
            f"{url} cannot be fetched",
            rule=f"its server says {status} {answer.reason or ''}".strip(),
            next_step="Name another mirror with --from",
        )
    if status not in (200, 206):
        raise WrongFileError(f"{url} cannot be fetched", rule=f"its server says {status} {answer.reason or ''}".strip())
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise WrongFileError(f"{url} comes packed in a way nobody asked for", rule="files come as they are")


def extent_of(answer: Any, begin: int) -> tuple[int, int | None]:
    """Where in the file the answer begins, and how long the file is, if that is known."""
    length = answer.headers.get("Content-Length", "")
    length_bytes = int(length) if re.fullmatch(r"\d{1,15}", length) else None
    if answer.status == 200:
        return 0, length_bytes
    match = re.fullmatch(
        r"bytes\s+(\d{1,15})-(\d{1,15})/(\d{1,15}|\*)", answer.headers.get("Content-Range", "").strip()
    )
    if match is None or int(match[1]) != begin:
        raise WrongFileError("its server sends another piece than it was asked for", rule=f"asked for {begin:,} on")
    return begin, None if match[3] == "*" else int(match[3])


def complete_length(headers: Mapping[str, str]) -> int | None:
    """How long the file is, by an answer that there is nothing after its end."""
    match = re.fullmatch(r"bytes\s+\*/(\d{1,15})", headers.get("Content-Range", "").strip())
    return int(match[1]) if match else None


def validator_file(part: Path) -> Path:
    """Beside the part: what tells whether the server still has the same file."""
    return part.with_name(f"{part.name}.json")


def read_validator(part: Path) -> str:
    """What was kept by `write_validator`; "" if nothing was, or it cannot be read."""
    try:
        return str(json.loads(validator_file(part).read_text(encoding="utf-8"))["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def write_validator(part: Path, headers: Mapping[str, str]) -> None:
    """Keep what tells that it is still the same file; weak tags do not (RFC 9110, section 13.1.5)."""
    tag = headers.get("ETag", "")
    validator = tag if tag.startswith('"') else headers.get("Last-Modified", "")
    validator_file(part).write_text(json.dumps({"validator": validator}), encoding="utf-8")
