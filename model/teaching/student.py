"""Training the student on examples that its teachers have labelled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.bundle_writing import write_arrays
from model.errors import DataError
from model.networks.recipes import NETWORKS as RECIPES
from model.networks.weights import put_weights, read_weights
from model.teaching.agreement import answers, compare
from model.teaching.shards import Batch, Shards
from model.training.checkpoint import CheckpointFolder
from model.training.interruption import Interruption
from model.training.loop import SCORE, Loop, LoopSettings, Outcome, Watcher

if TYPE_CHECKING:
    import keras

WEIGHTS_FILE = "student.npz"
DESCRIPTION_FILE = "student.json"
_SMALLEST_SPREAD = 0.02
"""Tags that hardly ever change are not blown up until their noise is all that counts."""
_CLIP = 6.0


@dataclass(frozen=True)
class LessonPlan:
    """How the student is trained.

    correlation_weight, embedding_weight : of the second and third term of the loss; see `TeachingLoss`.
    dropout : of the network's dropout layers, lower than for training on a few thousand labels: teachers' answers are
        much harder to learn by heart.
    """

    recipe: str = "small"
    batch_size: int = 128
    correlation_weight: float = 0.25
    embedding_weight: float = 0.25
    dropout: float = 0.05
    seed: int = 1
    loop: LoopSettings = field(default_factory=lambda: LoopSettings(epochs=10, patience=10, weight_decay=1e-3))


class ShardBatches:
    """The shards as the training loop wants them (`model.training.loop.Batches`)."""

    def __init__(self, shards: Shards, batch_size: int, seed: int) -> None:
        self._shards = shards
        self._seed = seed
        self.batch_size = batch_size
        self.steps = shards.count // batch_size
        if not self.steps:
            raise DataError(f"{shards.count} examples are not enough", rule=f"a batch has {batch_size}")

    def dataset(self, epoch: int, first_step: int) -> Any:
        """(windows, {"tags", "embedding"}, weights); the batches before `first_step` are read and passed over."""
        import tensorflow

        def batches() -> Any:
            for step, batch in enumerate(self._shards.batches(self.batch_size, self._seed + epoch)):
                if step >= first_step:
                    yield _targets(batch)

        first = _targets(next(self._shards.batches(self.batch_size, None)))
        signature = tensorflow.nest.map_structure(
            lambda values: tensorflow.TensorSpec((self.batch_size, *values.shape[1:]), tensorflow.float32), first
        )
        return tensorflow.data.Dataset.from_generator(batches, output_signature=signature).take(self.steps).prefetch(2)


def _targets(batch: Batch) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    return batch.windows, {"tags": batch.tags, "embedding": batch.embedding}, np.ones(len(batch.windows), np.float32)


class TeachingLoss:
    """float32 [batch]: three terms, weighted and added.

    Cross-entropy of the tags' probabilities. The squared error of every probability, measured by how much that tag
    varies: cross-entropy alone is content when rare tags are always low, this asks that they rise and fall with the
    teacher's (its mean is one minus the square of the correlation, but for a shift). And the squared error of what the
    student makes of the MSD teacher's embedding, as there is more in it than in its tags. What a teacher was not asked
    counts for nothing in both.
    """

    def __init__(self, shards: Shards, plan: LessonPlan) -> None:
        spread, self._mean, embedding_spread = shards.statistics()
        self._spread = np.maximum(spread, _SMALLEST_SPREAD)
        self._scale = embedding_spread + np.float32(1e-3)
        self._plan = plan

    def __call__(self, targets: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
        from keras import ops

        scores, tags = outputs["scores"], targets["tags"]
        known = ops.isfinite(tags)
        tags = ops.where(known, tags, 0.5)
        share = ops.cast(known, "float32") / ops.sum(ops.cast(known, "float32"), axis=-1, keepdims=True)
        entropy = ops.sum(share * ops.binary_crossentropy(tags, scores, from_logits=True), axis=-1)
        errors = ops.sum(share * ops.square((ops.sigmoid(scores) - tags) / self._spread), axis=-1)
        standard = ops.clip((targets["embedding"] - self._mean) / self._scale, -_CLIP, _CLIP)
        imitation = ops.mean(ops.square(outputs["imitated"] - standard), axis=-1)
        return entropy + self._plan.correlation_weight * errors + self._plan.embedding_weight * imitation


@dataclass(frozen=True)
class StudentFiles:
    """A trained student as it lies on disk: what is said of it, and its weights by name."""

    described: dict[str, Any]
    weights: dict[str, np.ndarray]


def read_student(folder: Path) -> StudentFiles:
    """What `model.teaching.student.train` wrote; raises DataError if it is not there or cannot be read."""
    try:
        described = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as arrays:
            return StudentFiles(described, dict(arrays))
    except (OSError, ValueError) as error:
        raise DataError(
            f"there is no student in {folder}", rule=str(error), next_step="`python -m model.teaching train`"
        ) from error


def lessons(described: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a student was taught with, the first time first: "examples", how many, and the "history" of their epochs."""
    return [*described.get("earlier", []), {name: described[name] for name in ("examples", "history")}]


def build(
    plan: LessonPlan, tag_count: int, embedding_size: int, start: Mapping[str, np.ndarray] | None = None
) -> keras.Model:
    """The student in training: its own outputs and "imitated", which stands on its embedding and is left out later.

    start : weights of an earlier student, as it leaves them; without, those of a new network.
    """
    import keras

    network = RECIPES[plan.recipe].build(tag_count, exclusive=False)
    if start is not None:
        put_weights(network, start, owner="the earlier student")
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = plan.dropout
    imitated = keras.layers.Dense(embedding_size, dtype="float32", name="imitated")(network.output["embedding"])
    return keras.Model(network.input, {**network.output, "imitated": imitated})


def train(
    examples: Path,
    out: Path,
    plan: LessonPlan,
    *,
    start: Path | None = None,
    interruption: Interruption,
    watcher: Watcher,
) -> tuple[keras.Model, Outcome]:
    """Train a student, or go on with it, and write its weights, names and history into `out`.

    start : folder of an earlier student, which this one is at first.
    """
    import keras

    keras.utils.set_random_seed(plan.seed)
    taught, tested = Shards(examples, "train"), Shards(examples, "plain")
    tag_count, embedding_size = len(taught.tag_names), len(taught.statistics()[1])
    earlier = None if start is None else read_student(start)
    if earlier is not None and earlier.described["tags"] != list(taught.tag_names):
        raise DataError(
            f"the student in {start} says other things than these examples teach",
            rule="it must have had the same teachers",
            next_step="Start from nothing, or make examples with its teachers",
        )
    loop = Loop(
        lambda: build(plan, tag_count, embedding_size, earlier.weights if earlier else None),
        TeachingLoss(taught, plan),
        plan.loop,
        ShardBatches(taught, plan.batch_size, plan.seed),
    )

    def validate(model: keras.Model) -> Mapping[str, float]:
        student, teacher = answers(model, tested)
        found = {one.teacher: one.mean for one in compare("plain", tested, student, teacher)}
        return {SCORE: float(np.mean(list(found.values()))), **found}

    # What the earlier student learned is part of what an interrupted training goes on with.
    begun = None if earlier is None else earlier.described["history"]
    fingerprint = {**asdict(plan), "examples": taught.count, "tags": list(taught.tag_names), "begun": begun}
    outcome = loop.run(validate, CheckpointFolder(out, fingerprint), interruption=interruption, watcher=watcher)
    network = keras.Model(loop.model.input, {name: loop.model.output[name] for name in ("scores", "embedding")})
    weights = {path: values for path, values in read_weights(network).items() if not path.startswith("imitated")}
    write_arrays(out / WEIGHTS_FILE, weights)
    described = {
        "plan": asdict(plan),
        "tags": list(taught.tag_names),
        "examples": taught.count,
        "best_epoch": outcome.best_epoch,
        **({} if earlier is None else {"earlier": lessons(earlier.described)}),
        "history": [dict(record) for record in outcome.history],
    }
    (out / DESCRIPTION_FILE).write_text(json.dumps(described, indent=1), encoding="utf-8")
    return network, outcome
