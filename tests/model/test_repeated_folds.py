"""Repeated folds: other partings of the same artists, and figures that say how far these lie apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.errors import DataError
from model.evaluation import FOLDS
from model.folds import grouped_folds
from model.recipe import Recipe
from model.repeated_folds import RepeatedFolds, main, repeat_folds

LABELS = ("waltz", "tango", "jive")
RECIPE = Recipe(synonyms={}, zero_shot_weight=0.0, inverse_regularisation=0.1)


def songs(*, told_apart: bool, artists: int = 30) -> list[TrackOutputs]:
    """Songs whose embeddings tell their dance, or only that it is no jive."""
    rng = np.random.default_rng(3)
    found = []
    for artist in range(artists):
        label = LABELS[artist % 3]
        centre = np.zeros(200)
        centre[20 * (artist % 3 if told_apart or label == "jive" else 0) :][:20] = 4.0
        track = LabelledTrack(Path(f"{artist}.wav"), "here", (label,), f"artist {artist}")
        embedding = (centre + rng.normal(0, 1, (3, 200))).astype(np.float32)
        found.append(TrackOutputs(track, embedding, np.full((3, 50), 0.02, np.float32)))
    return found


def test_another_seed_parts_the_artists_otherwise_and_the_same_seed_alike() -> None:
    tracks = [outputs.track for outputs in songs(told_apart=True)]
    tracks += [replace(track, path=Path(f"again {track.path}")) for track in tracks]
    usual, first, second = (grouped_folds(tracks, seed=seed) for seed in (None, 1, 2))
    assert (usual != first).any()
    assert (first != second).any()
    np.testing.assert_array_equal(first, grouped_folds(tracks, seed=1))
    for folds in (usual, first, second):
        assert set(folds) == set(range(FOLDS))
        np.testing.assert_array_equal(folds[:30], folds[30:])
        # Two artists of every dance in every fold.
        assert {tuple(np.bincount([LABELS.index(t.label) for t in np.array(tracks)[folds == k]])) for k in folds} == {
            (4, 4, 4)
        }


def test_dances_that_can_be_told_apart_are_right_in_every_parting_and_others_are_not() -> None:
    seen = []
    heard = {name: songs(told_apart=True) for name in ("plain", "faster")}
    found = repeat_folds(RECIPE, LABELS, (), heard, times=3, progress=lambda done, total: seen.append((done, total)))
    assert found.accuracies == {"track": (1.0, 1.0, 1.0), "faster": (1.0, 1.0, 1.0)}
    assert seen[-1] == (3 * FOLDS, 3 * FOLDS)
    mixed = repeat_folds(RECIPE, LABELS, (), {"plain": songs(told_apart=False)}, times=2).accuracies["track"]
    assert 0.33 < np.mean(mixed) < 0.9


def test_among_fewer_labels_only_these_are_tested_and_named() -> None:
    found = repeat_folds(RECIPE, LABELS, (), {"plain": songs(told_apart=False)}, times=1, among=("waltz", "jive"))
    assert found.among["track"] == (1.0,)
    assert found.accuracies["track"][0] < 1.0


def test_music_heard_otherwise_is_tested_on_artists_not_in_training() -> None:
    """Every song has a mark of its own: who trained on it, heard as it is, would know it played faster."""
    rng = np.random.default_rng(0)
    marked = [replace(o, embedding=rng.normal(0, 3, (1, 200)).astype(np.float32)) for o in songs(told_apart=False)]
    marked = [replace(o, tags=o.tags[:1]) for o in marked]
    found = repeat_folds(RECIPE, LABELS, (), {"plain": marked, "faster": marked}, times=2)
    assert np.mean(found.accuracies["faster"]) < 0.7


def test_the_table_has_mean_lowest_and_highest() -> None:
    text = RepeatedFolds({"track": (0.5, 0.7), "faster": (0.25, 0.25)}, {"track": (0.9, 0.8)}).to_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert rows[2] == ["track", "0.600", "0.500", "0.700", "0.850"]
    assert rows[3] == ["faster", "0.250", "0.250", "0.250", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"times": 0}, "1 to 100"), ({"times": 101}, "1 to 100"), ({"among": ("polka",)}, "polka")],
)
def test_what_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        repeat_folds(RECIPE, LABELS, (), {"plain": songs(told_apart=True)}, **change)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="folds"):
        repeat_folds(RECIPE, LABELS, (), {"plain": songs(told_apart=True, artists=4)})


def test_a_bundle_that_is_not_there_is_an_error_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["polka", "--data", str(tmp_path)]) != 0
    assert "polka" in capsys.readouterr().err
