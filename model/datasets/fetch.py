"""One file over HTTP: resumed where it broke off (RFC 9110, sections 13.1.5 and 14), checked, then given its name."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from model.datasets.answers import (
    BrokenOffError,
    WrongFileError,
    complete_length,
    extent_of,
    read_validator,
    refuse,
    validator_file,
    write_validator,
)
from model.datasets.archive import no_space
from model.datasets.politeness import Politeness
from model.datasets.remote import RemoteFile, matches
from model.errors import DataError

MOST_TRIES = 5
"""In a row without any progress; then it is given up."""
LONGEST_PAUSE_SECONDS = 300.0
"""A server that wants us to wait longer than this is left alone."""
CONNECT_SECONDS = 15.0
READ_SECONDS = 60.0
MOST_REDIRECTS = 5
SLACK = 2
"""A file may be so many times as large as is known of it."""
_SLACK_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 18


class Fetcher:
    """Fetches files; used by several threads at once.

    stopped : set when all is to end; a fetch then breaks off within moments, and what has come is kept.
    """

    def __init__(
        self,
        politeness: Politeness,
        *,
        pool: Any = None,
        stopped: threading.Event,
        free_bytes: Callable[[Path], int],
    ) -> None:
        self._politeness = politeness
        self._stopped = stopped
        self._free_bytes = free_bytes
        self._pool = pool if pool is not None else _new_pool()

    @staticmethod
    def fetched_bytes(target: Path) -> int:
        """How much of a file has come so far."""
        part = part_of(target)
        return part.stat().st_size if part.is_file() else 0

    def fetch(
        self,
        url: str,
        target: Path,
        file: RemoteFile,
        *,
        expected: str,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Fetch a file to `target`, which is only there when it is whole and right.

        expected : its checksum; "" if none is known.
        progress : called with how many bytes have come, of how many (as far as that is known).

        Raises NotThereError, WrongFileError, or another DataError for what concerns all files: no network, no space.
        """
        pauses = 0
        while True:
            before = self.fetched_bytes(target)
            try:
                self._fetch_rest(url, target, file, expected, progress)
                break
            except BrokenOffError as error:
                if self._stopped.is_set():
                    raise DataError(f"{file.path} is not fetched any more", rule="it was stopped") from None
                pauses = 0 if self.fetched_bytes(target) > before else pauses + 1
                if pauses >= MOST_TRIES:
                    raise DataError(
                        f"{url} cannot be fetched",
                        rule=str(error),
                        next_step="Start it again to go on from here, or name another mirror with --from",
                    ) from None
                wait = error.wait_seconds
                if wait is not None and wait > LONGEST_PAUSE_SECONDS:
                    raise DataError(
                        f"the server of {url} wants us to wait {wait / 60:.0f} minutes",
                        rule=f"{LONGEST_PAUSE_SECONDS / 60:.0f} minutes are waited at the most",
                        next_step="Start it again then, or name another mirror with --from",
                    ) from None
                if wait is not None:
                    self._politeness.hold(wait)
                else:
                    self._politeness.pause(self._stopped, self._politeness.first_pause_seconds * 2.0**pauses)
        self._finish(target, file, expected)

    def _fetch_rest(
        self, url: str, target: Path, file: RemoteFile, expected: str, progress: Callable[[int, int], None]
    ) -> None:
        """What is missing of the part; returns when it is whole."""
        part = part_of(target)
        begin = self.fetched_bytes(target)
        validator = read_validator(part)
        # Without a checksum or a strong validator nobody could tell that two halves belong together.
        if begin and not (expected or validator):
            begin = 0
        headers = {"Accept-Encoding": "identity", "User-Agent": "genrescope (data download)"}
        if begin:
            headers["Range"] = f"bytes={begin}-"
            if validator:
                headers["If-Range"] = validator
        with self._answer(url, headers) as answer:
            if answer.status == 416 and begin:
                if complete_length(answer.headers) == begin:
                    return
                part.unlink()
                raise BrokenOffError("its server has another file now")
            refuse(answer, url)
            start, total = extent_of(answer, begin)
            limit = file.about_bytes * SLACK + _SLACK_BYTES
            if total is not None and total > limit:
                raise WrongFileError(f"{url} has {total:,} bytes", rule=f"about {file.about_bytes:,} are expected")
            needed = (total or file.about_bytes) - start
            if needed > (free := self._free_bytes(target.parent)):
                raise no_space(file.path, needed, free)
            write_validator(part, answer.headers)
            with _written(part, "ab" if start else "wb", file) as out:
                self._receive(answer, out, start, total, limit, url, progress)

    def _receive(
        self,
        answer: Any,
        out: IO[bytes],
        done: int,
        total: int | None,
        limit: int,
        url: str,
        progress: Callable[[int, int], None],
    ) -> None:
        progress(done, total or 0)
        while block := _read(answer):
            done += len(block)
            if done > (limit if total is None else total):
                raise WrongFileError(f"{url} does not end", rule="more comes than its server says")
            out.write(block)
            progress(done, total or 0)
            if self._stopped.is_set():
                raise BrokenOffError("it was stopped")
        if total is not None and done < total:
            raise BrokenOffError(f"the connection broke off after {done:,} of {total:,} bytes")

    @contextmanager
    def _answer(self, url: str, headers: Mapping[str, str]) -> Iterator[Any]:
        import urllib3

        self._politeness.wait_for_turn(self._stopped)
        if self._stopped.is_set():
            raise BrokenOffError("it was stopped")
        try:
            answer = self._pool.request("GET", url, headers=dict(headers), preload_content=False)
        except (urllib3.exceptions.LocationValueError, UnicodeError) as error:
            raise DataError(f"{url} is no address", rule=str(error)) from error
        except urllib3.exceptions.SSLError as error:
            raise DataError(
                f"{url} cannot be trusted", rule=str(error), next_step="Check the clock and the certificates"
            ) from error
        except urllib3.exceptions.MaxRetryError as error:
            if isinstance(error.reason, urllib3.exceptions.SSLError):
                raise DataError(f"{url} cannot be trusted", rule=str(error.reason)) from error
            raise BrokenOffError(_plain(error.reason or error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise BrokenOffError(_plain(error)) from error
        try:
            yield answer
        finally:
            # What is left of an answer is not waited for.
            answer.close()
            answer.release_conn()

    def _finish(self, target: Path, file: RemoteFile, expected: str) -> None:
        """Check the part, and give it its name."""
        part = part_of(target)
        if expected and not matches(part, expected):
            rejected = target.with_name(f"{target.name}.rejected")
            part.replace(rejected)
            validator_file(part).unlink(missing_ok=True)
            raise WrongFileError(
                f"{file.path} is not the file it should be",
                rule=f"its checksum is not {expected}",
                next_step=f"It was put aside as {rejected.name}. Start it again, or name another mirror with --from",
            )
        with part.open("rb+") as whole:
            os.fsync(whole.fileno())
        part.replace(target)
        validator_file(part).unlink(missing_ok=True)
        _sync_folder(target.parent)


def part_of(target: Path) -> Path:
    """What a file is called until it is whole."""
    return target.with_name(f"{target.name}.part")


def _new_pool() -> Any:
    try:
        import urllib3
    except ImportError:
        raise DataError(
            "downloading needs urllib3", rule="it is not installed", next_step="Install it: pip install urllib3"
        ) from None
    return urllib3.PoolManager(
        maxsize=16,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        # Redirects only: what else goes wrong is tried again here, where the part is known.
        retries=urllib3.Retry(
            total=None, connect=0, read=0, other=0, status=0, redirect=MOST_REDIRECTS, respect_retry_after_header=False
        ),
    )


def _read(answer: Any) -> bytes:
    import urllib3

    try:
        return answer.read(_BLOCK_BYTES, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise BrokenOffError(_plain(error)) from error


@contextmanager
def _written(part: Path, mode: str, file: RemoteFile) -> Iterator[IO[bytes]]:
    """The part, open for writing; it is on the disk afterwards, whatever happens."""
    try:
        with part.open(mode) as out:
            try:
                yield out
            finally:
                out.flush()
                os.fsync(out.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_space(file.path, file.about_bytes, 0) from error
        raise DataError(f"{part} cannot be written", rule=error.strerror or str(error)) from error


def _sync_folder(folder: Path) -> None:
    """A name is on the disk when its folder is; systems that cannot do that need not."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _plain(error: BaseException) -> str:
    """The last part of urllib3's nested messages."""
    return str(error).rpartition(": ")[2].strip("()'. ") or type(error).__name__
