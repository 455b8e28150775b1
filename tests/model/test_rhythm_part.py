"""The part on the rhythm: read like something hostile, trained with artists apart, and worth having."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from model.bundle import read_bundle
from model.bundle_writing import write_arrays
from model.datasets.dataset import LabelledTrack
from model.embeddings import Embedder, TrackOutputs, TrackRhythm, rhythm_of, track_rhythm, windows_of
from model.errors import BundleError, DataError
from model.evaluation import cross_validate
from model.explanation import attributions, score
from model.front_ends.log_mel import LogMel
from model.library import SHIPPED_BUNDLES
from model.networks.recipes import NETWORKS
from model.parts import HeadPart, RhythmPart, ZeroShotPart, head_arrays, log_softmax
from model.recipe import Recipe
from model.rhythm import FEATURES, can_be_heard, retimed
from model.rhythm_recipe import RhythmRecipe, fit_rhythm
from tests.rhythm_bundle import RATE, PlainNetwork, add_rhythm, beats, open_plain, random_part

FRONT_END = LogMel()
LABELS = ("slow", "fast")
RECIPE = Recipe(synonyms={}, zero_shot_weight=0.0, inverse_regularisation=0.1, rhythm=RhythmRecipe(tempos=(1.0,)))


# ---- the part, and bundles that have one -------------------------------------------------------------------------


def test_where_too_little_was_heard_it_has_no_opinion() -> None:
    part = random_part()
    rhythm = np.random.default_rng(0).normal(0, 0.3, (3, FEATURES)).astype(np.float32)
    rhythm[1] = np.nan
    outputs = {"embedding": np.zeros((3, 200), np.float32), "rhythm": rhythm}
    scores = part.scores(outputs)
    assert not scores[1].any()
    standard = np.clip(rhythm[[0, 2]] / part.head.scale, -6.0, 6.0)
    np.testing.assert_allclose(scores[[0, 2]], 0.8 * log_softmax(standard @ part.head.coefficients), atol=1e-4)
    assert not part.scores({"embedding": np.zeros((4, 200), np.float32)}).any()


def test_a_bundle_with_a_rhythm_looks_back_twelve_seconds_and_others_three(tmp_path: Path) -> None:
    bundle = read_bundle(add_rhythm(tmp_path / "dances"))
    assert isinstance(bundle.parts[-1], RhythmPart)
    assert bundle.hears_rhythm
    assert bundle.context_seconds == 12.0
    plain = read_bundle(SHIPPED_BUNDLES / "genres")
    assert not plain.hears_rhythm
    assert plain.context_seconds == plain.front_end.window_seconds == 3.0


def test_its_outputs_are_the_rhythm_from_six_seconds_on_and_nothing_for_other_bundles(tmp_path: Path) -> None:
    dances = open_plain(add_rhythm(tmp_path / "dances"))
    frames = FRONT_END.compute(beats(12.0))
    assert np.isnan(dances.context_outputs(frames[:374])["rhythm"]).all()
    found = dances.context_outputs(frames[:375])["rhythm"]
    assert found.shape == (1, FEATURES)
    assert np.isfinite(found).all()
    assert open_plain(SHIPPED_BUNDLES / "genres").context_outputs(frames) == {}


def _with_arrays(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    arrays = dict(head_arrays(random_part()))
    change(arrays)
    write_arrays(folder / "rhythm.npz", arrays)
    path = folder / "bundle.json"
    described = json.loads(path.read_text())
    described["files"]["rhythm.npz"] = hashlib.sha256((folder / "rhythm.npz").read_bytes()).hexdigest()
    path.write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.update(coefficients=a["coefficients"][:, :9]), "coefficients"),
        (lambda a: a.update(mean=np.zeros(200, np.float32)), "mean"),
        (lambda a: a.update(mean=a["mean"].astype(np.float64)), "mean"),
        (lambda a: a.update(scale=a["scale"] * 0), "scale"),
        (lambda a: a.update(intercepts=a["intercepts"] + np.float32(np.nan)), "finite"),
        (lambda a: a.pop("intercepts"), "intercepts"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, change: Callable[[dict[str, np.ndarray]], object], message: str
) -> None:
    folder = add_rhythm(tmp_path / "dances")
    _with_arrays(folder, change)
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)


def _other_front_end(described: dict[str, Any]) -> None:
    described["front_end"].update(compression="10log10(max(x,1e-5))")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["parts"][-1].pop("weight"), "weight"),
        (lambda d: d["parts"][-1].update(clip="6"), "clip"),
        (lambda d: d["parts"][-1].update(file="../rhythm.npz"), "own folder"),
        (lambda d: d["parts"][-1].update(file="head.npz"), "mean"),
        (lambda d: d["files"].pop("rhythm.npz"), "checksum"),
        (_other_front_end, "front end is not made"),
        (lambda d: d["training"]["recipe"].update(rhythm=7), "trained"),
        (lambda d: d["training"]["recipe"].update(rhythm={"weight": 1}), "trained"),
        (lambda d: d["training"]["recipe"].update(rhythm={**_described_recipe(), "weight": "1"}), "trained"),
        (lambda d: d["training"]["recipe"].update(rhythm={**_described_recipe(), "tempos": []}), "tempos"),
        (lambda d: d["training"]["recipe"].update(rhythm={**_described_recipe(), "tempos": [0]}), "greater than zero"),
        (lambda d: d["training"]["recipe"].update(rhythm={**_described_recipe(), "tempos": [1] * 99}), "tempos"),
        (lambda d: d["training"]["recipe"].update(rhythm={**_described_recipe(), "clip": 1e300}), "between"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    folder = add_rhythm(tmp_path / "dances")
    path = folder / "bundle.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)


def _described_recipe() -> dict[str, Any]:
    return RECIPE.to_json()["rhythm"]


def test_only_front_ends_whose_levels_are_known_have_a_rhythm() -> None:
    heard = {name for name, recipe in NETWORKS.items() if can_be_heard(recipe.front_end)}
    assert {"musicnn", "small"} <= heard
    assert not can_be_heard(LogMel(compression="10log10(max(x,1e-5))"))
    assert not can_be_heard(LogMel(n_fft=1024, hop_length=1024))
    assert not can_be_heard(LogMel(bands=8))


def test_a_recipe_survives_being_written_and_those_of_present_bundles_stay_as_they_are() -> None:
    assert Recipe.from_json(json.loads(json.dumps(RECIPE.to_json()))) == RECIPE
    shipped = json.loads((SHIPPED_BUNDLES / "genres" / "bundle.json").read_text())["training"]["recipe"]
    assert Recipe.from_json(shipped).rhythm is None
    assert Recipe.from_json(shipped).to_json() == shipped


def test_integrated_gradients_add_up_while_the_rhythm_stays_as_it_is(tmp_path: Path) -> None:
    dances = open_plain(add_rhythm(tmp_path / "dances"))
    frames = FRONT_END.compute(beats(8.0))
    window, context = frames[-187:], dances.context_outputs(frames)
    silence = FRONT_END.silence()
    for outputs in (context, {}):
        found = attributions(dances, window, 4, outputs, steps=32)
        change = [score(dances, {**dances.network(w[None]), **outputs}, 4)[0] for w in (window, silence)]
        assert found.sum() == pytest.approx(change[0] - change[1], rel=0.05, abs=0.02)
    assert np.abs(attributions(dances, window, 4, context, steps=4)).max() > 0
    # What else speaks for a label counts in what the window says.
    with_rhythm, without = attributions(dances, window, 4, context, steps=4), attributions(dances, window, 4, steps=4)
    assert not np.allclose(with_rhythm, without, rtol=1e-3)


# ---- training ----------------------------------------------------------------------------------------------------


def music(*, artists: int = 5, windows: int = 4, seed: int = 0) -> list[TrackOutputs]:
    """Two rhythms with the same timbre: embeddings say nothing, rhythms nearly everything."""
    rng = np.random.default_rng(seed)
    shapes = {"slow": rhythms("slow"), "fast": rhythms("fast")}
    found = []
    for source in ("a", "b"):
        for label in LABELS:
            for artist in range(artists):
                rhythm = shapes[label][:windows] + rng.normal(0, 0.05, (windows, FEATURES)).astype(np.float32)
                rhythm[0] = np.nan
                track = LabelledTrack(Path(f"{source}-{label}-{artist}.wav"), source, (label,), f"{source}{artist}")
                embedding = rng.normal(0, 1, (windows, 200)).astype(np.float32)
                found.append(TrackOutputs(track, embedding, np.full((windows, 50), 0.02, np.float32), rhythm))
    return found


def rhythms(label: str, *, seconds: float = 15.0) -> np.ndarray:
    samples = beats(seconds, {"slow": 0.8, "fast": 0.55}[label], seed=len(label))
    return rhythm_of(samples, FRONT_END)


def heard(tracks: list[TrackOutputs]) -> dict[str, list[TrackOutputs]]:
    return {"plain": tracks, "telephone": tracks, "microphone": tracks}


def test_two_rhythms_of_one_timbre_are_told_apart_with_the_part_and_not_without() -> None:
    tracks = heard(music())
    with_rhythm, without = (
        cross_validate(recipe, LABELS, (), tracks, folds=2).report("test", "test", 0.5)
        for recipe in (RECIPE, replace(RECIPE, rhythm=None))
    )
    assert with_rhythm.track.balanced_accuracy.value > 0.95
    assert without.track.balanced_accuracy.value < 0.75


def test_rendered_music_trains_the_rhythm_and_nothing_else() -> None:
    real = [outputs for outputs in music() if outputs.track.label == "slow"]
    # Of the second label there is one recording, whose rhythm says nothing.
    other = replace(music()[-1], rhythm=np.full((4, FEATURES), np.nan, np.float32))
    rendered = [TrackRhythm(LabelledTrack(Path("r.wav"), "rendered", ("fast",), "rendered"), rhythms("fast"))]
    bare, taught = (
        RECIPE.train(heard([*real, other]), LABELS, (), music_made)
        for music_made in ([TrackRhythm(rendered[0].track, rhythms("slow")), *rendered], rendered * 2)
    )
    np.testing.assert_array_equal(bare[0].coefficients, taught[0].coefficients)  # type: ignore[attr-defined]
    answer = taught[1].scores({"rhythm": rhythms("fast")[2:]})
    assert (answer.argmax(axis=1) == LABELS.index("fast")).all()


def test_the_weight_of_rendered_music_is_that_of_all_of_it_together() -> None:
    """Ten times as much of the same rendered music changes nothing; another weight does."""
    rendered = [TrackRhythm(LabelledTrack(Path("r.wav"), "rendered", ("fast",), "r"), rhythms("slow"))]
    once, ten_times, heavy, none = (
        fit_rhythm(recipe, music(), made, LABELS).head.coefficients
        for recipe, made in (
            (RhythmRecipe(tempos=(1.0,)), rendered),
            (RhythmRecipe(tempos=(1.0,)), rendered * 10),
            (RhythmRecipe(tempos=(1.0,), rendered_weight=5.0), rendered),
            (RhythmRecipe(tempos=(1.0,), rendered_weight=0.0), rendered),
        )
    )
    scale = np.abs(once).max()
    np.testing.assert_allclose(ten_times, once, atol=1e-3 * scale)
    assert np.abs(heavy - once).max() > 0.2 * scale
    np.testing.assert_array_equal(none, fit_rhythm(RhythmRecipe(tempos=(1.0,)), music(), [], LABELS).head.coefficients)


def test_rendered_music_of_a_tested_artist_is_refused() -> None:
    rendered = [TrackRhythm(LabelledTrack(Path("r.wav"), "rendered", ("fast",), "a0"), rhythms("fast"))]
    with pytest.raises(DataError, match="a0"):
        cross_validate(RECIPE, LABELS, (), heard(music()), rendered=rendered)


def test_rendered_music_is_never_tested() -> None:
    rendered = [TrackRhythm(LabelledTrack(Path("r.wav"), "rendered", ("fast",), "made"), rhythms("fast"))]
    report = cross_validate(RECIPE, LABELS, (), heard(music()), folds=2, rendered=rendered).report("test", "test", 0.5)
    assert report.sources == ("a", "b")
    assert report.groups == 10


def test_learning_at_other_tempi_recognises_them() -> None:
    faster = retimed(rhythms("slow")[2:], 1.08)
    narrow, wide = (
        fit_rhythm(RhythmRecipe(tempos=tempos), music(), [], LABELS).head.weighted(faster)
        for tempos in ((1.0,), (0.92, 0.96, 1.0, 1.04, 1.08))
    )
    assert wide[:, 0].mean() > narrow[:, 0].mean()


def test_music_without_its_rhythm_and_music_too_short_for_one_are_refused() -> None:
    with pytest.raises(ValueError, match="without its rhythm"):
        RECIPE.train(heard([replace(outputs, rhythm=None) for outputs in music()]), LABELS, ())
    short = [replace(outputs, rhythm=np.full((4, FEATURES), np.nan, np.float32)) for outputs in music()]
    with pytest.raises(DataError, match="6 s"):
        RECIPE.train(heard(short), LABELS, ())


def test_the_parts_are_described_as_a_bundle_wants_them() -> None:
    recipe = replace(RECIPE, zero_shot_weight=0.5, synonyms={"slow": ["ballad"]})
    parts = recipe.train(heard(music()), LABELS, ("ballad",))
    assert [type(part) for part in parts] == [HeadPart, RhythmPart, ZeroShotPart]
    described, arrays = recipe.describe(parts)
    assert [part["kind"] for part in described] == ["head", "rhythm", "zero_shot"]
    assert {name: values["coefficients"].shape for name, values in arrays.items()} == {
        "head.npz": (200, 2),
        "rhythm.npz": (FEATURES, 2),
    }


def test_one_source_alone_is_calibrated_on_artists_left_out() -> None:
    """Where labels are known one time in two, the answer must not be surer than that."""
    rng = np.random.default_rng(5)
    tracks = []
    for outputs in music(artists=20):
        if outputs.track.dataset == "a":
            label = LABELS[int(rng.integers(2))]
            tracks.append(
                replace(outputs, track=replace(outputs.track, labels=(label,), group=str(outputs.track.path)))
            )
    assert RECIPE.fit_temperature(heard(tracks), LABELS, ()) > 2.0


# ---- what is kept ------------------------------------------------------------------------------------------------


@pytest.fixture
def dance(tmp_path: Path) -> LabelledTrack:
    soundfile.write(tmp_path / "dance.wav", beats(13.0), RATE)
    return LabelledTrack(tmp_path / "dance.wav", "here", ("fast",), "somebody")


def test_the_rhythm_is_kept_in_a_file_of_its_own_so_that_kept_embeddings_stay_valid(
    dance: LabelledTrack, tmp_path: Path
) -> None:
    network, cache = PlainNetwork(), tmp_path / "cache"
    (plain,) = Embedder(network, FRONT_END, cache).outputs([dance])
    before = {path.name: path.read_bytes() for path in cache.iterdir()}
    assert plain.rhythm is None
    (found,) = Embedder(network, FRONT_END, cache, with_rhythm=True).outputs([dance])
    assert len(network.batches) == 1
    assert {name: (cache / name).read_bytes() for name in before} == before
    assert len(list(cache.iterdir())) == len(before) + 1
    np.testing.assert_array_equal(found.embedding, plain.embedding)
    # Another network with this front end shares it, and so does music of which only the rhythm is wanted.
    (other,) = Embedder(PlainNetwork("other"), FRONT_END, cache, with_rhythm=True).outputs([dance])
    np.testing.assert_array_equal(other.rhythm, found.rhythm)
    np.testing.assert_array_equal(track_rhythm(dance, FRONT_END, cache_folder=cache).rhythm, found.rhythm)
    assert len(list(cache.iterdir())) == len(before) + 2


def test_every_window_of_a_track_has_the_rhythm_before_its_end(dance: LabelledTrack, tmp_path: Path) -> None:
    found = track_rhythm(dance, FRONT_END, cache_folder=tmp_path).rhythm
    samples = soundfile.read(dance.path, dtype="float32")[0]
    assert len(found) == len(windows_of(samples, FRONT_END)) == 4
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()


def test_a_front_end_without_a_rhythm_is_refused_in_training_too(dance: LabelledTrack, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rhythm"):
        track_rhythm(dance, LogMel(bands=8), cache_folder=tmp_path)
