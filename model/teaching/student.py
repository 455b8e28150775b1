"""Training the student on examples that its teachers have labelled."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.networks.recipes import NETWORKS as RECIPES
from model.networks.weights import read_weights
from model.teaching.shards import Batch, Shards

if TYPE_CHECKING:
    import keras

WEIGHTS_FILE = "student.npz"
DESCRIPTION_FILE = "student.json"
_SMALLEST_SPREAD = 0.02
"""Tags that hardly ever change are not blown up until their noise is all that counts."""
_CLIP = 6.0


@dataclass(frozen=True)
class Schedule:
    """How the student is trained.

    learning_rate : the highest, after `warm_up_share` of all steps; then it falls along half a cosine to nothing.
    correlation_weight, embedding_weight : of the second and third term of the loss; see `teaching_loss`.
    dropout : of the network's dropout layers, lower than for training on a few thousand labels: teachers' answers are
        much harder to learn by heart.
    """

    recipe: str = "small"
    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 2e-3
    warm_up_share: float = 0.05
    weight_decay: float = 1e-3
    correlation_weight: float = 0.25
    embedding_weight: float = 0.25
    dropout: float = 0.05
    seed: int = 1


def train(examples: Path, out: Path, schedule: Schedule, *, log: Path | None = None) -> keras.Model:
    """Train a student and write its weights, names and history into `out`; goes on where it was interrupted."""
    import keras
    import tensorflow

    keras.utils.set_random_seed(schedule.seed)
    taught, tested = Shards(examples, "train"), Shards(examples, "plain")
    tag_spread, embedding_mean, embedding_spread = taught.statistics()
    network = RECIPES[schedule.recipe].build(len(taught.tag_names), exclusive=False)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = schedule.dropout
    # Only while it learns: what the teacher's embedding holds beyond its tags is worth knowing too.
    imitated = keras.layers.Dense(len(embedding_mean), dtype="float32", name="imitated")(network.output["embedding"])
    model = keras.Model(network.input, {"scores": network.output["scores"], "imitated": imitated})
    steps = taught.count // schedule.batch_size
    total = steps * schedule.epochs
    model.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                total - round(total * schedule.warm_up_share),
                warmup_target=schedule.learning_rate,
                warmup_steps=round(total * schedule.warm_up_share),
            ),
            weight_decay=schedule.weight_decay,
            clipnorm=1.0,
        ),
        loss={"scores": teaching_loss(tag_spread, schedule.correlation_weight), "imitated": "mean_squared_error"},
        loss_weights={"scores": 1.0, "imitated": schedule.embedding_weight},
        auto_scale_loss=False,
    )

    def prepared(batch: Batch) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        standard = (batch.embedding - embedding_mean) / (embedding_spread + 1e-3)
        return batch.windows, {"scores": batch.tags, "imitated": np.clip(standard, -_CLIP, _CLIP)}

    shape = (None, *RECIPES[schedule.recipe].front_end.window_shape)
    signature = (
        tensorflow.TensorSpec(shape, tensorflow.float32),
        {
            "scores": tensorflow.TensorSpec((None, len(tag_spread)), tensorflow.float32),
            "imitated": tensorflow.TensorSpec((None, len(embedding_mean)), tensorflow.float32),
        },
    )

    def rounds() -> Any:
        for epoch in range(schedule.epochs):
            for batch in taught.batches(schedule.batch_size, schedule.seed + epoch):
                yield prepared(batch)

    def tests() -> Any:
        for batch in tested.batches(schedule.batch_size, None):
            yield prepared(batch)

    out.mkdir(parents=True, exist_ok=True)
    history = model.fit(
        tensorflow.data.Dataset.from_generator(rounds, output_signature=signature).prefetch(2),
        epochs=schedule.epochs,
        steps_per_epoch=sum(1 for _ in range(steps)),
        validation_data=tensorflow.data.Dataset.from_generator(tests, output_signature=signature).prefetch(1),
        callbacks=[keras.callbacks.CSVLogger(str(log or out / "log.csv"))],
        verbose=2,
    )
    np.savez(out / WEIGHTS_FILE, **read_weights(network))
    described = {
        "schedule": asdict(schedule),
        "tags": list(taught.tag_names),
        "examples": taught.count,
        "history": history.history,
    }
    (out / DESCRIPTION_FILE).write_text(json.dumps(described, indent=1), encoding="utf-8")
    return network


def teaching_loss(tag_spread: np.ndarray, correlation_weight: float) -> Any:
    """A loss of probabilities float [batch, names] against logits: cross-entropy, and beside it the squared error of
    every tag measured by how much that tag varies (`tag_spread`, float [names]).

    Cross-entropy alone is content when rare tags are always low; the second term asks that they rise and fall with the
    teacher's: it is one minus the square of the correlation, but for the mean.
    """
    from keras import ops

    spread = ops.convert_to_tensor(np.maximum(tag_spread, _SMALLEST_SPREAD).astype(np.float32))

    def loss(truth: Any, logits: Any) -> Any:
        entropy = ops.mean(ops.binary_crossentropy(truth, logits, from_logits=True), axis=-1)
        errors = (ops.sigmoid(logits) - truth) / spread
        return entropy + correlation_weight * ops.mean(ops.square(errors), axis=-1)

    return loss
