"""What a training is asked to do, and who is told how it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from model.augmentation import ALTERATIONS
from model.embeddings import DEFAULT_CACHE
from model.errors import SettingError
from model.networks.recipes import NETWORKS
from model.training.batches import BALANCES
from model.training.feature_cache import DEFAULT_FEATURES
from model.training.loop import Watcher

HEAD = "head"
DEFAULT_ON = "genres"
"""The bundle on whose network a head stands, if none is named: with little music a head is what works."""
HEAD_ALTERATIONS = ("plain", "microphone", "telephone")
_NEXT_STEP = "`genrescope train --help` lists what there is"


@dataclass(frozen=True)
class TrainingSettings:
    """A training, as `genrescope train` is given it.

    data : SPEC; labels : of these only, separated by commas, all if empty.
    out : the bundle's folder; beside it, in OUT.training, are checkpoint and history.
    network : a name of `NETWORKS`, "head:BUNDLE", or "head" for one on `DEFAULT_ON`.
    batch_size : windows of a step. epochs, patience, learning_rate : see `model.training.loop.LoopSettings`.
    balance : see `model.training.batches`. augment : whether features are altered while training.
    alterations : of `model.augmentation`, in which the music is also heard; None for "plain" where a network is trained
        and `HEAD_ALTERATIONS` for a head.
    mixed_precision : half precision where it does no harm; None: on GPUs that gain by it.
    resume : True: go on, and say so if there is nothing to go on with; False: start anew; None: go on if possible.
    distribute : "auto": on all GPUs there are; "off": on one.
    tensorboard : folder of its logs, None for none.
    cpu : leave GPUs alone. workers : processes that prepare features, one for every core if None.
    features, embeddings : folders of the caches.
    """

    data: str
    out: Path
    network: str = HEAD
    labels: str = ""
    title: str = ""
    licence: str = ""
    intended_use: str = ""
    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 2e-3
    patience: int = 12
    seed: int = 0
    balance: str = "sampling"
    augment: bool = True
    alterations: tuple[str, ...] | None = None
    mixed_precision: bool | None = None
    resume: bool | None = None
    distribute: str = "auto"
    tensorboard: Path | None = None
    cpu: bool = False
    workers: int | None = None
    features: Path = DEFAULT_FEATURES
    embeddings: Path = DEFAULT_CACHE

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, 100_000),
            ("batch_size", 2, 65_536),
            ("patience", 1, 100_000),
            ("seed", 0, 1_000_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise _refusal(f"--{name.replace('_', '-')} {getattr(self, name)}", f"it is {low} to {high}")
        if not 0.0 < self.learning_rate <= 10.0:
            raise _refusal(f"--learning-rate {self.learning_rate}", "it is above 0 and at most 10")
        for name, value, known in (
            ("--balance", self.balance, BALANCES),
            ("--distribute", self.distribute, ("auto", "off")),
            *(("--alterations", alteration, tuple(ALTERATIONS)) for alteration in self.alterations or ()),
        ):
            if value not in known:
                raise _refusal(f"{name} {value}", f"there are {', '.join(known)}")
        if not self.head_on and self.network not in NETWORKS:
            raise _refusal(f"there is no network {self.network!r}", f"there are {', '.join(NETWORKS)}, head:BUNDLE")

    @property
    def head_on(self) -> str:
        """The bundle on whose network a head is trained; "" where a network is trained from scratch."""
        kind, _, bundle = self.network.partition(":")
        return (bundle or DEFAULT_ON) if kind == HEAD else ""

    @property
    def folder(self) -> Path:
        """Where checkpoint and history are."""
        return self.out.with_name(f"{self.out.name}.training")

    @property
    def heard_as(self) -> tuple[str, ...]:
        """The alterations, "plain" first if it is one of them."""
        chosen = self.alterations or (HEAD_ALTERATIONS if self.head_on else ("plain",))
        return tuple(sorted(dict.fromkeys(chosen), key=lambda name: name != "plain"))

    def deciding(self) -> dict[str, Any]:
        """What decides about the weights: none of it may change when a training goes on."""
        names = ("network", "epochs", "batch_size", "learning_rate", "patience", "seed", "balance", "augment")
        return {name: getattr(self, name) for name in names} | {"alterations": list(self.heard_as)}


class Listener(Watcher, Protocol):
    """Is told how a training goes."""

    def progress(self, what: str, done: int, total: int) -> None:
        """So many of something are done."""

    def note(self, sentence: str) -> None:
        """Something one should know."""


def _refusal(what: str, rule: str) -> SettingError:
    return SettingError(what, rule=rule, next_step=_NEXT_STEP)
