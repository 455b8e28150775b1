"""Unpacks archives that nobody vouches for: nothing lands outside the folder, outgrows its list, or is left half."""

from __future__ import annotations

import errno
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from model.errors import DataError

MOST_MEMBERS = 300_000
DEEPEST = 12
SLACK = 2
"""An archive may hold so many times what is known to come out of it."""
_BLOCK_BYTES = 1 << 20
_RESERVED = set('<>:"|?*\\') | {chr(code) for code in range(32)}


@dataclass(frozen=True)
class _Member:
    """A file in an archive. A tar archive unpacks even what it skips."""

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]
    costs_when_skipped: bool = False


def unpack(
    archive: Path,
    folder: Path,
    *,
    about_bytes: int,
    wanted: Sequence[str] = (),
    free_bytes: Callable[[Path], int],
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Unpack a zip or tar archive into `folder`. Each file is written under another name and then renamed.

    Files that are there already, in their full length, are left as they are: an interrupted call can be repeated.

    about_bytes : what is known to come out; `SLACK` times as much is refused before anything is written.
    wanted : names of the only members to unpack; all if empty.
    free_bytes : of the disk that a folder is on.
    progress : called with how many bytes are done, of how many.

    Raises DataError if it is damaged, encrypted, or packed in a way that is unknown here; has names that lead outside,
    links or devices; is larger than it should be or than it says; or if there is no space left.
    """
    with _readable(archive), _opened(archive) as members:
        chosen = _check(archive, members, limit=about_bytes * SLACK, wanted=set(wanted))
        total = sum(member.size for member in chosen)
        todo = [member for member in chosen if not _is_there(folder / member.path, member.size)]
        needed, free = sum(member.size for member in todo), free_bytes(folder)
        if needed > free:
            raise no_space(f"unpacking {archive.name}", needed, free)
        done = total - needed
        progress(done, total)
        for member in todo:
            if cancelled():
                return
            with member.open() as source:
                _write(source, folder, member, archive)
            done += member.size
            progress(done, total)


def no_space(what: str, needed: int, free: int) -> DataError:
    """The error for a disk that is, or would become, full."""
    return DataError(
        f"there is no space for {what}",
        rule=f"{needed / 1e9:.2f} GB are needed, and {free / 1e9:.2f} GB are free",
        next_step="Make room, or choose another folder, and start it again: what is there is kept",
    )


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """Whatever goes wrong in an archive, in words."""
    again = f"Remove {archive} and download it again"
    try:
        yield
    except NotImplementedError as error:
        raise DataError(
            f"{archive.name} cannot be unpacked here",
            rule=str(error),
            next_step=f"Unpack it beside itself with another program: 7z x {archive.name}",
        ) from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, UnicodeError) as error:
        # RuntimeError: encrypted.
        raise DataError(f"{archive.name} is damaged", rule=str(error), next_step=again) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_space(f"unpacking {archive.name}", 0, 0) from error
        raise DataError(f"{archive.name} cannot be unpacked", rule=str(error), next_step=again) from error


@contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield (_zip_member(zipped, info) for info in zipped.infolist() if not info.is_dir())
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarred:
            yield (_tar_member(tarred, info) for info in tarred if not info.isdir())
    else:
        raise DataError(
            f"{archive.name} is no archive",
            rule="zip and tar archives can be unpacked",
            next_step=f"Remove {archive} and download it again",
        )


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise _hostile(info.filename, "links and devices are not unpacked")
    return _Member(_plain(info.filename), info.file_size, lambda: archive.open(info))


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    if not info.isreg():
        raise _hostile(info.name, "links and devices are not unpacked")

    def open_member() -> IO[bytes]:
        opened = archive.extractfile(info)
        assert opened is not None  # plain files have content
        return opened

    return _Member(_plain(info.name), info.size, open_member, costs_when_skipped=True)


def _plain(name: str) -> PurePosixPath:
    """A name that stays inside a folder, on every system; DataError for others."""
    path = PurePosixPath(name)
    parts = path.parts
    if not parts or path.is_absolute() or ".." in parts or set(name) & _RESERVED:
        raise _hostile(name, "its files must lie inside the folder")
    if len(parts) > DEEPEST or any(len(part.encode()) > 255 for part in parts):
        raise _hostile(name, f"at most {DEEPEST} folders deep, and names of 255 bytes")
    return path


def _check(archive: Path, members: Iterator[_Member], *, limit: int, wanted: set[str]) -> list[_Member]:
    """The members to unpack. Looked at one by one: a tar archive is unpacked in looking for the next."""
    chosen: list[_Member] = []
    seen: set[str] = set()
    total = 0
    for looked_at, member in enumerate(members, start=1):
        if looked_at > MOST_MEMBERS:
            raise _hostile(archive.name, f"an archive has at most {MOST_MEMBERS:,} files")
        if wanted and str(member.path) not in wanted:
            total += member.size if member.costs_when_skipped else 0
        else:
            total += member.size
            # Not every disk tells capitals apart.
            if str(member.path).casefold() in seen:
                raise _hostile(str(member.path), "every file is in an archive once")
            seen.add(str(member.path).casefold())
            chosen.append(member)
        if total > limit:
            expected = f"about {limit / SLACK / 1e9:.2f} GB should come out"
            raise _hostile(archive.name, f"{expected}, and it lists more than {SLACK} times that")
    missing = sorted(wanted - {str(member.path) for member in chosen})
    if missing:
        raise DataError(f"{archive.name} does not have {missing[0]}", rule="it is another archive than it should be")
    return chosen


def _write(source: IO[bytes], folder: Path, member: _Member, archive: Path) -> None:
    target = folder / member.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # A link that was there before could lead out of the folder.
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise _hostile(str(member.path), "a folder on its way is a link that leads elsewhere")
    partial = target.with_name(f"{target.name[:240]}.part")
    partial.unlink(missing_ok=True)
    try:
        with partial.open("xb") as file:
            written = 0
            while block := source.read(_BLOCK_BYTES):
                written += len(block)
                if written > member.size:
                    raise _hostile(f"{archive.name}: {member.path}", "it is longer than the archive says")
                file.write(block)
        if written != member.size:
            raise EOFError(f"{member.path} is shorter than the archive says")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == size


def _hostile(name: str, rule: str) -> DataError:
    return DataError(
        f"{name[:120]!r} is not unpacked",
        rule=rule,
        next_step="Do not use this archive; download it from its makers",
    )
