"""Every network that can be trained: its size, and the way from a file of sound through its bundle to an answer."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from model.bundle import read_bundle
from model.bundle_writing import write_arrays, write_network_bundle
from model.card import Card
from model.classifier import BundleClassifier
from model.errors import BundleError
from model.library import Library
from model.networks.recipes import NETWORKS, NetworkRecipe
from model.networks.weights import put_weights, read_weights
from stream.offline import hear_file
from stream.pipeline import Pipeline
from stream.records import Verdict
from stream.settings import StreamSettings
from stream.waterfall import Waterfall
from tests.sounds import write_tone

ROOT = Path(__file__).parents[2]
CARD = Card("A test", "Says nothing.", "Chance", "0 tracks", "Everywhere", "Tests only", "As the project").to_markdown()
PARAMETERS = {
    # For so many labels so many numbers. Those of the last two are the seeds'; musicnn's is the published one.
    "small": (10, 880_250),
    "musicnn": (50, 792_079),
    "dance-cnn": (7, 710_247),
    "electronic-cnn": (12, 941_260),
    "crnn": (16, 394_256),
    "three-block-cnn": (10, 98_058),
    "gap-cnn": (10, 109_066),
}
WINDOWS = {
    "small": (187, 96),
    "musicnn": (187, 96),
    "dance-cnn": (512, 128),
    "electronic-cnn": (342, 96),
    "crnn": (1_366, 96),
    "three-block-cnn": (130, 13),
    "gap-cnn": (130, 40, 3),
}


def labels(count: int) -> tuple[str, ...]:
    return tuple(f"genre {number}" for number in range(count))


def write(folder: Path, recipe: NetworkRecipe, *, exclusive: bool | None = None, count: int = 4) -> dict[str, Any]:
    """A bundle with random weights; returns them."""
    exclusive = recipe.exclusive if exclusive is None else exclusive
    keras.utils.set_random_seed(3)
    weights = read_weights(recipe.build(count, exclusive))
    write_network_bundle(
        folder,
        recipe,
        weights,
        labels=labels(count),
        exclusive=exclusive,
        name=folder.name,
        title="A test",
        temperature=1.0,
        thresholds={"unsure_below": 0.0},
        metrics={},
        licence="none",
        card=CARD,
        training={"groups": ["0123456789ab"]},
    )
    return weights


def open_and_load(folder: Path) -> BundleClassifier:
    classifier = Library([]).open(folder, device="cpu")
    classifier.load()
    return classifier


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "bundle.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_its_number_of_parameters_and_hears_its_windows(name: str) -> None:
    recipe = NETWORKS[name]
    count, parameters = PARAMETERS[name]
    network = recipe.build(count, recipe.exclusive)
    assert network.count_params() == parameters
    assert network.input_shape == (None, *WINDOWS[name])
    assert recipe.front_end.window_shape == WINDOWS[name]
    shapes = {output: tuple(tensor.shape) for output, tensor in network.output.items()}
    assert shapes == {"scores": (None, count), "embedding": (None, recipe.embedding_size)}
    assert network.get_layer("embedding").output.shape[-1] == recipe.embedding_size


def test_the_names_of_weights_do_not_depend_on_what_was_built_before() -> None:
    for recipe in NETWORKS.values():
        first, second = (set(read_weights(recipe.build(3, True))) for _ in range(2))
        assert first == second


def test_the_windows_of_the_long_networks_are_half_a_minute() -> None:
    seconds = {name: recipe.window_seconds for name, recipe in NETWORKS.items()}
    assert seconds == {
        "small": 3.0,
        "musicnn": 3.0,
        "dance-cnn": 2.6,
        "electronic-cnn": 29.2,
        "crnn": 29.3,
        "three-block-cnn": 3.1,
        "gap-cnn": 3.4,
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_training_reaches_every_weight_of_a_network(name: str) -> None:
    recipe = NETWORKS[name]
    keras.utils.set_random_seed(5)
    network = recipe.build(3, recipe.exclusive)
    trained = keras.Model(network.input, network.output["scores"])
    trained.compile(keras.optimizers.Adam(1e-3), keras.losses.CategoricalCrossentropy(from_logits=True))
    samples = np.random.default_rng(0).normal(0, 0.1, (2, recipe.front_end.window_samples)).astype(np.float32)
    samples[1] *= np.sin(np.arange(samples.shape[1]) / 3_000)
    windows = np.stack([recipe.front_end.compute(sound) for sound in samples])
    before = read_weights(network)
    loss = trained.train_on_batch(windows, np.eye(3, dtype=np.float32)[:2])
    assert np.isfinite(loss)
    unchanged = [path for path, values in read_weights(network).items() if np.array_equal(values, before[path])]
    assert unchanged == []


@pytest.mark.parametrize("name", ["small", "crnn", "gap-cnn"])
def test_scores_stay_in_single_precision_where_the_rest_is_trained_in_half(name: str) -> None:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = NETWORKS[name].build(3, True)
    finally:
        keras.config.set_dtype_policy(policy)
    assert {tensor.dtype for tensor in network.output.values()} == {"float32"}
    assert {array.dtype for array in read_weights(network).values()} == {np.dtype(np.float32)}


def test_labels_that_do_not_exclude_each_other_start_as_rare() -> None:
    for exclusive, expected in ((True, 0.0), (False, np.log(0.05 / 0.95))):
        bias = read_weights(NETWORKS["three-block-cnn"].build(5, exclusive))["scores/bias"]
        np.testing.assert_allclose(bias, expected, rtol=1e-6)


def test_looking_at_the_recipes_imports_neither_keras_nor_tensorflow() -> None:
    code = (
        "import sys; from model.networks.recipes import NETWORKS; import numpy;"
        "[r.front_end.compute(numpy.zeros(9000, 'float32')) for r in NETWORKS.values()];"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'keras', 'scipy', 'librosa'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_is_heard_through_a_bundle_with_any_network(name: str, tmp_path: Path) -> None:
    recipe = NETWORKS[name]
    weights = write(tmp_path / name, recipe)
    classifier = open_and_load(tmp_path / name)
    assert classifier.window_seconds == recipe.window_seconds
    song = write_tone(tmp_path / "song.wav", recipe.window_seconds + 0.6)
    heard = hear_file(song, classifier, StreamSettings(smoothing_seconds=0.0))
    assert [round(window.end_seconds, 3) for window in heard.windows] == [
        recipe.window_seconds,
        recipe.window_seconds + 0.5,
    ]
    assert all(window.verdict is Verdict.SURE for window in heard.windows)

    # The same as the network itself says of the recording's front end.
    stream = recipe.front_end.open_stream(history_frames=10_000)
    stream.push(_as_heard(song, recipe.front_end.sample_rate)[: round(recipe.window_seconds * classifier.sample_rate)])
    window = stream.window(stream.frame_count)[None]
    network = recipe.build(4, recipe.exclusive)
    put_weights(network, weights, owner="a test")
    scores = np.asarray(network(window, training=False)["scores"])[0]
    odds = np.exp(scores - scores.max())
    expected = odds / odds.sum() if recipe.exclusive else 1.0 / (1.0 + np.exp(-scores))
    np.testing.assert_allclose(heard.windows[0].raw, expected, atol=2e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_waterfall_shows_the_sound_whatever_the_network_hears(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, NETWORKS[name])
    classifier = Library([]).open(tmp_path / name)
    assert not classifier.loaded
    pipeline = Pipeline(classifier, StreamSettings(), history_seconds=5.0)
    waterfall = Waterfall(pipeline, StreamSettings().column_seconds)
    noise = np.random.default_rng(4).normal(0, 0.1, 2 * classifier.sample_rate).astype(np.float32)
    pipeline.push(noise)
    columns = np.stack([column for _, column in waterfall.new_columns()])
    assert columns.shape[1] == len(classifier.band_frequencies_hz)
    assert len(columns) >= 15
    assert 64 < np.median(columns) < 224


def _as_heard(path: Path, rate: int) -> np.ndarray:
    """The samples that come out of the inlet."""
    from stream.inlet import Inlet
    from stream.sources.decoder import open_audio

    decoder = open_audio(path)
    inlet = Inlet(rate, 60.0)
    inlet.begin(decoder.sample_rate)
    while len(block := decoder.read(4_410)):
        inlet.push(block, 0.0)
    decoder.close()
    return inlet.ring.read(0, inlet.ring.capacity)[0].copy()


@pytest.mark.parametrize("exclusive", [True, False])
def test_probabilities_add_up_only_where_labels_exclude_each_other(exclusive: bool, tmp_path: Path) -> None:
    recipe = NETWORKS["three-block-cnn"]
    write(tmp_path / "bundle", recipe, exclusive=exclusive)
    classifier = open_and_load(tmp_path / "bundle")
    windows = np.random.default_rng(1).normal(0, 50, (3, *recipe.front_end.window_shape)).astype(np.float32)
    probabilities = classifier.probabilities(classifier.network(windows))
    assert ((probabilities >= 0.0) & (probabilities <= 1.0)).all()
    added = np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    assert added == exclusive
    # One window at a time gives what several at once give.
    alone = np.concatenate([classifier.probabilities(classifier.network(window[None])) for window in windows])
    np.testing.assert_allclose(alone, probabilities, atol=1e-5)


@pytest.mark.parametrize("name", ["small", "three-block-cnn", "gap-cnn"])
def test_an_explanation_is_a_picture_whatever_the_network_hears(name: str, tmp_path: Path) -> None:
    recipe = NETWORKS[name]
    write(tmp_path / "bundle", recipe)
    classifier = open_and_load(tmp_path / "bundle")
    stream = classifier.open_spectrogram(history_seconds=classifier.window_seconds)
    rng = np.random.default_rng(2)
    sound = np.zeros(recipe.front_end.window_samples, np.float32)
    sound[len(sound) // 2 :] = rng.normal(0, 0.2, len(sound) - len(sound) // 2)
    stream.push(sound)
    window = stream.window(stream.frame_count)
    # Of the labels one at least is spoken for.
    relevance = sum(classifier.explain(window, label) for label in range(4))
    assert relevance.shape == stream.frames(0, classifier.window_frames).shape
    first, second = np.array_split(relevance, 2)
    assert second.sum() > 5.0 * first.sum() >= 0.0


def test_networks_and_bundles_know_whom_they_were_trained_on(tmp_path: Path) -> None:
    write(tmp_path / "bundle", NETWORKS["three-block-cnn"])
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.training_groups == {"0123456789ab"}
    assert bundle.recipe is None
    assert bundle.networks[0].recipe is NETWORKS["three-block-cnn"]
    (summary,) = Library([tmp_path]).describe()
    assert summary.window_seconds == 3.1
    assert summary.problem == ""


def test_the_same_weights_under_softmax_and_sigmoid_are_two_networks(tmp_path: Path) -> None:
    write(tmp_path / "bundle", NETWORKS["three-block-cnn"])
    one = read_bundle(tmp_path / "bundle").network_id
    rewrite(tmp_path / "bundle", lambda d: (d["network"].update(exclusive=False), d.update(exclusive=False)))
    assert read_bundle(tmp_path / "bundle").network_id != one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["network"].update(recipe="perceptron"), "perceptron"),
        (lambda d: d["network"].update(recipe=3), "recipe"),
        (lambda d: d["network"].update(recipe="gap-cnn"), "130 frames of 40 bands in 3 channels"),
        (lambda d: d["network"].pop("exclusive"), "exclusive"),
        (lambda d: d["network"].update(tags=["a", "b", "c"]), "not those of its network"),
        (lambda d: d["network"].update(tags=[str(n) for n in range(3_000)]), "3000 tags"),
        (lambda d: d["front_end"].update(coefficients=20), "20 bands"),
        (lambda d: d["front_end"].update(sample_rate="fast"), "sample_rate"),
        (lambda d: d["parts"][0].update(weight=None), "weight"),
        (lambda d: d.update(parts=[{"kind": "tags"}]), "exclude each other"),
        (lambda d: d["training"].update(groups=[]), "groups"),
    ],
)
def test_a_description_of_a_network_that_makes_no_sense_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    write(tmp_path / "bundle", NETWORKS["three-block-cnn"])
    rewrite(tmp_path / "bundle", change)
    with pytest.raises(BundleError, match=message):
        read_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("conv_2/kernel"), "conv_2/kernel"),
        (lambda weights: weights.update({"conv_2/kernel": np.zeros((3, 3), np.float32)}), "conv_2/kernel"),
        (lambda weights: weights.update({"conv_2/bias": weights["conv_2/bias"].astype(np.float64)}), "float32"),
        (lambda weights: weights.update(more=np.zeros(3, np.float32)), "has no more"),
        (lambda weights: weights.update({"scores/bias": np.full(4, np.inf, np.float32)}), "finite"),
    ],
)
def test_weights_that_do_not_fit_their_network_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    folder = tmp_path / "bundle"
    weights = write(folder, NETWORKS["three-block-cnn"])
    change(weights)
    write_arrays(folder / "weights.npz", weights)
    sha256 = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    rewrite(folder, lambda described: described["files"].update({"weights.npz": sha256}))
    with pytest.raises(BundleError, match=message):
        open_and_load(folder)


@pytest.mark.parametrize("count", [0, 3_000])
def test_a_network_needs_labels_but_not_thousands(count: int) -> None:
    with pytest.raises(ValueError, match="2000"):
        NETWORKS["small"].build(count, True)
