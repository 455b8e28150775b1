"""Downloads the files of a data set: each whole or not at all, resumed where it broke off, never in haste.

Needs urllib3. A file that is being fetched is called NAME.part, and beside it stands NAME.part.json, with what tells
whether the server still has the same one. `checksums.json` says what has been fetched, and what has been unpacked.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from model.datasets.answers import NotThereError, WrongFileError
from model.datasets.archive import no_space, unpack
from model.datasets.fetch import Fetcher
from model.datasets.politeness import Politeness
from model.datasets.remote import RemoteFile
from model.datasets.stock import Stock
from model.errors import DataError

MOST_PARALLEL = 16
MOST_MISSING = 0.05
"""Share of the files that may be missing (those that may be missing at all) before a download counts as failed."""
RESERVE_BYTES = 50_000_000
"""Left free on the disk."""


class Progress(Protocol):
    """Is told what happens, from several threads."""

    def begin(self, name: str, total_bytes: int, done_bytes: int = 0) -> None: ...

    def advance(self, name: str, done_bytes: int, total_bytes: int) -> None: ...

    def end(self, name: str) -> None: ...


class Silent:
    """Tells nobody."""

    def begin(self, name: str, total_bytes: int, done_bytes: int = 0) -> None: ...

    def advance(self, name: str, done_bytes: int, total_bytes: int) -> None: ...

    def end(self, name: str) -> None: ...


@dataclass
class Outcome:
    """What a download did: names of files."""

    fetched: list[str] = field(default_factory=list)
    there_before: list[str] = field(default_factory=list)
    unpacked: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Files that the server does not have, and that may be missing."""
    unchecked: list[str] = field(default_factory=list)
    """Files without a published checksum; theirs was written down."""


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


class Download:
    """Fetches files into a folder, and unpacks archives there.

    mirror : address under which all files are, by their names; "" for where their makers have them.
    parallel : files at a time, 1 to `MOST_PARALLEL`.
    politeness, pool, free_bytes : for tests: pauses, connections, and how much room there is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mirror: str = "",
        parallel: int = 4,
        progress: Progress | None = None,
        politeness: Politeness | None = None,
        pool: Any = None,
        free_bytes: Callable[[Path], int] = free_bytes,
    ) -> None:
        if not 1 <= parallel <= MOST_PARALLEL:
            raise DataError(f"{parallel} files at a time", rule=f"1 to {MOST_PARALLEL} are fetched at a time")
        if mirror and (urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).netloc):
            raise DataError(f"{mirror} is no address", rule="it begins with http:// or https://")
        self._folder = folder
        self._mirror = mirror.rstrip("/")
        self._parallel = parallel
        self._progress = progress or Silent()
        self._free_bytes = free_bytes
        self._stopped = threading.Event()
        self._politeness = politeness or Politeness()
        self._fetcher = Fetcher(self._politeness, pool=pool, stopped=self._stopped, free_bytes=self._free)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder} cannot be made", rule=error.strerror or str(error)) from error
        self._stock = Stock(folder)
        self.outcome = Outcome()

    def run(self, files: Sequence[RemoteFile]) -> Outcome:
        """Fetch what is not there yet. May be called again with more files.

        Raises DataError if a file cannot be had, is another than it should be, or there is no room; what was fetched
        stays, and the next call goes on from there. Ctrl-C leaves it in the same state.
        """
        try:
            self._run(files)
        finally:
            self._stock.save()
        return self.outcome

    def _run(self, files: Sequence[RemoteFile]) -> None:
        wanted = [file for file in files if not self._has(file)]
        self._check_room(wanted)
        for file in wanted:
            if not (self._mirror or file.url):
                raise DataError(
                    f"nobody says where {file.path} can be fetched",
                    rule="its makers give no address that lasts",
                    next_step=f"Put it into {self._folder} by hand, or name a mirror with --from",
                )
        failed = self._fetch_all(wanted)
        if failed:
            raise _failed(failed)
        allowed = max(0, int(MOST_MISSING * len(files)))
        if len(self.outcome.missing) > allowed:
            raise _failed({name: DataError(reason) for name, reason in self.outcome.missing.items()})
        for file in files:
            if file.unpacked_bytes and not self._stock.is_unpacked(file.path):
                self._unpack(file)

    def _has(self, file: RemoteFile) -> bool:
        """There, and as it should be; or unpacked already, then the archive is not needed."""
        if self._stock.is_unpacked(file.path) or self._stock.is_whole(file):
            self.outcome.there_before.append(file.path)
            return True
        return False

    def _check_room(self, files: Sequence[RemoteFile]) -> None:
        there = sum(self._fetcher.fetched_bytes(self._folder / file.path) for file in files)
        needed = sum(file.about_bytes + file.unpacked_bytes for file in files) - there
        free = self._free(self._folder)
        if files and needed > free:
            raise no_space(f"{', '.join(file.path for file in files[:3])}", needed, free)

    def _free(self, folder: Path) -> int:
        return self._free_bytes(folder) - RESERVE_BYTES

    def _fetch_all(self, files: Sequence[RemoteFile]) -> dict[str, DataError]:
        """All files, some at a time; returns what failed. What concerns all of them ends it at once."""
        failed: dict[str, DataError] = {}
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="download") as threads:
            waiting = iter(files)
            running: dict[Future[None], RemoteFile] = {}
            try:
                while True:
                    while len(running) < self._parallel and (file := next(waiting, None)) is not None:
                        running[threads.submit(self._fetch, file)] = file
                    if not running:
                        return failed
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        file = running.pop(future)
                        try:
                            future.result()
                        except NotThereError as error:
                            if file.missing_is_fine:
                                self.outcome.missing[file.path] = str(error)
                            else:
                                failed[file.path] = error
                        except WrongFileError as error:
                            failed[file.path] = error
            except BaseException:
                self._stopped.set()
                raise

    def _fetch(self, file: RemoteFile) -> None:
        target = self._folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        url = f"{self._mirror}/{quote(file.path)}" if self._mirror else file.url
        self._progress.begin(file.path, file.about_bytes)
        try:
            self._fetcher.fetch(
                url,
                target,
                file,
                expected=file.checksum or self._stock.known(file.path),
                progress=lambda done, total: self._progress.advance(file.path, done, total),
            )
        finally:
            self._progress.end(file.path)
        self._stock.note(file.path, checksum=file.checksum)
        self.outcome.fetched.append(file.path)
        if not file.checksum:
            self.outcome.unchecked.append(file.path)

    def _unpack(self, file: RemoteFile) -> None:
        name = f"unpacking {file.path}"
        self._progress.begin(name, file.unpacked_bytes)
        try:
            unpack(
                self._folder / file.path,
                self._folder,
                about_bytes=file.unpacked_bytes,
                wanted=file.wanted,
                free_bytes=self._free,
                progress=lambda done, total: self._progress.advance(name, done, total),
            )
        finally:
            self._progress.end(name)
        self._stock.note_unpacked(file.path)
        self.outcome.unpacked.append(file.path)


def _failed(failed: dict[str, DataError]) -> DataError:
    error = next(iter(failed.values()))
    if len(failed) == 1:
        return error
    named = ", ".join(list(failed)[:5]) + (" ..." if len(failed) > 5 else "")
    return DataError(
        f"{len(failed)} files could not be fetched ({named})",
        rule=f"the first one: {str(error).rstrip('.')}",
        next_step="Start it again to go on from here, or name another mirror with --from",
    )
