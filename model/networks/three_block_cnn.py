"""Three blocks of convolution, batch norm and pooling over MFCC: 98,058 parameters for ten labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.front_ends.mfcc import Mfcc
from model.networks.layers import finish, image, norm

if TYPE_CHECKING:
    import keras

NAME = "three-block-cnn"
FRONT_END = Mfcc()
"""22.05 kHz, 130 frames x 13 MFCC."""
EMBEDDING_SIZE = 64
_BLOCKS = ((32, 3, 3), (64, 3, 3), (64, 2, 2))
"""(filters, kernel, pool). Of the sizes one would try, these give the seed's number of parameters: the convolutions
are not padded, the pools are, with steps of two, so that 15 x 1 places of 64 filters are left."""


def build(labels: int, exclusive: bool) -> keras.Model:
    """Untrained: float32 [batch, 130, 13] -> see `model.networks.layers.finish`.

    The seed took the coefficients as they are; here they are divided by 100 first (see `model.networks.gap_cnn`).
    """
    import keras
    from keras import layers

    inputs = keras.Input(FRONT_END.window_shape, name="window")
    x = layers.Rescaling(1 / 100, name="scaled")(image(inputs))
    for number, (filters, kernel, pool) in enumerate(_BLOCKS, start=1):
        x = layers.Conv2D(filters, kernel, activation="relu", name=f"conv_{number}")(x)
        x = layers.MaxPooling2D(pool, strides=2, padding="same", name=f"pool_{number}")(x)
        x = norm(f"norm_{number}", x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(EMBEDDING_SIZE, activation="relu", name="embedding")(x)
    return finish(inputs, x, labels=labels, exclusive=exclusive, dropout=0.3, name="three_block_cnn")
