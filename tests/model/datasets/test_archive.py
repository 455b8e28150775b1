"""Archives are unpacked whole, and hostile ones not at all."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from model.datasets import archive
from model.datasets.archive import unpack
from model.errors import DataError
from tests.model.datasets.small_music import write_zip

PLENTY = 10**12
FILES = {"music/a.wav": b"first" * 1000, "music/jazz/b.wav": b"second" * 1000}


def unpacked(path: Path, folder: Path, **options: object) -> dict[str, bytes]:
    unpack(path, folder, **{"about_bytes": 20_000, "free_bytes": lambda _: PLENTY, **options})  # type: ignore[arg-type]
    return {found.relative_to(folder).as_posix(): found.read_bytes() for found in folder.rglob("*") if found.is_file()}


def write_tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for member, content in members:
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def test_zip_and_tar_archives_are_unpacked(tmp_path: Path, folder: Path) -> None:
    steps: list[tuple[int, int]] = []
    path = write_zip(tmp_path / "a.zip", FILES)
    assert unpacked(path, folder, progress=lambda done, total: steps.append((done, total))) == FILES
    assert steps == [(0, 11_000), (5_000, 11_000), (11_000, 11_000)]
    (tmp_path / "there").mkdir()
    packed = write_tar(tmp_path / "a.tar.gz", [(tarfile.TarInfo(name), content) for name, content in FILES.items()])
    assert unpacked(packed, tmp_path / "there") == FILES


def test_only_what_is_wanted_is_unpacked(tmp_path: Path, folder: Path) -> None:
    path = write_zip(tmp_path / "a.zip", FILES)
    assert set(unpacked(path, folder, wanted=["music/jazz/b.wav"])) == {"music/jazz/b.wav"}
    with pytest.raises(DataError, match=r"does not have music/c\.wav"):
        unpacked(path, folder, wanted=["music/c.wav"])


def test_files_that_are_there_in_their_full_length_are_not_unpacked_again(tmp_path: Path, folder: Path) -> None:
    path = write_zip(tmp_path / "a.zip", FILES)
    unpacked(path, folder)
    (folder / "music" / "a.wav").write_bytes(b"short")
    kept = (folder / "music" / "jazz" / "b.wav").stat().st_mtime_ns
    assert unpacked(path, folder) == FILES
    assert (folder / "music" / "jazz" / "b.wav").stat().st_mtime_ns == kept


def test_unpacking_can_be_broken_off_between_files(tmp_path: Path, folder: Path) -> None:
    asked = iter([False, True])
    path = write_zip(tmp_path / "a.zip", FILES)
    assert set(unpacked(path, folder, cancelled=lambda: next(asked))) == {"music/a.wav"}
    assert unpacked(path, folder) == FILES


HOSTILE_NAMES = [
    "../a.wav",
    "music/../../a.wav",
    "/etc/a.wav",
    "C:\\a.wav",
    "..\\a.wav",
    "a\nb.wav",
    "a:b.wav",
    "d/" * 13 + "a",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_that_lead_outside_are_refused_and_nothing_is_unpacked(tmp_path: Path, folder: Path, name: str) -> None:
    packed = write_zip(tmp_path / "a.zip", {"good.wav": b"sound", name: b"bad"})
    with pytest.raises(DataError, match="is not unpacked"):
        unpacked(packed, folder)
    members = [(tarfile.TarInfo("good.wav"), b"sound"), (tarfile.TarInfo(name), b"bad")]
    with pytest.raises(DataError, match="is not unpacked"):
        unpacked(write_tar(tmp_path / "a.tar.gz", members), folder)
    assert everything(folder) == set()
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar_archives_are_refused(tmp_path: Path, folder: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("music")
    member.type, member.linkname = kind, "/etc"
    with pytest.raises(DataError, match="links and devices"):
        unpacked(write_tar(tmp_path / "a.tar.gz", [(member, b"")]), folder)


def test_links_in_zip_archives_are_refused(tmp_path: Path, folder: Path) -> None:
    info = zipfile.ZipInfo("music")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, "/etc")
    with pytest.raises(DataError, match="links and devices"):
        unpacked(tmp_path / "a.zip", folder)


def test_a_link_that_was_there_before_is_not_followed_outside(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "outside").mkdir()
    (folder / "music").symlink_to(tmp_path / "outside")
    with pytest.raises(DataError, match="leads elsewhere"):
        unpacked(write_zip(tmp_path / "a.zip", FILES), folder)
    assert everything(tmp_path / "outside") == set()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_grows_beyond_what_is_known_of_it_is_refused(tmp_path: Path, folder: Path, kind: str) -> None:
    content = bytes(10_000_000)
    if kind == "zip":
        path = write_zip(tmp_path / "bomb.zip", {"a.wav": content})
    else:
        path = write_tar(tmp_path / "bomb.tar.gz", [(tarfile.TarInfo("a.wav"), content)])
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="more than 2 times"):
        unpacked(path, folder)
    assert everything(folder) == set()


def test_a_member_that_is_longer_than_it_says_leaves_nothing(tmp_path: Path, folder: Path) -> None:
    path = write_zip(tmp_path / "liar.zip", {"a.wav": bytes(1_000_000)})
    data = path.read_bytes()
    size = (1_000_000).to_bytes(4, "little")
    assert data.count(size) == 2  # in the member's own header, and in the list at the end
    path.write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(DataError):
        unpacked(path, folder)
    assert everything(folder) == set()


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="once"):
        unpacked(write_zip(tmp_path / "a.zip", {"a.wav": b"one", "A.WAV": b"two"}), folder)


def test_too_many_files_are_refused(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    with pytest.raises(DataError, match="at most 3 files"):
        unpacked(write_zip(tmp_path / "a.zip", {f"{number}.wav": b"" for number in range(4)}), folder)


@pytest.mark.parametrize("damage", ["cut", "flipped", "no archive", "encrypted"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_damaged_archives_are_named_and_leave_no_half_files(
    tmp_path: Path, folder: Path, damage: str, kind: str
) -> None:
    if kind == "zip":
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as packed:  # stored, so that the checksum must find it
            for name, content in FILES.items():
                packed.writestr(name, content)
    else:
        path = write_tar(tmp_path / "a.tar.gz", [(tarfile.TarInfo(name), content) for name, content in FILES.items()])
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[len(data) // 3] ^= 255
    elif damage == "encrypted" and kind == "zip":
        data[6] |= 1
        data[data.rindex(b"PK\x01\x02") + 8] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    else:
        data = bytearray(b"<html>Not found</html>" * 100)
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"{path.name}.*(download it again|damaged|no archive)"):
        unpacked(path, folder)
    for name in everything(folder):
        assert not name.endswith(".part")
        assert (folder / name).is_dir() or (folder / name).read_bytes() == FILES[name]


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="no space for unpacking"):
        unpacked(write_zip(tmp_path / "a.zip", FILES), folder, free_bytes=lambda _: 10_999)
    assert everything(folder) == set()
    assert unpacked(tmp_path / "a.zip", folder, free_bytes=lambda _: 11_000) == FILES
