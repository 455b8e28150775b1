"""Training and evaluation keep artists apart, are deterministic, and learn what can be learned."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.augmentation import ALTERATIONS, band_limited
from model.classifier import BundleClassifier
from model.datasets.dataset import LabelledTrack
from model.datasets.folder import COLUMNS, read_labels
from model.datasets.sound import read_samples
from model.embeddings import Embedder, TrackOutputs, windows_of
from model.errors import AudioFileError, DataError
from model.evaluation import AS_IT_IS, CROSS_VALIDATION, cross_validate, evaluate, examine, group_id
from model.folds import check_apart, check_copies, grouped_folds
from model.front_ends.log_mel import LogMel
from model.head import fit_head, source_class_weights
from model.library import Library
from model.recipe import Recipe

LABELS = ("blues", "jazz", "rock")
RECIPE = Recipe(synonyms={}, zero_shot_weight=0.0, inverse_regularisation=0.1)


def track(source: str, label: str, group: str, number: int = 0) -> LabelledTrack:
    return LabelledTrack(Path(f"{group}-{number}.flac"), source, (label,), group, 10.0, 8_000.0)


def synthetic_music(*, artists: int = 4, seed: int = 0) -> dict[str, list[TrackOutputs]]:
    """Embeddings in which label, source and artist each have a direction of their own."""
    rng = np.random.default_rng(seed)
    direction = {name: rng.normal(0, 1, 20) for name in (*LABELS, "a", "b")}
    found = []
    for source in ("a", "b"):
        for label in LABELS:
            for artist in range(artists):
                own = rng.normal(0, 0.5, 20)
                for number in range(2):
                    centre = direction[label] + direction[source] + own
                    embedding = (centre + rng.normal(0, 1, (5, 20))).astype(np.float32)
                    tags = np.full((5, 50), 0.01, np.float32)
                    found.append(
                        TrackOutputs(track(source, label, f"{source}-{label}-{artist}", number), embedding, tags)
                    )
    return {"plain": found, "telephone": found, "microphone": found}


def write_folder(folder: Path, rows: list[dict[str, object]]) -> Path:
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture
def small_folder(tmp_path: Path) -> Path:
    """Six tones of one second by six artists."""
    rows: list[dict[str, object]] = []
    for number in range(6):
        times = np.arange(16_000) / 16_000
        soundfile.write(tmp_path / f"{number}.wav", 0.3 * np.sin(2 * np.pi * 200 * (number + 1) * times), 16_000)
        rows.append(
            dict(zip(COLUMNS, (f"{number}.wav", "tones", ("jazz", "rock")[number % 2], f"artist {number}", 1, 8000),
                     strict=True))
        )  # fmt: skip
    return write_folder(tmp_path, rows)


def test_a_head_learns_labels_of_artists_it_never_saw() -> None:
    report = cross_validate(RECIPE, LABELS, (), synthetic_music()).report("test", "test", 0.5)
    assert report.track.balanced_accuracy.value > 0.8
    assert report.unseen_source is not None
    assert report.unseen_source.balanced_accuracy.value > 0.6
    assert report.groups == 24


def test_a_head_learns_nothing_where_there_is_nothing_to_learn() -> None:
    heard = synthetic_music(artists=8)
    rng = np.random.default_rng(1)
    noise = [replace(outputs, embedding=rng.normal(0, 1, (5, 20)).astype(np.float32)) for outputs in heard["plain"]]
    report = cross_validate(RECIPE, LABELS, (), dict.fromkeys(heard, noise)).report("test", "test", 0.5)
    assert abs(report.track.balanced_accuracy.value - 1 / 3) < 0.17


def test_evaluating_twice_gives_the_same_report() -> None:
    first, second = (
        cross_validate(RECIPE, LABELS, (), synthetic_music()).report("test", "test", 0.5) for _ in range(2)
    )
    assert first == second
    assert first.to_json() == second.to_json()
    assert "balanced accuracy" in first.to_text()


def test_every_source_and_label_weighs_the_same() -> None:
    weights = source_class_weights(["a", "a", "a", "b"], np.array([0, 0, 1, 0]))
    np.testing.assert_allclose(weights, np.array([0.5, 0.5, 1.0, 1.0]) * 4 / 3)


def test_a_label_without_examples_is_never_named() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(0, 1, (40, 5)).astype(np.float32)
    truth = np.array([0, 2] * 20)
    head = fit_head(embeddings, truth, np.ones(40), label_count=3, inverse_regularisation=1.0, clip=6.0)
    scores = head.scores({"embedding": embeddings})
    assert (scores.argmax(axis=1) != 1).all()
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0, atol=1e-4)


def test_a_head_needs_two_labels() -> None:
    with pytest.raises(DataError, match="two labels"):
        fit_head(np.zeros((4, 5)), np.zeros(4, int), np.ones(4), label_count=3, inverse_regularisation=1.0, clip=6.0)


def test_folds_keep_artists_whole_and_resemble_each_other() -> None:
    tracks = [outputs.track for outputs in synthetic_music(artists=10)["plain"]]
    folds = grouped_folds(tracks)
    for group in {each.group for each in tracks}:
        assert len({fold for fold, each in zip(folds, tracks, strict=True) if each.group == group}) == 1
    for fold in range(5):
        assert {each.label for each, place in zip(tracks, folds, strict=True) if place == fold} == set(LABELS)
    np.testing.assert_array_equal(folds, grouped_folds(tracks))


def test_too_few_artists_for_the_folds_are_refused() -> None:
    with pytest.raises(DataError, match="2 groups for 5 folds"):
        grouped_folds([track("a", "jazz", "one"), track("a", "rock", "two")])


def test_an_artist_on_both_sides_is_refused() -> None:
    with pytest.raises(DataError, match="Miles"):
        check_apart([track("a", "jazz", "Miles")], [track("b", "jazz", "Miles")])


def test_a_recording_under_two_artists_is_refused(small_folder: Path) -> None:
    (small_folder / "1.wav").write_bytes((small_folder / "0.wav").read_bytes())
    with pytest.raises(DataError, match="same recording in two groups"):
        check_copies(read_labels(small_folder))


def test_the_shipped_bundle_is_measured_as_it_is_on_artists_it_never_heard(small_folder: Path, tmp_path: Path) -> None:
    classifier = Library().open("genres", device="cpu")
    report = evaluate(classifier, small_folder, cache_folder=tmp_path / "cache")
    assert report.protocol == AS_IT_IS
    assert report.track.examples == 6
    assert report == evaluate(classifier, small_folder, cache_folder=tmp_path / "cache")


def test_outputs_are_kept_and_an_unreadable_file_is_left_out(small_folder: Path, tmp_path: Path) -> None:
    calls = []

    class Counting:
        key, device = "counting", "CPU"

        def __call__(self, windows: np.ndarray) -> dict[str, np.ndarray]:
            calls.append(len(windows))
            return {"tags": np.zeros((len(windows), 50), np.float32), "embedding": windows.mean(axis=1)}

    (small_folder / "0.wav").write_bytes(b"no sound")
    tracks = read_labels(small_folder)
    embedder = Embedder(Counting(), LogMel(), tmp_path / "cache")
    first = embedder.outputs(tracks)
    second = embedder.outputs(tracks)
    assert len(first) == len(second) == 5
    assert len(calls) == 5
    assert [path.name for path in embedder.unreadable] == ["0.wav"]
    np.testing.assert_array_equal(first[2].embedding, second[2].embedding)


def test_a_bundle_of_tags_is_measured_on_the_tags_that_the_music_has(small_folder: Path, tmp_path: Path) -> None:
    report = evaluate(Library().open("msd_tags", device="cpu"), small_folder, cache_folder=tmp_path / "cache")
    assert report.protocol == AS_IT_IS
    assert report.labels == ("rock", "jazz")
    assert [line.tracks for line in report.tags] == [3, 3]
    assert report.track.held == 1.0


def test_scales_of_tags_that_were_fitted_to_the_music_are_fitted_anew(small_folder: Path, tmp_path: Path) -> None:
    shipped = Library().open("msd_tags", device="cpu")
    groups = frozenset(group_id(track.group) for track in read_labels(small_folder))
    fitted = BundleClassifier(replace(shipped.bundle, training_groups=groups), lambda _: shipped.network)
    shipped.load()
    evaluation = examine(fitted, small_folder, cache_folder=tmp_path / "cache")
    assert evaluation.protocol == CROSS_VALIDATION
    models = evaluation.results.models()
    assert len(models) == 5
    assert len({model.parts[0].offsets.tobytes() for model in models}) > 1  # type: ignore[attr-defined]
    assert evaluation.report().track.examples == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no tracks"),
        ("path,dataset,label,group,seconds,bandwidth_hz\na.wav,x,jazz,,1,8000\n", "line 2 has no group"),
        ("path,dataset,label,group,seconds,bandwidth_hz\na.wav,x,jazz,g,long,8000\n", "no number"),
        ("path,dataset,label,group,seconds,bandwidth_hz\na.wav,x,jazz,g,-1,8000\n", "length of -1"),
        ("path,dataset,label,group,seconds,bandwidth_hz\n../a.wav,x,jazz,g,1,8000\n", "../a.wav"),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path)


def test_a_folder_without_a_listing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.csv"):
        read_labels(tmp_path)


def test_a_missing_sound_file_is_named() -> None:
    with pytest.raises(AudioFileError, match="one-0"):
        read_samples(track("a", "jazz", "one"), 16_000)


def test_a_short_recording_is_repeated_until_it_fills_a_window() -> None:
    front_end = LogMel()
    assert windows_of(np.ones(100, np.float32), front_end).shape == (1, 187, 96)
    assert windows_of(np.ones(10 * 16_000, np.float32), front_end).shape == (3, 187, 96)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_alterations_keep_range_repeat_exactly_and_change_the_length_only_with_the_speed(name: str) -> None:
    samples = np.random.default_rng(0).normal(0, 0.2, 20_000).astype(np.float32)
    first, second = (ALTERATIONS[name](samples, 16_000, np.random.default_rng(7)) for _ in range(2))
    assert first.dtype == np.float32
    assert len(first) == pytest.approx(20_000 / {"faster": 1.06, "slower": 0.94}.get(name, 1.0), abs=2)
    assert np.abs(first).max() <= 1.5
    np.testing.assert_array_equal(first, second)


def test_band_limiting_leaves_nothing_above_and_everything_below() -> None:
    times = np.arange(16_000) / 16_000
    low, high = (np.sin(2 * np.pi * frequency * times).astype(np.float32) for frequency in (1_000, 6_000))
    np.testing.assert_allclose(band_limited(low + high, 16_000, 4_000.0), low, atol=1e-3)
