"""Leaving filters out changes nothing but the time that musicnn takes."""

import numpy as np
import pytest

from model.bundle import read_bundle
from model.library import SHIPPED_BUNDLES
from model.networks.loading import load_musicnn
from model.networks.musicnn import FRONT_LAYERS, TEMPORAL_FILTERS, TIMBRAL_FILTERS, build_musicnn, set_weights
from model.networks.musicnn_pruning import front_filters, prune


def windows() -> np.ndarray:
    """Silence, the loudest there is, clicks, a tone, and noise."""
    rng = np.random.default_rng(3)
    clicks, tone = np.zeros((187, 96)), np.zeros((187, 96))
    clicks[::20], tone[:, 40] = 6.0, 6.0
    noise = rng.uniform(0.0, 6.0, (2, 187, 96))
    return np.stack([np.zeros((187, 96)), np.full((187, 96), 6.0), clicks, tone, *noise]).astype(np.float32)


@pytest.mark.parametrize(("name", "left"), [("msd_tags", 73), ("mtt_tags", 385)])
def test_the_pruned_network_answers_as_the_whole_one(name: str, left: int) -> None:
    weights = read_bundle(SHIPPED_BUNDLES / name).networks[0].read_weights()
    assert sum(front_filters(weights).values()) == 2 * TIMBRAL_FILTERS + 3 * TEMPORAL_FILTERS
    assert sum(front_filters(prune(weights)).values()) == left
    whole = build_musicnn()
    set_weights(whole, weights)
    expected = whole(windows(), training=False)
    found = load_musicnn(weights, network_id="test", device="cpu")(windows())
    np.testing.assert_allclose(found["tags"], expected["tags"], atol=5e-6, rtol=0)
    np.testing.assert_allclose(found["embedding"], expected["embedding"], atol=5e-5, rtol=0)


def test_filters_that_always_say_the_same_are_told_by_their_weights_not_by_their_names() -> None:
    weights = dict(read_bundle(SHIPPED_BUNDLES / "mtt_tags").networks[0].read_weights())
    generator = np.random.default_rng(5)
    silenced = generator.permutation(TEMPORAL_FILTERS)[:9]
    kernel = weights["temporal_64/kernel"].copy()
    kernel[..., silenced] = 0.0
    weights["temporal_64/kernel"] = kernel
    # A bias above zero gets past the rectifier: what it gives must be added all the same, but not beyond the edges.
    weights["temporal_64/bias"] = generator.uniform(0.5, 1.5, TEMPORAL_FILTERS).astype(np.float32)
    assert front_filters(prune(weights))["temporal_64"] <= TEMPORAL_FILTERS - len(silenced)
    whole = build_musicnn()
    set_weights(whole, weights)
    expected = whole(windows(), training=False)["embedding"]
    found = load_musicnn(weights, network_id="test", device="cpu")(windows())["embedding"]
    np.testing.assert_allclose(found, expected, atol=5e-5, rtol=0)


def test_a_network_without_such_filters_stays_whole() -> None:
    weights = dict(read_bundle(SHIPPED_BUNDLES / "msd_tags").networks[0].read_weights())
    generator = np.random.default_rng(7)
    for name in FRONT_LAYERS:
        weights[f"{name}/kernel"] = generator.normal(0.0, 0.05, weights[f"{name}/kernel"].shape).astype(np.float32)
    assert front_filters(prune(weights)) == front_filters(weights)
    whole = build_musicnn()
    set_weights(whole, weights)
    expected = whole(windows(), training=False)["embedding"]
    found = load_musicnn(weights, network_id="test", device="cpu")(windows())["embedding"]
    np.testing.assert_allclose(found, expected, atol=2e-4, rtol=1e-4)
