"""The training loop: any Keras model, any batches, one number to be as large as possible.

It can be stopped after any step and goes on from there: the optimizer, the network's random generators and the place in
the epoch are in the checkpoint, and batches are the same for the same epoch. On the CPU, and on one device, the
continuation is then the one that an uninterrupted training would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from model.errors import DataError
from model.networks.tensorflow_device import import_tensorflow
from model.training.checkpoint import CheckpointFolder, TrainingState, assign
from model.training.interruption import Interruption

if TYPE_CHECKING:
    import keras

SCORE = "score"
"""What `validate` calls the number that decides which epoch was best; larger is better."""
_LOOK_EVERY_STEPS = 10
"""A GPU need not wait for us to look at the loss after every step."""


@dataclass(frozen=True)
class LoopSettings:
    """How a network is trained.

    epochs : at most.
    patience : epochs without a better validation after which it stops.
    learning_rate : the highest: reached after `warm_up_share` of all steps, then falling to zero along a cosine
        (Loshchilov and Hutter 2017, arXiv 1608.03983).
    weight_decay : of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101); biases and normalisation have none.
    clip_norm : gradients are shortened to this length.
    """

    epochs: int = 60
    patience: int = 12
    learning_rate: float = 2e-3
    warm_up_share: float = 0.05
    weight_decay: float = 1e-4
    clip_norm: float = 1.0


class Batches(Protocol):
    """What the loop trains on.

    steps : of an epoch. batch_size : examples of every step, the last one included.
    """

    @property
    def steps(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    def dataset(self, epoch: int, first_step: int) -> Any:
        """A `tf.data.Dataset` of (inputs, targets, weights) from step `first_step` of an epoch on, both counted from
        zero. Always the same for the same epoch. weights: float32 [batch]."""


Loss = Callable[[Any, Any], Any]
"""Targets and outputs of the model -> the loss of each example, float32 [batch]."""
Validate = Callable[["keras.Model"], Mapping[str, float]]
"""A model -> what is measured on music it is not trained on: "score", and "loss" where scores may be the same."""


class Watcher(Protocol):
    """Is told how it goes."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """So many steps of an epoch are done; the mean loss of them. Epochs count from one."""

    def epoch(self, record: Mapping[str, float], best: bool) -> None:
        """An epoch is done; `record` holds "epoch", "loss", "learning_rate" and what was validated."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended. The model has the weights of the best epoch, if one is done.

    finished : False if it was interrupted.
    """

    finished: bool
    best_epoch: int
    history: tuple[Mapping[str, float], ...]


class Loop:
    """Trains one model.

    build : makes the untrained model; called once, where its variables are to be.
    strategy : a `tf.distribute.Strategy` for several devices; None for one.
    """

    def __init__(
        self,
        build: Callable[[], keras.Model],
        loss: Loss,
        settings: LoopSettings,
        batches: Batches,
        *,
        strategy: Any = None,
    ) -> None:
        self._tensorflow = import_tensorflow()
        self._settings = settings
        self._batches = batches
        self._loss = loss
        self._strategy = strategy or self._tensorflow.distribute.get_strategy()
        self._replicas = int(self._strategy.num_replicas_in_sync)
        with self._strategy.scope():
            self.model = build()
            self._optimizer = self._make_optimizer()
        self._step = self._tensorflow.function(self._distributed_step, autograph=False)

    def run(
        self, validate: Validate, checkpoints: CheckpointFolder, *, interruption: Interruption, watcher: Watcher
    ) -> Outcome:
        """Train from the checkpoint, or from the beginning if there is none, to the end or an interruption.

        Raises DataError if the loss is no number any more, or if a checkpoint cannot be written.
        """
        state = checkpoints.read() or TrainingState()
        if state.model:
            assign(self.model.variables, state.model, "the network")
            assign(self._optimizer.variables, state.optimizer, "the optimizer")
        while not state.finished and not interruption.requested:
            self._train_epoch(state, interruption, watcher)
            if state.step == self._batches.steps:
                self._end_epoch(state, validate, watcher)
            self._remember(state)
            checkpoints.write(state)
        if state.best:
            assign(self.model.variables, state.best, "the network")
        return Outcome(state.finished, state.best_epoch, tuple(state.history))

    def _train_epoch(self, state: TrainingState, interruption: Interruption, watcher: Watcher) -> None:
        """Steps from where the epoch stands to its end, or to an interruption."""
        dataset = self._batches.dataset(state.epoch, state.step)
        if self._replicas > 1:
            dataset = self._strategy.experimental_distribute_dataset(dataset)
        waiting = []
        for batch in dataset:
            waiting.append(self._step(batch))
            state.step += 1
            last = interruption.requested or state.step == self._batches.steps
            if last or len(waiting) == _LOOK_EVERY_STEPS:
                for loss in waiting:
                    state.loss_sum += float(loss)
                waiting.clear()
                self._check(state)
                watcher.step(state.epoch + 1, state.step, self._batches.steps, state.loss_sum / state.step)
            if last:
                break

    def _end_epoch(self, state: TrainingState, validate: Validate, watcher: Watcher) -> None:
        self._agree()
        measured = {name: float(value) for name, value in validate(self.model).items()}
        loss = measured.get("loss", state.best_loss)
        better = (measured[SCORE], -loss) > (state.best_score, -state.best_loss)
        state.epoch += 1
        record = {"epoch": state.epoch, "loss": state.loss_sum / state.step, "learning_rate": self._learning_rate()}
        record |= {f"validation_{name}": value for name, value in measured.items()}
        state.history.append(record)
        state.step, state.loss_sum = 0, 0.0
        state.waited = 0 if better else state.waited + 1
        if better:
            state.best_epoch, state.best_score, state.best_loss = state.epoch, measured[SCORE], loss
            state.best = _values(self.model.variables)
        state.finished = state.epoch >= self._settings.epochs or state.waited >= self._settings.patience
        watcher.epoch(record, better)

    def _remember(self, state: TrainingState) -> None:
        self._agree()
        state.model = _values(self.model.variables)
        state.optimizer = _values(self._optimizer.variables)

    def _check(self, state: TrainingState) -> None:
        if not np.isfinite(state.loss_sum):
            raise DataError(
                f"the training went astray in epoch {state.epoch + 1}",
                rule="its loss is no number any more",
                next_step="Start it anew with a smaller --learning-rate, or without --mixed-precision",
            )

    def _make_optimizer(self) -> Any:
        import keras

        settings = self._settings
        total = settings.epochs * self._batches.steps
        warm_up = max(1, round(settings.warm_up_share * total))
        optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                settings.learning_rate / warm_up,
                decay_steps=max(1, total - warm_up),
                warmup_target=settings.learning_rate,
                warmup_steps=warm_up,
            ),
            weight_decay=settings.weight_decay,
            # Every replica hands in its share of the same sum, see `_replica_step`.
            global_clipnorm=settings.clip_norm / self._replicas,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        optimizer.build(self.model.trainable_variables)
        return optimizer

    def _learning_rate(self) -> float:
        return float(self._optimizer.learning_rate)

    def _distributed_step(self, batch: Any) -> Any:
        losses = self._strategy.run(self._replica_step, args=(batch,))
        return self._strategy.reduce("SUM", losses, axis=None)

    def _replica_step(self, batch: Any) -> Any:
        tensorflow = self._tensorflow
        inputs, targets, weights = batch
        variables = self.model.trainable_variables
        with tensorflow.GradientTape() as tape:
            outputs = self.model(inputs, training=True)
            # The batch is shared between replicas, and the sum over them is the mean over all of it.
            loss = tensorflow.reduce_sum(self._loss(targets, outputs) * weights) / self._batches.batch_size
            if self.model.losses:
                loss += tensorflow.add_n(self.model.losses) / self._replicas
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        if self._replicas > 1:
            # Keras clips before it adds up what the replicas found; clipped must be the sum, so it is made here.
            context = tensorflow.distribute.get_replica_context()
            gradients = [found / self._replicas for found in context.all_reduce("SUM", gradients)]
        self._optimizer.apply(gradients, variables)
        return loss

    def _agree(self) -> None:
        """Replicas' averages of batch normalisation, which each keeps for its share of the batches, become one."""
        if self._replicas == 1:
            return
        for variable in self.model.non_trainable_variables:
            copies = [np.asarray(copy) for copy in getattr(variable.value, "values", ())]
            if copies and copies[0].dtype.kind == "f":
                variable.assign(np.mean(copies, axis=0, dtype=copies[0].dtype))


def _values(variables: Any) -> list[np.ndarray]:
    # Copies: what TensorFlow hands out may be the variable's own memory.
    return [np.array(variable.numpy()) for variable in variables]
