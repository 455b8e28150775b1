"""Smoothing of probabilities over time."""

from __future__ import annotations

import math

import numpy as np

from model.errors import SettingError


class ExponentialSmoother:
    """An exponential average: `alpha = 1 - exp(-hop / tau)`.

    After `time_constant_seconds` a change has come through to 63 %, whatever the hop is. The first probabilities
    are taken as they are. Its owner resets it on a new source and on a seek, and leaves it alone during silence.
    """

    def __init__(self, *, hop_seconds: float, time_constant_seconds: float) -> None:
        if hop_seconds <= 0.0 or time_constant_seconds < 0.0:
            raise SettingError(
                f"the smoothing has a hop of {hop_seconds} s and a time constant of {time_constant_seconds} s",
                rule="the hop is greater than zero, the time constant at least zero",
            )
        self.alpha = 1.0 if time_constant_seconds == 0.0 else -math.expm1(-hop_seconds / time_constant_seconds)
        self._state: np.ndarray | None = None

    def update(self, probabilities: np.ndarray) -> np.ndarray:
        """float32 [labels] in, smoothed float32 [labels] out (a new array)."""
        if self._state is None:
            self._state = np.array(probabilities, np.float32)
        else:
            self._state += np.float32(self.alpha) * (probabilities - self._state)
        return self._state.copy()

    def reset(self) -> None:
        """Forget the past."""
        self._state = None
