"""A network of `model.networks.recipes` on TensorFlow: on the GPU where TensorFlow sees one, else on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from model.networks.recipes import NetworkRecipe
from model.networks.tensorflow_device import import_tensorflow
from model.networks.weights import put_weights


class RecipeOnTensorFlow:
    """The Keras network as one `tf.function`; `model.predict` would cost several times as much for one window."""

    def __init__(
        self,
        recipe: NetworkRecipe,
        weights: Mapping[str, np.ndarray],
        *,
        labels: int,
        exclusive: bool,
        key: str,
        owner: str,
        cpu: bool = False,
    ) -> None:
        tensorflow = import_tensorflow(cpu=cpu)
        self.key = key
        self.device = "CPU" if cpu or not tensorflow.config.get_visible_devices("GPU") else "GPU"
        place = "/CPU:0" if self.device == "CPU" else "/GPU:0"
        with tensorflow.device(place):
            network = recipe.build(labels, exclusive)
            put_weights(network, weights, owner=owner)
        windows_spec = tensorflow.TensorSpec([None, *recipe.front_end.window_shape], tensorflow.float32)
        to_probabilities = tensorflow.nn.softmax if exclusive else tensorflow.nn.sigmoid

        def forward(windows: Any) -> Any:
            with tensorflow.device(place):
                outputs = network(windows, training=False)
                return {"tags": to_probabilities(outputs["scores"]), "embedding": outputs["embedding"]}

        def backward(windows: Any, cotangents: Any) -> Any:
            with tensorflow.device(place), tensorflow.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(windows)
                outputs = forward(windows)
            return tape.gradient(outputs, windows, output_gradients=cotangents)

        # Without autograph: there is nothing in it to convert, and looking for it costs half a second.
        self._forward = tensorflow.function(forward, input_signature=[windows_spec], autograph=False)
        # Compiled when it is first called, as most sessions never ask why.
        cotangents = {
            name: tensorflow.TensorSpec([None, size], tensorflow.float32)
            for name, size in (("tags", labels), ("embedding", recipe.embedding_size))
        }
        self._backward = tensorflow.function(backward, input_signature=[windows_spec, cotangents], autograph=False)

    def __call__(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """float32 [batch, *window_shape] -> tags float32 [batch, labels], the labels' probabilities, and embedding
        float32 [batch, embedding_size]."""
        return {name: values.numpy() for name, values in self._forward(windows).items()}

    def pull_back(self, windows: np.ndarray, cotangents: Mapping[str, np.ndarray]) -> np.ndarray:
        """How a score changes with the windows, float32 [batch, *window_shape], from how it changes with the outputs.

        The first call compiles it.
        """
        return np.asarray(self._backward(windows, dict(cotangents)).numpy())
