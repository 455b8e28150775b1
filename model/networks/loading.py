"""Loading a network onto the device that runs it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np

from model.errors import BundleError
from model.front_ends.front_end import FrontEnd
from model.networks.recipes import NetworkRecipe

Device = Literal["auto", "cpu"]


class Network(Protocol):
    """A network on its device."""

    @property
    def key(self) -> str:
        """The same for two classifiers exactly when one call serves both."""

    @property
    def device(self) -> str:
        """ "CPU" or "GPU"."""

    def __call__(self, windows: np.ndarray) -> Mapping[str, np.ndarray]:
        """float32 [batch, *window_shape] -> outputs by name, each float32 [batch, ...]:

        tags       [batch, names], 0..1: its own labels; rows add up to one where they exclude each other
        embedding  [batch, embedding]
        """

    def pull_back(self, windows: np.ndarray, cotangents: Mapping[str, np.ndarray]) -> np.ndarray:
        """windows and a score's gradient by output -> its gradient by window, float32 [batch, *window_shape]."""


def load_musicnn(weights: Mapping[str, np.ndarray], *, network_id: str, device: Device) -> Network:
    """musicnn on the GPU if TensorFlow sees one and `device` allows it, else on the CPU.

    TensorFlow is imported here and nowhere earlier: that takes seconds.
    """
    _require_tensorflow()
    from model.networks.musicnn_tensorflow import MusicnnOnTensorFlow

    return MusicnnOnTensorFlow(weights, key=f"{network_id}-{device}", cpu=device == "cpu")


def load_recipe(
    recipe: NetworkRecipe,
    weights: Mapping[str, np.ndarray],
    *,
    labels: int,
    exclusive: bool,
    network_id: str,
    owner: str,
    device: Device,
) -> Network:
    """A network that was trained here, placed like musicnn.

    labels : how many it has; exclusive : whether they exclude each other.
    owner : whose weights they are, for the message of the BundleError that is raised if they do not fit.
    """
    _require_tensorflow()
    from model.networks.recipe_tensorflow import RecipeOnTensorFlow

    return RecipeOnTensorFlow(
        recipe,
        weights,
        labels=labels,
        exclusive=exclusive,
        key=f"{network_id}-{device}",
        owner=owner,
        cpu=device == "cpu",
    )


def _require_tensorflow() -> None:
    if find_spec("tensorflow") is None:
        raise BundleError(
            "TensorFlow is not installed", rule="it runs the networks", next_step="pip install -e '.[cpu]', or '.[gpu]'"
        )


def cost_ms(network: Network, front_end: FrontEnd, *, rounds: int = 50) -> float:
    """Median time of the network for one window on this machine, in milliseconds, to a tenth."""
    window = front_end.silence()[None]
    network(window)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        network(window)
        times.append(time.perf_counter() - start)
    return round(1000.0 * float(np.median(times)), 1)
