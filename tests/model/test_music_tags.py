"""The field `music` of a bundle: read, written, and refused where it cannot be used."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle import read_bundle
from model.bundle_network import describe_networks, network_arrays
from model.bundle_writing import write_bundle
from model.card import Card
from model.errors import BundleError
from model.library import SHIPPED_BUNDLES, Library
from model.music_tags import known_music, read_music_tags

TAGS = ("jazz", "music", "speech", "song")


def test_a_network_that_was_taught_by_audioset_is_asked_and_others_are_not() -> None:
    tags = (*TAGS, "audioset:Music")
    field = known_music(tags)
    assert field is not None and read_music_tags(field, tags=tags).columns.tolist() == [4]
    assert known_music(TAGS) is None


def test_the_highest_of_the_tags_counts() -> None:
    music = read_music_tags({"tags": ["song", "music"], "from": 0.25}, tags=TAGS)
    outputs = {"tags": np.array([[0.9, 0.1, 0.8, 0.2], [0.0, 0.7, 0.1, 0.2]], np.float32)}
    found = music.scores(outputs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.2, 0.7])
    assert music.threshold == 0.25
    assert music.describe() == {"tags": ["song", "music"], "from": 0.25}


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        (None, "cannot be read"),
        (["music"], "cannot be read"),
        ({"from": 0.25}, "not a list of names"),
        ({"tags": "music", "from": 0.25}, "not a list of names"),
        ({"tags": [], "from": 0.25}, "not a list of names"),
        ({"tags": [["music"]], "from": 0.25}, "not a list of names"),
        ({"tags": ["music", "music"], "from": 0.25}, "twice"),
        ({"tags": ["music", "hum"], "from": 0.25}, "'hum'"),
        ({"tags": ["x" * 10_000], "from": 0.25}, "outputs of the bundle's networks"),
        *[
            ({"tags": ["music"], "from": threshold}, "above 0 and below 1")
            for threshold in (None, "0.25", True, 0, 1, -0.1, 1e999, float("nan"), [0.25])
        ],
    ],
)
def test_what_cannot_be_used_is_refused(described: Any, complaint: str) -> None:
    with pytest.raises(BundleError) as refused:
        read_music_tags(described, tags=TAGS)
    assert complaint in str(refused.value) and len(str(refused.value)) < 400


def test_a_bundle_is_refused_for_it(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED_BUNDLES / "msd_tags", tmp_path / "tags")
    described = json.loads((folder / "bundle.json").read_text())
    for music in (None, {"tags": ["no such tag"], "from": 0.5}):
        (folder / "bundle.json").write_text(json.dumps({**described, "music": music}))
        with pytest.raises(BundleError, match="of music"):
            read_bundle(folder)
    (folder / "bundle.json").write_text(json.dumps(described))
    assert read_bundle(folder).music is None


def test_it_is_written_and_read_back(tmp_path: Path) -> None:
    tags = Library().open("msd_tags").bundle
    card = Card("A test", "Says nothing.", "Chance", "0 tracks", "Everywhere", "Tests only", "As the project")
    music = {"tags": ["rock", "instrumental"], "from": 0.4}
    options: dict[str, Any] = {
        "name": "asking",
        "title": "Asking",
        "labels": tags.network_tags,
        "exclusive": False,
        "front_end": tags.front_end,
        "network": describe_networks(tags.networks),
        "parts": [{"kind": "tags"}],
        "temperature": 1.0,
        "thresholds": {},
        "metrics": {},
        "licence": "ISC",
        "card": card.to_markdown(),
        "texts": {},
        "arrays": network_arrays(tags.networks),
    }
    found = write_bundle(tmp_path / "asking", **options, music=music).music
    assert found is not None and found.describe() == music
    assert [tags.network_tags[column] for column in found.columns] == music["tags"]
    assert write_bundle(tmp_path / "asking", **options).music is None
