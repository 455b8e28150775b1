"""Loading a network onto the device that runs it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np

from model.errors import BundleError
from model.front_end import FrontEnd

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
        """float32 [batch, frames, bands] -> outputs by name, each float32 [batch, ...]."""

    def pull_back(self, windows: np.ndarray, cotangents: Mapping[str, np.ndarray]) -> np.ndarray:
        """windows and a score's gradient by output -> its gradient by window, float32 [batch, frames, bands]."""


def load_musicnn(weights: Mapping[str, np.ndarray], *, network_id: str, device: Device) -> Network:
    """musicnn on the GPU if TensorFlow sees one and `device` allows it, else on the CPU.

    TensorFlow is imported here and nowhere earlier: that takes seconds.
    """
    if find_spec("tensorflow") is None:
        raise BundleError(
            "TensorFlow is not installed", rule="it runs the networks", next_step="pip install -e '.[cpu]', or '.[gpu]'"
        )
    from model.networks.musicnn_tensorflow import MusicnnOnTensorFlow

    return MusicnnOnTensorFlow(weights, key=f"{network_id}-{device}", cpu=device == "cpu")


def cost_ms(network: Network, front_end: FrontEnd, *, rounds: int = 50) -> float:
    """Median time of the network for one window on this machine, in milliseconds, to a tenth."""
    window = np.zeros((1, front_end.window_frames, front_end.bands), np.float32)
    network(window)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        network(window)
        times.append(time.perf_counter() - start)
    return round(1000.0 * float(np.median(times)), 1)
