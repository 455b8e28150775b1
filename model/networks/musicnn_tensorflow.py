"""musicnn on TensorFlow: on the GPU where TensorFlow sees one, else on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from model.networks.musicnn import BANDS, EMBEDDING_SIZE, FRAMES, TAGS, build_musicnn, set_weights
from model.networks.musicnn_gradient import gradient_of
from model.networks.musicnn_pruning import front_filters, prune
from model.networks.tensorflow_device import import_tensorflow


class MusicnnOnTensorFlow:
    """The Keras network as one `tf.function`; `model.predict` would cost three times as much for one window."""

    def __init__(self, weights: Mapping[str, np.ndarray], *, key: str, cpu: bool = False) -> None:
        tensorflow = import_tensorflow(cpu=cpu)
        self.key = key
        self.device = "CPU" if cpu or not tensorflow.config.get_visible_devices("GPU") else "GPU"
        with tensorflow.device("/CPU:0" if self.device == "CPU" else "/GPU:0"):
            needed = prune(weights)
            network = build_musicnn(front_filters(needed))
            set_weights(network, needed)
        signature = [tensorflow.TensorSpec([None, FRAMES, BANDS], tensorflow.float32)]

        def forward(windows: Any) -> Any:
            with tensorflow.device("/CPU:0" if self.device == "CPU" else "/GPU:0"):
                return network(windows, training=False)

        def backward(windows: Any, cotangents: Any) -> Any:
            with tensorflow.device("/CPU:0" if self.device == "CPU" else "/GPU:0"):
                return gradient_of(network)(windows, cotangents)

        # Without autograph: there is nothing in it to convert, and looking for it costs half a second.
        self._forward = tensorflow.function(forward, input_signature=signature, autograph=False)
        # Compiled when it is first called, as most sessions never ask why.
        cotangents = {
            name: tensorflow.TensorSpec([None, size], tensorflow.float32)
            for name, size in (("tags", TAGS), ("embedding", EMBEDDING_SIZE))
        }
        self._backward = tensorflow.function(backward, input_signature=[*signature, cotangents], autograph=False)

    def __call__(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """float32 [batch, 187, 96] -> tags float32 [batch, 50], 0..1, and embedding float32 [batch, 200]."""
        return {name: values.numpy() for name, values in self._forward(windows).items()}

    def pull_back(self, windows: np.ndarray, cotangents: Mapping[str, np.ndarray]) -> np.ndarray:
        """The product of a vector with the network's Jacobian: how a score changes with the windows.

        windows : float32 [batch, 187, 96].
        cotangents : how the score changes with each output: tags float32 [batch, 50], embedding float32 [batch, 200].

        Returns float32 [batch, 187, 96]. The first call compiles it, which takes about a second.
        """
        return np.asarray(self._backward(windows, dict(cotangents)).numpy())
