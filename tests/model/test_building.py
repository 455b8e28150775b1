"""What the commands that build bundles have in common, and what the bundle of dances keeps for its own test."""

from pathlib import Path

import numpy as np

from model.building import choose_threshold
from model.datasets.dataset import LabelledTrack
from model.label_meanings import known_tracks
from model.library import SHIPPED_BUNDLES, Library
from model.recipe import heard_by_the_head
from model.rendering.rhythms import RENDERED_FILE, read_rendered


class Said:
    """Stands for the results of a test: what was said of windows, and what was right."""

    def __init__(self, probabilities: list[list[float]], truth: list[int]) -> None:
        self._said = np.array(probabilities, np.float32), np.array(truth)

    def windows(self, test: str) -> tuple[np.ndarray, np.ndarray]:
        assert test == "track"
        return self._said


def test_the_threshold_is_the_lowest_that_keeps_the_promise() -> None:
    # Of the label 1 the unsure half is wrong.
    said = Said([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.55, 0.45]], [0, 0, 1, 1])
    assert choose_threshold(said, 0.7, test="track") == (0.2, 1.0)
    threshold, share = choose_threshold(said, 0.95, test="track")
    assert threshold == 0.56
    assert share == 0.75


def test_tracks_are_called_by_the_labels_however_they_are_spelt() -> None:
    labels = ["Cha-Cha", "Viennesewaltz", "slow_waltz", "salsa"]
    tracks = [LabelledTrack(Path(name), "x", (name,), name) for name in labels]
    known = known_tracks(tracks, ("chacha", "waltz", "viennese waltz"), {"slow waltz": "waltz"})
    assert [track.label for track in known] == ["chacha", "viennese waltz", "waltz"]


def test_the_bundle_of_dances_keeps_rhythms_of_every_dance() -> None:
    bundle = Library([SHIPPED_BUNDLES]).open("ballroom", device="cpu").bundle
    assert bundle.hears_rhythm
    rendered = read_rendered(bundle)
    assert {piece.track.label for piece in rendered} == set(bundle.labels)
    assert len(bundle.labels) == 10
    assert sum(path.stat().st_size for path in bundle.folder.iterdir()) < 6_000_000


def test_a_bundle_without_rendered_music_has_none() -> None:
    bundle = Library([SHIPPED_BUNDLES]).open("genres", device="cpu").bundle
    assert bundle.read_file(RENDERED_FILE) is None
    assert read_rendered(bundle) == []


def test_the_bundle_of_styles_keeps_what_was_heard_of_songs_of_every_style() -> None:
    bundle = Library([SHIPPED_BUNDLES]).open("electronic", device="cpu").bundle
    rendered = read_rendered(bundle)
    assert {piece.track.label for piece in rendered} == set(bundle.labels)
    assert {piece.track.group for piece in rendered} <= bundle.training_groups
    assert len(heard_by_the_head(rendered)) == len(rendered)
    assert bundle.recipe and bundle.recipe.moves_rendered
    assert sum(path.stat().st_size for path in bundle.folder.iterdir()) < 6_000_000


def test_the_bundle_of_styles_knows_what_data_calls_them() -> None:
    bundle = Library([SHIPPED_BUNDLES]).open("electronic", device="cpu").bundle
    tracks = [LabelledTrack(Path(name), "x", (name,), name) for name in ("dubstep", "Nu-Disco", "trap", "polka")]
    known = known_tracks(tracks, bundle.labels, bundle.meanings)
    assert [track.label for track in known] == ["Brostep", "House/Nu Disco/Disco", "Trap"]
