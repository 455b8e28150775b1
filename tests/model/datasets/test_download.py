"""Downloads come whole or not at all, go on where they broke off, and are polite."""

import errno
import hashlib
import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from model.datasets import fetch
from model.datasets.answers import NotThereError, WrongFileError
from model.datasets.download import Download, Outcome, free_bytes
from model.datasets.fetch import part_of
from model.datasets.politeness import SPACING_SECONDS, Politeness, retry_after
from model.datasets.remote import RemoteFile, file_checksum
from model.errors import DataError
from tests.model.datasets.mirror import Fault, Mirror

CONTENT = random.Random(0).randbytes(640_000)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "a.bin").write_bytes(CONTENT)
    with Mirror(tmp_path / "mirror") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


class Waits:
    """Politeness that waits for nothing, and remembers how long it would have waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.time = 0.0

    def politeness(self) -> Politeness:
        return Politeness(now=lambda: self.time, sleep=self._sleep)

    def _sleep(self, stopped: threading.Event, seconds: float) -> None:
        self.seconds.append(seconds)
        self.time += seconds


def a_file(*, path: str = "a.bin", checksum: str = SHA256, **options: Any) -> RemoteFile:
    return RemoteFile(path, "", about_bytes=len(CONTENT), checksum=checksum, **options)


def download(folder: Path, mirror: Mirror, *files: RemoteFile, waits: Waits | None = None, **options: Any) -> Outcome:
    politeness = (waits or Waits()).politeness()
    return Download(folder, mirror=mirror.url, politeness=politeness, **options).run(files or [a_file()])


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != "checksums.json")


# When all goes well


def test_a_file_is_fetched_checked_and_not_fetched_again(folder: Path, mirror: Mirror) -> None:
    assert download(folder, mirror).fetched == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT
    assert left_over(folder) == ["a.bin"]
    assert download(folder, mirror).there_before == ["a.bin"]
    assert len(mirror.asked) == 1


def test_progress_is_told_from_the_first_byte_to_the_last(folder: Path, mirror: Mirror) -> None:
    told: list[tuple[str, int, int]] = []

    class Progress:
        def begin(self, name: str, total_bytes: int, done_bytes: int = 0) -> None:
            told.append((f"begin {name}", done_bytes, total_bytes))

        def advance(self, name: str, done_bytes: int, total_bytes: int) -> None:
            told.append((name, done_bytes, total_bytes))

        def end(self, name: str) -> None:
            told.append((f"end {name}", 0, 0))

    download(folder, mirror, progress=Progress())
    assert told[0][0] == "begin a.bin"
    assert told[-2:] == [("a.bin", len(CONTENT), len(CONTENT)), ("end a.bin", 0, 0)]


def test_without_a_published_checksum_the_first_one_is_written_down_and_holds(folder: Path, mirror: Mirror) -> None:
    outcome = download(folder, mirror, a_file(checksum=""))
    assert outcome.unchecked == ["a.bin"]
    assert json.loads((folder / "checksums.json").read_text())["files"]["a.bin"]["checksum"] == SHA256
    (folder / "a.bin").unlink()
    (mirror.folder / "a.bin").write_bytes(CONTENT[::-1])
    with pytest.raises(WrongFileError, match="not the file it should be"):
        download(folder, mirror, a_file(checksum=""))


def test_a_file_that_was_changed_on_the_disk_is_fetched_again(folder: Path, mirror: Mirror) -> None:
    download(folder, mirror)
    (folder / "a.bin").write_bytes(b"changed")
    assert download(folder, mirror).fetched == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_redirects_are_followed_but_not_for_ever(folder: Path, mirror: Mirror) -> None:
    mirror.faults["a.bin"] = Fault(redirect_to="/other/a.bin")
    (mirror.folder / "other").mkdir()
    (mirror.folder / "other" / "a.bin").write_bytes(CONTENT)
    assert download(folder, mirror).fetched == ["a.bin"]
    (folder / "a.bin").unlink()
    mirror.faults["a.bin"] = Fault(redirect_to="/a.bin")
    with pytest.raises(DataError, match="redirect"):
        download(folder, mirror)


def test_at_most_so_many_files_are_fetched_at_a_time(folder: Path, mirror: Mirror) -> None:
    files = []
    for number in range(12):
        content = bytes([number]) * 1000
        (mirror.folder / f"{number}.bin").write_bytes(content)
        known = "sha256:" + hashlib.sha256(content).hexdigest()
        files.append(a_file(path=f"{number}.bin", checksum=known))
    outcome = download(folder, mirror, *files, parallel=3)
    assert sorted(outcome.fetched) == sorted(file.path for file in files)
    assert mirror.most_at_once <= 3


# When it breaks off


def test_a_download_that_breaks_off_goes_on_where_it_was(folder: Path, mirror: Mirror) -> None:
    mirror.faults["a.bin"] = Fault(times=2, breaks_after=200_000)
    assert download(folder, mirror).fetched == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT
    assert mirror.requests("a.bin") == ["", "bytes=200000-", "bytes=400000-"]


def test_a_later_call_goes_on_where_the_first_was_given_up(folder: Path, mirror: Mirror) -> None:
    mirror.faults["a.bin"] = Fault(breaks_after=300_000)

    def fail_for_good(stopped: threading.Event, seconds: float) -> None:
        mirror.faults["a.bin"] = Fault(status=503)

    with pytest.raises(DataError, match="503"):
        Download(folder, mirror=mirror.url, politeness=Politeness(sleep=fail_for_good)).run([a_file()])
    assert left_over(folder) == ["a.bin.part", "a.bin.part.json"]
    assert part_of(folder / "a.bin").read_bytes() == CONTENT[:300_000]
    mirror.faults.clear()
    mirror.asked.clear()
    assert download(folder, mirror).fetched == ["a.bin"]
    assert mirror.requests("a.bin") == ["bytes=300000-"]
    assert left_over(folder) == ["a.bin"]


def test_a_file_that_changed_on_the_server_meanwhile_is_fetched_from_its_start(folder: Path, mirror: Mirror) -> None:
    folder.mkdir()
    part_of(folder / "a.bin").write_bytes(b"of an older file")
    (folder / "a.bin.part.json").write_text('{"validator": "\\"older\\""}')
    assert download(folder, mirror).fetched == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("checksum", [SHA256, ""])
def test_servers_without_tags_or_ranges_do_too(tmp_path: Path, folder: Path, checksum: str) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.bin").write_bytes(CONTENT)
    with Mirror(tmp_path / "plain", tags=False, ranges=False) as mirror:
        mirror.faults["a.bin"] = Fault(times=1, breaks_after=200_000)
        assert download(folder, mirror, a_file(checksum=checksum)).fetched == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_halves_are_not_joined_when_nothing_tells_that_they_belong_together(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.bin").write_bytes(CONTENT)
    with Mirror(tmp_path / "plain", tags=False) as mirror:
        mirror.faults["a.bin"] = Fault(times=1, breaks_after=200_000)
        download(folder, mirror, a_file(checksum=""))
        assert mirror.requests("a.bin") == ["", ""]
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_only_checked(folder: Path, mirror: Mirror) -> None:
    folder.mkdir()
    part_of(folder / "a.bin").write_bytes(CONTENT)
    assert download(folder, mirror).fetched == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_begun_anew(folder: Path, mirror: Mirror) -> None:
    folder.mkdir()
    part_of(folder / "a.bin").write_bytes(CONTENT + b"more")
    assert download(folder, mirror).fetched == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT


# Politeness


def test_a_server_is_given_the_time_it_asks_for(folder: Path, mirror: Mirror) -> None:
    mirror.faults["a.bin"] = Fault(times=1, status=429, retry_after="37")
    waits = Waits()
    download(folder, mirror, waits=waits)
    assert max(waits.seconds) == pytest.approx(37.0)


def test_pauses_grow_and_then_it_is_given_up(folder: Path, mirror: Mirror) -> None:
    mirror.faults["a.bin"] = Fault(status=503)
    waits = Waits()
    with pytest.raises(DataError, match=r"503.*Start it again"):
        download(folder, mirror, waits=waits)
    assert [seconds for seconds in waits.seconds if seconds >= 1.0] == [2.0, 4.0, 8.0, 16.0]
    assert len(mirror.asked) == fetch.MOST_TRIES


def test_a_server_that_wants_us_back_tomorrow_is_left_alone(folder: Path, mirror: Mirror) -> None:
    mirror.faults["a.bin"] = Fault(status=503, retry_after="86400")
    with pytest.raises(DataError, match="wait 1440 minutes"):
        download(folder, mirror)
    assert len(mirror.asked) == 1


def test_requests_keep_a_distance_from_each_other() -> None:
    waits = Waits()
    politeness = waits.politeness()
    for _ in range(3):
        politeness.wait_for_turn(threading.Event())
    assert sum(waits.seconds) == pytest.approx(2 * SPACING_SECONDS)


@pytest.mark.parametrize(("text", "seconds"), [("120", 120.0), ("", None), ("soon", None), ("-5", None)])
def test_retry_after_is_understood_as_a_number(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}) == seconds


def test_retry_after_is_understood_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after({"Retry-After": date}) == pytest.approx(90.0, abs=3.0)


# When it cannot be had


def test_a_wrong_checksum_is_an_error_and_the_file_is_put_aside(folder: Path, mirror: Mirror) -> None:
    wrong = "md5:" + "0" * 32
    with pytest.raises(WrongFileError, match=rf"its checksum is not {wrong}"):
        download(folder, mirror, a_file(checksum=wrong))
    assert left_over(folder) == ["a.bin.rejected"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_that_is_not_there_is_not_asked_for_again(folder: Path, mirror: Mirror, status: int) -> None:
    mirror.faults["a.bin"] = Fault(status=status)
    with pytest.raises(NotThereError, match=f"{status}.*--from"):
        download(folder, mirror)
    assert len(mirror.asked) == 1
    assert left_over(folder) == []


def test_one_missing_clip_of_many_is_noted_and_many_are_an_error(folder: Path, mirror: Mirror) -> None:
    clips = [a_file(path=f"{number}.bin", missing_is_fine=True) for number in range(40)]
    for clip in clips[1:]:
        (mirror.folder / clip.path).write_bytes(CONTENT)
    assert list(download(folder, mirror, *clips).missing) == ["0.bin"]
    for clip in clips[1:4]:
        (mirror.folder / clip.path).unlink()
        (folder / clip.path).unlink()
    with pytest.raises(DataError, match="4 files could not be fetched"):
        download(folder, mirror, *clips)
    assert (folder / "39.bin").is_file()


def test_what_can_be_fetched_is_kept_when_something_else_is_wrong(folder: Path, mirror: Mirror) -> None:
    with pytest.raises(NotThereError):
        download(folder, mirror, a_file(path="nothing.bin"), a_file())
    assert (folder / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(status=418), "418"),
        (Fault(content_encoding="gzip"), "packed in a way nobody asked for"),
    ],
)
def test_answers_that_are_no_file_are_refused(folder: Path, mirror: Mirror, fault: Fault, message: str) -> None:
    mirror.faults["a.bin"] = fault
    with pytest.raises(WrongFileError, match=message):
        download(folder, mirror)
    assert left_over(folder) == []


@pytest.mark.parametrize("without_length", [False, True])
def test_a_file_much_larger_than_known_is_not_taken(folder: Path, mirror: Mirror, without_length: bool) -> None:
    (mirror.folder / "a.bin").write_bytes(CONTENT * 4)
    mirror.faults["a.bin"] = Fault(without_length=without_length)
    with pytest.raises(WrongFileError, match=r"bytes|does not end"):
        download(folder, mirror)
    assert not (folder / "a.bin").exists()


def test_a_server_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/a\.bin cannot be fetched"):
        Download(folder, mirror="http://127.0.0.1:9", politeness=Waits().politeness()).run([a_file()])


@pytest.mark.parametrize("mirror_url", ["ftp://example.org", "file:///etc", "example.org", "http://"])
def test_what_is_no_address_is_refused(folder: Path, mirror_url: str) -> None:
    with pytest.raises(DataError, match="is no address"):
        Download(folder, mirror=mirror_url)


def test_a_file_without_an_address_must_come_by_hand(folder: Path) -> None:
    with pytest.raises(DataError, match=r"nobody says where a\.bin.*--from"):
        Download(folder).run([a_file()])
    folder.mkdir(exist_ok=True)
    (folder / "a.bin").write_bytes(CONTENT)
    assert Download(folder).run([a_file()]).there_before == ["a.bin"]


@pytest.mark.parametrize("parallel", [0, -1, 17])
def test_how_many_at_a_time_has_bounds(folder: Path, parallel: int) -> None:
    with pytest.raises(DataError, match="1 to 16"):
        Download(folder, parallel=parallel)


def test_a_damaged_record_is_not_overwritten(folder: Path, mirror: Mirror) -> None:
    folder.mkdir()
    (folder / "checksums.json").write_text("{")
    with pytest.raises(DataError, match=r"checksums\.json cannot be read"):
        download(folder, mirror)
    assert (folder / "checksums.json").read_text() == "{"


# The disk


def test_a_full_disk_is_noticed_before_the_first_request(folder: Path, mirror: Mirror) -> None:
    with pytest.raises(DataError, match=r"no space for a\.bin.*GB are free"):
        download(folder, mirror, free_bytes=lambda _: 1000)
    assert mirror.asked == []


def test_a_disk_that_fills_up_meanwhile_loses_nothing(
    folder: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    class Full:
        """A file on a disk that has room for one block."""

        def __init__(self, file: Any) -> None:
            self._file, self._room = file, True

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, block: bytes) -> int:
            if not self._room:
                raise OSError(errno.ENOSPC, "No space left on device")
            self._room = False
            return self._file.write(block)

    def opened(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        file = real(path, mode, *more, **named)
        return Full(file) if path.name == "a.bin.part" and mode == "wb" else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(DataError, match=r"no space for a\.bin.*what is there is kept"):
        download(folder, mirror)
    came = part_of(folder / "a.bin").stat().st_size
    assert 0 < came < len(CONTENT)
    monkeypatch.setattr(Path, "open", real)
    mirror.asked.clear()
    assert download(folder, mirror).fetched == ["a.bin"]
    assert mirror.requests("a.bin") == [f"bytes={came}-"]


def test_free_space_is_found_for_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0


def test_being_stopped_leaves_what_has_come(folder: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Download(folder, mirror=mirror.url, politeness=Waits().politeness())
    real = fetch._read

    def read(answer: Any) -> bytes:
        running._stopped.set()
        return real(answer)

    monkeypatch.setattr(fetch, "_read", read)
    with pytest.raises(DataError, match="stopped"):
        running.run([a_file()])
    came = part_of(folder / "a.bin").read_bytes()
    assert came
    assert CONTENT.startswith(came)


def test_checksums_of_unknown_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(DataError, match="crc7"):
        file_checksum(tmp_path / "a", "crc7")
