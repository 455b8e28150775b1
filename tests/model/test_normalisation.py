"""Fused batch normalisation gives what Keras's gives, forwards and backwards."""

import keras
import numpy as np
import pytest
import tensorflow

from model.networks.normalisation import batch_normalization


def layers(shape: tuple[int, ...]) -> list[keras.layers.BatchNormalization]:
    """Ours and Keras's with the same numbers."""
    made = [batch_normalization("ours", axis=-1, momentum=0.9), keras.layers.BatchNormalization(momentum=0.9)]
    generator = np.random.default_rng(1)
    values = [generator.uniform(0.5, 2.0, shape[-1]) for _ in range(4)]
    for layer in made:
        layer.build(shape)
        layer.set_weights(values)
    return made


@pytest.mark.parametrize("shape", [(6, 9, 7, 5), (6, 11, 5), (32, 5)], ids=["image", "times", "vector"])
@pytest.mark.parametrize("training", [True, False])
def test_outputs_gradients_and_averages_are_those_of_keras(shape: tuple[int, ...], training: bool) -> None:
    inputs = tensorflow.constant(np.random.default_rng(2).normal(1.0, 3.0, shape), tensorflow.float32)
    wanted = tensorflow.constant(np.random.default_rng(3).normal(0.0, 1.0, shape), tensorflow.float32)
    found = []
    for layer in layers(shape):
        with tensorflow.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=training)
            loss = tensorflow.reduce_sum(outputs * wanted)
        gradients = tape.gradient(loss, [inputs, *layer.trainable_variables])
        found.append([outputs, *gradients, *layer.get_weights()])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


def test_frozen_layers_keep_their_averages() -> None:
    (layer, _) = layers((6, 9, 7, 5))
    layer.trainable = False
    before = layer.get_weights()
    layer(np.random.default_rng(2).normal(1.0, 3.0, (6, 9, 7, 5)).astype(np.float32), training=True)
    for was, is_now in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(was, is_now)


def test_half_precision_goes_in_and_comes_out_and_channels_may_stand_elsewhere() -> None:
    half = batch_normalization("half", axis=-1, momentum=0.9)
    half.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    outputs = half(tensorflow.ones((2, 4, 4, 3), tensorflow.bfloat16), training=True)
    assert outputs.dtype == tensorflow.bfloat16
    elsewhere = batch_normalization("elsewhere", axis=1, momentum=0.9)
    given = np.random.default_rng(1).normal(4.0, 2.0, (8, 3, 5, 5)).astype(np.float32)
    normalised = elsewhere(given, training=True).numpy()
    np.testing.assert_allclose(normalised.mean(axis=(0, 2, 3)), 0.0, atol=1e-3)
