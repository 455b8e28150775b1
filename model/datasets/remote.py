"""Files of data sets that can be downloaded, and how one knows that they came whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.errors import DataError

ALGORITHMS = {"md5": 32, "sha1": 40, "sha256": 64}
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """One file that a data set is made of.

    path : where it belongs in the data set's folder, with "/"; a mirror has it under the same name.
    url : where its makers have it; "" if they do not say, and it must come from a mirror or by hand.
    about_bytes : its published size, often rounded. What is twice as large is refused.
    checksum : as published, with its kind: "sha1:...". "" means that none is published that we know for certain;
        then its SHA-256 is written down at the first download, and must be the same later.
    unpacked_bytes : for archives about how much comes out of them; 0 for all others.
    wanted : the only members of the archive that are unpacked; all if empty.
    missing_is_fine : a data set is still one without it.
    """

    path: str
    url: str
    about_bytes: int
    checksum: str = ""
    unpacked_bytes: int = 0
    wanted: tuple[str, ...] = ()
    missing_is_fine: bool = False


def file_checksum(
    path: Path, algorithm: str = "sha256", *, progress: Callable[[int], None] = lambda read_bytes: None
) -> str:
    """ "sha256:..." of a file; OSError if it cannot be read, DataError for an unknown kind."""
    if algorithm not in ALGORITHMS:
        raise DataError(f"checksums of the kind {algorithm!r} are unknown", rule=f"known are {', '.join(ALGORITHMS)}")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            progress(len(block))
    return f"{algorithm}:{digest.hexdigest()}"


def matches(path: Path, checksum: str) -> bool:
    """Whether a file has this checksum ("md5:...")."""
    return file_checksum(path, checksum.partition(":")[0]) == checksum.lower()
