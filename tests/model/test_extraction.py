"""Spectrograms of a data set: written once, whole, the same whoever makes them, and whatever goes wrong."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dashboard.extract_command import chosen_front_end, extract_spectrograms
from model.datasets.sound import read_samples
from model.datasets.spec import open_dataset
from model.errors import DataError, GenrescopeError, SettingError
from model.extraction import Extraction, extract, read_extraction
from model.front_ends.log_mel import LogMel
from model.networks.recipes import NETWORKS
from model.spectrogram_worker import Order, make, safe_name
from model.training.workers import each
from model.whole_files import map_array, write_array, written_whole
from tests.commands import COMMAND, PROJECT, run
from tests.model.datasets import small_music

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two labels, two artists each, a song by each."""
    return write_music(tmp_path / "music", "ab")


def write_music(folder: Path, artists: str) -> Path:
    for number, (label, artist) in enumerate((label, artist) for label in ("jazz", "rock") for artist in artists):
        small_music.write_tone(folder / label / f"{label} {artist}" / "song.wav", 200 + 90 * number, seconds=4.0)
    return folder


def extracted(music: Path, out: Path, **options: Any) -> Extraction:
    return extract(open_dataset(f"folder:{music}"), LogMel(), out, **{"jobs": 1, **options})


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def nothing_half_written(folder: Path) -> bool:
    whole = [map_array(path) is not None for path in folder.rglob("*.npy")]
    return all(whole) and not list(folder.rglob(".*"))


def test_every_track_has_the_frames_of_its_front_end_mapped_into_memory(music: Path, tmp_path: Path) -> None:
    extracted(music, tmp_path / "out")
    found = read_extraction(tmp_path / "out")
    assert found.labels == ("jazz", "rock")
    assert found.front_end == LogMel()
    assert [entry.track.label for entry in found.tracks] == ["jazz", "jazz", "rock", "rock"]
    assert [entry.track.group for entry in found.tracks] == ["jazz a", "jazz b", "rock a", "rock b"]
    for entry in found.tracks:
        frames = found.frames(entry)
        assert isinstance(frames, np.memmap)
        assert frames.dtype == np.float32
        np.testing.assert_array_equal(frames, LogMel().compute(read_samples(entry.track, 16_000)))
        assert entry.seconds == pytest.approx(4.0, abs=0.05)


def test_the_index_is_a_data_set_itself(music: Path, tmp_path: Path) -> None:
    extracted(music, tmp_path / "out")
    listed = open_dataset(str(tmp_path / "out" / "index.csv")).tracks()
    assert [(track.path, track.labels, track.group) for track in listed] == [
        (track.path, track.labels, track.group) for track in open_dataset(f"folder:{music}").tracks()
    ]


def test_a_front_end_of_several_channels_keeps_them(music: Path, tmp_path: Path) -> None:
    made = extract(open_dataset(f"folder:{music}"), NETWORKS["gap-cnn"].front_end, tmp_path / "out", jobs=1)
    assert made.frames(made.tracks[0]).shape[1:] == (40, 3)


def test_processes_write_the_same_files_as_one(tmp_path: Path) -> None:
    music = write_music(tmp_path / "music", "abcd")
    one = extracted(music, tmp_path / "one", jobs=1)
    two = extracted(music, tmp_path / "two", jobs=2)
    assert one.tracks == two.tracks
    for entry in one.tracks:
        # Libraries add up in another order where they have several threads.
        np.testing.assert_allclose(one.frames(entry), two.frames(entry), atol=1e-5)


def test_what_is_there_whole_is_not_made_again(music: Path, tmp_path: Path) -> None:
    first = extracted(music, tmp_path / "out")
    files = [tmp_path / "out" / entry.file for entry in first.tracks]
    written = [path.stat().st_ino for path in files]
    files[1].write_bytes(files[1].read_bytes()[:-1])  # cut off
    os.utime(files[1], ns=(files[0].stat().st_mtime_ns,) * 2)
    files[2].unlink()
    again = extracted(music, tmp_path / "out")
    assert again.there_before == 2
    assert [path.stat().st_ino for path in files][::3] == written[::3]
    assert [again.frames(entry).tolist() for entry in again.tracks] == [
        LogMel().compute(read_samples(entry.track, 16_000)).tolist() for entry in again.tracks
    ]


def test_sound_that_has_changed_is_heard_again(music: Path, tmp_path: Path) -> None:
    extracted(music, tmp_path / "out")
    changed = small_music.write_tone(music / "jazz" / "jazz a" / "song.wav", 3_000, seconds=4.0)
    os.utime(changed, (1_000_000.5, 1_000_000.5))
    again = extracted(music, tmp_path / "out")
    assert again.there_before == 3
    loudest = again.frames(again.tracks[0]).mean(axis=0).argmax()
    assert LogMel().band_frequencies_hz[loudest] == pytest.approx(3_000, rel=0.05)


def test_pictures_lie_in_folders_by_label_with_an_overview(music: Path, tmp_path: Path) -> None:
    hostile = music / "R&B $x$"
    small_music.write_tone(hostile / "c.d" / "a $song_1$ \u96e8 \t.wav", 700, seconds=4.0)
    extracted(music, tmp_path / "out", pictures=True)
    pictures = sorted(path.relative_to(tmp_path / "out" / "pictures") for path in (tmp_path / "out").rglob("*.png"))
    folder = safe_name("R&B $x$")
    assert {path.parts[0] for path in pictures} == {"jazz", "rock", "jazz.png", "rock.png", folder, f"{folder}.png"}
    assert len(pictures) == 8
    for path in pictures:
        assert (tmp_path / "out" / "pictures" / path).read_bytes().startswith(b"\x89PNG")


def test_a_picture_is_made_afterwards_too_and_only_where_there_is_none(music: Path, tmp_path: Path) -> None:
    made = extracted(music, tmp_path / "out")
    spectrogram = (tmp_path / "out" / made.tracks[0].file).stat().st_ino
    extracted(music, tmp_path / "out", pictures=True)
    before = {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*.png")}
    extracted(music, tmp_path / "out", pictures=True)
    assert {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*.png")} == before
    assert (tmp_path / "out" / made.tracks[0].file).stat().st_ino == spectrogram


def test_a_picture_has_seconds_hertz_and_its_label_and_file(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *rest, **more: (drawn.append(figure), save(figure, *rest, **more))
    )
    track = open_dataset(f"folder:{music}").tracks()[0]
    make(Order.of(track, LogMel(), tmp_path / "out", pictures=True))
    axes = drawn[0].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("seconds", "Hz", "jazz: song.wav")
    assert axes.get_xlim()[1] == pytest.approx(4.0, abs=0.1)
    assert axes.get_ylim()[1] == pytest.approx(8_000, rel=0.05)


def test_names_are_safe_and_different() -> None:
    texts = [
        "../../etc",
        "a/b",
        "a\\b",
        "a:b",
        "CON.",
        "",
        ".",
        "x" * 300,
        "x" * 301,
        "\u96e8",
        "a b",
        "\x00",
        "\ud800",
    ]
    names = [safe_name(text) for text in texts]
    assert len({name.casefold() for name in names}) == len(texts)
    for name in names:
        assert name.strip(".") == name != ""
        assert not set(name) & set('<>:"/\\|?* ')
        assert len(name.encode()) < 100


# What can go wrong


def test_a_broken_file_among_many_is_left_out_and_listed(music: Path, tmp_path: Path) -> None:
    for number in range(18):
        small_music.write_tone(music / "rock" / f"artist {number}" / "song.wav", 300 + 20 * number)
    broken = music / "rock" / "artist 18" / "song.wav"
    broken.parent.mkdir()
    broken.write_bytes(b"RIFF nonsense")
    made = extracted(music, tmp_path / "out")
    assert list(made.broken) == [broken]
    assert len(made.tracks) == 22
    assert read_extraction(tmp_path / "out").broken == made.broken


def test_more_than_a_few_broken_files_stop_it_and_nothing_is_lost(music: Path, tmp_path: Path) -> None:
    (music / "rock" / "rock b" / "song.wav").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 of 4 sound files cannot be read.*rock b/song\.wav is empty"):
        extracted(music, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.npy"))) == 3
    small_music.write_tone(music / "rock" / "rock b" / "song.wav", 500, seconds=4.0)
    assert extracted(music, tmp_path / "out").there_before == 3


@pytest.mark.parametrize(
    "make_broken", [lambda path: path.unlink(), lambda path: soundfile.write(path, [0.0] * 9, 8_000)]
)
def test_files_that_are_gone_or_too_short_count_as_broken(music: Path, tmp_path: Path, make_broken: Any) -> None:
    dataset = open_dataset(f"folder:{music}")
    make_broken(music / "jazz" / "jazz a" / "song.wav")
    with pytest.raises(DataError, match=r"1 of 4 sound files cannot be read.*jazz a/song\.wav"):
        extract(dataset, LogMel(), tmp_path / "out", jobs=1)


@pytest.mark.parametrize("full_at", [".npy", ".png", "index.csv", "extraction.json", "jazz.png"])
def test_a_full_disk_is_a_clear_error_wherever_it_fills_up_and_nothing_is_lost(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    out, pictures = tmp_path / "out", full_at.endswith("png")
    real = Path.open

    class Full:
        """A file on a disk that is full after its first bytes."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, content: bytes) -> int:
            self._file.write(bytes(content)[:20])
            raise FULL

    def opened(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        file = real(path, mode, *more, **named)
        written = path.name.removesuffix(".partial").removeprefix(".").rpartition(".")[0]
        return Full(file) if mode == "wb" and written.endswith(full_at) else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(DataError, match=r"there is no space left for .*what is there is kept"):
        extracted(music, out, pictures=pictures)
    assert nothing_half_written(out)
    made = len(list(out.rglob("*.npy")))
    monkeypatch.setattr(Path, "open", real)
    assert extracted(music, out, pictures=pictures).there_before == made
    assert nothing_half_written(out)
    extracted(music, tmp_path / "straight")
    assert read_extraction(out).tracks == read_extraction(tmp_path / "straight").tracks
    assert len(list(out.rglob("*.png"))) == (6 if pictures else 0)


def test_what_a_process_cannot_write_is_the_same_error(tmp_path: Path) -> None:
    """The place of the spectrograms is a file."""
    music, out = write_music(tmp_path / "music", "abcd"), tmp_path / "out"
    extracted(music, out)
    for path in (out / "spectrograms" / "rock").iterdir():
        path.unlink()
    (out / "spectrograms" / "rock").rmdir()
    (out / "spectrograms" / "rock").write_text("in the way")
    with pytest.raises(DataError, match=r"song-\w+\.npy cannot be written: .*what is there is kept"):
        extracted(music, out, jobs=2)
    assert len(list(out.rglob("*.npy"))) == 4


def test_a_run_that_was_interrupted_is_not_taken_for_whole_and_goes_on(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def interrupt(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extracted(music, out, progress=interrupt)
    assert nothing_half_written(out)
    with pytest.raises(DataError, match="not all there"):
        read_extraction(out)
    assert extracted(music, out).there_before == 2
    extracted(music, tmp_path / "straight")
    assert contents(out) == contents(tmp_path / "straight")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_the_command_can_be_stopped_at_any_time_and_goes_on(music: Path, tmp_path: Path, stop: signal.Signals) -> None:
    for number in range(40):
        small_music.write_tone(music / "rock" / f"artist {number}" / "song.wav", 300 + 20 * number, seconds=10.0)
    out = tmp_path / "out"
    command = ["data", "extract", f"folder:{music}", "--out", str(out), "--jobs", "2"]
    process = subprocess.Popen([*COMMAND, *command], cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60.0
    while len(list(out.rglob("*.npy"))) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = listed.read_text().split() if listed.is_file() else []  # Linux only
    process.send_signal(stop)
    _, said = process.communicate(timeout=60.0)
    while any(Path("/proc", child).exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "Traceback" not in said
    if stop is signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on" in said
        assert nothing_half_written(out)
    assert 3 <= len(list(out.rglob("*.npy"))) < 44
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert nothing_half_written(out)
    assert len(read_extraction(out).tracks) == 44


def test_a_folder_with_something_else_in_it_is_left_alone(music: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("important")
    with pytest.raises(DataError, match="holds other files"):
        extracted(music, tmp_path / "out")
    (tmp_path / "file").write_text("important")
    with pytest.raises(DataError, match="is a file"):
        extracted(music, tmp_path / "file")
    assert contents(tmp_path / "out") == {"thesis.txt": b"important"}


def test_spectrograms_of_two_front_ends_are_not_mixed(music: Path, tmp_path: Path) -> None:
    extracted(music, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(DataError, match="of another front end"):
        extract(open_dataset(f"folder:{music}"), LogMel(bands=64), tmp_path / "out", jobs=1)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("extraction.json", "{"),
        ("extraction.json", '{"format": 2}'),
        ("index.csv", "file,path\na,b\n"),
        ("index.csv", "file,path,label,group,split,dataset,seconds,frames\n../a.npy,b,jazz,g,,d,1,1\n"),
    ],
)
def test_damaged_lists_are_refused(music: Path, tmp_path: Path, file: str, text: str) -> None:
    extracted(music, tmp_path / "out")
    (tmp_path / "out" / file).write_text(text)
    with pytest.raises(DataError):
        read_extraction(tmp_path / "out")


def test_a_spectrogram_that_was_cut_off_is_refused_when_it_is_read(music: Path, tmp_path: Path) -> None:
    made = extracted(music, tmp_path / "out")
    path = tmp_path / "out" / made.tracks[0].file
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="missing or damaged"):
        made.frames(made.tracks[0])


def test_a_process_that_is_killed_is_an_error_in_words() -> None:
    with pytest.raises(DataError, match=r"processes that read the music was ended.*what is done is kept"):
        list(each(os._exit, [1] * 8, workers=2))


def test_what_is_written_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.npy"
    write_array(path, np.arange(6, dtype=np.float32).reshape(2, 3))
    with pytest.raises(ZeroDivisionError), written_whole(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    found = map_array(path)
    assert found is not None
    np.testing.assert_array_equal(found, [[0, 1, 2], [3, 4, 5]])
    assert [left.name for left in path.parent.iterdir()] == ["a.npy"]
    assert map_array(tmp_path / "none.npy") is None
    path.write_bytes(path.read_bytes() + b"more")
    assert map_array(path) is None


# The command


def test_the_command_says_what_it_made_left_out_and_what_to_beware_of(tmp_path: Path) -> None:
    for number in range(20):
        small_music.write_tone(tmp_path / "music" / "jazz" / f"artist {number}" / "song.wav", 300 + 20 * number)
    (tmp_path / "music" / "jazz" / "artist 19" / "[bold].wav").write_bytes(b"no sound")
    done = run("data", "extract", f"folder:{tmp_path / 'music'}", "--out", tmp_path / "out", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "20 spectrograms made, 0 were there" in done.stderr
    assert "1 broken files were left out" in done.stderr
    assert "[bold].wav" in done.stderr
    assert "training would refuse it" in done.stderr
    assert "only the label jazz" in done.stderr
    assert json.loads((tmp_path / "out" / "extraction.json").read_text())["front_end"]["bands"] == 96


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"network": "none"}, 2, "there are: small, musicnn"),
        ({"network": "small", "model": "genres"}, 2, "Leave one out"),
        ({"model": "none"}, 5, "there is no model named 'none'"),
        ({"jobs": -1}, 6, "-1 processes"),
        ({"labels": "jazz,polka"}, 6, "polka"),
    ],
)
def test_what_cannot_be_meant_is_an_error_before_anything_is_written(
    music: Path, tmp_path: Path, options: dict[str, Any], code: int, message: str
) -> None:
    with pytest.raises(GenrescopeError, match=message) as caught:
        extract_spectrograms(f"folder:{music}", tmp_path / "out", **options)
    assert caught.value.exit_code == code
    assert not (tmp_path / "out").exists()


def test_spectrograms_are_not_put_among_the_music(music: Path) -> None:
    done = run("data", "extract", f"folder:{music}", "--out", music / "spectrograms")
    assert done.returncode == 2
    assert "every folder there is a label" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (music / "spectrograms").exists()


def test_the_default_bundle_a_bundle_or_a_network_says_how_to_hear() -> None:
    assert chosen_front_end("", "") == chosen_front_end("", "tags") == LogMel()
    assert chosen_front_end("crnn", "") == NETWORKS["crnn"].front_end
    with pytest.raises(SettingError):
        chosen_front_end("crnn", "tags")


def test_pictures_without_matplotlib_are_an_error_in_words(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DataError, match=r"pictures need matplotlib.*leave out --png"):
        extracted(music, tmp_path / "out", pictures=True)
