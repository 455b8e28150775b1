"""The folder of a bundle that is being made: it appears whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.bundle import DESCRIPTION
from model.errors import DataError
from model.whole_files import cannot_write


def check_free(out: Path, *, going_on: bool) -> None:
    """Raises DataError if there is something at `out`, which may only be replaced where a training goes on that wrote
    a bundle there when it was interrupted."""
    if not out.exists() and not out.is_symlink():
        return
    if going_on and (out / DESCRIPTION).is_file():
        return
    raise DataError(
        f"{out} is there already",
        rule="a training writes a new bundle and replaces nothing",
        next_step="Choose another --out, or move it away",
    )


@contextmanager
def made_whole(out: Path) -> Iterator[Path]:
    """A folder to write a bundle into, which becomes `out` when all is written; what was there stays until then.

    Raises DataError, and leaves nothing behind, if there is no space or it cannot be written.
    """
    draft = out.with_name(f".{out.name}.draft")
    before = out.with_name(f".{out.name}.before")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        yield draft
        if out.exists():
            shutil.rmtree(before, ignore_errors=True)
            out.rename(before)
        draft.rename(out)
    except OSError as error:
        if before.exists() and not out.exists():
            before.rename(out)
        raise cannot_write(out, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if out.exists():
            shutil.rmtree(before, ignore_errors=True)
