"""Four convolutions, each with max pooling, over a spectrogram with steps of 5 ms: made for seven ballroom dances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.front_ends.log_spectrum import LogSpectrum
from model.networks.layers import finish, image

if TYPE_CHECKING:
    import keras

NAME = "dance-cnn"
FRONT_END = LogSpectrum(
    sample_rate=44_100, n_fft=256, hop_length=224, window="tukey-0.25-periodic", window_frames=512, bands=128
)
"""44.1 kHz, 512 frames x 128 bins.

512 frames in 2.6 s are steps of 224 samples, and with 128 bins this is what `scipy.signal.spectrogram` makes when it is
told nothing: 256 samples, an eighth of them shared with the next frame, under a Tukey window. It has one bin more; that
of frequency zero is left out, as it takes the mean off every frame. Here bins are decibels over a fixed reference.
"""
EMBEDDING_SIZE = 128
_BLOCKS = ((32, (4, 2)), (64, (4, 2)), (96, (4, 2)), (128, (2, 2)))
"""(filters, pool over frames and bins): 4 x 8 places are left."""


def build(labels: int, exclusive: bool) -> keras.Model:
    """Untrained: float32 [batch, 512, 128] -> see `model.networks.layers.finish`."""
    import keras
    from keras import layers

    inputs = keras.Input(FRONT_END.window_shape, name="window")
    # -50 dB .. +40 dB to about -1..1.
    x = layers.Rescaling(1 / 45, offset=1 / 9, name="scaled")(image(inputs))
    for number, (filters, pool) in enumerate(_BLOCKS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv_{number}")(x)
        x = layers.MaxPooling2D(pool, name=f"pool_{number}")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dropout(0.3, name="dropout_flat")(x)
    x = layers.Dense(EMBEDDING_SIZE, activation="relu", name="embedding")(x)
    return finish(inputs, x, labels=labels, exclusive=exclusive, dropout=0.5, name="dance_cnn")
