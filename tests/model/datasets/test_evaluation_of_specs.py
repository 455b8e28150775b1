"""`evaluate` takes every SPEC, and calls labels as the bundle does."""

from pathlib import Path

import pytest

from model.classifier import BundleClassifier
from model.errors import DataError
from model.evaluation import AS_IT_IS, evaluate
from model.library import Library
from tests.model.datasets import small_music
from tests.model.datasets.small_music import write_csv, write_tone


@pytest.fixture(scope="module")
def genres() -> BundleClassifier:
    return Library().open("genres", device="cpu")


def test_published_and_own_music_are_measured_together(genres: BundleClassifier, tmp_path: Path) -> None:
    small_music.fma_folder(tmp_path / "fma")
    for artist in range(3):
        write_tone(tmp_path / "music" / "Hip Hop" / f"artist {artist}" / "a.wav", 200 + 50 * artist)
    spec = f"fma-small:{tmp_path / 'fma'}+folder:{tmp_path / 'music'}"
    report = evaluate(genres, spec, cache_folder=tmp_path / "cache")
    assert report.protocol == AS_IT_IS
    assert report.track.examples == 7
    assert report.sources == ("fma", "music")
    hiphop, rock = report.labels.index("hiphop"), report.labels.index("rock")
    assert sum(report.confusion[hiphop]) == 5
    assert sum(report.confusion[rock]) == 2


def test_tracks_with_several_labels_cannot_test_a_bundle_of_one(genres: BundleClassifier, tmp_path: Path) -> None:
    listing = write_csv(tmp_path / "songs.csv", [("path", "label"), ("a.wav", "jazz;rock")])
    with pytest.raises(DataError, match=r"a\.wav has 2 labels"):
        evaluate(genres, listing)


def test_more_than_a_few_broken_files_stop_an_evaluation_with_their_list(
    genres: BundleClassifier, tmp_path: Path
) -> None:
    for artist in range(8):
        write_tone(tmp_path / "music" / "jazz" / f"artist {artist}" / "a.wav", 200 + 50 * artist)
    (tmp_path / "music" / "jazz" / "artist 0" / "a.wav").write_bytes(b"no sound")
    with pytest.raises(DataError, match=r"1 of 8 sound files cannot be read.*artist 0"):
        evaluate(genres, f"folder:{tmp_path / 'music'}", cache_folder=tmp_path / "cache")


def test_a_broken_file_among_many_is_left_out_and_named(genres: BundleClassifier, tmp_path: Path) -> None:
    for artist in range(21):
        write_tone(tmp_path / "music" / "jazz" / f"artist {artist}" / "a.wav", 200 + 10 * artist)
    (tmp_path / "music" / "jazz" / "artist 0" / "a.wav").write_bytes(b"no sound")
    warnings: list[str] = []
    report = evaluate(genres, f"folder:{tmp_path / 'music'}", cache_folder=tmp_path / "cache", warn=warnings.append)
    assert report.track.examples == 20
    assert len(warnings) == 1
    assert "1 of 21 files" in warnings[0]
    assert "artist 0" in warnings[0]


def test_music_of_other_labels_is_refused(genres: BundleClassifier, tmp_path: Path) -> None:
    write_tone(tmp_path / "music" / "polka" / "artist" / "a.wav", 200)
    with pytest.raises(DataError, match="no track in music has a label"):
        evaluate(genres, f"folder:{tmp_path / 'music'}")
