"""Files that are there whole, or not at all, however writing them ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from model.errors import DataError

_PARTIAL = ".partial"


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, that gets its name when all is written; what had that name before stays until then.

    Its folder is made if need be. Raises DataError if the disk is full or cannot be written to; then, and whatever else
    is raised meanwhile, nothing is left. What only the machine's own end leaves behind, `remove_partial` takes away.
    """
    partial = path.with_name(f".{path.name[:200]}.{os.getpid()}{_PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        try:
            partial.unlink(missing_ok=True)
        except OSError:
            pass


def write_array(path: Path, values: np.ndarray) -> None:
    """An .npy file that `numpy.load(path, mmap_mode="r")` maps into memory; raises DataError as `written_whole`."""
    with written_whole(path) as file:
        np.lib.format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)


def map_array(path: Path) -> np.ndarray | None:
    """A read-only view of an .npy file, mapped into memory; None if there is none, or it is not whole."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        whole = isinstance(values, np.memmap) and values.offset + values.nbytes == path.stat().st_size
    except (OSError, ValueError, EOFError):
        return None
    return values if whole else None


def remove_partial(folder: Path) -> None:
    """Take away, in all of a folder, what was being written when a process or the machine was ended."""
    for left in folder.rglob(f".*{_PARTIAL}"):
        left.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> DataError:
    """In words: why something could not be written into a folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(
            f"there is no space left for {path}",
            rule="the disk is full",
            next_step="Make room, or choose another folder, and start it again: what is there is kept",
        )
    return DataError(
        f"{path} cannot be written",
        rule=error.strerror or str(error),
        next_step="Choose a folder that you may write to, and start it again: what is there is kept",
    )
