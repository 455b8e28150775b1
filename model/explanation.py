"""Why this label: the part of the spectrogram that spoke for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from model.parts import log_softmax

if TYPE_CHECKING:
    from model.classifier import BundleClassifier

DEFAULT_STEPS = 8
_NOTHING: Mapping[str, np.ndarray] = {}
_ROBUST_MAXIMUM = 99.0
"""Percentile that becomes one: a single cell does not make the rest pale."""
_TIME_KERNEL = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
_BAND_KERNEL = np.array([1.0, 2.0, 1.0]) / 4.0


def explain(
    classifier: BundleClassifier,
    window: np.ndarray,
    label_index: int,
    context_outputs: Mapping[str, np.ndarray] = _NOTHING,
    *,
    steps: int = DEFAULT_STEPS,
) -> np.ndarray:
    """How much each cell of a window's picture spoke for a label: float32 [frames, bands], 0..1.

    What spoke against it is set to zero; the rest is lightly smoothed over time and bands and divided by its 99th
    percentile, so that the strongest cells are 1. Takes `steps` times two calls of the network, one window each, so
    that a live call beside it never waits for more than one.

    A network that does not hear the picture itself but coefficients of it can only be asked when, not where: then all
    bands of a frame say the same.

    window : float32 [frames, ...], as the network hears it.
    context_outputs : what the sound before it had to say, each float32 [1, ...]. The network does not hear it, and it
        stays as it is; but what speaks for a label depends on what else does.
    """
    front_end = classifier.bundle.front_end
    found = attributions(classifier, window, label_index, context_outputs, steps=steps)
    if not front_end.hears_picture:
        by_frame = found.reshape(len(found), -1).sum(axis=1)
        found = np.repeat(by_frame[:, None], len(front_end.band_frequencies_hz), axis=1)
    relevance = np.maximum(found, 0.0)
    smooth = _smooth(_smooth(relevance, _TIME_KERNEL, axis=0), _BAND_KERNEL, axis=1)
    strongest = float(np.percentile(smooth, _ROBUST_MAXIMUM))
    if strongest <= 0.0:
        strongest = float(smooth.max())
    if strongest <= 0.0:
        return np.zeros(smooth.shape, np.float32)
    return np.minimum(smooth / strongest, 1.0).astype(np.float32)


def attributions(
    classifier: BundleClassifier,
    window: np.ndarray,
    label_index: int,
    context_outputs: Mapping[str, np.ndarray] = _NOTHING,
    *,
    steps: int,
) -> np.ndarray:
    """Integrated gradients of a label's score, float64 as the window; they add up to what sound adds to silence.

    M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML 2017, arXiv 1703.01365. The
    baseline is silence, as the front end hears it. The integral from there to the window is taken at the middle of
    equal steps; as the network is made of rectifiers and maxima its gradient jumps, and a rule for smooth functions
    (Gauss-Legendre) comes out worse. The sum is score(window) - score(silence) but for the error of the integral.
    """
    if not 0 <= label_index < len(classifier.labels):
        raise ValueError(f"label_index={label_index} must be one of 0 .. {len(classifier.labels) - 1}")
    if steps < 1:
        raise ValueError(f"steps={steps} must be at least 1")
    silence = classifier.bundle.front_end.silence()
    sound = window - silence
    total = np.zeros(window.shape)
    for number in range(steps):
        windows = (silence + (number + 0.5) / steps * sound)[None].astype(np.float32)
        cotangents = output_gradient(classifier, classifier.network(windows), label_index, context_outputs)
        total += classifier.network.pull_back(windows, cotangents)[0]
    return total / steps * sound


def score(classifier: BundleClassifier, outputs: Mapping[str, np.ndarray], label_index: int) -> np.ndarray:
    """What is explained, [batch]: the label's log-probability, or its logit where labels do not exclude each other.

    Both are taken after the division by the bundle's temperature, as they are shown.
    """
    bundle = classifier.bundle
    scores = np.asarray(sum(part.scores(outputs) for part in bundle.parts)) / bundle.temperature
    return np.asarray((log_softmax(scores) if bundle.exclusive else scores)[:, label_index])


def output_gradient(
    classifier: BundleClassifier,
    outputs: Mapping[str, np.ndarray],
    label_index: int,
    context_outputs: Mapping[str, np.ndarray] = _NOTHING,
) -> dict[str, np.ndarray]:
    """The score's gradient with respect to the network's outputs for one window: float32 [1, ...] by name.

    By central differences, all of them in one call of the parts, so that it holds for every kind of part.
    """
    rows = sum(values.shape[1] for values in outputs.values())
    varied = {name: np.repeat(np.asarray(values, np.float64), 2 * rows, axis=0) for name, values in outputs.items()}
    steps = {}
    first = 0
    for name, values in outputs.items():
        steps[name] = step = _steps(name, values[0].astype(np.float64))
        places = first + np.arange(len(step))
        varied[name][places, np.arange(len(step))] += step
        varied[name][places + rows, np.arange(len(step))] -= step
        first += len(step)
    constant = {name: np.repeat(values, 2 * rows, axis=0) for name, values in context_outputs.items()}
    scores = score(classifier, {**varied, **constant}, label_index)
    differences = scores[:rows] - scores[rows:]
    gradient = {}
    first = 0
    for name, step in steps.items():
        gradient[name] = (differences[first : first + len(step)] / (2.0 * step))[None].astype(np.float32)
        first += len(step)
    return gradient


def _steps(name: str, values: np.ndarray) -> np.ndarray:
    # The parts take logarithms of tags: a step is small beside a tag and its distance from one. Embeddings are about 1.
    if name == "tags":
        return 1e-2 * values * (1.0 - values) + 1e-7
    return np.full(len(values), 1e-4)


def _smooth(values: np.ndarray, kernel: np.ndarray, *, axis: int) -> np.ndarray:
    # The edge is repeated, so that it is not darkened.
    half = len(kernel) // 2
    padding = [(half, half) if number == axis else (0, 0) for number in range(values.ndim)]
    padded = np.pad(values, padding, mode="edge")
    length = values.shape[axis]
    shifted = (padded.take(range(start, start + length), axis=axis) for start in range(len(kernel)))
    return np.asarray(sum(weight * part for weight, part in zip(kernel, shifted, strict=True)))
