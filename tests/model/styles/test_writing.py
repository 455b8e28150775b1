"""A folder of rendered songs is a data set like any other."""

from __future__ import annotations

import subprocess
import sys

import pytest
import soundfile

from model.datasets.folder import read_labels
from model.errors import DataError, SettingError
from model.styles.song import SAMPLE_RATE
from model.styles.table import LABELS
from model.styles.writing import SONGS_OF_AN_ARTIST, song_orders, write_dataset


def test_a_written_folder_is_read_as_a_data_set(tmp_path):
    seen = []
    write_dataset(tmp_path / "songs", 13, seconds=1.5, progress=lambda done, total: seen.append((done, total)))
    tracks = read_labels(tmp_path / "songs")
    assert seen[0] == (0, 13) and seen[-1] == (13, 13)
    assert len(tracks) == 13 and {track.label for track in tracks} == set(LABELS)
    assert tracks[0].group == tracks[12].group != tracks[1].group
    info = soundfile.info(tracks[0].path)
    assert (info.samplerate, info.channels, info.frames) == (SAMPLE_RATE, 1, round(1.5 * SAMPLE_RATE))


def test_an_interrupted_run_goes_on_and_gives_the_same(tmp_path):
    write_dataset(tmp_path, 3, seconds=1.0)
    first = read_labels(tmp_path)[0].path
    before = first.read_bytes()
    untouched = read_labels(tmp_path)[1].path
    stamp = untouched.stat().st_mtime_ns
    first.unlink()
    write_dataset(tmp_path, 3, seconds=1.0)
    assert first.read_bytes() == before
    assert untouched.stat().st_mtime_ns == stamp
    assert not list(tmp_path.rglob("*.partial"))


def test_artists_have_some_songs_each_and_no_file_comes_twice():
    orders = song_orders(200)
    assert len({order.file for order in orders}) == 200
    assert max(order.song for order in orders) == SONGS_OF_AN_ARTIST - 1
    later = song_orders(200, first_artist=1_000)
    assert not {order.group for order in orders} & {order.group for order in later}


@pytest.mark.parametrize(("count", "seconds"), [(0, 10.0), (10**9, 10.0), (5, 0.1), (5, 1e6)])
def test_numbers_outside_their_range_are_refused(tmp_path, count, seconds):
    with pytest.raises(SettingError, match="outside the range"):
        write_dataset(tmp_path, count, seconds=seconds)


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        write_dataset(tmp_path / "file", 1, seconds=1.0)


def test_the_command_writes_a_folder(tmp_path):
    command = [sys.executable, "-m", "model.styles", "--out", str(tmp_path), "--count", "2", "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "2 songs are listed in" in done.stdout
    assert len(read_labels(tmp_path)) == 2


def test_the_command_explains_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "model.styles", "--out", str(tmp_path), "--count", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and "1 to 100,000 songs" in done.stderr and "Traceback" not in done.stderr
