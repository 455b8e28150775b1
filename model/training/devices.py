"""What a training runs on."""

from __future__ import annotations

from typing import Any

HALF = "mixed_bfloat16"
"""Half precision with the range of single precision, so that gradients need no scaling."""
_GAINS_FROM = (8, 0)
"""Compute capability from which GPUs have units for it."""


def choose_precision(tensorflow: Any, wanted: bool | None) -> str:
    """The Keras policy: `HALF` if wanted, or if nothing is said and every GPU gains by it; else "float32"."""
    if wanted is not None:
        return HALF if wanted else "float32"
    gpus = tensorflow.config.get_visible_devices("GPU")
    details = [tensorflow.config.experimental.get_device_details(gpu) for gpu in gpus]
    gains = bool(gpus) and all(detail.get("compute_capability", (0, 0)) >= _GAINS_FROM for detail in details)
    return HALF if gains else "float32"


def choose_strategy(tensorflow: Any, distribute: str) -> Any:
    """A `MirroredStrategy` over all GPUs (over all logical CPU devices where there is no GPU), None for one device."""
    if distribute == "off":
        return None
    devices = tensorflow.config.list_logical_devices("GPU") or tensorflow.config.list_logical_devices("CPU")
    if len(devices) < 2:
        return None
    return tensorflow.distribute.MirroredStrategy([device.name for device in devices])
