"""Layers that several networks share. Importing this module does not import Keras; calling a function does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from model.networks.normalisation import batch_normalization

if TYPE_CHECKING:
    import keras

RARE = 0.05
"""How often a label holds, before anything is learned, where several may hold at once."""


def finish(inputs: Any, embedding: Any, *, labels: int, exclusive: bool, dropout: float, name: str) -> keras.Model:
    """Dropout, the last layer, and the model.

    Returns a model from windows to a dict:
        scores     float32 [batch, labels]: logits, of a softmax where `exclusive`, else of a sigmoid each
        embedding  float32 [batch, embedding]: what the scores are made from

    Both are float32 also where the rest is trained in half precision. Labels that do not exclude each other start as
    rare ones, so that the first steps are not spent on learning that most labels are absent (Lin et al., "Focal loss
    for dense object detection", ICCV 2017, arXiv 1708.02002, section 4.1).
    """
    import keras
    from keras import layers

    kept = layers.Dropout(dropout, name="dropout")(embedding)
    bias = "zeros" if exclusive else keras.initializers.Constant(-math.log(1.0 / RARE - 1.0))
    scores = layers.Dense(labels, bias_initializer=bias, dtype="float32", name="scores")(kept)
    outputs = {"scores": scores, "embedding": layers.Activation("linear", dtype="float32", name="heard")(embedding)}
    return keras.Model(inputs, outputs, name=name)


def norm(name: str, x: Any, *, axis: int = -1) -> Any:
    """Batch normalisation whose averages settle within some fifty steps: small data sets have few."""
    return batch_normalization(name, axis=axis, momentum=0.9)(x)


def image(x: Any) -> Any:
    """[batch, frames, bands] -> [batch, frames, bands, 1]."""
    from keras import layers

    return layers.Reshape((*x.shape[1:], 1), name="image")(x)
