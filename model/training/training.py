"""Trains what it is asked to, and writes the bundle."""

from __future__ import annotations

from dataclasses import dataclass

from model.bundle import Bundle
from model.evaluation_report import Report
from model.training.bundling import make_bundle
from model.training.head_training import train_head
from model.training.interruption import Interruption
from model.training.music import open_music
from model.training.network_training import require_tensorflow, train_network
from model.training.output import check_free
from model.training.resumption import require_checkpoint
from model.training.settings import Listener, TrainingSettings


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    bundle, report : None if it was interrupted before there was anything to write.
    finished : False if it was interrupted; the bundle is then that of the best epoch so far.
    """

    bundle: Bundle | None
    report: Report | None
    finished: bool


def train(settings: TrainingSettings, interruption: Interruption, listener: Listener) -> TrainingResult:
    """Train, until it is finished or an interruption is asked for, and write the bundle.

    Everything that is done is kept: prepared music in the caches, where the training stands in `settings.folder`.

    Raises DataError if the music cannot be trained on, if `settings.out` is there, or if there is no space.
    """
    require_tensorflow()
    require_checkpoint(settings)
    resumable = settings.resume is not False and not settings.head_on and settings.folder.is_dir()
    check_free(settings.out, going_on=resumable)
    music = open_music(settings.data, settings.labels, seed=settings.seed)
    work = train_head if settings.head_on else train_network
    trained = work(settings, music, interruption, listener)
    if trained is None:
        return TrainingResult(None, None, finished=False)
    product, music, finished = trained
    bundle, report = make_bundle(product, settings, music, listener)
    return TrainingResult(bundle, report, finished)
