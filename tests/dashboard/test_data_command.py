"""`genrescope data`: lists, shows, checks and downloads data sets, in words."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.data_command import download_dataset, print_check, print_datasets, print_summary
from model.datasets import fma, gtzan
from model.datasets.gtzan import Gtzan
from model.datasets.remote import RemoteFile, file_checksum
from model.datasets.spec import PUBLISHED, open_dataset
from model.errors import DataError
from tests.commands import run
from tests.model.datasets import small_music
from tests.model.datasets.mirror import Fault, Mirror


def tiny(file: RemoteFile, mirror: Path) -> RemoteFile:
    """The same file with the size and checksum that it has on a mirror with a tiny data set."""
    kind = file.checksum.partition(":")[0]
    return replace(
        file,
        about_bytes=(mirror / file.path).stat().st_size,
        checksum=file_checksum(mirror / file.path, kind) if kind else "",
        unpacked_bytes=2_000_000 if file.unpacked_bytes else 0,
    )


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror of GTZAN, FMA small and Extended Ballroom, each in a folder of its name."""
    root = tmp_path / "mirror"
    for name, make in (
        ("gtzan", small_music.gtzan_mirror),
        ("fma", small_music.fma_mirror),
        ("ballroom", small_music.ballroom_mirror),
    ):
        (root / name).mkdir(parents=True)
        make(root / name)
    monkeypatch.setattr(Gtzan, "remote", tuple(tiny(file, root / "gtzan") for file in gtzan.REMOTE))
    monkeypatch.setitem(fma.REMOTE, "small", tuple(tiny(file, root / "fma") for file in fma.REMOTE["small"]))
    with Mirror(root) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "place", "tracks"), [("gtzan", "gtzan", 40), ("fma-small", "fma", 4), ("extended-ballroom", "ballroom", 5)]
)
def test_a_published_data_set_is_downloaded_shown_and_checked(
    mirror: Mirror, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, place: str, tracks: int
) -> None:
    folder = tmp_path / "data"
    download_dataset(name, folder, mirror=f"{mirror.url}/{place}/", parallel=4)
    assert len(open_dataset(f"{name}:{folder}").tracks()) == tracks
    assert not list(folder.rglob("*.part"))
    assert f"genrescope data show {name}:" in capfd.readouterr().err
    print_summary(f"{name}:{folder}")
    shown = capfd.readouterr().out
    assert f"{tracks} tracks" in shown
    assert PUBLISHED[name](folder).licence in shown.replace("\n", " ")
    code = print_check(f"{name}:{folder}")
    shown = capfd.readouterr().out
    assert "broken" not in shown
    # Nobody dances the foxtrot in the tiny one.
    assert code == (6 if name == "extended-ballroom" else 0)


def test_a_second_download_fetches_nothing_even_without_the_archives(
    mirror: Mirror, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    download_dataset("fma-small", folder, mirror=f"{mirror.url}/fma", parallel=2)
    assert "may be removed now" in capfd.readouterr().err
    (folder / "fma_small.zip").unlink()
    mirror.asked.clear()
    download_dataset("fma-small", folder, mirror=f"{mirror.url}/fma", parallel=2)
    assert mirror.asked == []
    assert not (folder / "fma_metadata" / "features.csv").exists()


def test_a_download_that_was_broken_off_goes_on(mirror: Mirror, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    mirror.faults["gtzan/genres.tar.gz"] = Fault(times=1, status=404)
    with pytest.raises(DataError, match="404"):
        download_dataset("gtzan", folder, mirror=f"{mirror.url}/gtzan", parallel=4)
    assert (folder / gtzan.LISTS["test"]).is_file()
    mirror.asked.clear()
    download_dataset("gtzan", folder, mirror=f"{mirror.url}/gtzan", parallel=4)
    assert [path for path, _ in mirror.asked] == ["gtzan/genres.tar.gz"]


def test_clips_that_nobody_has_any_more_are_counted(
    mirror: Mirror, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.datasets.download.MOST_MISSING", 0.2)
    (mirror.folder / "ballroom" / "Waltz" / "Waltz.100801.mp3").unlink()
    download_dataset("extended-ballroom", tmp_path / "data", mirror=f"{mirror.url}/ballroom", parallel=4)
    said = capfd.readouterr().err
    assert "1 files are not there any more" in said
    assert "No checksum is published of extendedballroom_v1.1.xml" in said


def test_only_published_data_sets_can_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'folder' cannot be downloaded.*gtzan"):
        download_dataset("folder", tmp_path, mirror="", parallel=4)


def test_the_list_names_every_data_set_with_licence_and_size(capfd: pytest.CaptureFixture[str]) -> None:
    print_datasets()
    shown = capfd.readouterr().out
    for name in PUBLISHED:
        assert f"{name}:FOLDER" in shown
    assert "8.1 GB" in shown
    assert "CC BY 4.0" in shown
    assert "path,label[,group][,split]" in shown


def test_a_check_names_what_is_wrong_and_says_so_in_its_exit_code(tmp_path: Path) -> None:
    for number, label in enumerate(("jazz", "rock")):
        small_music.write_tone(tmp_path / "music" / label / f"{label} artist" / "a.wav", 200 + 50 * number)
    assert run("data", "check", f"folder:{tmp_path / 'music'}").returncode == 0
    copy = tmp_path / "music" / "rock" / "[Thief]" / "copy.wav"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / "music" / "jazz" / "jazz artist" / "a.wav").read_bytes())
    done = run("data", "check", f"folder:{tmp_path / 'music'}")
    assert done.returncode == 6
    assert "[Thief]/copy.wav" in done.stdout
    assert "in different groups" in done.stdout


def test_errors_are_one_line_and_an_exit_code(tmp_path: Path) -> None:
    done = run("data", "show", f"gtzan:{tmp_path / 'none'}")
    assert done.returncode == 6
    assert "genrescope data download gtzan" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_commands_import_no_network_library_before_they_need_it() -> None:
    done = run("data", "--help")
    assert done.returncode == 0
    for command in ("list", "show", "check", "download"):
        assert command in done.stdout
