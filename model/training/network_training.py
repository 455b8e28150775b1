"""Trains a network from scratch."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.bundle import Bundle
from model.bundle_writing import write_network_bundle
from model.embeddings import Embedder
from model.errors import BundleError
from model.library import Library
from model.networks.recipes import NETWORKS, NetworkRecipe
from model.networks.tensorflow_device import import_tensorflow
from model.networks.weights import read_weights
from model.training.batches import WindowBatches
from model.training.bundling import Product
from model.training.checkpoint import CheckpointFolder
from model.training.devices import choose_precision, choose_strategy
from model.training.feature_augmentation import FeatureAugmentation
from model.training.feature_cache import FeatureCache, Recording, check_recordings
from model.training.interruption import Interruption
from model.training.loop import Loop, LoopSettings
from model.training.music import Music
from model.training.resumption import begin
from model.training.settings import Listener, TrainingSettings
from model.training.trust import Trust, fit_trust
from model.training.validation import Validation

if TYPE_CHECKING:
    import keras


def train_network(
    settings: TrainingSettings, music: Music, interruption: Interruption, listener: Listener
) -> tuple[Product, Music, bool] | None:
    """Train to the end, or to an interruption.

    Returns what was trained (its best epoch), the music as far as it can be read, and whether it is finished; None if
    it was interrupted before the first epoch was done.
    """
    recipe = NETWORKS[settings.network]
    recordings, music = _prepared(settings, recipe, music, interruption, listener)
    if interruption.requested:
        return None
    tensorflow = import_tensorflow(cpu=settings.cpu)
    import keras

    exclusive = music.dataset.exclusive
    precision = choose_precision(tensorflow, settings.mixed_precision)
    checkpoints = CheckpointFolder(
        settings.folder,
        {
            **settings.deciding(),
            "music": music.digest(recording.content for recording in recordings),
            "precision": precision,
        },
    )
    begin(checkpoints, settings, listener)
    strategy = choose_strategy(tensorflow, settings.distribute)
    batches = WindowBatches(
        [recording for recording in recordings if music.side_of[recording.track.group] == "train"],
        music.labels,
        recipe.front_end,
        batch_size=_divisible(settings.batch_size, strategy, listener),
        seed=settings.seed,
        balance=settings.balance,
        augmentation=FeatureAugmentation() if settings.augment else None,
    )
    built: list[keras.Model] = []

    def build() -> keras.Model:
        built.append(recipe.build(len(music.labels), exclusive))
        return keras.Model(built[0].input, built[0].output["scores"])

    def loss(targets: Any, scores: Any) -> Any:
        if exclusive:
            return tensorflow.nn.softmax_cross_entropy_with_logits(targets, scores)
        return tensorflow.reduce_mean(tensorflow.nn.sigmoid_cross_entropy_with_logits(targets, scores), axis=1)

    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        loop = Loop(
            build,
            loss,
            LoopSettings(epochs=settings.epochs, patience=settings.patience, learning_rate=settings.learning_rate),
            batches,
            strategy=strategy,
        )
    finally:
        keras.mixed_precision.set_global_policy(before)
    validation = Validation(
        [recording for recording in recordings if music.side_of[recording.track.group] == "validation"],
        music.labels,
        recipe.front_end,
        exclusive=exclusive,
    )
    outcome = loop.run(validation, checkpoints, interruption=interruption, watcher=listener)
    if not outcome.best_epoch:
        return None
    weights = read_weights(built[0])

    def write(folder: Path, **described: Any) -> Bundle:
        return write_network_bundle(
            folder, recipe, weights, labels=music.labels, exclusive=exclusive, **described
        )  # fmt: skip

    def trust(bundle: Bundle) -> Trust:
        classifier = Library([]).open(bundle.folder, device="cpu" if settings.cpu else "auto")
        classifier.load()
        with tempfile.TemporaryDirectory(prefix="genrescope-heard-") as heard:
            outputs = Embedder(classifier.network, bundle.front_end, Path(heard)).outputs(music.side("validation"))
        return fit_trust(bundle.parts, outputs, music.labels, exclusive=exclusive)

    how = (
        f"Network: {recipe.title} (`{recipe.name}`), from scratch; {recipe.citation}.",
        _how(settings, outcome.best_epoch, len(outcome.history), finished=outcome.finished),
    )
    return Product(write, trust, how, history=outcome.history), music, outcome.finished


def require_tensorflow() -> None:
    """Raises BundleError where TensorFlow is not installed: before music is prepared for nothing."""
    if find_spec("tensorflow") is None:
        raise BundleError(
            "TensorFlow is not installed", rule="it trains the networks", next_step="pip install -e '.[cpu,train]'"
        )


def _prepared(
    settings: TrainingSettings, recipe: NetworkRecipe, music: Music, interruption: Interruption, listener: Listener
) -> tuple[Sequence[Recording], Music]:
    prepared = FeatureCache(recipe.front_end, settings.features).prepare(
        music.tracks,
        settings.heard_as,
        workers=settings.workers,
        progress=lambda done, total: listener.progress("preparing the music", done, total),
        cancelled=lambda: interruption.requested,
    )
    if interruption.requested:
        return [], music
    readable, notes = music.without(prepared.unreadable)
    check_recordings(prepared.recordings)
    for note in (*notes, f"{readable.counts()}."):
        listener.note(note)
    return prepared.recordings, readable


def _divisible(batch_size: int, strategy: Any, listener: Listener) -> int:
    """Batches that can be shared evenly between the devices."""
    devices = int(strategy.num_replicas_in_sync) if strategy is not None else 1
    if devices > 1:
        listener.note(f"Trained on {devices} devices at once.")
    return -(-batch_size // devices) * devices


def _how(settings: TrainingSettings, best: int, epochs: int, *, finished: bool) -> str:
    balance = {
        "sampling": "what is rare, by source and label, was drawn more often",
        "weights": "what is rare, by source and label, counted more",
        "off": "every window counted the same",
    }[settings.balance]
    altered = "levels, bandwidth, mixtures and masks by lot; " if settings.augment else ""
    return (
        f"AdamW, highest learning rate {settings.learning_rate:g}, batches of {settings.batch_size} windows, seed "
        f"{settings.seed}; {balance}; {altered}heard: {', '.join(settings.heard_as)}. The weights are those of epoch "
        f"{best}, the best of {epochs} on the validation artists" + ("." if finished else "; it was interrupted then.")
    )
