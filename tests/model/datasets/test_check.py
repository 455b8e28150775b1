"""A data set is looked over before anybody trains on it."""

from pathlib import Path

import pytest
import soundfile

from model.datasets.check import check, summarise
from model.datasets.spec import open_dataset
from tests.model.datasets import small_music
from tests.model.datasets.small_music import write_csv, write_tone


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two labels with ten artists each, a track of 0.3 s by each."""
    for label, base in (("jazz", 200), ("rock", 300)):
        for artist in range(10):
            write_tone(tmp_path / "music" / label / f"{label} {artist}" / "a.wav", base + 7 * artist)
    return tmp_path / "music"


def test_a_summary_counts_tracks_hours_labels_and_groups(music: Path) -> None:
    summary = summarise(open_dataset(f"folder:{music}"))
    assert (summary.tracks, summary.groups, summary.exclusive) == (20, 20, True)
    assert summary.seconds == pytest.approx(20 * 0.3, abs=0.01)
    assert [(count.label, count.tracks, count.groups) for count in summary.labels] == [
        ("jazz", 10, 10),
        ("rock", 10, 10),
    ]
    assert summary.splits == {"": 20}
    assert summary.warnings == ()


def test_a_summary_warns_of_what_is_missing_rare_or_uneven(music: Path) -> None:
    (music / "polka").mkdir()
    write_tone(music / "waltz" / "Strauss" / "a.wav", 440)
    rows = [("path", "label", "group", "split"), ("none.wav", "jazz", "Strauss", "train")]
    rows += [("waltz/Strauss/a.wav", "waltz", "Strauss", "test")]
    joined = summarise(open_dataset(f"folder:{music}+{write_csv(music.parent / 'more.csv', rows[:2])}"))
    warnings = " ".join(joined.warnings)
    assert "1 sound files are missing" in warnings
    assert "no track of polka" in warnings
    assert "Fewer than 5 groups (artists) have waltz" in warnings
    split = summarise(open_dataset(str(write_csv(music / "split.csv", rows))))
    assert any("on several sides of the split, for example Strauss" in warning for warning in split.warnings)
    assert split.splits == {"train": 1, "test": 1}


def test_a_sound_data_set_is_fit_for_use(music: Path) -> None:
    done: list[tuple[int, int]] = []
    found = check(open_dataset(f"folder:{music}"), progress=lambda number, total: done.append((number, total)))
    assert found.usable
    assert found.files == 20
    assert not (found.broken or found.altered or found.copies or found.across or found.problems)
    assert done == [(number, 20) for number in range(1, 21)]


def test_one_broken_file_in_twenty_is_listed_and_two_are_too_many(music: Path) -> None:
    (music / "jazz" / "jazz 0" / "a.wav").write_bytes(b"no sound")
    found = check(open_dataset(f"folder:{music}"))
    assert [path.parent.name for path in found.broken] == ["jazz 0"]
    assert found.usable
    whole = (music / "rock" / "rock 0" / "a.wav").read_bytes()
    (music / "rock" / "rock 0" / "a.wav").write_bytes(whole[:10])
    found = check(open_dataset(f"folder:{music}"))
    assert found.too_many_broken
    assert not found.usable


def test_the_same_sound_under_two_artists_is_found_whatever_the_file_is_like(music: Path) -> None:
    samples, rate = soundfile.read(music / "jazz" / "jazz 0" / "a.wav", dtype="int16")
    (music / "rock" / "Thief").mkdir()
    soundfile.write(music / "rock" / "Thief" / "copy.flac", samples, rate)
    soundfile.write(music / "jazz" / "jazz 1" / "again.wav", soundfile.read(music / "jazz/jazz 1/a.wav")[0], rate)
    found = check(open_dataset(f"folder:{music}"))
    assert [sorted(track.path.name for track in same) for same in found.split_copies] == [["a.wav", "copy.flac"]]
    assert len(found.copies) == 2
    assert not found.usable


def test_files_that_are_not_as_published_are_found(tmp_path: Path) -> None:
    small_music.ballroom_mirror(tmp_path)
    (tmp_path / "Waltz" / "Waltz.100801.mp3").write_bytes(small_music.mp3(990))
    found = check(open_dataset(f"extended-ballroom:{tmp_path}", labels="chacha,waltz"))
    assert [path.name for path in found.altered] == ["Waltz.100801.mp3"]
    assert found.usable


def test_groups_across_a_split_and_empty_labels_make_it_unfit(music: Path) -> None:
    rows = [("path", "label", "group", "split")]
    rows += [("jazz/jazz 0/a.wav", "jazz", "one", "train"), ("jazz/jazz 1/a.wav", "jazz", "one", "test")]
    found = check(open_dataset(str(write_csv(music / "songs.csv", rows))))
    assert found.across == {"one": ("test", "train")}
    assert any("only the label jazz" in problem for problem in found.problems)
    assert not found.usable
