"""Convolutions that shrink a spectrogram to 15 steps in time, and a recurrent network that reads them.

Reference: K. Choi, G. Fazekas, M. Sandler and K. Cho, "Convolutional recurrent neural networks for music
classification", ICASSP 2017, arXiv 1609.04243.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.front_ends.compression import DECIBELS
from model.front_ends.log_mel import LogMel
from model.networks.layers import finish, image, norm

if TYPE_CHECKING:
    import keras

NAME = "crnn"
FRONT_END = LogMel(
    sample_rate=12_000, n_fft=2_048, hop_length=256, fmax_hz=6_000.0, compression=DECIBELS, window_frames=1_366
)
"""12 kHz, 1366 frames x 96 mel bands in decibels: 29.12 s."""
EMBEDDING_SIZE = 32
_BLOCKS = ((64, (2, 2)), (128, (3, 3)), (128, (4, 4)), (128, (4, 4)))
"""(filters, pool over frames and bands)."""
_FRAMES = 1_440
"""Frames after padding on both sides: a multiple of the pools' 96."""


def build(labels: int, exclusive: bool) -> keras.Model:
    """Untrained: float32 [batch, 1366, 96] -> see `model.networks.layers.finish`."""
    import keras
    from keras import layers

    inputs = keras.Input(FRONT_END.window_shape, name="window")
    # Every band is normalised for itself; the frames added after that are therefore of mean loudness.
    x = image(norm("input_norm", inputs))
    missing = _FRAMES - FRONT_END.window_frames
    x = layers.ZeroPadding2D(((missing // 2, missing - missing // 2), (0, 0)), name="pad")(x)
    for number, (filters, pool) in enumerate(_BLOCKS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", name=f"conv_{number}")(x)
        x = norm(f"norm_{number}", x)
        x = layers.Activation("elu", name=f"elu_{number}")(x)
        x = layers.MaxPooling2D(pool, name=f"pool_{number}")(x)
        x = layers.Dropout(0.1, name=f"dropout_{number}")(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="steps")(x)
    x = layers.GRU(EMBEDDING_SIZE, return_sequences=True, name="gru_1")(x)
    x = layers.GRU(EMBEDDING_SIZE, name="embedding")(x)
    return finish(inputs, x, labels=labels, exclusive=exclusive, dropout=0.3, name="crnn")
