"""How powers become levels: always against a fixed reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

DECIBELS = "10log10(max(x,1e-5))"
"""Decibels over power one, and -50 where there is less.

The seeds took `librosa.power_to_db`, whose `top_db=80` cuts at 80 dB under the loudest place of the recording: a number
that a stream does not know, and that makes a cell depend on what else there is. Full scale reaches about +30 dB in a
mel band of these front ends, so the fixed floor lies where theirs did for loud music.
"""
LOG_10000 = "log10(10000x+1)"
"""musicnn's."""


@dataclass(frozen=True)
class Compression:
    """apply : works in place on float32 powers. per_decibel, at_one : a level of x dB over power one becomes
    `at_one + x * per_decibel`, as long as it is not near the floor."""

    apply: Callable[[np.ndarray], None]
    per_decibel: float
    at_one: float

    def display_range(self, offset_db: float) -> tuple[float, float]:
        """From 36 dB under to 24 dB over power one, both raised by `offset_db`."""
        return (
            round(self.at_one + (offset_db - 36.0) * self.per_decibel, 3),
            round(self.at_one + (offset_db + 24.0) * self.per_decibel, 3),
        )


def _decibels(power: np.ndarray) -> None:
    np.maximum(power, 1e-5, out=power)
    np.log10(power, out=power)
    power *= 10.0


def _log_10000(power: np.ndarray) -> None:
    power *= 10_000.0
    power += 1.0
    np.log10(power, out=power)


COMPRESSIONS: Mapping[str, Compression] = {
    LOG_10000: Compression(_log_10000, per_decibel=0.1, at_one=4.0),
    DECIBELS: Compression(_decibels, per_decibel=1.0, at_one=0.0),
}
"""By the name that a bundle gives it."""
