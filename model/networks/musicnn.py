"""The musicnn network of Pons & Serra (2019), in Keras layers that run on any Keras backend.

Reference: J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging",
late-breaking demo of ISMIR 2019, arXiv 1909.06654. Layer by layer it follows the training graph in the `.meta`
files that come with the published weights (see `model.convert_musicnn`).

Importing this module imports neither Keras nor TensorFlow; building does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from model.front_ends.log_mel import LogMel
from model.networks.layers import finish

if TYPE_CHECKING:
    import keras

ARCHITECTURE = "musicnn"
FRONT_END = LogMel()
FRAMES, BANDS = 187, 96
TAGS = 50
EMBEDDING_SIZE = 200

TIMBRAL_FILTERS = 204
TEMPORAL_FILTERS = 51
MIDDLE_FILTERS = 64
TIMBRAL_KERNELS = ((7, 38), (7, 67))
"""(frames, bands): timbres are seen through 0.4 and 0.7 of the 96 bands."""
TEMPORAL_KERNELS = (128, 64, 32)
"""Frames: rhythms are seen band by band."""
FRONT_LAYERS = (
    *(f"timbral_{bands}" for _, bands in TIMBRAL_KERNELS),
    *(f"temporal_{frames}" for frames in TEMPORAL_KERNELS),
)
"""The convolutions that see the spectrogram, in the order in which what they find is put side by side."""
NORM_EPSILON = 1e-3

# The TF1 layer that each Keras layer takes its numbers from, in the order in which the graph made them.
CHECKPOINT_LAYERS = {
    "input_norm": "batch_normalization",
    "timbral_38": "conv2d",
    "timbral_38_norm": "batch_normalization_1",
    "timbral_67": "conv2d_1",
    "timbral_67_norm": "batch_normalization_2",
    "temporal_128": "conv2d_2",
    "temporal_128_norm": "batch_normalization_3",
    "temporal_64": "conv2d_3",
    "temporal_64_norm": "batch_normalization_4",
    "temporal_32": "conv2d_4",
    "temporal_32_norm": "batch_normalization_5",
    "middle_1": "conv2d_5",
    "middle_1_norm": "batch_normalization_6",
    "middle_2": "conv2d_6",
    "middle_2_norm": "batch_normalization_7",
    "middle_3": "conv2d_7",
    "middle_3_norm": "batch_normalization_8",
    "pooled_norm": "batch_normalization_9",
    "penultimate": "dense",
    "embedding": "batch_normalization_10",
    "tags": "dense_1",
}


def build_musicnn(front_filters: Mapping[str, int] | None = None) -> keras.Model:
    """The published network without its weights.

    front_filters : for each of `FRONT_LAYERS` how many filters are left of it (see `model.networks.musicnn_pruning`).

    Returns
    -------
    A model from float32 [batch, 187 frames, 96 bands] (log10(10000 mel + 1), see `model.front_ends.log_mel`) to a dict:
        tags       float32 [batch, 50], 0..1, each tag on its own
        embedding  float32 [batch, 200]
    """
    import keras
    from keras import layers

    log_mel, embedding = _body(front_filters)
    tags = layers.Dense(TAGS, activation="sigmoid", name="tags")(embedding)
    return keras.Model(log_mel, {"tags": tags, "embedding": embedding}, name=ARCHITECTURE)


def build(labels: int, exclusive: bool) -> keras.Model:
    """The same network for other labels, untrained, with the 50 % dropouts of the training graph.

    float32 [batch, 187, 96] -> see `model.networks.layers.finish`.
    """
    log_mel, embedding = _body(None, dropout=0.5)
    return finish(log_mel, embedding, labels=labels, exclusive=exclusive, dropout=0.5, name=ARCHITECTURE)


def _body(front_filters: Mapping[str, int] | None, *, dropout: float = 0.0) -> tuple[Any, Any]:
    """The network up to its embedding: its input and its output.

    front_filters : see `build_musicnn`.
    dropout : before the dense layer; at inference it does nothing.
    """
    import keras
    from keras import layers, ops

    def norm(name: str, x: Any) -> Any:
        return layers.BatchNormalization(epsilon=NORM_EPSILON, momentum=0.99, name=name)(x)

    log_mel = keras.Input((FRAMES, BANDS), name="log_mel")
    image = norm("input_norm", ops.expand_dims(log_mel, -1))
    # Padded in time only: the maximum over frequency that follows makes padding there pointless.
    padded = layers.ZeroPadding2D(((3, 3), (0, 0)), name="timbral_pad")(image)

    filters = front_filters or dict(
        zip(
            FRONT_LAYERS,
            [TIMBRAL_FILTERS] * len(TIMBRAL_KERNELS) + [TEMPORAL_FILTERS] * len(TEMPORAL_KERNELS),
            strict=True,
        )
    )
    front = []
    for kernel in TIMBRAL_KERNELS:
        name = f"timbral_{kernel[1]}"
        x = layers.Conv2D(filters[name], kernel, activation="relu", name=name)(padded)
        front.append(ops.max(norm(f"{name}_norm", x), axis=2))
    for frames in TEMPORAL_KERNELS:
        name = f"temporal_{frames}"
        x = layers.Conv2D(filters[name], (frames, 1), padding="same", activation="relu", name=name)(image)
        front.append(ops.max(norm(f"{name}_norm", x), axis=2))
    first = ops.concatenate(front, axis=-1)

    levels = [first]
    for number in (1, 2, 3):
        name = f"middle_{number}"
        x = levels[-1]
        if front_filters and number == 1:
            # In place of the filters left out: at the edges, where zeros are added, they were missing too.
            x = ops.concatenate([x, ops.ones_like(x[..., :1])], axis=-1)
        x = layers.Conv1D(MIDDLE_FILTERS, 7, padding="same", activation="relu", name=name)(x)
        x = norm(f"{name}_norm", x)
        levels.append(x if number == 1 else levels[-1] + x)
    all_levels = ops.concatenate(levels, axis=-1)

    # Maximum and mean of one channel stand side by side: that is how the dense layer was trained.
    pooled = ops.stack([ops.max(all_levels, axis=1), ops.mean(all_levels, axis=1)], axis=-1)
    pooled = norm("pooled_norm", layers.Flatten(name="pooled")(pooled))
    if dropout:
        pooled = layers.Dropout(dropout, name="dropout_pooled")(pooled)
    hidden = layers.Dense(EMBEDDING_SIZE, activation="relu", name="penultimate")(pooled)
    return log_mel, norm("embedding", hidden)


def set_weights(network: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Put arrays named `"layer/variable"` into the layers of `build_musicnn`."""
    for layer in network.layers:
        for variable in layer.weights:
            variable.assign(weights[f"{layer.name}/{variable.name}"])


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """The name and the shape of every array of weights, float32: what a weights file must hold."""
    front = {f"timbral_{bands}": (frames, bands, 1, TIMBRAL_FILTERS) for frames, bands in TIMBRAL_KERNELS}
    front |= {f"temporal_{frames}": (frames, 1, 1, TEMPORAL_FILTERS) for frames in TEMPORAL_KERNELS}
    channels = sum(kernel[-1] for kernel in front.values())
    inputs = (channels, MIDDLE_FILTERS, MIDDLE_FILTERS)
    middle = {f"middle_{number}": (7, size, MIDDLE_FILTERS) for number, size in enumerate(inputs, start=1)}
    pooled = 2 * (channels + 3 * MIDDLE_FILTERS)
    dense = {"penultimate": (pooled, EMBEDDING_SIZE), "tags": (EMBEDDING_SIZE, TAGS)}
    norms = {"input_norm": 1, "pooled_norm": pooled, "embedding": EMBEDDING_SIZE}
    norms |= {f"{name}_norm": kernel[-1] for name, kernel in (front | middle).items()}

    shapes: dict[str, tuple[int, ...]] = {}
    for name, kernel in (front | middle | dense).items():
        shapes |= {f"{name}/kernel": kernel, f"{name}/bias": kernel[-1:]}
    for name, size in norms.items():
        shapes |= {f"{name}/{variable}": (size,) for variable in ("gamma", "beta", "moving_mean", "moving_variance")}
    return shapes
