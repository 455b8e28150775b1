"""The loop: goes on after an interruption as if there had been none, stops early, and loses nothing."""

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow

import model.training.checkpoint
from model.errors import DataError
from model.training.checkpoint import CHECKPOINT_FILE, HISTORY_FILE, CheckpointFolder
from model.training.interruption import Interruption
from model.training.loop import Loop, LoopSettings, Outcome
from tests.model.training.two_devices import Points, build, validate

SETTINGS = LoopSettings(epochs=3, learning_rate=1e-2)


class Watcher:
    """Remembers what it was told, and may do something at a step."""

    def __init__(self, at_step: Callable[[int, int], None] = lambda epoch, step: None) -> None:
        self.records: list[Mapping[str, float]] = []
        self._at_step = at_step

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        self._at_step(epoch, step)

    def epoch(self, record: Mapping[str, float], best: bool) -> None:
        self.records.append(record)


def cross_entropy(targets: Any, scores: Any) -> Any:
    return tensorflow.nn.softmax_cross_entropy_with_logits(targets, scores)


def make(settings: LoopSettings = SETTINGS, **options: Any) -> Loop:
    keras.backend.clear_session()
    keras.utils.set_random_seed(4)
    return Loop(build, options.get("loss", cross_entropy), settings, options.get("batches", Points()))


def run(
    loop: Loop,
    folder: Path,
    *,
    interruption: Interruption | None = None,
    watcher: Watcher | None = None,
    validation: Any = validate,
    fingerprint: Mapping[str, Any] = {"data": "points"},
) -> Outcome:
    return loop.run(
        validation,
        CheckpointFolder(folder, fingerprint),
        interruption=interruption or Interruption(),
        watcher=watcher or Watcher(),
    )


def values(loop: Loop) -> list[np.ndarray]:
    return [variable.numpy() for variable in loop.model.variables]


def interrupted_after(steps: int, folder: Path) -> Outcome:
    """A training that is asked to stop within its `steps`-th step."""
    loop, interruption = make(), Interruption()
    step, done = loop._step, [0]

    def counted(batch: Any) -> Any:
        done[0] += 1
        if done[0] == steps:
            interruption.request()
        return step(batch)

    loop._step = counted
    return run(loop, folder, interruption=interruption)


@pytest.mark.parametrize("steps", [1, 10, 14, 25], ids=["first step", "end of an epoch", "mid-epoch", "third epoch"])
def test_a_resumed_training_is_the_uninterrupted_one(tmp_path: Path, steps: int) -> None:
    whole = make()
    expected = run(whole, tmp_path / "whole")
    assert not interrupted_after(steps, tmp_path / "halves").finished
    resumed = make()
    found = run(resumed, tmp_path / "halves")
    assert found.finished
    assert found.history == expected.history
    for left, right in zip(values(whole), values(resumed), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_best_epoch_is_kept_and_not_the_last(tmp_path: Path) -> None:
    scores = iter([0.5, 0.9, 0.2])
    seen: list[list[np.ndarray]] = []

    def validation(network: keras.Model) -> dict[str, float]:
        seen.append([variable.numpy().copy() for variable in network.variables])
        return {"score": next(scores)}

    loop = make()
    outcome = run(loop, tmp_path, validation=validation)
    assert outcome.best_epoch == 2
    for left, right in zip(values(loop), seen[1], strict=True):
        np.testing.assert_array_equal(left, right)


def test_of_equal_scores_the_smaller_loss_is_better(tmp_path: Path) -> None:
    measured = iter([{"score": 1.0, "loss": 0.3}, {"score": 1.0, "loss": 0.1}, {"score": 1.0, "loss": 0.2}])
    assert run(make(), tmp_path, validation=lambda _: next(measured)).best_epoch == 2


def test_it_ends_early_when_nothing_gets_better(tmp_path: Path) -> None:
    settings = LoopSettings(epochs=50, patience=3)
    outcome = run(make(settings), tmp_path, validation=lambda _: {"score": 0.5})
    assert outcome.finished
    assert len(outcome.history) == 4
    assert outcome.best_epoch == 1


def test_the_learning_rate_rises_and_then_falls_to_nothing(tmp_path: Path) -> None:
    settings = LoopSettings(epochs=6, learning_rate=1e-2, warm_up_share=0.3, patience=99)
    rates = [record["learning_rate"] for record in run(make(settings), tmp_path).history]
    assert rates[0] < rates[1] <= 1e-2
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(0.0, abs=1e-6)


def test_a_loss_that_is_no_number_is_an_error_and_the_checkpoint_before_stays(tmp_path: Path) -> None:
    interrupted_after(10, tmp_path)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    with pytest.raises(DataError, match="went astray in epoch 2"):
        run(make(loss=lambda targets, scores: cross_entropy(targets, scores) * np.nan), tmp_path)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before


def test_a_full_disk_is_an_error_and_the_checkpoint_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(10, tmp_path)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()

    def half(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model.training.checkpoint.np, "savez", half)
    with pytest.raises(DataError, match="no space left"):
        run(make(), tmp_path)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT_FILE, HISTORY_FILE]


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    interrupted_after(10, tmp_path)
    with pytest.raises(DataError, match="begun with another data: there it is points, now it is circles"):
        run(make(), tmp_path, fingerprint={"data": "circles"})


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CHECKPOINT_FILE).write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged.*--fresh"):
        run(make(), tmp_path)


def test_the_history_stands_beside_the_checkpoint_for_people(tmp_path: Path) -> None:
    outcome = run(make(), tmp_path)
    history = json.loads((tmp_path / HISTORY_FILE).read_text())
    assert history["settings"] == {"data": "points"}
    assert history["best_epoch"] == outcome.best_epoch
    assert [record["epoch"] for record in history["epochs"]] == [1, 2, 3]


def test_the_first_signal_asks_and_the_second_stops() -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
