"""Several networks that hear the same window, as if they were one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from model.networks.loading import Network


class NetworksSideBySide:
    """Their outputs stand beside each other, in the order of the networks: "tags" and "embedding".

    embedding_sizes, tag_counts : of each network.
    """

    def __init__(
        self, networks: Sequence[Network], *, embedding_sizes: Sequence[int], tag_counts: Sequence[int]
    ) -> None:
        self.networks = tuple(networks)
        self._ends = {"embedding": np.cumsum(embedding_sizes), "tags": np.cumsum(tag_counts)}
        self.key = " + ".join(network.key for network in networks)

    @property
    def device(self) -> str:
        """Where the first of them runs."""
        return self.networks[0].device

    def __call__(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """float32 [batch, *window_shape] -> outputs by name, as `model.networks.loading.Network` has them."""
        said = [network(windows) for network in self.networks]
        return {name: np.concatenate([outputs[name] for outputs in said], axis=1) for name in self._ends}

    def pull_back(self, windows: np.ndarray, cotangents: Mapping[str, np.ndarray]) -> np.ndarray:
        """See `model.networks.loading.Network`; what is heard is the same for all, so their gradients are added."""
        shares = {name: np.split(values, self._ends[name][:-1], axis=1) for name, values in cotangents.items()}
        found = [
            network.pull_back(windows, {name: parts[number] for name, parts in shares.items()})
            for number, network in enumerate(self.networks)
        ]
        return np.asarray(np.sum(found, axis=0), np.float32)


def alone(network: Network) -> tuple[Network, ...]:
    """The networks that stand side by side in it, or itself."""
    return network.networks if isinstance(network, NetworksSideBySide) else (network,)
