"""Several devices share every batch, and learn what one would."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from model.training.devices import choose_precision
from tests.commands import PROJECT


class Gpus:
    """A TensorFlow that sees GPUs of these compute capabilities."""

    def __init__(self, *capabilities: tuple[int, int]) -> None:
        self.config = self
        self.experimental = self
        self._capabilities = capabilities

    def get_visible_devices(self, kind: str) -> list[int]:
        return list(range(len(self._capabilities)))

    def get_device_details(self, number: int) -> dict[str, Any]:
        return {"compute_capability": self._capabilities[number]}


def train(*arguments: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.model.training.two_devices", *arguments],
        cwd=PROJECT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=200.0,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_two_devices_take_the_steps_of_one() -> None:
    found = train()
    one, two = found["off"], found["auto"]
    assert (one["devices"], two["devices"]) == (1, 2)
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=1e-4)
    np.testing.assert_allclose(two["kernel"], one["kernel"], atol=1e-4)


def test_two_devices_learn_with_normalisation_and_dropout_too() -> None:
    found = train("normalised")["auto"]
    losses, scores = found["losses"], found["scores"]
    assert losses[-1] < 0.6 * losses[0]
    assert scores[-1] > 0.8  # chance: a half


@pytest.mark.parametrize(
    ("gpus", "wanted", "policy"),
    [
        (Gpus(), None, "float32"),
        (Gpus((9, 0)), None, "mixed_bfloat16"),
        (Gpus((8, 0), (7, 5)), None, "float32"),
        (Gpus((9, 0)), False, "float32"),
        (Gpus(), True, "mixed_bfloat16"),
    ],
    ids=["no GPU", "a new GPU", "one that is too old", "not wanted", "wanted"],
)
def test_half_precision_is_used_where_it_gains(gpus: Gpus, wanted: bool | None, policy: str) -> None:
    assert choose_precision(gpus, wanted) == policy
