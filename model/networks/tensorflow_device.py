"""TensorFlow, imported the way this program wants it."""

from __future__ import annotations

import os
from typing import Any

from model.standard_error import quiet_standard_error


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
