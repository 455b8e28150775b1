"""A training's curves for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model.errors import DataError
from model.networks.tensorflow_device import import_tensorflow


def require_tensorboard() -> None:
    """Raises DataError where it is not installed: before anything is trained."""
    if find_spec("tensorboard") is None:
        raise DataError(
            "TensorBoard is not installed", rule="--tensorboard writes its logs", next_step="pip install -e '.[train]'"
        )


class TensorBoardLog:
    """Writes every epoch's numbers into `folder`; look at them with `tensorboard --logdir FOLDER`.

    Where a training goes on, the curves do too.
    """

    def __init__(self, folder: Path) -> None:
        require_tensorboard()
        self._folder = folder
        self._writer: Any = None

    def epoch(self, record: Mapping[str, float]) -> None:
        """An epoch is done."""
        tensorflow = import_tensorflow()
        if self._writer is None:
            self._writer = tensorflow.summary.create_file_writer(str(self._folder))
        with self._writer.as_default():
            for name, value in record.items():
                if name != "epoch":
                    tensorflow.summary.scalar(name.replace("validation_", "validation/"), value, int(record["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """No more epochs come."""
        if self._writer is not None:
            self._writer.close()
