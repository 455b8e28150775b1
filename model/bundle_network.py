"""A network in a bundle, and several of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle_files import REBUILD, read_arrays, read_checked
from model.errors import BundleError
from model.networks import musicnn
from model.networks.recipes import NetworkRecipe

MOST_NETWORKS = 4


@dataclass(frozen=True)
class BundleNetwork:
    """A network as it lies on disk, not yet built.

    recipe : what it is made by, None for the published musicnn.
    tags : names of its own outputs; exclusive : whether they exclude each other.
    """

    folder: Path
    recipe: NetworkRecipe | None
    weights_file: str
    tags: tuple[str, ...]
    exclusive: bool
    sha256: str = field(repr=False)

    @property
    def name(self) -> str:
        """What kind of network it is."""
        return musicnn.ARCHITECTURE if self.recipe is None else self.recipe.name

    @property
    def window_shape(self) -> tuple[int, ...]:
        """What it hears at once: frames, bands, and channels where there are several."""
        return (musicnn.FRONT_END if self.recipe is None else self.recipe.front_end).window_shape

    @property
    def embedding_size(self) -> int:
        """Numbers in its output "embedding"."""
        return musicnn.EMBEDDING_SIZE if self.recipe is None else self.recipe.embedding_size

    @property
    def network_id(self) -> str:
        """The same for two networks exactly when they are the same with the same weights."""
        if self.recipe is None:
            return f"{self.name}-{self.sha256[:16]}"
        # The same weights under a softmax and under sigmoids are two networks.
        return f"{self.name}-recipe-{'softmax' if self.exclusive else 'sigmoid'}-{self.sha256[:16]}"

    def read_weights(self) -> dict[str, np.ndarray]:
        """Its arrays, float32, checked against the checksum and against what musicnn needs."""
        path = self.folder / self.weights_file
        arrays = read_arrays(read_checked(self.folder, self.weights_file, self.sha256), path)
        if self.recipe is not None:
            # Their shapes are known, and checked, when the network is built.
            return arrays
        for name, shape in musicnn.weight_shapes().items():
            if name not in arrays or arrays[name].shape != shape or arrays[name].dtype != np.float32:
                raise BundleError(
                    f"the weights in {path} do not fit their network",
                    rule=f"{self.name} needs {name} as float32 {list(shape)}",
                    next_step=REBUILD,
                )
        return arrays

    def describe(self) -> dict[str, Any]:
        """As `bundle.json` describes it."""
        described: dict[str, Any] = {"weights": self.weights_file, "tags": list(self.tags)}
        if self.recipe is None:
            return {"architecture": self.name, **described}
        return {"recipe": self.recipe.name, "exclusive": self.exclusive, **described}


def describe_networks(networks: tuple[BundleNetwork, ...]) -> dict[str, Any] | list[dict[str, Any]]:
    """The `network` of a `bundle.json`: one network, or a list of them."""
    return networks[0].describe() if len(networks) == 1 else [network.describe() for network in networks]


def network_arrays(networks: tuple[BundleNetwork, ...]) -> Mapping[str, Mapping[str, np.ndarray]]:
    """The arrays of networks by file name, as `model.bundle_writing.write_bundle` takes them."""
    return {network.weights_file: network.read_weights() for network in networks}
