"""Rendered music is moved to where recordings lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.rendering.moving import moved, step_to_recordings

LABELS = ("house", "trap", "trance")


def track(label: str, embedding: list[float], source: str = "one", group: str = "a", windows: int = 2) -> TrackOutputs:
    values = np.tile(np.array(embedding, np.float32), (windows, 1))
    return TrackOutputs(LabelledTrack(Path("x"), source, (label,), group), values, np.zeros((windows, 1), np.float32))


def test_the_step_is_the_mean_over_the_labels_that_both_have() -> None:
    recordings = [track("house", [1.0, 0.0], windows=9), track("trap", [0.0, 3.0]), track("trance", [90.0, 90.0])]
    made = [track("house", [0.0, 0.0]), track("trap", [0.0, 0.0], windows=7)]
    np.testing.assert_allclose(step_to_recordings(recordings, made, LABELS), [0.5, 1.5])


def test_after_it_a_label_lies_where_its_recordings_do() -> None:
    recordings = [track("house", [5.0, 1.0])]
    made = [track("house", [1.0, 1.0]), track("trance", [2.0, 2.0])]
    house, trance = moved(made, step_to_recordings(recordings, made, LABELS))
    np.testing.assert_allclose(house.embedding, recordings[0].embedding)
    np.testing.assert_allclose(trance.embedding, [[6.0, 2.0]] * 2)
    assert trance.track is made[1].track


def test_within_a_label_sources_count_by_the_square_roots_of_their_artists() -> None:
    large = [track("house", [0.0], "large", f"artist {number}") for number in range(4)]
    made = [track("house", [0.0])]
    step = step_to_recordings([*large, track("house", [3.0], "small", "another")], made, ("house",))
    np.testing.assert_allclose(step, [1.0])


def test_where_no_label_is_in_both_nothing_moves() -> None:
    made = [track("trap", [1.0, 2.0])]
    np.testing.assert_array_equal(step_to_recordings([track("house", [5.0, 5.0])], made, LABELS), [0.0, 0.0])
