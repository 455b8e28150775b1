"""The converted networks give the numbers of the originals."""

from pathlib import Path

import numpy as np
import pytest

from model.bundle import read_bundle
from model.library import SHIPPED_BUNDLES
from model.networks.loading import load_musicnn
from model.networks.musicnn import build_musicnn, weight_shapes

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "musicnn_golden.npz")
SIGNALS = ("chirp", "chord", "noise")
WINDOWS = np.stack([GOLDEN[f"{signal}.logmel"] for signal in SIGNALS])


@pytest.mark.parametrize(("name", "checkpoint"), [("msd_tags", "MSD_musicnn"), ("mtt_tags", "MTT_musicnn")])
def test_gives_the_numbers_of_the_original(name: str, checkpoint: str) -> None:
    network = load_musicnn(
        read_bundle(SHIPPED_BUNDLES / name).networks[0].read_weights(), network_id="test", device="cpu"
    )
    outputs = network(WINDOWS)
    assert network.device == "CPU"
    for output in ("tags", "embedding"):
        expected = np.stack([GOLDEN[f"{signal}.{checkpoint}.{output}"] for signal in SIGNALS])
        assert outputs[output].dtype == np.float32
        np.testing.assert_allclose(outputs[output], expected, atol=2e-5, rtol=0)
    # The same numbers alone as in a batch.
    alone = np.concatenate([network(window[None])["tags"] for window in WINDOWS])
    np.testing.assert_allclose(alone, outputs["tags"], atol=1e-5, rtol=0)


def test_the_network_has_the_published_number_of_parameters_and_our_names() -> None:
    network = build_musicnn()
    assert network.count_params() == 792_079
    names = {f"{layer.name}/{weight.name}": tuple(weight.shape) for layer in network.layers for weight in layer.weights}
    assert names == weight_shapes()
