"""musicnn on TensorFlow: on the GPU where TensorFlow sees one, else on the CPU."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from model.networks.musicnn import BANDS, FRAMES, build_musicnn, set_weights
from model.standard_error import quiet_standard_error


class MusicnnOnTensorFlow:
    """The Keras network as one `tf.function`; `model.predict` would cost three times as much for one window."""

    def __init__(self, weights: Mapping[str, np.ndarray], *, key: str, cpu: bool = False) -> None:
        tensorflow = import_tensorflow(cpu=cpu)
        self.key = key
        self.device = "CPU" if cpu or not tensorflow.config.get_visible_devices("GPU") else "GPU"
        with tensorflow.device("/CPU:0" if self.device == "CPU" else "/GPU:0"):
            network = build_musicnn()
            set_weights(network, weights)
        signature = [tensorflow.TensorSpec([None, FRAMES, BANDS], tensorflow.float32)]

        def forward(windows: Any) -> Any:
            with tensorflow.device("/CPU:0" if self.device == "CPU" else "/GPU:0"):
                return network(windows, training=False)

        # Without autograph: there is nothing in it to convert, and looking for it costs half a second.
        self._forward = tensorflow.function(forward, input_signature=signature, autograph=False)

    def __call__(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """float32 [batch, 187, 96] -> tags float32 [batch, 50], 0..1, and embedding float32 [batch, 200]."""
        return {name: values.numpy() for name, values in self._forward(windows).items()}


def import_tensorflow(*, cpu: bool = False) -> Any:
    """TensorFlow without its chatter, and taking GPU memory as it needs it rather than all of it at once.

    cpu : hide the GPUs from TensorFlow for the rest of the process, so that nothing is even set up on them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with quiet_standard_error():
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
        try:
            if cpu:
                tensorflow.config.set_visible_devices([], "GPU")
            for gpu in tensorflow.config.get_visible_devices("GPU"):
                tensorflow.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            # Somebody used TensorFlow before us: then its devices and their memory are already arranged.
            pass
    return tensorflow
