"""A tiny training for tests of the loop. As a program: on two logical CPU devices, printing what came of it as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow

COUNT, BATCH = 320, 32


class Points:
    """Points in eight dimensions; the signs of two of them make three labels."""

    steps = COUNT // BATCH
    batch_size = BATCH

    def __init__(self) -> None:
        self.points = np.random.default_rng(0).normal(size=(COUNT, 8)).astype(np.float32)
        self.truth = (self.points[:, 0] > 0).astype(int) + (self.points[:, 1] > 0)

    def dataset(self, epoch: int, first_step: int) -> Any:
        order = np.random.default_rng(epoch).permutation(COUNT)[first_step * BATCH :]
        targets = np.eye(3, dtype=np.float32)[self.truth[order]]
        weights = np.ones(len(order), np.float32)
        return tensorflow.data.Dataset.from_tensor_slices((self.points[order], targets, weights)).batch(BATCH)


def build(*, dropout: float = 0.2, norm: bool = True) -> keras.Model:
    inputs = keras.Input((8,))
    x = keras.layers.Dense(16)(inputs)
    x = keras.layers.BatchNormalization(momentum=0.9)(x) if norm else x
    x = keras.layers.Dropout(dropout)(keras.layers.Activation("relu")(x))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def validate(network: keras.Model) -> dict[str, float]:
    points = Points()
    called = network(points.points, training=False).numpy().argmax(axis=1)
    return {"score": float((called == points.truth).mean())}


class _Silent:
    def step(self, epoch: int, step: int, steps: int, loss: float) -> None: ...

    def epoch(self, record: Mapping[str, float], best: bool) -> None: ...


def train(distribute: str, *, norm: bool, epochs: int = 3) -> dict[str, Any]:
    from model.training.checkpoint import CheckpointFolder
    from model.training.devices import choose_strategy
    from model.training.interruption import Interruption
    from model.training.loop import Loop, LoopSettings

    keras.backend.clear_session()
    keras.utils.set_random_seed(4)
    strategy = choose_strategy(tensorflow, distribute)
    loop = Loop(
        lambda: build(dropout=0.2 if norm else 0.0, norm=norm),
        tensorflow.nn.softmax_cross_entropy_with_logits,
        LoopSettings(epochs=epochs, learning_rate=1e-2, patience=99),
        Points(),
        strategy=strategy,
    )
    with tempfile.TemporaryDirectory() as folder:
        outcome = loop.run(validate, CheckpointFolder(Path(folder), {}), interruption=Interruption(), watcher=_Silent())
    first = np.asarray(loop.model.layers[1].kernel)
    return {
        "devices": 1 if strategy is None else strategy.num_replicas_in_sync,
        "losses": [record["loss"] for record in outcome.history],
        "scores": [record["validation_score"] for record in outcome.history],
        "kernel": first.ravel().tolist(),
    }


def main() -> None:
    cpu = tensorflow.config.list_physical_devices("CPU")[0]
    tensorflow.config.set_logical_device_configuration(cpu, [tensorflow.config.LogicalDeviceConfiguration()] * 2)
    # A process has one strategy, as a training has.
    if sys.argv[1:] == ["normalised"]:
        found = {"auto": train("auto", norm=True, epochs=8)}
    else:
        found = {"off": train("off", norm=False), "auto": train("auto", norm=False)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
