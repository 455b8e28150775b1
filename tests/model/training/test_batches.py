"""Batches: balanced, altered as sound would be, and always the same for the same seed, epoch and step."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow

from model.datasets.dataset import LabelledTrack
from model.front_ends.front_end import FrontEnd
from model.head import source_class_weights
from model.networks.recipes import NETWORKS
from model.training.batches import LEAST_STEPS, WindowBatches, balancing_weights
from model.training.feature_augmentation import FeatureAugmentation
from model.training.feature_cache import FeatureCache, Recording
from tests.model.training.rendered import bursts, write_song

FRONT_END = NETWORKS["three-block-cnn"].front_end
NOTHING = FeatureAugmentation(gain_db=0.0, dull_share=0.0, mixed_share=0.0, mask_frames=0.0, mask_bands=0.0)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    """Six tracks of chords from two sources, and one of clicks."""
    folder = tmp_path_factory.mktemp("music")
    songs = [("chords", "mine", number) for number in range(4)]
    songs += [("chords", "theirs", 8), ("chords", "theirs", 9), ("clicks", "mine", 7)]
    tracks = [
        LabelledTrack(write_song(folder / f"{kind}{number}.wav", kind, number), source, (kind,), f"{kind} {number}")
        for kind, source, number in songs
    ]
    return FeatureCache(FRONT_END, folder / "cache").prepare(tracks, workers=1).recordings


def make(recordings: list[Recording], **options: object) -> WindowBatches:
    settings = {"batch_size": 14, "seed": 5, **options}
    return WindowBatches(recordings, ("chords", "clicks"), FRONT_END, **settings)  # type: ignore[arg-type]


def collect(batches: WindowBatches, epoch: int, first_step: int = 0) -> list[tuple[np.ndarray, ...]]:
    return [tuple(part.numpy() for part in batch) for batch in batches.dataset(epoch, first_step)]


def test_the_same_epoch_is_always_the_same_and_can_be_entered_anywhere(recordings: list[Recording]) -> None:
    whole = collect(make(recordings, augmentation=FeatureAugmentation()), 3)
    again = collect(make(recordings, augmentation=FeatureAugmentation()), 3, first_step=10)
    assert len(whole) == LEAST_STEPS
    for expected, found in zip(whole[10:], again, strict=True):
        for left, right in zip(expected, found, strict=True):
            np.testing.assert_array_equal(left, right)


def test_every_epoch_and_every_step_is_another(recordings: list[Recording]) -> None:
    batches = make(recordings, augmentation=FeatureAugmentation())
    first, second = collect(batches, 0), collect(batches, 1)
    assert not np.array_equal(first[0][0], first[1][0])
    assert not np.array_equal(first[0][0], second[0][0])


def test_sampling_draws_every_source_and_label_alike(recordings: list[Recording]) -> None:
    drawn = Counter[tuple[str, str]]()
    rows, weights = make(recordings, balance="sampling")._drawn(0)
    for row in rows:
        drawn[recordings[row].track.dataset, recordings[row].track.label] += 1
    assert set(weights) == {1.0}
    assert max(drawn.values()) - min(drawn.values()) <= 8  # of 350


def test_weights_make_every_source_and_label_count_alike(recordings: list[Recording]) -> None:
    counted = Counter[tuple[str, str]]()
    rows, weights = make(recordings, balance="weights")._drawn(0)
    for row, weight in zip(rows, weights, strict=True):
        counted[recordings[row].track.dataset, recordings[row].track.label] += weight
    assert weights.mean() == pytest.approx(1.0, abs=0.02)
    for share in counted.values():
        assert share == pytest.approx(len(rows) / 3, rel=0.05)


def test_without_balance_every_window_counts_the_same(recordings: list[Recording]) -> None:
    rows, weights = make(recordings, balance="off")._drawn(0)
    assert set(weights) == {1.0}
    assert sorted(Counter(rows.tolist()).values())[0] == 50  # 350 windows of seven recordings


def test_weights_are_those_of_heads_where_tracks_have_one_label() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 40)
    sources = [f"source {number}" for number in rng.integers(0, 2, 40)]
    np.testing.assert_allclose(balancing_weights(sources, np.eye(3)[truth]), source_class_weights(sources, truth))


def test_a_rare_tag_makes_a_track_count_more() -> None:
    targets = np.array([[1, 0], [1, 0], [1, 0], [1, 1], [0, 0]], np.float32)
    weights = balancing_weights([""] * 5, targets)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[0] == weights[1] == weights[2] < weights[3] < weights[4]


def heard(samples: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    return front_end.compute(samples)[: front_end.window_frames][None]


def apply(augmentation: FeatureAugmentation, front_end: FrontEnd, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    targets = np.eye(len(windows), 4, dtype=np.float32)
    altered, mixed = augmentation.apply(front_end, tensorflow.constant(windows), tensorflow.constant(targets), [1, 2])
    return altered.numpy(), mixed.numpy()


def noise(front_end: FrontEnd, seed: int = 0) -> np.ndarray:
    times = np.arange(front_end.window_samples) / front_end.sample_rate
    rng = np.random.default_rng(seed)
    return (0.1 * bursts(rng, times) + 0.02 * rng.standard_normal(len(times))).astype(np.float32)


@pytest.mark.parametrize("name", ["small", "dance-cnn", "three-block-cnn"])
def test_with_nothing_to_alter_windows_stay_as_they_are(name: str) -> None:
    front_end = NETWORKS[name].front_end
    window = heard(noise(front_end), front_end)
    altered, targets = apply(NOTHING, front_end, window)
    np.testing.assert_allclose(altered, window, atol=2e-3)
    np.testing.assert_array_equal(targets, np.eye(1, 4))


@pytest.mark.parametrize("name", ["small", "dance-cnn", "crnn", "three-block-cnn"])
def test_a_gain_is_that_of_sound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    front_end = NETWORKS[name].front_end
    samples = noise(front_end)
    constant(monkeypatch, -6.0)
    altered, _ = apply(FeatureAugmentation(dull_share=-99, mixed_share=-99), front_end, heard(samples, front_end))
    np.testing.assert_allclose(altered, heard(samples * np.float32(10 ** (-6 / 20)), front_end), atol=0.02, rtol=0.002)


def constant(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Every draw is this number; masks of such a length hide nothing if it is below zero."""
    monkeypatch.setattr(
        tensorflow.random, "stateless_uniform", lambda shape, seed, low, high: tensorflow.fill(shape, value)
    )


def test_dull_sound_has_nothing_above_a_band_and_all_below_it() -> None:
    front_end = NETWORKS["small"].front_end
    windows = np.concatenate([heard(noise(front_end, seed), front_end) for seed in range(8)])
    altered, _ = apply(
        FeatureAugmentation(gain_db=0.0, dull_share=1.0, mixed_share=0.0, mask_frames=0.0, mask_bands=0.0),
        front_end,
        windows,
    )
    np.testing.assert_allclose(altered[:, :, :47], windows[:, :, :47], atol=1e-3)
    ends = []
    for before, after in zip(windows, altered, strict=True):
        gone = before.mean(axis=0) - after.mean(axis=0) > 0.5
        ends.append(int(np.argmax(gone)) if gone.any() else 96)
        assert gone[ends[-1] :].all()
    assert len(set(ends)) > 3


def test_a_mixture_of_two_windows_is_labelled_as_both() -> None:
    front_end = NETWORKS["small"].front_end
    windows = np.concatenate([heard(noise(front_end, seed), front_end) for seed in range(4)])
    altered, targets = apply(
        FeatureAugmentation(gain_db=0.0, dull_share=0.0, mixed_share=1.0, mask_frames=0.0, mask_bands=0.0),
        front_end,
        windows,
    )
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, rtol=1e-6)
    powers, mixed = (10.0 ** values.astype(float) - 1.0 for values in (windows, altered))
    for row, other in ((0, 3), (1, 2), (2, 1), (3, 0)):
        share = targets[row, other]
        assert 0.0 < share < 0.5
        np.testing.assert_allclose(mixed[row], (1 - share) * powers[row] + share * powers[other], rtol=0.01, atol=0.01)


def test_masks_hide_no_more_than_they_may() -> None:
    front_end = NETWORKS["small"].front_end
    windows = np.concatenate([heard(noise(front_end, seed), front_end) for seed in range(8)])
    altered, _ = apply(
        FeatureAugmentation(gain_db=0.0, dull_share=0.0, mixed_share=0.0, mask_frames=0.2, mask_bands=0.1),
        front_end,
        windows,
    )
    changed = np.abs(altered - windows) > 0.01
    frames, bands = changed.all(axis=2).mean(axis=1), changed.all(axis=1).mean(axis=1)
    assert changed.any(axis=(1, 2)).all()
    assert frames.max() <= 0.41
    assert bands.max() <= 0.22


def test_versions_and_places_are_drawn(recordings: list[Recording], tmp_path: Path) -> None:
    both = FeatureCache(FRONT_END, tmp_path).prepare(
        [recording.track for recording in recordings[:2]], ("plain", "quiet"), workers=1
    )
    batches = make(both.recordings)
    rows, _ = batches._drawn(0)
    versions, places = batches._places(0, rows)
    assert set(versions) == {0, 1}
    assert places.min() >= 0
    assert len(set(places.tolist())) > 50
    assert (places <= np.array([both.recordings[row].frames for row in rows]) - FRONT_END.window_frames).all()
