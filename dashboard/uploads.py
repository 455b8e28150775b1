"""Sound files that were sent, hostile until proved otherwise: bounded, kept under made-up names, thrown away."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from dashboard.foreign_files import clean_title, kept_suffix, proved_seconds
from dashboard.upload_refusals import (
    ByteStream,
    UploadError,
    UploadLimits,
    broken_off,
    cannot_be_kept,
    megabytes,
    too_large,
    too_slow,
)
from model.errors import SettingError

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Upload:
    """A file that was sent, and is sound."""

    key: str
    """Goes into the list of sources: "upload:<random>"."""
    title: str
    """The name it had, fit to be shown."""
    path: Path
    seconds: float | None
    """As the file says; None if it does not."""
    owner: str
    """The stage that may listen to it, or who else may have it."""

    @property
    def identifier(self) -> str:
        """Its name for programs, and in the name of its file: the random part of the key."""
        return self.key.removeprefix("upload:")


class Uploads:
    """The files that were sent. They are gone when this is closed, and at the latest when Python ends.

    Every method may be called from any thread.

    folder : where the private folder is made (at first use); without one, where temporary files belong.
    """

    def __init__(self, folder: Path | None = None, *, limits: UploadLimits) -> None:
        self.limits = limits
        self._parent = folder
        self._lock = threading.Lock()
        self._kept: dict[str, Upload] = {}
        self._wanted: dict[str, int] = {}
        """When each was last asked for: a count that grows."""
        self._count = 0
        self._coming = 0
        self._folder: Path | None = None
        self._removal: weakref.finalize | None = None
        self._closed = False
        self._at_close: list[Callable[[], None]] = []

    def receive(
        self,
        stream: ByteStream,
        *,
        filename: str,
        length: int | None,
        owner: str,
        in_use: Callable[[], Collection[str]] = tuple,
    ) -> Upload:
        """Take in a file, and prove that it is sound. Nothing of it stays where that fails.

        filename : what the browser calls it; shown, never used as a path.
        length : bytes that will come; None if nobody knows.
        owner : the stage that may listen to it.
        in_use : gives the keys of those that must stay, as somebody is listening to them.

        Raises UploadError: too large, empty, incomplete, too slow, too many, no room on the disk, not sound, too long.
        """
        title = clean_title(filename)
        if length is not None and length > self.limits.max_bytes:
            raise too_large(title, length, self.limits)
        # Asked before the lock is taken: whoever answers may hold one of his own.
        playing = in_use()
        with self._lock:
            self._make_room(playing, remove=False)
            folder = self._private_folder()
            self._coming += 1
        name = secrets.token_hex(12)
        path = folder / f"{name}{kept_suffix(title)}"
        try:
            self._write(stream, path, title, length)
            upload = Upload(f"upload:{name}", title, path, proved_seconds(path, title, self.limits), owner)
            playing = in_use()
            with self._lock:
                self._check_open()
                # Only now: what turned out to be rubbish has pushed nothing out.
                self._make_room(playing, remove=True)
                self._kept[upload.key] = upload
                self._want(upload.key)
            return upload
        except BaseException:
            _remove(path)
            raise
        finally:
            with self._lock:
                self._coming -= 1

    def get(self, key: str, owner: str) -> Upload:
        """The owner's upload of that key. Raises SettingError if there is none; others' are none."""
        with self._lock:
            upload = self._kept.get(key)
            if upload is not None and upload.owner == owner:
                self._want(key)
                return upload
        raise SettingError(
            "there is no such uploaded file",
            rule="uploads are kept for the page that sent them, and only for a time",
            next_step="Upload it again",
        )

    def of(self, owner: str) -> list[Upload]:
        """The owner's uploads, the oldest first."""
        with self._lock:
            return [upload for upload in self._kept.values() if upload.owner == owner]

    def remove(self, key: str, owner: str) -> bool:
        """Remove the owner's upload of that key; False if there is none."""
        with self._lock:
            upload = self._kept.get(key)
            if upload is None or upload.owner != owner:
                return False
            self._drop(upload)
            return True

    def forget(self, owner: str) -> None:
        """Remove the owner's uploads."""
        with self._lock:
            for upload in [upload for upload in self._kept.values() if upload.owner == owner]:
                self._drop(upload)

    def at_close(self, close: Callable[[], None]) -> None:
        """Have this called first when everything is removed: whatever works on files ends before them."""
        with self._lock:
            if not self._closed:
                self._at_close.append(close)
                return
        close()

    def close(self) -> None:
        """Remove everything; nothing is taken in any more. May be called twice."""
        with self._lock:
            at_close, self._at_close = self._at_close, []
        for close in at_close:
            close()
        with self._lock:
            self._closed = True
            self._kept.clear()
            self._wanted.clear()
            if self._removal is not None:
                self._removal()

    # ---- room; all of these are called under the lock ------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise UploadError(
                "genrescope is being closed",
                rule="nothing is taken in any more",
                next_step="Start it again",
                status=503,
            )

    def _private_folder(self) -> Path:
        """Made at first use, and again if somebody has tidied it away; for this user only."""
        self._check_open()
        if self._folder is None or not self._folder.is_dir():
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="genrescope-", dir=self._parent))
            except OSError as error:
                raise cannot_be_kept("the file", error) from error
            # It also runs when Python ends.
            self._removal = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _make_room(self, in_use: Collection[str], *, remove: bool) -> None:
        """Room for one more; without `remove`, only make sure that there can be."""
        idle = sorted((key for key in self._kept if key not in in_use), key=self._wanted.__getitem__)
        busy = len(self._kept) - len(idle)
        if busy >= self.limits.max_files or (not remove and busy + self._coming >= self.limits.max_files):
            raise UploadError(
                f"{self.limits.max_files} uploaded files are being sent or listened to",
                rule="that is as many as are kept at a time",
                next_step="Wait until one of them has ended, and try again",
                status=429,
            )
        if remove:
            for key in idle[: max(0, len(self._kept) + 1 - self.limits.max_files)]:
                self._drop(self._kept[key])

    def _want(self, key: str) -> None:
        self._count += 1
        self._wanted[key] = self._count

    def _drop(self, upload: Upload) -> None:
        del self._kept[upload.key], self._wanted[upload.key]
        _remove(upload.path)

    # ---- one file ------------------------------------------------------------------------------------------------

    def _write(self, stream: ByteStream, path: Path, title: str, length: int | None) -> None:
        written = 0
        try:
            with path.open("xb") as file:
                while piece := _next_piece(stream, title, None if length is None else length - written):
                    written += len(piece)
                    if written > self.limits.max_bytes:
                        raise too_large(title, None, self.limits)
                    check_disk(path.parent, len(piece), self.limits)
                    file.write(piece)
        except OSError as error:
            raise cannot_be_kept(title, error) from error
        if not written:
            raise UploadError(
                f"{title} is empty", rule="a sound file holds sound", next_step="Choose another file", status=400
            )
        if length is not None and written < length:
            raise broken_off(title, f"{megabytes(written)} of {megabytes(length)} came")


def check_disk(folder: Path, more_bytes: int, limits: UploadLimits) -> None:
    """Raises UploadError where so many bytes more would leave too little of the disk."""
    free = shutil.disk_usage(folder).free
    if free - more_bytes < limits.min_free_bytes:
        raise UploadError(
            f"there is no room for the file: {megabytes(free)} are free on the disk",
            rule=f"{megabytes(limits.min_free_bytes)} are left free",
            next_step="Make room on the machine that genrescope runs on, or choose a smaller file",
            status=507,
        )


def _next_piece(stream: ByteStream, title: str, left: int | None) -> bytes:
    try:
        return stream.read(PIECE_BYTES if left is None else min(left, PIECE_BYTES))
    except TimeoutError as error:
        raise too_slow(title) from error
    except OSError as error:
        raise broken_off(title, "the connection was lost") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass  # Windows keeps a file that is being played; it goes with the folder
