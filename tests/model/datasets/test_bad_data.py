"""What is wrong with a data set is said clearly, and what is there is kept."""

import errno
from pathlib import Path
from typing import Any

import pytest

from dashboard.data_command import print_check, print_summary
from model.datasets.archive import unpack
from model.datasets.remote import RemoteFile
from model.datasets.spec import open_dataset
from model.datasets.stock import Stock
from model.errors import DataError
from tests.model.datasets import small_music
from tests.model.datasets.small_music import write_tone, write_zip


class FullDisk:
    """Every file that is opened for writing takes its first bytes and no more; `fits` names those that do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, fits: str = "") -> None:
        self._open = Path.open
        self._monkeypatch = monkeypatch
        self._fits = fits
        monkeypatch.setattr(Path, "open", lambda path, *rest, **more: self._opened(path, *rest, **more))

    def empty(self) -> None:
        self._monkeypatch.setattr(Path, "open", self._open)

    def _opened(self, path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = self._open(path, mode, *rest, **more)
        return _Full(file) if set(mode) & set("wxa") and not (self._fits and self._fits in path.name) else file


class _Full:
    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> "_Full":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: bytes) -> int:
        self._file.write(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two labels with ten artists each, a track of 0.3 s by each."""
    for label, base in (("jazz", 200), ("rock", 300)):
        for artist in range(10):
            write_tone(tmp_path / "music" / label / f"{label} {artist}" / "a.wav", base + 7 * artist)
    return tmp_path / "music"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# No space left


def test_a_disk_that_fills_up_while_an_archive_is_unpacked_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"a.wav": b"first" * 1000, "b.wav": b"second" * 1000}
    archive, folder = write_zip(tmp_path / "a.zip", content), tmp_path / "data"
    folder.mkdir()
    disk = FullDisk(monkeypatch, fits="a.wav")
    with pytest.raises(DataError, match=r"no space for unpacking a\.zip.*what is there is kept"):
        unpack(archive, folder, about_bytes=11_000, free_bytes=lambda _: 10**9)
    assert files(folder) == {"a.wav": content["a.wav"]}
    disk.empty()
    unpack(archive, folder, about_bytes=11_000, free_bytes=lambda _: 10**9)
    assert files(folder) == content


def test_a_record_of_downloads_that_does_not_fit_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp3").write_bytes(b"a")
    stock = Stock(tmp_path)
    stock.note("a.mp3")
    stock.save()
    before = files(tmp_path)
    disk = FullDisk(monkeypatch)
    with pytest.raises(DataError, match=r"no space left for .*checksums\.json.*what is there is kept"):
        stock.note_unpacked("a.mp3")
    disk.empty()
    assert files(tmp_path) == before
    assert Stock(tmp_path).is_whole(RemoteFile("a.mp3", "", 1, ""))


# What is in it


def test_a_few_broken_files_are_counted_and_named_and_more_are_too_many(
    music: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = music / "jazz" / "jazz 0" / "a.wav"
    broken.write_bytes(b"no sound")
    assert print_check(f"folder:{music}") == 0
    said = capfd.readouterr().out
    assert "1 broken files, which training leaves out" in said
    assert str(broken) in said
    (music / "rock" / "rock 0" / "a.wav").write_bytes(b"")
    assert print_check(f"folder:{music}") == 6
    said = capfd.readouterr().out
    assert "2 broken files, more than 5 %" in said
    assert "Not fit for training" in said


def test_music_of_one_label_is_not_fit_and_an_empty_label_neither(
    music: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert print_check(f"folder:{music}", labels="jazz") == 6
    assert "only the label jazz" in capfd.readouterr().out
    (music / "polka").mkdir()
    assert print_check(f"folder:{music}") == 6
    assert "no track of polka" in capfd.readouterr().out
    print_summary(f"folder:{music}")
    assert "Beware:" in capfd.readouterr().out


def test_a_label_all_of_whose_files_are_broken_is_an_empty_label(
    music: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(60):
        write_tone(music / "rock" / f"another {number}" / "a.wav", 500 + number)
    (music / "polka" / "Six").mkdir(parents=True)
    (music / "polka" / "Six" / "a.wav").write_bytes(b"no sound")
    assert print_check(f"folder:{music}") == 6
    said = capfd.readouterr().out
    assert "1 broken files, which training leaves out" in said
    assert "no track of polka" in said


def test_unknown_labels_are_refused_by_every_command_with_those_there_are(music: Path) -> None:
    for command in (print_check, print_summary):
        with pytest.raises(DataError, match=r"polka.*jazz, rock"):
            command(f"folder:{music}", labels="jazz,polka")


def test_files_with_another_checksum_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    small_music.ballroom_mirror(tmp_path)
    (tmp_path / "Waltz" / "Waltz.100801.mp3").write_bytes(small_music.mp3(990))
    spec = f"extended-ballroom:{tmp_path}"
    assert len(open_dataset(spec, labels="chacha,waltz").tracks()) == 4
    print_check(spec, labels="chacha,waltz")
    said = capfd.readouterr().out
    assert "1 files are not as published" in said
    assert "Waltz.100801.mp3" in said
