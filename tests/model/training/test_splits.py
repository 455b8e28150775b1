"""Music is put on three sides with artists apart, by the data set's own split or by lot."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.datasets.dataset import LabelledTrack
from model.errors import DataError
from model.training.splits import check_sides, split_tracks

SIDES = ("train", "validation", "test")


def track(label: str | Sequence[str], group: str, split: str = "", number: int = 0) -> LabelledTrack:
    labels = (label,) if isinstance(label, str) else tuple(label)
    return LabelledTrack(Path(f"{group}-{number}.wav"), "mine", labels, group, split=split)


def many(labels: Sequence[str], groups: int) -> list[LabelledTrack]:
    return [track(label, f"{label} {number}", number=k) for label in labels for number in range(groups) for k in (0, 1)]


def labels_on(tracks: Sequence[LabelledTrack], side_of: dict[str, str], side: str) -> set[str]:
    return {label for found in tracks if side_of[found.group] == side for label in found.labels}


@given(
    groups=st.lists(st.tuples(st.integers(1, 9), st.sets(st.sampled_from("abc"), min_size=1)), min_size=0, max_size=25),
    seed=st.integers(0, 3),
)
def test_every_group_is_on_one_side_and_every_label_on_all(groups: list[tuple[int, set[str]]], seed: int) -> None:
    tracks = many("abc", 3)
    for place, (songs, labels) in enumerate(groups):
        tracks += [track(sorted(labels), f"artist {place}", number=number) for number in range(songs)]
    side_of = split_tracks(tracks, "abc", seed=seed)
    assert set(side_of) == {found.group for found in tracks}
    for side in SIDES:
        assert labels_on(tracks, side_of, side) == set("abc")
    assert split_tracks(tracks, "abc", seed=seed) == side_of


def test_another_seed_splits_otherwise() -> None:
    tracks = many("ab", 12)
    splits = [split_tracks(tracks, "ab", seed=seed) for seed in range(4)]
    assert any(split != splits[0] for split in splits)


def test_about_two_thirds_are_trained_on() -> None:
    tracks = many("ab", 30)
    side_of = split_tracks(tracks, "ab", seed=0)
    counts = {side: sum(side_of[found.group] == side for found in tracks) for side in SIDES}
    assert counts == {"train": 80, "validation": 20, "test": 20}


def test_the_split_a_data_set_comes_with_is_kept() -> None:
    tracks = [track(label, f"{label} {side}", side) for label in "ab" for side in SIDES]
    assert split_tracks(tracks, "ab", seed=3) == {f"{label} {side}": side for label in "ab" for side in SIDES}


def test_a_missing_validation_side_is_taken_from_training_artists() -> None:
    tracks = [track(label, f"{label} {number}", "train") for label in "ab" for number in range(6)]
    tracks += [track(label, f"{label} test", "test") for label in "ab"]
    side_of = split_tracks(tracks, "ab", seed=0)
    assert {group for group, side in side_of.items() if side == "test"} == {"a test", "b test"}
    assert labels_on(tracks, side_of, "validation") == {"a", "b"} == labels_on(tracks, side_of, "train")


def test_music_without_a_split_joins_one_that_has_it() -> None:
    tracks = [track(label, f"{label} {side}", side) for label in "ab" for side in SIDES]
    loose = many("ab", 6)
    side_of = split_tracks([*tracks, *loose], "ab", seed=0)
    assert all(side_of[found.group] == found.split for found in tracks)
    assert {side_of[found.group] for found in loose} == set(SIDES)


def test_a_group_on_two_sides_is_refused_with_its_name() -> None:
    tracks = [track("a", "Someone", "train"), track("a", "Someone", "test", 1), track("b", "Other", "train")]
    with pytest.raises(DataError, match="Someone in test and train"):
        split_tracks(tracks, "ab", seed=0)


def test_a_label_with_too_few_artists_is_refused_with_its_count() -> None:
    tracks = [*many("a", 5), track("polka", "one"), track("polka", "two")]
    with pytest.raises(DataError, match=r"too few artists \(groups\): polka \(2\)"):
        split_tracks(tracks, ["a", "polka"], seed=0)


def test_a_split_without_a_test_is_refused() -> None:
    tracks = [track(label, f"{label} {side}", side) for label in "ab" for side in ("train", "validation")]
    with pytest.raises(DataError, match="no test side"):
        split_tracks(tracks, "ab", seed=0)


def test_labels_that_are_not_tested_are_named_and_unheard_ones_refused() -> None:
    sides = {"train": [track("a", "1"), track("b", "2")], "validation": [track("a", "3")], "test": [track("b", "4")]}
    assert check_sides(sides, "ab") == ("No validation music of b", "No test music of a")
    with pytest.raises(DataError, match="no training music of c"):
        check_sides(sides, "abc")
