"""One file over HTTP: resumed where it broke off (RFC 9110, sections 13.1.5 and 14), checked, then given its name."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any

from model.datasets.archive import no_space
from model.datasets.remote import RemoteFile, matches
from model.errors import DataError

MOST_TRIES = 5
"""In a row without any progress; then it is given up."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
"""A server that wants us to wait longer than this is left alone."""
SPACING_SECONDS = 0.1
"""Between the beginnings of two requests."""
CONNECT_SECONDS = 15.0
READ_SECONDS = 60.0
MOST_REDIRECTS = 5
SLACK = 2
"""A file may be so many times as large as is known of it."""
_SLACK_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 18
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_GONE = {401, 403, 404, 410, 451}


class NotThereError(DataError):
    """The server does not have the file, or does not give it to us."""


class WrongFileError(DataError):
    """What came is another file than it should be."""


class _BrokenError(Exception):
    """It may work if it is tried again; says what happened, and how long the server wants us to wait, if it did."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class Politeness:
    """Keeps all threads together from asking a server too often; after "too many requests" all of them wait."""

    def __init__(
        self,
        *,
        spacing_seconds: float = SPACING_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[threading.Event, float], object] = lambda stopped, seconds: stopped.wait(seconds),
    ) -> None:
        self.first_pause_seconds = first_pause_seconds
        self._spacing_seconds = spacing_seconds
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = 0.0

    def wait_for_turn(self, stopped: threading.Event) -> None:
        """Returns when a request may be made, or all is to end."""
        with self._lock:
            at = max(self._now(), self._next_at)
            self._next_at = at + self._spacing_seconds
        self.pause(stopped, at - self._now())

    def pause(self, stopped: threading.Event, seconds: float) -> None:
        if seconds > 0.0 and not stopped.is_set():
            self._sleep(stopped, seconds)

    def hold(self, seconds: float) -> None:
        """Nobody asks for so long."""
        with self._lock:
            self._next_at = max(self._next_at, self._now() + seconds)


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
            except _BrokenError as error:
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
        validator = _read_validator(part)
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
                if _complete_length(answer.headers) == begin:
                    return
                part.unlink()
                raise _BrokenError("its server has another file now")
            _refuse(answer, url)
            start, total = _extent(answer, begin)
            limit = file.about_bytes * SLACK + _SLACK_BYTES
            if total is not None and total > limit:
                raise WrongFileError(f"{url} has {total:,} bytes", rule=f"about {file.about_bytes:,} are expected")
            needed = (total or file.about_bytes) - start
            if needed > (free := self._free_bytes(target.parent)):
                raise no_space(file.path, needed, free)
            _write_validator(part, answer.headers)
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
                raise _BrokenError("it was stopped")
        if total is not None and done < total:
            raise _BrokenError(f"the connection broke off after {done:,} of {total:,} bytes")

    @contextmanager
    def _answer(self, url: str, headers: Mapping[str, str]) -> Iterator[Any]:
        import urllib3

        self._politeness.wait_for_turn(self._stopped)
        if self._stopped.is_set():
            raise _BrokenError("it was stopped")
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
            raise _BrokenError(_plain(error.reason or error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _BrokenError(_plain(error)) from error
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
            _validator_file(part).unlink(missing_ok=True)
            raise WrongFileError(
                f"{file.path} is not the file it should be",
                rule=f"its checksum is not {expected}",
                next_step=f"It was put aside as {rejected.name}. Start it again, or name another mirror with --from",
            )
        with part.open("rb+") as whole:
            os.fsync(whole.fileno())
        part.replace(target)
        _validator_file(part).unlink(missing_ok=True)
        _sync_folder(target.parent)


def part_of(target: Path) -> Path:
    """What a file is called until it is whole."""
    return target.with_name(f"{target.name}.part")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After`, which is a number or a date; None if it says nothing that makes sense."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


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
        raise _BrokenError(_plain(error)) from error


def _refuse(answer: Any, url: str) -> None:
    """Errors for answers that are no file."""
    status = answer.status
    if status in _BUSY:
        raise _BrokenError(f"its server says {status} {answer.reason or ''}".strip(), retry_after(answer.headers))
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


def _extent(answer: Any, begin: int) -> tuple[int, int | None]:
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


def _complete_length(headers: Mapping[str, str]) -> int | None:
    match = re.fullmatch(r"bytes\s+\*/(\d{1,15})", headers.get("Content-Range", "").strip())
    return int(match[1]) if match else None


def _validator_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_validator(part: Path) -> str:
    try:
        return str(json.loads(_validator_file(part).read_text(encoding="utf-8"))["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _write_validator(part: Path, headers: Mapping[str, str]) -> None:
    """Keep what tells that it is still the same file; weak tags do not (RFC 9110, section 13.1.5)."""
    tag = headers.get("ETag", "")
    validator = tag if tag.startswith('"') else headers.get("Last-Modified", "")
    _validator_file(part).write_text(json.dumps({"validator": validator}), encoding="utf-8")


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
