"""Where a training stands, in one file that is always whole: it is written under another name and then renamed."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import DataError
from model.whole_files import written_whole

CHECKPOINT_FILE = "checkpoint.npz"
HISTORY_FILE = "history.json"
_VERSION = 1
_PROGRESS = "progress"


@dataclass
class TrainingState:
    """Everything that a training needs to go on as if it had never stopped.

    model : the network's variables in their order, the states of its random generators among them.
    optimizer : the optimizer's variables in their order.
    best : the network's variables when it was best; empty before the first epoch is done.
    epoch : epochs that are done; step : steps that are done of the next one.
    loss_sum : of these steps.
    best_epoch : counted from one, 0 before there is a best; best_score, best_loss : on the validation artists.
    waited : epochs since then.
    history : a record for every epoch that is done.
    finished : whether there is nothing left to train.
    """

    model: list[np.ndarray] = field(default_factory=list)
    optimizer: list[np.ndarray] = field(default_factory=list)
    best: list[np.ndarray] = field(default_factory=list)
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best_epoch: int = 0
    best_score: float = -np.inf
    best_loss: float = np.inf
    waited: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    finished: bool = False


_NUMBERS = ("epoch", "step", "loss_sum", "best_epoch", "best_score", "best_loss", "waited", "history", "finished")
_ARRAYS = ("model", "optimizer", "best")


class CheckpointFolder:
    """The folder of one training: its checkpoint, and its history for people.

    fingerprint : what makes it this training and no other (data, network, settings). A checkpoint of another one is
        refused, as going on with it would mix two trainings.
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any]) -> None:
        self.folder = folder
        self.fingerprint: dict[str, Any] = json.loads(json.dumps(dict(fingerprint)))

    @property
    def path(self) -> Path:
        return self.folder / CHECKPOINT_FILE

    def read(self) -> TrainingState | None:
        """Where this training stands; None if it has not begun.

        Raises DataError if the checkpoint is damaged or belongs to a training with other settings.
        """
        if not self.path.is_file():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                progress = json.loads(str(arrays[_PROGRESS]))
                lists = {
                    name: [arrays[f"{name}/{number:04d}"] for number in range(progress["counts"][name])]
                    for name in _ARRAYS
                }
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.path} is damaged", rule=str(error), next_step="Start anew with --fresh") from error
        if progress.get("version") != _VERSION:
            raise DataError(f"{self.path} is of another version", next_step="Start anew with --fresh")
        self._check_same(progress["fingerprint"])
        known: dict[str, Any] = {**lists, **{name: progress[name] for name in _NUMBERS}}
        return TrainingState(**known)

    def write(self, state: TrainingState) -> None:
        """Keep this state, and the history beside it; raises DataError, the older one kept, if there is no space."""
        progress = {name: getattr(state, name) for name in _NUMBERS}
        progress |= {"version": _VERSION, "fingerprint": self.fingerprint}
        progress["counts"] = {name: len(getattr(state, name)) for name in _ARRAYS}
        arrays = {
            f"{name}/{number:04d}": values for name in _ARRAYS for number, values in enumerate(getattr(state, name))
        }
        arrays[_PROGRESS] = np.array(json.dumps(progress))
        with written_whole(self.path) as file:
            np.savez(file, **arrays)
            file.flush()
            # Renamed before it is on the disk, it could be empty after a power cut.
            os.fsync(file.fileno())
        history = {"settings": self.fingerprint, "best_epoch": state.best_epoch, "epochs": state.history}
        with written_whole(self.folder / HISTORY_FILE) as file:
            file.write(json.dumps(history, indent=1).encode())

    def clear(self) -> None:
        """Forget this training."""
        for name in (CHECKPOINT_FILE, HISTORY_FILE):
            (self.folder / name).unlink(missing_ok=True)

    def _check_same(self, found: Mapping[str, Any]) -> None:
        different = [name for name in self.fingerprint if self.fingerprint[name] != found.get(name)]
        different += [name for name in found if name not in self.fingerprint]
        if different:
            name = different[0]
            raise DataError(
                f"the training in {self.folder} was begun with another {name}",
                rule=f"there it is {_short(found.get(name))}, now it is {_short(self.fingerprint.get(name))}",
                next_step="Give the same again, choose another --out, or start anew with --fresh",
            )


def assign(variables: Sequence[Any], values: Sequence[np.ndarray], what: str) -> None:
    """Put values into Keras variables; raises DataError unless they fit, one for one."""
    if len(variables) != len(values) or any(
        tuple(variable.shape) != value.shape for variable, value in zip(variables, values, strict=True)
    ):
        raise DataError(
            f"the checkpoint does not fit {what}",
            rule="it was written by another version of this program",
            next_step="Start anew with --fresh",
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
