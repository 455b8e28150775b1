"""Four convolution blocks over half a minute of sound: made for twelve electronic styles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.front_ends.compression import DECIBELS
from model.front_ends.log_mel import LogMel
from model.networks.layers import finish, image, norm

if TYPE_CHECKING:
    import keras

NAME = "electronic-cnn"
FRONT_END = LogMel(
    sample_rate=12_000, n_fft=1_024, hop_length=1_024, fmax_hz=6_000.0, compression=DECIBELS, window_frames=342
)
"""12 kHz, 342 frames x 96 mel bands in decibels: 29.12 s."""
EMBEDDING_SIZE = 512
_BLOCKS = ((64, (2, 2)), (96, (3, 3)), (160, (4, 4)), (EMBEDDING_SIZE, (14, 4)))
"""(filters, pool over frames and bands): the last pool leaves one place, the loudest of each filter."""


def build(labels: int, exclusive: bool) -> keras.Model:
    """Untrained: float32 [batch, 342, 96] -> see `model.networks.layers.finish`."""
    import keras
    from keras import layers

    inputs = keras.Input(FRONT_END.window_shape, name="window")
    # Every band is normalised for itself.
    x = image(norm("input_norm", inputs))
    for number, (filters, pool) in enumerate(_BLOCKS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = norm(f"norm_{number}", x)
        x = layers.Activation("relu", name=f"relu_{number}")(x)
        x = layers.MaxPooling2D(pool, name=f"pool_{number}")(x)
        x = layers.Dropout(0.1, name=f"dropout_{number}")(x)
    x = layers.Flatten(name="embedding")(x)
    return finish(inputs, x, labels=labels, exclusive=exclusive, dropout=0.3, name="electronic_cnn")
