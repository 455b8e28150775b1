"""What is said about a whole track: one answer for the command line and for programs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.chronicle import SHOWN_FROM
from model.bundle import DESCRIPTION
from model.classifier import BundleClassifier
from model.segments import Hearing, RunningSegments, Segment
from stream.classifier import Classifier
from stream.offline import HeardFile
from stream.records import Verdict

VERSION_DIGITS = 16


def track_answer(
    heard: HeardFile, classifier: Classifier, *, top: int | None = None, windows: bool = True
) -> dict[str, Any]:
    """Everything there is to say about a file, ready for JSON. Times in seconds to a millisecond, probabilities 0..1.

    top : so many of the most probable labels; None for all.
    windows : also what was heard in every window, its smoothed probabilities in the order of the classifier's labels;
        without it that is None.
    """
    count = len(classifier.labels) if top is None else top
    return {
        "model": {"name": classifier.name, "version": model_version(classifier)},
        "title": heard.title,
        "seconds": round(heard.seconds, 3),
        "problem": heard.problem or None,
        "labels": [
            {"label": label, "probability": round(probability, 4)}
            for label, probability in ranked(heard.mean_probabilities(), classifier.labels, count)
        ],
        "said": [label for label, _ in said(heard.mean_probabilities(), classifier)],
        "segments": [
            {
                "start_seconds": round(segment.start_seconds, 3),
                "end_seconds": round(segment.end_seconds, 3),
                "label": segment.label,
                "probability": round(segment.probability, 4),
            }
            for segment in segments_of(heard, classifier)
        ],
        "windows": [
            {
                "end_seconds": round(window.end_seconds, 3),
                "verdict": window.verdict.value,
                "probabilities": [round(float(value), 4) for value in window.probabilities],
            }
            for window in heard.windows
        ]
        if windows
        else None,
    }


def model_version(classifier: Classifier) -> str:
    """Differs between two bundles unless they are the same, file by file; "" for a classifier that is no bundle."""
    if not isinstance(classifier, BundleClassifier):
        return ""
    # The description names the checksum of every other file.
    content = (classifier.bundle.folder / DESCRIPTION).read_bytes()
    return hashlib.sha256(content).hexdigest()[:VERSION_DIGITS]


def segments_of(heard: HeardFile, classifier: Classifier) -> tuple[Segment, ...]:
    """The stretches of a file; boundaries stand where they are heard. At least one window must have been heard."""
    hearing = Hearing(window_seconds=classifier.window_seconds)
    # As in a session, and not `merge`: its cost grows with the square of the changes, and a file may have many.
    running = RunningSegments(classifier.labels)
    final: list[Segment] = []
    for window in heard.windows:
        probabilities = window.probabilities if window.verdict.of_music else None
        for moment in hearing.at(
            window.end_seconds, probabilities, window.verdict is Verdict.SURE, without_music=window.verdict.value
        ):
            final += running.push(moment)
    # The last window speaks for everything up to the end.
    return (*final, *running.open(heard.seconds))


def ranked(probabilities: np.ndarray | None, labels: Sequence[str], count: int) -> list[tuple[str, float]]:
    """The most probable labels with their probabilities, best first; empty for a file without music."""
    if probabilities is None:
        return []
    order = np.argsort(probabilities)[::-1][:count]
    return [(labels[index], float(probabilities[index])) for index in order]


def said(probabilities: np.ndarray | None, classifier: Classifier) -> list[tuple[str, float]]:
    """The labels that are named, with their probabilities, best first; none if it is silent or not sure.

    One where labels exclude each other; else all that are likely enough.
    """
    if probabilities is None or not classifier.sure(probabilities):
        return []
    if classifier.exclusive:
        return ranked(probabilities, classifier.labels, 1)
    shown_from = classifier.thresholds.get("shown_from", SHOWN_FROM)
    return ranked(probabilities, classifier.labels, int((probabilities >= shown_from).sum()))
