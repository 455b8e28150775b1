"""How far the answers of a trained bundle are to be trusted: its temperature and thresholds, from validation music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.calibration import fit_temperature
from model.classifier import to_probabilities
from model.embeddings import TrackOutputs
from model.parts import Part
from model.recipe import STRETCH_WINDOWS, add_scores
from model.training.batches import balancing_weights

WANTED_ACCURACY = 2 / 3
"""Of the validation windows where a label is named so many shall be right."""
COLDEST = 0.5
"""The least temperature: a few validation tracks that are all called rightly prove no greater certainty."""
_UNSURE = np.arange(0.2, 0.91, 0.01)
_SHOWN = np.arange(0.05, 0.91, 0.01)
_TEMPERATURES = np.exp(np.linspace(np.log(COLDEST), np.log(20.0), 401))


@dataclass(frozen=True)
class Trust:
    """temperature, thresholds : as they stand in a bundle. loss : of the validation music under that temperature."""

    temperature: float
    thresholds: Mapping[str, float]
    loss: float


def fit_trust(
    parts: Sequence[Part], tracks: Sequence[TrackOutputs], labels: Sequence[str], *, exclusive: bool
) -> Trust:
    """Fit both to what the parts say of these tracks; every (source, label) counts the same.

    Where labels exclude each other the temperature suits averages over `STRETCH_WINDOWS` windows, which is about what
    smoothing shows, and "unsure_below" is the lowest threshold at which `WANTED_ACCURACY` of the windows with a name
    have the right one. Else "shown_from" is where the mean F1 score of the labels is best; below it nothing is sure.
    """
    scores = add_scores(parts, tracks)
    lengths = [len(outputs.tags) for outputs in tracks]
    targets = np.array([[label in outputs.track.labels for label in labels] for outputs in tracks], np.float32)
    weights = balancing_weights([outputs.track.dataset for outputs in tracks], targets)
    # Every track counts the same within its label, however long it is.
    weights = np.repeat(weights / np.array(lengths), lengths)
    targets = np.repeat(targets, lengths, axis=0)
    if not exclusive:
        return _of_tags(scores, targets, weights)
    truth = targets.argmax(axis=1)
    stretches = np.concatenate(
        [number * 100_000 + np.arange(length) // STRETCH_WINDOWS for number, length in enumerate(lengths)]
    )
    temperature = max(COLDEST, fit_temperature(scores, truth, weights, stretches))
    probabilities = to_probabilities(scores, temperature, exclusive=True)
    right, confidence = probabilities.argmax(axis=1) == truth, probabilities.max(axis=1)
    loss = -float(np.average(np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)), weights=weights))
    threshold = _UNSURE[-1]
    for candidate in _UNSURE:
        sure = confidence >= candidate
        if (weights * right)[sure].sum() >= WANTED_ACCURACY * weights[sure].sum():
            threshold = candidate
            break
    return Trust(round(temperature, 4), {"unsure_below": round(float(threshold), 2)}, loss)


def _of_tags(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Trust:
    losses = []
    for temperature in _TEMPERATURES:
        logits = scores / temperature
        losses.append(float(np.average((np.logaddexp(0.0, logits) - targets * logits).mean(axis=1), weights=weights)))
    best = int(np.argmin(losses))
    probabilities = to_probabilities(scores, float(_TEMPERATURES[best]), exclusive=False)
    holds = targets > 0.5
    f1 = []
    for threshold in _SHOWN:
        shown = probabilities >= threshold
        both, either = (shown & holds).sum(axis=0), shown.sum(axis=0) + holds.sum(axis=0)
        f1.append(float(np.mean(2.0 * both / np.maximum(either, 1))))
    # Where several are as good, the middle one leaves most room on both sides.
    equally_good = _SHOWN[np.array(f1) >= max(f1) - 1e-9]
    shown_from = round(float(equally_good[len(equally_good) // 2]), 2)
    return Trust(
        round(float(_TEMPERATURES[best]), 4), {"unsure_below": shown_from, "shown_from": shown_from}, losses[best]
    )
