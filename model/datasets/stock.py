"""What has been downloaded into a folder: sizes, checksums, what is unpacked. Kept in `checksums.json`."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from model.datasets.remote import RemoteFile, file_checksum, matches
from model.errors import DataError
from model.whole_files import written_whole

STOCK_FILE = "checksums.json"
_SAVED_EVERY_SECONDS = 2.0


class Stock:
    """The record of one folder; safe to use from several threads. A record that cannot be understood is an error:
    it holds checksums that are published nowhere else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / STOCK_FILE
        self._lock = threading.Lock()
        self._files: dict[str, dict[str, Any]] = {}
        self._saved_at = 0.0
        try:
            read = json.loads(self._path.read_text(encoding="utf-8"))
            self._files = {str(name): dict(entry) for name, entry in read["files"].items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{self._path} cannot be read",
                rule="it says which files were downloaded, and their checksums",
                next_step="Correct it, or remove it: then all files are checked, or fetched, anew",
            ) from error

    def known(self, name: str) -> str:
        """The checksum that was written down when it was fetched; "" if it never was."""
        with self._lock:
            return str(self._files.get(name, {}).get("checksum", ""))

    def is_unpacked(self, name: str) -> bool:
        with self._lock:
            return self._files.get(name, {}).get("unpacked") is True

    def is_whole(self, file: RemoteFile) -> bool:
        """Whether it is there, with the published checksum, or else the one it had at first.

        A file that has neither, as somebody put it there, is taken as it is. What has not been touched since it was
        checked is not read again.
        """
        path = self._folder / file.path
        if not path.is_file():
            return False
        expected = file.checksum or self.known(file.path)
        with self._lock:
            entry = dict(self._files.get(file.path, {}))
        if entry.get("checksum") == expected and entry.get("state") == _state(path):
            return True
        if expected and not matches(path, expected):
            return False
        self.note(file.path, checksum=expected)
        return True

    def note(self, name: str, *, checksum: str = "") -> None:
        """Write down that a file is there; without a published checksum its SHA-256 is."""
        path = self._folder / name
        checksum = checksum or file_checksum(path)
        with self._lock:
            self._files[name] = {**self._files.get(name, {}), "checksum": checksum, "state": _state(path)}
            # There may be thousands of small files.
            if time.monotonic() - self._saved_at >= _SAVED_EVERY_SECONDS:
                self._save()

    def note_unpacked(self, name: str) -> None:
        """Write down that everything in an archive is there; from then on it is not needed."""
        os.sync()  # thousands of files: all at once
        with self._lock:
            self._files.setdefault(name, {})["unpacked"] = True
            self._save()

    def save(self) -> None:
        """Write the record to the disk."""
        with self._lock:
            self._save()

    def _save(self) -> None:
        with written_whole(self._path) as file:
            file.write(json.dumps({"files": self._files}, indent=1, sort_keys=True).encode())
            file.flush()
            os.fsync(file.fileno())
        self._saved_at = time.monotonic()


def _state(path: Path) -> list[int]:
    """What changes when a file is written to."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
