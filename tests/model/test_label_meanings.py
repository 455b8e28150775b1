"""Labels of a bundle by other names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.bundle import read_bundle
from model.datasets.dataset import LabelledTrack
from model.errors import BundleError, DataError
from model.label_meanings import LONGEST_NAME, MOST_MEANINGS, known_tracks, read_meanings
from model.library import SHIPPED_BUNDLES

LABELS = ("Drum & Bass", "Trance")


def track(*labels: str) -> LabelledTrack:
    return LabelledTrack(Path("a.wav"), "data", labels, "artist")


def test_music_is_called_by_the_label_that_its_own_name_means() -> None:
    tracks = [track("drum_bass"), track("Psy Trance"), track("drum & bass"), track("tango")]
    found = known_tracks(tracks, LABELS, {"drum_bass": "Drum & Bass", "psytrance": "Trance"})
    assert [each.label for each in found] == ["Drum & Bass", "Trance", "Drum & Bass"]


def test_of_several_labels_those_that_are_known_are_kept_once_each() -> None:
    found = known_tracks([track("psytrance", "trance", "tango")], LABELS, {"psytrance": "Trance"}, exclusive=False)
    assert [each.labels for each in found] == [("Trance",)]
    with pytest.raises(DataError, match="exactly one"):
        known_tracks([track("psytrance", "trance")], LABELS, {"psytrance": "Trance"})


def test_a_label_spelt_just_so_comes_before_one_that_is_alike() -> None:
    assert known_tracks([track("hip-hop"), track("HipHop")], ("HipHop", "hip-hop"))[0].label == "hip-hop"


@pytest.mark.parametrize(
    "described",
    [
        ["drum_bass"],
        {"drum_bass": "Dubstep"},
        {"drum_bass": ["Trance"]},
        {"": "Trance"},
        {"x" * (LONGEST_NAME + 1): "Trance"},
        {"trance": "Drum & Bass"},
        {"psy": "Trance", "Psy": "Drum & Bass"},
        {f"style {number}": "Trance" for number in range(MOST_MEANINGS + 1)},
    ],
)
def test_names_that_cannot_be_are_refused(described: object) -> None:
    with pytest.raises(BundleError, match="other names"):
        read_meanings(described, LABELS)


def test_a_bundle_keeps_its_meanings_and_bad_ones_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "tags"
    shutil.copytree(SHIPPED_BUNDLES / "tags", folder)
    described = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    assert read_bundle(folder).meanings == {}
    described["meanings"] = {"hard and heavy": "metal"}
    (folder / "bundle.json").write_text(json.dumps(described), encoding="utf-8")
    assert read_bundle(folder).meanings == {"hard and heavy": "metal"}
    described["meanings"] = {"hard and heavy": "polka"}
    (folder / "bundle.json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(BundleError, match="polka"):
        read_bundle(folder)
