"""Why a label: relevance lies where the evidence is, and adds up to the score."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from model.classifier import BundleClassifier
from model.embeddings import windows_of
from model.explanation import attributions, output_gradient, score
from model.library import Library
from model.networks.musicnn import build_musicnn, set_weights
from model.parts import TagsPart

CLIPS = Path(__file__).parents[2] / "sample_audio"
RATE = 16_000
LIBRARY = Library()


@pytest.fixture(scope="module", params=["genres", "tags"])
def classifier(request: pytest.FixtureRequest) -> BundleClassifier:
    found = LIBRARY.open(request.param, device="cpu")
    found.load()
    return found


@pytest.fixture(scope="module")
def genres() -> BundleClassifier:
    found = LIBRARY.open("genres", device="cpu")
    found.load()
    return found


def clip_samples(name: str) -> np.ndarray:
    """A sample clip, float32 [n], mono, at 16 kHz."""
    samples, rate = soundfile.read(CLIPS / f"{name}.opus", dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, RATE)


def clip_window(classifier: BundleClassifier, name: str, number: int) -> np.ndarray:
    """float32 [frames, bands]: one of the windows of a sample clip."""
    return windows_of(clip_samples(name), classifier.bundle.front_end)[number]


def top_label(classifier: BundleClassifier, window: np.ndarray) -> int:
    return int(classifier.probabilities(classifier.network(window[None]))[0].argmax())


def score_of(classifier: BundleClassifier, window: np.ndarray, label: int) -> float:
    return float(score(classifier, classifier.network(window[None].astype(np.float32)), label)[0])


def test_relevance_has_a_value_from_nothing_to_one_for_every_cell(classifier: BundleClassifier) -> None:
    window = clip_window(classifier, "jazz_vibe-ace", 3)
    relevance = classifier.explain(window, top_label(classifier, window))
    assert relevance.dtype == np.float32
    assert relevance.shape == window.shape
    assert relevance.min() >= 0.0
    # A robust maximum: several cells reach it, most stay far below.
    assert relevance.max() == 1.0
    assert np.median(relevance) < 0.3


def test_attributions_add_up_to_what_sound_adds_to_silence(classifier: BundleClassifier) -> None:
    window = clip_window(classifier, "classical_brandenburg-concerto-no-2", 3)
    label = top_label(classifier, window)
    gained = score_of(classifier, window, label) - score_of(classifier, np.zeros_like(window), label)
    assert abs(gained) > 1.0
    found = attributions(classifier, window, label, steps=40).sum()
    assert abs(found - gained) < 0.1 * abs(gained)


def test_few_steps_show_nearly_the_same_picture_as_many(genres: BundleClassifier) -> None:
    window = clip_window(genres, "rock_rock", 3)
    few, many = (np.maximum(attributions(genres, window, 9, steps=steps), 0.0) for steps in (8, 40))
    assert np.corrcoef(few.ravel(), many.ravel())[0, 1] > 0.9


def test_another_label_has_other_evidence(genres: BundleClassifier) -> None:
    window = clip_window(genres, "rock_rock", 2)
    rock, classical = (genres.explain(window, label) for label in (9, 1))
    assert np.corrcoef(rock.ravel(), classical.ravel())[0, 1] < 0.7


def test_silence_speaks_for_nothing(classifier: BundleClassifier) -> None:
    relevance = classifier.explain(np.zeros((187, 96), np.float32), 0)
    np.testing.assert_array_equal(relevance, np.zeros((187, 96), np.float32))


def test_relevance_lies_in_the_second_that_changed_the_answer(classifier: BundleClassifier) -> None:
    front_end = classifier.bundle.front_end
    times = np.arange(3 * RATE) / RATE
    hum = (0.02 * np.sin(2 * np.pi * 220 * times)).astype(np.float32)
    burst = hum.copy()
    burst[2 * RATE :] += clip_samples("disco_relax-3")[10 * RATE : 11 * RATE]
    before, after = (windows_of(samples, front_end)[0] for samples in (hum, burst))
    label = top_label(classifier, after)
    assert label != top_label(classifier, before)
    assert score_of(classifier, after, label) - score_of(classifier, before, label) > 1.0
    relevance = classifier.explain(after, label)
    last_second = round(2.0 * RATE / front_end.hop_length)
    assert relevance[last_second:].sum() > 0.8 * relevance.sum()


def test_taking_away_what_is_most_relevant_costs_more_than_taking_away_as_much_at_random(
    classifier: BundleClassifier,
) -> None:
    window = clip_window(classifier, "jazz_vibe-ace", 2)
    label = top_label(classifier, window)
    relevance = classifier.explain(window, label)
    most_relevant = relevance >= np.percentile(relevance, 90)
    # What is taken away becomes the band's mean: holes of silence in loud music are a sound of their own.
    means = np.broadcast_to(window.mean(axis=0), window.shape)

    def lost(taken: np.ndarray) -> float:
        return score_of(classifier, window, label) - score_of(classifier, np.where(taken, means, window), label)

    rng = np.random.default_rng(0)
    cells = [rng.permutation(most_relevant.ravel()).reshape(window.shape) for _ in range(5)]
    # The same pattern elsewhere, as patches cost more than single cells.
    patches = [np.roll(most_relevant, (rng.integers(20, 167), rng.integers(10, 86)), (0, 1)) for _ in range(5)]
    assert lost(most_relevant) > 0.3
    assert lost(most_relevant) > 2.0 * max(lost(taken) for taken in cells)
    assert lost(most_relevant) > 2.0 * max(lost(taken) for taken in patches)


def test_the_gradient_of_the_network_is_that_of_tensorflow() -> None:
    import tensorflow

    tags = LIBRARY.open("msd_tags", device="cpu")
    tags.load()
    network = build_musicnn()
    set_weights(network, tags.bundle.networks[0].read_weights())
    rng = np.random.default_rng(0)
    windows = rng.uniform(0.0, 3.0, (2, 187, 96)).astype(np.float32)
    cotangents = {"tags": rng.normal(0, 1, (2, 50)), "embedding": rng.normal(0, 1, (2, 200))}
    cotangents = {name: values.astype(np.float32) for name, values in cotangents.items()}
    watched = tensorflow.constant(windows)
    with tensorflow.GradientTape() as tape:
        tape.watch(watched)
        outputs = network(watched, training=False)
    expected = tape.gradient(outputs, watched, output_gradients=cotangents).numpy()
    found = tags.network.pull_back(windows, cotangents)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_the_gradient_of_a_tag_is_that_of_its_logit() -> None:
    tags = LIBRARY.open("msd_tags", device="cpu")
    values = np.linspace(1e-5, 0.99, 50, dtype=np.float32)[None]
    gradient = output_gradient(tags, {"tags": values, "embedding": np.zeros((1, 200), np.float32)}, 7)
    (part,) = tags.bundle.parts
    assert isinstance(part, TagsPart)
    expected = np.zeros(50)
    # On the tag's own scale.
    expected[7] = part.slopes[7] / (values[0, 7] * (1.0 - values[0, 7]))
    np.testing.assert_allclose(gradient["tags"][0], expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(gradient["embedding"], np.zeros((1, 200)))


def test_the_gradient_of_a_genre_foretells_how_its_score_changes(genres: BundleClassifier) -> None:
    outputs = genres.network(clip_window(genres, "jazz_vibe-ace", 2)[None])
    gradient = output_gradient(genres, outputs, 4)
    rng = np.random.default_rng(0)
    change = {
        "embedding": 1e-3 * rng.normal(0, 1, outputs["embedding"].shape),
        "tags": 1e-3 * rng.normal(0, 1, outputs["tags"].shape) * np.asarray(outputs["tags"], np.float64),
    }
    changed = {name: np.asarray(outputs[name], np.float64) + change[name] for name in change}
    found = score(genres, changed, 4)[0] - score(genres, {n: v.astype(np.float64) for n, v in outputs.items()}, 4)[0]
    foretold = sum(float((gradient[name] * change[name]).sum()) for name in change)
    assert abs(foretold) > 1e-4
    assert abs(found - foretold) < 0.05 * abs(foretold)


def test_explaining_does_not_change_what_is_said_meanwhile(genres: BundleClassifier) -> None:
    window = clip_window(genres, "metal_david05", 2)
    alone = genres.network(window[None])["tags"]
    explained: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: explained.append(genres.explain(window, 6)))
    thread.start()
    said = []
    while thread.is_alive():
        said.append(genres.network(window[None])["tags"])
        # As between live windows; a loop without a pause would keep the other thread from the interpreter.
        time.sleep(0.02)
    thread.join()
    assert len(explained) == 1
    assert said
    for tags in said:
        np.testing.assert_allclose(tags, alone, atol=1e-6)


@pytest.mark.parametrize(("label", "steps"), [(-1, 8), (10, 8), (0, 0)])
def test_a_label_there_is_not_and_no_steps_are_refused(genres: BundleClassifier, label: int, steps: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        attributions(genres, np.zeros((187, 96), np.float32), label, steps=steps)
