"""How the parts of a bundle are trained, so that a bundle can be trained again, on all music or on some of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from model.augmentation import ALTERATIONS
from model.calibration import fit_temperature
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.errors import BundleError
from model.head import fit_head, source_class_weights
from model.parts import Part, ZeroShotPart

STRETCH_WINDOWS = 3
"""Windows of 3 s that are averaged for the fit of the temperature."""

Heard = Mapping[str, Sequence[TrackOutputs]]
"""For every alteration the same tracks in the same order."""


@dataclass(frozen=True)
class Recipe:
    """What a set of labels is learned with.

    synonyms : for each label the tags of the network that mean it.
    zero_shot_weight : of the network's own tags among the parts; 0 leaves them out.
    alterations : how the training music is heard (see `model.augmentation`).
    also_means : labels of the data that count as labels of the bundle in training, never in testing.
    """

    synonyms: Mapping[str, Sequence[str]]
    alterations: tuple[str, ...] = ("plain",)
    inverse_regularisation: float = 3e-4
    clip: float = 6.0
    zero_shot_weight: float = 0.5
    zero_shot_epsilon: float = 1e-4
    zero_shot_absent: float = -1.5
    also_means: Mapping[str, str] | None = None

    @classmethod
    def from_json(cls, values: object) -> Recipe:
        """Read what `to_json` wrote; raises BundleError if it is something else."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names or "synonyms" not in values:
            raise BundleError("the bundle does not say how it was trained", rule=f"its recipe has {', '.join(names)}")
        alterations = values.get("alterations")
        if not isinstance(alterations, list) or not alterations or not set(map(str, alterations)) <= set(ALTERATIONS):
            raise BundleError(
                f"the bundle was trained with the alterations {alterations!r}",
                rule=f"this version has {', '.join(ALTERATIONS)}",
            )
        return cls(**{**values, "alterations": tuple(alterations)})

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`."""
        return {**asdict(self), "alterations": list(self.alterations)}

    def zero_shot(self, labels: Sequence[str], tags: Sequence[str]) -> ZeroShotPart:
        """The part that reads the network's own tags."""
        columns = tuple(tuple(tags.index(tag) for tag in self.synonyms.get(label, ())) for label in labels)
        return ZeroShotPart(columns, self.zero_shot_weight, self.zero_shot_epsilon, self.zero_shot_absent)

    def describe_zero_shot(self) -> dict[str, Any]:
        """The same part as `bundle.json` describes it."""
        return {
            "kind": "zero_shot",
            "weight": self.zero_shot_weight,
            "epsilon": self.zero_shot_epsilon,
            "absent_log_probability": self.zero_shot_absent,
            "synonyms": {label: list(names) for label, names in self.synonyms.items()},
        }

    def train(self, heard: Heard, labels: Sequence[str], tags: Sequence[str]) -> tuple[Part, ...]:
        """The parts, trained on these tracks."""
        tracks = [outputs for alteration in self.alterations for outputs in heard[alteration]]
        truth = window_truth(tracks, labels, self.also_means)
        sources = [outputs.track.dataset for outputs in tracks for _ in range(len(outputs.tags))]
        head = fit_head(
            np.concatenate([outputs.embedding for outputs in tracks]),
            truth,
            source_class_weights(sources, truth),
            label_count=len(labels),
            inverse_regularisation=self.inverse_regularisation,
            clip=self.clip,
        )
        return (head, self.zero_shot(labels, tags)) if self.zero_shot_weight else (head,)

    def fit_temperature(self, heard: Heard, labels: Sequence[str], tags: Sequence[str]) -> float:
        """The temperature that suits sources that training never saw: each source is left out in turn.

        It is fitted to averages over `STRETCH_WINDOWS` windows, about what smoothing makes of them.
        """
        sources = sorted({outputs.track.dataset for outputs in heard["plain"]})
        if len(sources) < 2:
            return 1.0
        scores, truth, weights = [], [], []
        stretches: list[np.ndarray] = []
        for source in sources:
            training = only(heard, lambda track: track.dataset != source)  # noqa: B023 - used at once
            # A label that only this source has cannot be recognised then, which no temperature mends.
            known = {outputs.track.label for outputs in training["plain"]} & set(labels)
            left_out = [o for o in heard["plain"] if o.track.dataset == source and o.track.label in known]
            if not left_out or len(known) < 2:
                continue
            parts = self.train(training, labels, tags)
            scores.append(add_scores(parts, left_out))
            truth.append(window_truth(left_out, labels))
            for outputs in left_out:
                number = np.arange(len(outputs.tags)) // STRETCH_WINDOWS
                stretches.append(number + (stretches[-1][-1] + 1 if stretches else 0))
            weights.append(source_class_weights([source] * len(truth[-1]), truth[-1]) / len(truth[-1]))
        if not scores:
            return 1.0
        return fit_temperature(
            np.concatenate(scores), np.concatenate(truth), np.concatenate(weights), np.concatenate(stretches)
        )


def add_scores(parts: Sequence[Part], tracks: Sequence[TrackOutputs]) -> np.ndarray:
    """Summed scores of the parts for every window of the tracks, float32 [windows, labels]."""
    outputs = {
        "embedding": np.concatenate([track.embedding for track in tracks]),
        "tags": np.concatenate([track.tags for track in tracks]),
    }
    return np.asarray(sum(part.scores(outputs) for part in parts))


def window_truth(
    tracks: Sequence[TrackOutputs], labels: Sequence[str], also_means: Mapping[str, str] | None = None
) -> np.ndarray:
    """int [windows]: the index of the right label of every window."""
    meanings = {label: index for index, label in enumerate(labels)}
    for label, meaning in (also_means or {}).items():
        meanings.setdefault(label, meanings[meaning])
    return np.concatenate([np.full(len(track.tags), meanings[track.track.label]) for track in tracks])


def only(heard: Heard, wanted: Callable[[LabelledTrack], bool]) -> Heard:
    """The tracks for which `wanted(track)` is true, under every alteration."""
    return {
        alteration: [outputs for outputs in tracks if wanted(outputs.track)] for alteration, tracks in heard.items()
    }
