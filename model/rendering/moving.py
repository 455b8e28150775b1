"""Rendered music sounds like rendered music whatever its style: in the embedding it lies in a place of its own.

A head that learns of both tells that place from the recordings' as well, and a style that was only rendered is then
hardly ever found in a recording. So rendered music is moved to where recordings lie, all of it by the same step; a
simple case of what B. Sun, J. Feng and K. Saenko do in "Return of frustratingly easy domain adaptation" (AAAI 2016),
taken over the labels that both have so that a rare style does not count as a difference of sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.embeddings import TrackOutputs
from model.head import label_weights


def step_to_recordings(
    recordings: Sequence[TrackOutputs], made: Sequence[TrackOutputs], labels: Sequence[str]
) -> np.ndarray:
    """From the mean of rendered music to that of recordings, in embeddings: float32 [embedding].

    Every label that both have counts the same, and within it sources as in `model.head.label_weights`. Zeros where no
    label is in both.
    """
    of_recordings, of_made = _means(recordings, labels), _means(made, labels)
    both = sorted(set(of_recordings) & set(of_made))
    if not both:
        return np.zeros(made[0].embedding.shape[1] if made else 0, np.float32)
    return np.asarray(np.mean([of_recordings[label] - of_made[label] for label in both], axis=0), np.float32)


def moved(made: Sequence[TrackOutputs], step: np.ndarray) -> list[TrackOutputs]:
    """The same outputs with embeddings that lie `step` further."""
    return [replace(outputs, embedding=outputs.embedding + step) for outputs in made]


def _means(tracks: Sequence[TrackOutputs], labels: Sequence[str]) -> dict[int, np.ndarray]:
    """The mean embedding, float64 [embedding], by the label's index; labels that are not among these are left out."""
    places = {label: index for index, label in enumerate(labels)}
    known = [outputs for outputs in tracks if outputs.track.label in places]
    if not known:
        return {}
    counts = [len(outputs.embedding) for outputs in known]
    truth = np.repeat([places[outputs.track.label] for outputs in known], counts)
    sources = [outputs.track.dataset for outputs, count in zip(known, counts, strict=True) for _ in range(count)]
    groups = [outputs.track.group for outputs, count in zip(known, counts, strict=True) for _ in range(count)]
    weights = label_weights(sources, truth, groups)
    embeddings = np.concatenate([outputs.embedding for outputs in known])
    return {
        int(label): np.average(embeddings[truth == label], axis=0, weights=weights[truth == label])
        for label in np.unique(truth)
    }
