"""Two convolutions and a global average over MFCC, harmonic and percussive spectrograms: 109,066 parameters for ten
labels.

The average over all places (Lin, Chen and Yan, "Network in network", ICLR 2014, arXiv 1312.4400) makes it blind to
where in the window something was heard, and keeps the dense layers small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.front_ends.harmonic_percussive import HarmonicPercussive
from model.networks.layers import finish

if TYPE_CHECKING:
    import keras

NAME = "gap-cnn"
FRONT_END = HarmonicPercussive()
"""22.05 kHz, 130 frames x 40 x 3: MFCC, harmonic mel bands, percussive mel bands."""
EMBEDDING_SIZE = 512


def build(labels: int, exclusive: bool) -> keras.Model:
    """Untrained: float32 [batch, 130, 40, 3] -> see `model.networks.layers.finish`.

    The seed took the levels as they are, in decibels; here they are brought to about -1..1 first, which has nothing to
    be learned and spares the first steps. It had a softmax as its last layer, which is outside of the model now.
    """
    import keras
    from keras import layers

    inputs = keras.Input(FRONT_END.window_shape, name="window")
    # MFCC are sums over 128 bands: the first reaches some hundreds.
    x = layers.Rescaling(scale=[1 / 100, 1 / 40, 1 / 40], offset=[0.0, 0.5, 0.5], name="scaled")(inputs)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_1")(x)
    x = layers.MaxPooling2D(2, name="pool_1")(x)
    x = layers.Conv2D(128, 3, padding="same", activation="relu", name="conv_2")(x)
    x = layers.MaxPooling2D(2, name="pool_2")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dense(EMBEDDING_SIZE, activation="relu", name="embedding")(x)
    return finish(inputs, x, labels=labels, exclusive=exclusive, dropout=0.3, name="gap_cnn")
