"""The recipe of the ten genres: what weighs how much, what the network's tags say, and which network it stands on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.build_genres import AUDIOSET_SYNONYMS, LABELS, MSD_SYNONYMS, recipe_for
from model.convert_musicnn import MSD_TAGS
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.errors import BundleError
from model.head import label_weights
from model.parts import ZeroShotPart, log_softmax
from model.recipe import Recipe
from model.tag_reading import TagReading, known_synonyms

TAGS = tuple(MSD_TAGS.split("|"))
TWO_TEACHERS = (*(f"msd:{name}" for name in TAGS), "audioset:Reggae", "audioset:Jazz", "audioset:Swing music")


def music(*, noise: float = 1.0, artists: int = 10, seed: int = 0) -> dict[str, list[TrackOutputs]]:
    """Two labels of two sources, each track of ten windows that share its own deviation."""
    rng = np.random.default_rng(seed)
    found = []
    for source in ("a", "b"):
        for index, label in enumerate(("jazz", "rock")):
            for artist in range(artists):
                centre = np.array([index, 0.0, 0.0, 0.0]) + rng.normal(0, noise, 4)
                embedding = (centre + rng.normal(0, noise, (10, 4))).astype(np.float32)
                name = f"{source}-{label}-{artist}"
                track = LabelledTrack(Path(f"{name}.flac"), source, (label,), name, 30.0, 8_000.0)
                found.append(TrackOutputs(track, embedding, np.full((10, 2), 0.5, np.float32)))
    return {"plain": found}


# ---- weights ------------------------------------------------------------------------------------------------------


def test_every_label_weighs_the_same_however_many_sources_it_has() -> None:
    truth = np.array([0] * 6 + [1] * 2)
    sources = ["a", "a", "b", "b", "c", "c", "a", "a"]
    weights = label_weights(sources, truth, [f"artist {number}" for number in range(8)])
    assert weights.mean() == pytest.approx(1.0)
    assert weights[truth == 0].sum() == pytest.approx(weights[truth == 1].sum())


def test_a_source_with_four_artists_counts_twice_as_much_as_one_with_one() -> None:
    sources = ["a"] * 8 + ["b"] * 20
    groups = [f"artist {number // 2}" for number in range(8)] + ["alone"] * 20
    weights = label_weights(sources, np.zeros(28, int), groups)
    assert weights[:8].sum() == pytest.approx(2.0 * weights[8:].sum())


# ---- temperature --------------------------------------------------------------------------------------------------


def test_a_temperature_for_unknown_artists_makes_the_averages_of_tracks_believable() -> None:
    recipe = Recipe(synonyms={}, zero_shot_weight=0.0, inverse_regularisation=1.0, calibrated_on="artists")
    # Noise that averages out: windows err often, tracks seldom, so tracks may be surer than windows.
    heard = music(noise=0.6)
    of_artists = recipe.fit_temperature(heard, ("jazz", "rock"), ())
    of_sources = replace(recipe, calibrated_on="sources").fit_temperature(heard, ("jazz", "rock"), ())
    assert of_artists < of_sources


def test_noise_is_made_modest() -> None:
    recipe = Recipe(synonyms={}, zero_shot_weight=0.0, inverse_regularisation=10.0, calibrated_on="artists")
    heard = music(noise=0.6)
    rng = np.random.default_rng(1)
    noise = [replace(outputs, embedding=rng.normal(0, 1, (10, 4)).astype(np.float32)) for outputs in heard["plain"]]
    heard_noise = {"plain": noise}
    assert recipe.fit_temperature(heard_noise, ("jazz", "rock"), ()) > recipe.fit_temperature(
        heard, ("jazz", "rock"), ()
    )


# ---- the network's own tags ---------------------------------------------------------------------------------------


def test_tags_are_found_with_and_without_the_name_of_a_teacher() -> None:
    assert known_synonyms(MSD_SYNONYMS, TAGS) == MSD_SYNONYMS
    assert known_synonyms(MSD_SYNONYMS, TWO_TEACHERS, "msd:")["metal"] == ["msd:metal", "msd:heavy metal"]


def test_tags_that_a_network_has_not_are_ignored() -> None:
    assert known_synonyms(AUDIOSET_SYNONYMS, TWO_TEACHERS, "audioset:") == {
        "jazz": ["audioset:Jazz", "audioset:Swing music"],
        "reggae": ["audioset:Reggae"],
    }


def test_a_tag_that_two_teachers_spell_alike_does_not_bring_in_the_wrong_one() -> None:
    assert "Progressive rock" in TAGS
    assert recipe_for(TAGS).synonyms == MSD_SYNONYMS
    assert not recipe_for(TAGS).also_read


def test_each_teacher_of_a_network_is_read_for_itself() -> None:
    one, two = recipe_for(TAGS), recipe_for(TWO_TEACHERS)
    assert len(one.zero_shots(LABELS, TAGS)) == 1
    msd, audioset = two.zero_shots(LABELS, TWO_TEACHERS)
    tags = np.full((1, len(TWO_TEACHERS)), 0.01, np.float32)
    tags[0, TWO_TEACHERS.index("audioset:Reggae")] = 0.9
    assert LABELS[int(audioset.scores({"tags": tags}).argmax())] == "reggae"
    assert not np.ptp(msd.scores({"tags": tags})[0, [LABELS.index("jazz"), LABELS.index("rock")]])


def test_a_network_without_such_tags_is_not_asked() -> None:
    recipe = recipe_for(("speech", "silence"))
    assert recipe.zero_shots(LABELS, ("speech", "silence")) == ()


def test_a_recipe_is_read_back_as_it_was_and_describes_its_readings() -> None:
    recipe = recipe_for(TWO_TEACHERS)
    assert Recipe.from_json(recipe.to_json()) == recipe
    described, _ = recipe.describe(recipe.zero_shots(LABELS, TWO_TEACHERS))
    assert [part["synonyms"].get("reggae") for part in described] == [None, ["audioset:Reggae"]]


@pytest.mark.parametrize(
    "changed",
    [
        {"balance": "loudness"},
        {"calibrated_on": "luck"},
        {"also_read": "tags"},
        {"also_read": [{"synonyms": {}}]},
        {"also_read": [{"synonyms": {"jazz": "Jazz"}, "weight": 1.0}]},
        {"also_read": [{"synonyms": {}, "weight": "much"}]},
    ],
)
def test_a_recipe_that_this_version_cannot_follow_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BundleError):
        Recipe.from_json({**recipe_for(TAGS).to_json(), **changed})


def test_a_recipe_without_the_newer_choices_is_written_as_before() -> None:
    assert not {"balance", "calibrated_on", "also_read"} & set(Recipe(synonyms={}).to_json())


def test_a_reading_adds_the_best_synonym_of_a_label() -> None:
    part = TagReading({"jazz": ["swing", "bebop"]}, 2.0).part(
        ("jazz", "rock"), ("swing", "bebop"), epsilon=1e-4, absent=-3
    )
    assert isinstance(part, ZeroShotPart)
    scores = part.scores({"tags": np.array([[0.1, 0.5]], np.float32)})
    np.testing.assert_allclose(scores, [[2 * np.log(0.5001), -6.0]], rtol=1e-5)
    assert log_softmax(scores).argmax() == 0
