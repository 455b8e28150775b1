"""Several networks in one bundle: each hears the same window, and what they say stands side by side."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from model.bundle import Bundle, read_bundle
from model.bundle_network import describe_networks, network_arrays
from model.bundle_writing import write_bundle
from model.card import Card
from model.classifier import BundleClassifier
from model.datasets.dataset import LabelledTrack
from model.embeddings import Embedder
from model.errors import BundleError
from model.explanation import attributions, score
from model.library import Library
from model.networks.recipes import NETWORKS
from model.networks.side_by_side import alone
from model.networks.weights import read_weights
from tests.sounds import write_tone

CARD = Card("A test", "Says nothing.", "Chance", "0 tracks", "Everywhere", "Tests only", "As the project").to_markdown()
OWN = ("loud", "soft", "speech")


def write(folder: Path, networks: list[dict[str, object]] | None = None) -> Bundle:
    """The network of `tags` beside a small one with random weights; two labels read from a tag of each."""
    tags = Library().open("msd_tags").bundle
    keras.utils.set_random_seed(4)
    small = read_weights(NETWORKS["small"].build(len(OWN), False))
    described = describe_networks(tags.networks)
    beside = {"recipe": "small", "weights": "small.npz", "tags": list(OWN), "exclusive": False}
    meaning = {"jazz": ["jazz"], "talk": ["speech"]}
    return write_bundle(
        folder,
        name="both",
        title="Both",
        labels=("jazz", "talk"),
        exclusive=True,
        front_end=tags.front_end,
        network=networks if networks is not None else [described, beside],
        parts=[
            {"kind": "zero_shot", "weight": 1.0, "epsilon": 1e-4, "absent_log_probability": -2.0, "synonyms": meaning}
        ],
        temperature=1.0,
        thresholds={"unsure_below": 0.4},
        metrics={},
        licence="ISC",
        card=CARD,
        texts={},
        arrays={**network_arrays(tags.networks), "small.npz": small},
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> BundleClassifier:
    folder = tmp_path_factory.mktemp("bundles") / "both"
    write(folder)
    classifier = Library([folder.parent]).open("both", device="cpu")
    classifier.load()
    return classifier


def windows() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.0, 4.0, (3, 187, 96)).astype(np.float32)


def test_outputs_are_those_of_each_network_next_to_each_other(both: BundleClassifier) -> None:
    musicnn, small = both.bundle.networks
    assert both.bundle.architecture == "musicnn + small"
    assert both.bundle.network_tags == (*musicnn.tags, *OWN)
    tags = Library().open("msd_tags", device="cpu")
    tags.load()
    found, alone = both.network(windows()), tags.network(windows())
    assert found["tags"].shape == (3, 53)
    assert found["embedding"].shape == (3, musicnn.embedding_size + small.embedding_size)
    np.testing.assert_allclose(found["tags"][:, :50], alone["tags"], atol=1e-6)
    np.testing.assert_allclose(found["embedding"][:, :200], alone["embedding"], atol=1e-5)
    expected = NETWORKS["small"].build(len(OWN), False)
    expected.set_weights([small.read_weights()[path] for path in read_weights(expected)])
    scores = expected(windows(), training=False)["scores"].numpy()
    np.testing.assert_allclose(found["tags"][:, 50:], 1.0 / (1.0 + np.exp(-scores)), atol=1e-5)


def test_a_network_that_two_bundles_share_is_loaded_once(tmp_path: Path) -> None:
    write(tmp_path / "both")
    library = Library([tmp_path, Library().folders[0]])
    both, tags = library.open("both", device="cpu"), library.open("msd_tags", device="cpu")
    both.load()
    tags.load()
    assert both.network is not tags.network
    assert tags.network in alone(both.network)
    assert both.network.key.startswith(tags.network.key)


def test_an_explanation_adds_what_spoke_through_both(both: BundleClassifier) -> None:
    window = windows()[0]
    silence = both.bundle.front_end.silence()
    for index in (0, 1):
        found = attributions(both, window, index, steps=48)
        outputs = both.network(np.stack([silence, window]))
        quiet, loud = score(both, outputs, index)
        assert found.sum() == pytest.approx(loud - quiet, rel=0.15, abs=0.05)


def test_two_outputs_of_one_name_too_many_networks_and_other_windows_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "both")
    path = tmp_path / "both" / "bundle.json"
    described = json.loads(path.read_text(encoding="utf-8"))
    musicnn, small = described["network"]
    for networks, reason in (
        ([musicnn, {**small, "tags": ["jazz", "soft", "speech"]}], "same name"),
        ([musicnn, small, small, small, small], "5 networks"),
        ([], "0 networks"),
        ([musicnn, {**small, "recipe": "three-block-cnn"}], "hears"),
        ([musicnn, "small"], "wrong kind"),
        ([musicnn, {**small, "weights": "../small.npz"}], "names the file"),
    ):
        path.write_text(json.dumps({**described, "network": networks}), encoding="utf-8")
        with pytest.raises(BundleError, match=reason):
            read_bundle(tmp_path / "both")


def test_what_a_shared_network_said_of_a_track_is_kept_once(both: BundleClassifier, tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", seconds=7.0)
    track = LabelledTrack(tmp_path / "tone.wav", "test", ("jazz",), "somebody", 7.0, 8_000.0)
    tags = Library().open("msd_tags", device="cpu")
    tags.load()
    (expected,) = Embedder(tags.network, tags.bundle.front_end, tmp_path / "cache").outputs([track])
    first = set((tmp_path / "cache").iterdir())
    (found,) = Embedder(both.network, both.bundle.front_end, tmp_path / "cache").outputs([track])
    assert len(set((tmp_path / "cache").iterdir()) - first) == 1
    np.testing.assert_array_equal(found.embedding[:, :200], expected.embedding)
    assert found.tags.shape == (len(expected.tags), 53)
