"""Trains a head on the embedding of a network that stays as it is: what works with little music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.bundle import Bundle
from model.bundle_network import describe_networks, network_arrays
from model.bundle_writing import write_bundle
from model.classifier import BundleClassifier
from model.embeddings import Embedder, TrackOutputs
from model.errors import DataError
from model.folds import check_copies
from model.library import Library
from model.parts import HeadPart, describe_head, head_arrays
from model.recipe import Recipe
from model.training.bundling import Product
from model.training.interruption import Interruption
from model.training.music import Music
from model.training.settings import Listener, TrainingSettings
from model.training.trust import Trust, fit_trust

HEAD_FILE = "head.npz"
STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Inverse regularisations that are tried; the validation artists decide."""
_AT_ONCE = 8
"""Tracks after which an interruption is noticed."""


def train_head(
    settings: TrainingSettings, music: Music, interruption: Interruption, listener: Listener
) -> tuple[Product, Music, bool] | None:
    """See `model.training.network_training.train_network`; None if it was interrupted.

    The strength of the regularisation, the temperature and the thresholds are found with a head that has not heard the
    validation artists; the head of the bundle has heard these too. Nothing has heard the test artists.
    """
    if not music.dataset.exclusive:
        raise DataError(
            f"tracks of {music.dataset.name} have several labels at once",
            rule="a head needs music of which exactly one label is right",
            next_step="Train a network from scratch: --network small",
        )
    classifier = Library().open(settings.head_on, device="cpu" if settings.cpu else "auto")
    classifier.load()
    check_copies(music.tracks)
    heard, music = _heard(settings, classifier, music, interruption, listener)
    if interruption.requested:
        return None
    fitted = Recipe(synonyms={}, alterations=settings.heard_as, zero_shot_weight=0.0)
    tags = classifier.bundle.network_tags
    sides = {
        side: {
            alteration: [o for o in tracks if music.side_of[o.track.group] in names]
            for alteration, tracks in heard.items()
        }
        for side, names in {
            "train": ("train",),
            "validation": ("validation",),
            "both": ("train", "validation"),
        }.items()
    }
    found: list[tuple[float, float, Trust]] = []
    for strength in STRENGTHS:
        recipe = replace(fitted, inverse_regularisation=strength)
        parts = recipe.train(sides["train"], music.labels, tags)
        trust = fit_trust(parts, sides["validation"]["plain"], music.labels, exclusive=True)
        found.append((trust.loss, strength, trust))
        listener.progress("choosing the regularisation", len(found), len(STRENGTHS))
    _, strength, trust = min(found, key=lambda one: one[0])
    head = replace(fitted, inverse_regularisation=strength).train(sides["both"], music.labels, tags)[0]
    assert isinstance(head, HeadPart)
    base = classifier.bundle

    def write(folder: Path, **described: Any) -> Bundle:
        return _write(folder, base, head, music, described)

    how = (
        f"A head (logistic regression, C = {strength:g}) on the embedding of the network of `{base.name}`, which stays "
        f"as it was. Every (source, label) counts the same; heard: {', '.join(settings.heard_as)}. The regularisation "
        "and how far it is to be trusted were found without the validation artists in training; then it heard them.",
    )
    licences = (f"the network of {base.name}: {base.licence}",)
    return Product(write, lambda _bundle: trust, how, licences), music, True


def _heard(
    settings: TrainingSettings,
    classifier: BundleClassifier,
    music: Music,
    interruption: Interruption,
    listener: Listener,
) -> tuple[dict[str, Sequence[TrackOutputs]], Music]:
    """What the network says of the training and validation music; what is known already is read from the cache."""
    embedder = Embedder(classifier.network, classifier.bundle.front_end, settings.embeddings)
    wanted = [*music.side("train"), *music.side("validation")]
    heard: dict[str, Sequence[TrackOutputs]] = {}
    for alteration in dict.fromkeys(("plain", *settings.heard_as)):
        found: list[TrackOutputs] = []
        for begin in range(0, len(wanted), _AT_ONCE):
            if interruption.requested:
                return heard, music
            some = [track for track in wanted[begin : begin + _AT_ONCE] if track.path not in embedder.unreadable]
            found += _outputs(embedder, some, alteration)
            listener.progress(f"listening ({alteration})", min(begin + _AT_ONCE, len(wanted)), len(wanted))
        heard[alteration] = found
    readable, notes = music.without(embedder.unreadable)
    for note in (*notes, f"{readable.counts()}."):
        listener.note(note)
    return heard, readable


def _outputs(embedder: Embedder, tracks: Sequence[Any], alteration: str) -> list[TrackOutputs]:
    try:
        return embedder.outputs(tracks, alteration=alteration) if tracks else []
    except DataError:
        # None of these few can be read; they are in `embedder.unreadable`.
        if all(track.path in embedder.unreadable for track in tracks):
            return []
        raise


def _write(folder: Path, base: Bundle, head: HeadPart, music: Music, described: dict[str, Any]) -> Bundle:
    licences = sorted(path for path in base.folder.iterdir() if path.name.startswith("LICENSE"))
    return write_bundle(
        folder,
        labels=music.labels,
        exclusive=True,
        front_end=base.front_end,
        network=describe_networks(base.networks),
        parts=[describe_head(head, HEAD_FILE)],
        texts={path.name: path.read_text(encoding="utf-8") for path in licences},
        arrays={**network_arrays(base.networks), HEAD_FILE: head_arrays(head)},
        **described,
    )
