"""What networks hear is computed once, kept whole, and made by several processes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import model.whole_files
from model.datasets.dataset import LabelledTrack
from model.datasets.sound import read_samples
from model.embeddings import windows_of
from model.errors import DataError
from model.networks.recipes import NETWORKS
from model.training import feature_cache
from model.training.feature_cache import FeatureCache, Recording, WindowReader, check_recordings
from model.training.workers import each
from tests.model.training.rendered import write_song

FRONT_END = NETWORKS["three-block-cnn"].front_end


@pytest.fixture
def tracks(tmp_path: Path) -> list[LabelledTrack]:
    return [
        LabelledTrack(write_song(tmp_path / f"{number}.wav", "chords", number), "mine", ("chords",), f"artist {number}")
        for number in range(6)
    ]


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(FRONT_END, tmp_path / "cache")


def arrays(cache_folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(cache_folder.rglob("*.npy"))}


def test_kept_windows_are_those_a_listener_hears_to_half_precision(
    tracks: list[LabelledTrack], cache: FeatureCache
) -> None:
    prepared = cache.prepare(tracks[:1], workers=1)
    kept = WindowReader(FRONT_END).whole(prepared.recordings[0])
    side_by_side = FRONT_END.window_frames * FRONT_END.hop_length / FRONT_END.sample_rate
    heard = windows_of(read_samples(tracks[0], FRONT_END.sample_rate), FRONT_END, hop_seconds=side_by_side)
    assert kept.shape == heard.shape
    np.testing.assert_allclose(kept, heard, rtol=2.0**-10, atol=1e-3)


def test_several_processes_make_what_one_makes(tracks: list[LabelledTrack], tmp_path: Path) -> None:
    alterations = ("plain", "microphone")
    one = FeatureCache(FRONT_END, tmp_path / "one").prepare(tracks, alterations, workers=1)
    two = FeatureCache(FRONT_END, tmp_path / "two").prepare(tracks, alterations, workers=2)
    assert [recording.track for recording in two.recordings] == tracks
    for alone, shared in zip(one.recordings, two.recordings, strict=True):
        assert alone.frames == shared.frames
        for left, right in zip(alone.arrays, shared.arrays, strict=True):
            # One thread or several for a matrix: sums in another order, rounded to half precision.
            np.testing.assert_allclose(np.load(left), np.load(right), rtol=2.0**-10, atol=1e-3)


def test_nothing_is_made_twice_and_nothing_stale_is_used(
    tracks: list[LabelledTrack], cache: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.prepare(tracks, workers=1)
    before = arrays(tmp_path / "cache")
    monkeypatch.setattr(feature_cache, "_prepare", None)  # not even asked
    assert cache.prepare(tracks, workers=1).recordings == first.recordings
    monkeypatch.undo()
    write_song(tracks[0].path, "clicks", 5)
    again = cache.prepare(tracks, workers=1)
    assert again.recordings[0].arrays != first.recordings[0].arrays
    assert again.recordings[1:] == first.recordings[1:]
    assert before.items() <= arrays(tmp_path / "cache").items()


def test_a_moved_file_needs_no_new_array(tracks: list[LabelledTrack], cache: FeatureCache, tmp_path: Path) -> None:
    cache.prepare(tracks[:1], workers=1)
    before = arrays(tmp_path / "cache")
    moved = LabelledTrack(tmp_path / "moved.wav", "mine", ("chords",), "artist 0")
    shutil.move(tracks[0].path, moved.path)
    assert len(cache.prepare([moved], workers=1).recordings) == 1
    assert arrays(tmp_path / "cache") == before


def test_a_damaged_array_is_made_again(tracks: list[LabelledTrack], cache: FeatureCache) -> None:
    path = cache.prepare(tracks[:1], workers=1).recordings[0].arrays[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert len(cache.prepare(tracks[:1], workers=1).recordings) == 1
    assert path.read_bytes() == whole


def test_an_interrupted_preparation_goes_on_without_loss(
    tracks: list[LabelledTrack], cache: FeatureCache, tmp_path: Path
) -> None:
    done: list[int] = []
    interrupted = cache.prepare(
        tracks, workers=1, progress=lambda count, total: done.append(count), cancelled=lambda: done[-1:] == [2]
    )
    assert not interrupted.complete
    assert len(interrupted.recordings) == 2
    before = arrays(tmp_path / "cache")
    whole = cache.prepare(tracks, workers=1)
    assert whole.complete
    assert len(whole.recordings) == len(tracks)
    assert before.items() < arrays(tmp_path / "cache").items()


def test_a_full_disk_is_an_error_that_leaves_nothing_half_written(
    tracks: list[LabelledTrack], cache: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.prepare(tracks[:2], workers=1)
    before = arrays(tmp_path / "cache")

    def half(file: object, *_: object, **__: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model.whole_files.np.lib.format, "write_array", half)
    with pytest.raises(DataError, match="no space left"):
        cache.prepare(tracks, workers=1)
    monkeypatch.undo()
    assert arrays(tmp_path / "cache") == before
    assert not [
        path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix not in (".npy", ".json")
    ]
    assert len(cache.prepare(tracks, workers=1).recordings) == len(tracks)


def test_unreadable_files_are_listed_and_the_others_prepared(tracks: list[LabelledTrack], cache: FeatureCache) -> None:
    tracks[1].path.write_bytes(b"no sound")
    tracks[2].path.unlink()
    prepared = cache.prepare(tracks, workers=1)
    assert set(prepared.unreadable) == {tracks[1].path, tracks[2].path}
    assert [recording.track for recording in prepared.recordings] == [tracks[0], *tracks[3:]]


def test_the_same_recording_under_two_artists_is_refused(tracks: list[LabelledTrack], cache: FeatureCache) -> None:
    shutil.copy(tracks[0].path, tracks[1].path)
    with pytest.raises(DataError, match="same recording in two groups"):
        check_recordings(cache.prepare(tracks[:3], workers=1).recordings)


def test_a_short_recording_is_repeated_until_it_fills_a_window(tmp_path: Path, cache: FeatureCache) -> None:
    path = write_song(tmp_path / "short.wav", "clicks", 1, seconds=0.7)
    recording = cache.prepare([LabelledTrack(path, "mine", ("a",), "b")], workers=1).recordings[0]
    assert WindowReader(FRONT_END).whole(recording).shape == (1, *FRONT_END.window_shape)


def test_reading_keeps_a_bounded_number_of_files_open(
    tracks: list[LabelledTrack], cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "_OPEN_ARRAYS", 2)
    recordings: list[Recording] = cache.prepare(tracks, workers=1).recordings
    reader = WindowReader(FRONT_END)
    windows = [reader.whole(recording) for recording in recordings * 2]
    assert len(reader._open) == 2
    for first, second in zip(windows[: len(tracks)], windows[len(tracks) :], strict=True):
        np.testing.assert_array_equal(first, second)


def test_what_fails_in_a_process_is_told_here() -> None:
    with pytest.raises(DataError, match="twelve is too much"):
        list(each(_refuse_twelve, list(range(14)), workers=2))


def test_a_process_that_is_killed_is_told_in_words() -> None:
    with pytest.raises(DataError, match="was ended: mostly the machine has run out of memory"):
        list(each(_die, list(range(10)), workers=2))


def test_after_an_interruption_what_has_begun_is_finished() -> None:
    done: list[int] = []

    def results() -> Iterator[int]:
        for task, _ in each(abs, list(range(100)), workers=2, cancelled=lambda: len(done) >= 3):
            yield task

    for task in results():
        done.append(task)
    assert 3 <= len(done) < 20


def _refuse_twelve(number: int) -> int:
    if number == 12:
        raise DataError("twelve is too much")
    return number


def _die(number: int) -> int:
    if number == 5:
        os._exit(1)
    return number
