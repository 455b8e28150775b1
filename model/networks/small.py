"""Our own small network: depthwise-separable convolutions over musicnn's spectrogram, at a tenth of musicnn's cost.

References: A. G. Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications",
arXiv 1704.04861; the sums around blocks are those of K. He et al., "Deep residual learning", CVPR 2016,
arXiv 1512.03385.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model.front_ends.log_mel import LogMel
from model.networks.layers import finish, image, norm

if TYPE_CHECKING:
    import keras

NAME = "small"
FRONT_END = LogMel()
"""16 kHz, 187 frames x 96 mel bands, as musicnn."""
EMBEDDING_SIZE = 256
_STEM = 24
_MIXED = 320
_BLOCKS = (
    # (filters, stride): each halves frames and bands where the stride is two.
    (48, 2),
    (64, 1),
    (64, 1),
    (112, 2),
    (112, 1),
    (112, 1),
    (256, 2),
    (256, 1),
    (256, 1),
)


def build(labels: int, exclusive: bool) -> keras.Model:
    """Untrained: float32 [batch, 187, 96] -> see `model.networks.layers.finish`."""
    import keras
    from keras import layers, ops

    inputs = keras.Input(FRONT_END.window_shape, name="window")
    # Every band is normalised for itself.
    x = image(norm("input_norm", inputs))
    x = _convolve("stem", x, _STEM, kernel=3, stride=2)
    for number, (filters, stride) in enumerate(_BLOCKS, start=1):
        before = x
        x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"block_{number}_depthwise")(x)
        x = norm(f"block_{number}_depthwise_norm", x)
        x = layers.Activation("relu", name=f"block_{number}_depthwise_relu")(x)
        x = _convolve(f"block_{number}", x, filters)
        if before.shape == x.shape:
            x = layers.Add(name=f"block_{number}_sum")([before, x])
    # Bands keep their places, times do not: what a bass and a cymbal say differs, when they say it does not matter.
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="times")(x)
    x = layers.Conv1D(_MIXED, 1, use_bias=False, name="mixed")(x)
    x = layers.Activation("relu", name="mixed_relu")(norm("mixed_norm", x))
    pooled = layers.Concatenate(name="pooled")([ops.max(x, axis=1), ops.mean(x, axis=1)])
    pooled = layers.Dropout(0.2, name="dropout_pooled")(pooled)
    x = layers.Dense(EMBEDDING_SIZE, activation="relu", name="penultimate")(pooled)
    embedding = norm("embedding", x)
    return finish(inputs, embedding, labels=labels, exclusive=exclusive, dropout=0.3, name="small")


def _convolve(name: str, x: Any, filters: int, *, kernel: int = 1, stride: int = 1) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.Activation("relu", name=f"{name}_relu")(norm(f"{name}_norm", x))
