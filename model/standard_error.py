"""Keeps what C libraries print on the error output away from the terminal: people would take it for errors of ours."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator


class _Quiet:
    """How many are inside at this moment, and where the error output goes otherwise."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.kept = -1


_QUIET = _Quiet()


@contextlib.contextmanager
def quiet_standard_error() -> Iterator[None]:
    """Nothing that is written to file descriptor 2 inside is seen. For the whole process, so only for moments.

    Several threads may be inside at once: the first one silences the output, the last one brings it back.
    """
    with _QUIET.lock:
        if _QUIET.depth == 0:
            sys.stderr.flush()
            _QUIET.kept = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        _QUIET.depth += 1
    try:
        yield
    finally:
        with _QUIET.lock:
            _QUIET.depth -= 1
            if _QUIET.depth == 0:
                os.dup2(_QUIET.kept, 2)
                os.close(_QUIET.kept)
