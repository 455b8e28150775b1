"""Whether a training goes on where one stopped."""

from __future__ import annotations

from model.errors import DataError
from model.training.checkpoint import CHECKPOINT_FILE, CheckpointFolder
from model.training.output import check_free
from model.training.settings import Listener, TrainingSettings


def begin(checkpoints: CheckpointFolder, settings: TrainingSettings, listener: Listener) -> None:
    """Decide it, and say so; with `resume=False` an earlier checkpoint is forgotten.

    Raises DataError if there is a bundle at the output that is not the interrupted one of this very training, or if
    what is there was begun with other settings.
    """
    if settings.resume is False:
        check_free(settings.out, going_on=False)
        checkpoints.clear()
        return
    state = checkpoints.read()
    check_free(settings.out, going_on=state is not None and not state.finished)
    if state is not None:
        within = f" and {state.step} steps" if state.step else ""
        listener.note(f"Goes on after {state.epoch} epochs{within}, from {checkpoints.path}.")


def require_checkpoint(settings: TrainingSettings) -> None:
    """Raises DataError if there is nothing to go on with though that is wanted: before music is prepared."""
    if settings.resume and not (settings.folder / CHECKPOINT_FILE).is_file():
        raise DataError(
            f"there is nothing in {settings.folder} to go on with",
            rule="--resume goes on with the training of a network that was interrupted",
            next_step="Leave --resume out to begin",
        )
