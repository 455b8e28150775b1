"""How often it is right when it says so: the bins behind the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.calibration import BINS, calibration_bin


@dataclass(frozen=True)
class Bin:
    """Answers of about the same confidence.

    low, high : between which confidences they lie; one includes its upper edge.
    share : of the weight of all answers.
    confidence, accuracy : how sure it was, and how often it was right, on average.
    """

    low: float
    high: float
    examples: int
    share: float
    confidence: float
    accuracy: float


def reliability(
    confidence: np.ndarray, correct: np.ndarray, *, weights: np.ndarray | None = None, bins: int = BINS
) -> tuple[Bin, ...]:
    """The bins that have answers, the least confident first.

    The sum of `share * abs(confidence - accuracy)` over them is the expected calibration error.

    confidence : float [n], 0..1; correct : bool [n]; weights : float [n], all the same if None.
    """
    confidence = np.asarray(confidence, np.float64)
    weights = np.ones(len(confidence)) if weights is None else np.asarray(weights, np.float64)
    place = calibration_bin(confidence, bins)
    total = weights.sum()
    found = []
    for index in range(bins):
        inside = place == index
        weight = weights[inside]
        if weight.sum() > 0.0:
            found.append(
                Bin(
                    low=index / bins,
                    high=(index + 1) / bins,
                    examples=int(inside.sum()),
                    share=float(weight.sum() / total),
                    confidence=float(np.average(confidence[inside], weights=weight)),
                    accuracy=float(np.average(np.asarray(correct, np.float64)[inside], weights=weight)),
                )
            )
    return tuple(found)
