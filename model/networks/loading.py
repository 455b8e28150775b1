"""Which implementation of a network runs on this machine, and loading it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

Device = Literal["auto", "cpu"]


class Network(Protocol):
    """A network on its device."""

    @property
    def key(self) -> str:
        """The same for two classifiers exactly when one call serves both."""

    @property
    def device(self) -> str:
        """"CPU" or "GPU"."""

    def __call__(self, windows: np.ndarray) -> Mapping[str, np.ndarray]:
        """float32 [batch, frames, bands] -> outputs by name, each float32 [batch, ...]."""


def load_musicnn(weights: Mapping[str, np.ndarray], *, network_id: str, device: Device) -> Network:
    """musicnn on the GPU if TensorFlow sees one and `device` allows it, else on the CPU.

    TensorFlow is imported only where there is a sign of a GPU: that takes seconds, and the CPU does not need it.
    """
    if device == "auto" and gpu_may_be_there() and find_spec("tensorflow") is not None:
        from model.networks.musicnn_tensorflow import MusicnnOnTensorFlow, import_tensorflow

        if import_tensorflow().config.list_physical_devices("GPU"):
            return MusicnnOnTensorFlow(weights, key=f"{network_id}-gpu")
    from model.networks.musicnn_numpy import MusicnnOnNumpy

    return MusicnnOnNumpy(weights, key=f"{network_id}-cpu")


def gpu_may_be_there() -> bool:
    """Whether the machine has the driver of a GPU that TensorFlow could use: NVIDIA, AMD, or Windows' own under WSL."""
    drivers = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    return any(Path(driver).exists() for driver in drivers) or shutil.which("nvidia-smi") is not None
