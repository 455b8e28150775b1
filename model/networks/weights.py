"""The weights of a Keras network as arrays by name, as bundles hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from model.errors import BundleError

if TYPE_CHECKING:
    import keras


def read_weights(network: keras.Model) -> dict[str, np.ndarray]:
    """All weights, float32, by path: "layer/variable", deeper for layers within layers."""
    return {variable.path: np.asarray(variable, np.float32) for variable in network.weights}


def put_weights(network: keras.Model, weights: Mapping[str, np.ndarray], *, owner: str) -> None:
    """Put weights into a network; raises BundleError unless every one is there, float32, of the right shape, and none
    is left over.

    owner : whose weights they are, for the message.
    """
    variables = {variable.path: variable for variable in network.weights}
    for path, variable in variables.items():
        found = weights.get(path)
        if found is None or found.shape != tuple(variable.shape) or found.dtype != np.float32:
            raise _refusal(owner, f"the network needs {path} as float32 {list(variable.shape)}")
    if extra := sorted(set(weights) - set(variables)):
        raise _refusal(owner, f"the network has no {extra[0]}")
    for path, variable in variables.items():
        variable.assign(weights[path])


def _refusal(owner: str, rule: str) -> BundleError:
    return BundleError(
        f"the weights of {owner} do not fit its network", rule=rule, next_step="Build the bundle again, or use another"
    )
