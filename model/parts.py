"""The parts of a bundle: each turns the network's outputs into log-probabilities, and they are added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from model.errors import BundleError
from model.rhythm import FEATURES

RHYTHM = "rhythm"
"""Name of the rhythm among the outputs: float32 [batch, FEATURES], rows of NaN where too little has been heard."""
STEEPEST, FARTHEST = 100.0, 100.0
"""Of a tag's scale: the largest slope and offset."""
_REBUILD = "Build the bundle again, or use another"


class Part(Protocol):
    """One opinion about the labels."""

    def scores(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outputs of the network, each float32 [batch, ...] -> weighted log-probabilities, float32 [batch, labels]."""


@dataclass(frozen=True, eq=False)
class TagsPart:
    """The network's own tags: for each label the best of the tags that mean it, on a scale that all labels share.

    columns : for each label those of its tags, at least one.
    slopes, offsets : float32 [labels]; a label's score is slope x logit(its best tag) + offset (Platt 1999). A network
        gives common tags high probabilities and rare ones low ones; with these one threshold suits them all.
    """

    columns: tuple[tuple[int, ...], ...]
    slopes: np.ndarray
    offsets: np.ndarray

    @classmethod
    def plain(cls, tags: int) -> TagsPart:
        """The labels are the tags, as they are."""
        ones = np.ones(tags, np.float32)
        return cls(tuple((column,) for column in range(tags)), ones, 0.0 * ones)

    @property
    def calibrated(self) -> bool:
        """Whether labels have scales of their own."""
        return bool((self.slopes != 1.0).any() or (self.offsets != 0.0).any())

    def logits(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Of each label's best tag, before the scale: [batch, labels]."""
        tags = _logit(outputs["tags"])
        return np.stack([tags[:, columns].max(axis=1) for columns in self.columns], axis=1)

    def scores(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.slopes * self.logits(outputs) + self.offsets


@dataclass(frozen=True)
class NetworkPart:
    """The network's own answer, where it was trained for just these labels.

    exclusive : whether the network's labels exclude each other: then their log-probabilities count, else their logits.
    """

    exclusive: bool
    weight: float

    def scores(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        own = outputs["tags"]
        # Single precision knows no probability between one and 1 - 6e-8, but very small ones.
        scores = np.log(np.maximum(own, 1e-12)) if self.exclusive else _logit(own)
        return scores * np.float32(self.weight)


@dataclass(frozen=True)
class ZeroShotPart:
    """Labels read from the network's tags by name, without training: the best of a label's synonyms counts.

    synonyms : for each label the columns of the tags that mean it; none where the network has no such tag.
    absent_log_probability : what such a label is given.
    """

    synonyms: tuple[tuple[int, ...], ...]
    weight: float
    epsilon: float
    absent_log_probability: float

    def scores(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        logs = np.log(outputs["tags"] + np.float32(self.epsilon))
        scores = np.full((len(logs), len(self.synonyms)), self.absent_log_probability, np.float32)
        for label, columns in enumerate(self.synonyms):
            if columns:
                scores[:, label] = logs[:, columns].max(axis=1)
        return scores * np.float32(self.weight)


@dataclass(frozen=True, eq=False)
class HeadPart:
    """Logistic regression on the standardised embedding.

    mean, scale : float32 [embedding]; coefficients : float32 [embedding, labels]; intercepts : float32 [labels].
    clip : standardised values are kept within -clip..clip, so that a sound unlike any in training cannot shout.
    """

    mean: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    clip: float
    weight: float

    def scores(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.weighted(outputs["embedding"])

    def weighted(self, values: np.ndarray) -> np.ndarray:
        """float32 [n, embedding] -> weighted log-probabilities, float32 [n, labels]."""
        standard = np.clip((values - self.mean) / self.scale, -self.clip, self.clip)
        logits = standard @ self.coefficients + self.intercepts
        return log_softmax(logits) * np.float32(self.weight)


@dataclass(frozen=True, eq=False)
class RhythmPart:
    """The same on the rhythm before the window's end (see `model.rhythm`).

    head : its arrays have `FEATURES` rows where those of a head have the embedding's.

    Where too little has been heard for a rhythm (rows of NaN, or no rhythm at all) it has no opinion: zeros.
    """

    head: HeadPart

    def scores(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        rows = len(next(iter(outputs.values())))
        scores = np.zeros((rows, len(self.head.intercepts)), np.float32)
        rhythm = outputs.get(RHYTHM)
        if rhythm is not None:
            heard = np.isfinite(rhythm).all(axis=1)
            scores[heard] = self.head.weighted(rhythm[heard])
        return scores


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithm of the softmax along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _logit(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities, 1e-7, 1.0 - 1e-7)
    return np.log(clipped / (1.0 - clipped))


def read_part(
    described: object,
    *,
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    read_file: Callable[[str], dict[str, np.ndarray]],
    tags_exclusive: bool = False,
    embedding_size: int = 200,
    hears_rhythm: bool = True,
) -> Part:
    """Build a part from its untrusted description; raises BundleError if it does not fit the bundle.

    tags : the network's own labels; tags_exclusive : whether they exclude each other.
    hears_rhythm : whether a rhythm can be computed from what the front end gives.
    """
    if not isinstance(described, dict):
        raise _refusal("a part is not described by a JSON object")
    kind = described.get("kind")
    if kind == "tags":
        if tags_exclusive:
            raise _refusal("its labels are tags, but those of its network exclude each other")
        return _read_tags(described, labels, tags)
    weight = _number(described, "weight")
    if kind == "network":
        if labels != tags:
            raise _refusal("its labels are not those of its network")
        return NetworkPart(tags_exclusive, weight)
    if kind == "zero_shot":
        synonyms = described.get("synonyms")
        if not isinstance(synonyms, dict) or not set(synonyms) <= set(labels):
            raise _refusal("its synonyms are not those of its labels")
        columns = []
        for label in labels:
            names = synonyms.get(label, [])
            if not isinstance(names, list) or not set(map(str, names)) <= set(tags):
                raise _refusal(f"its network has not all the tags that stand for {label}")
            columns.append(tuple(tags.index(name) for name in names))
        epsilon = _number(described, "epsilon")
        if epsilon <= 0.0:
            raise _refusal("its epsilon is not greater than zero")
        return ZeroShotPart(tuple(columns), weight, epsilon, _number(described, "absent_log_probability"))
    if kind == "head":
        return _read_head(described, embedding_size, weight, labels, read_file)
    if kind == "rhythm":
        if not hears_rhythm:
            raise _refusal("it has a rhythm part, for which its front end is not made")
        return RhythmPart(_read_head(described, FEATURES, weight, labels, read_file))
    raise _refusal(f"it has a part of the kind {kind!r}; this version has head, rhythm, zero_shot, tags and network")


def describe_head(part: HeadPart | RhythmPart, file: str) -> dict[str, Any]:
    """The part as `bundle.json` describes it; its arrays (`head_arrays`) stand in `file`."""
    kind, head = ("rhythm", part.head) if isinstance(part, RhythmPart) else ("head", part)
    return {"kind": kind, "file": file, "weight": head.weight, "clip": head.clip}


def head_arrays(part: HeadPart | RhythmPart) -> dict[str, np.ndarray]:
    """The arrays of a part, by the names that they have in its file."""
    head = part.head if isinstance(part, RhythmPart) else part
    return {name: getattr(head, name) for name in ("mean", "scale", "coefficients", "intercepts")}


def describe_tags(part: TagsPart, labels: Sequence[str], tags: Sequence[str]) -> dict[str, Any]:
    """The part as `bundle.json` describes it."""
    scales = zip(labels, part.columns, part.slopes.tolist(), part.offsets.tolist(), strict=True)
    return {
        "kind": "tags",
        "readings": {
            label: {"tags": [tags[column] for column in columns], "slope": round(slope, 4), "offset": round(offset, 4)}
            for label, columns, slope, offset in scales
        },
    }


def _read_tags(described: Mapping[str, Any], labels: tuple[str, ...], tags: tuple[str, ...]) -> TagsPart:
    if "readings" not in described:
        if labels != tags:
            raise _refusal("its labels are not the tags of its network")
        return TagsPart.plain(len(tags))
    readings = described["readings"]
    if not isinstance(readings, dict) or set(readings) != set(labels):
        raise _refusal("its readings are not those of its labels: each has one")
    columns, slopes, offsets = [], [], []
    for label in labels:
        reading = readings[label]
        names = reading.get("tags") if isinstance(reading, dict) else None
        if not isinstance(names, list) or not names or not all(name in tags for name in names):
            raise _refusal(f"the reading of {label} does not name tags of its network")
        columns.append(tuple(tags.index(name) for name in names))
        slopes.append(_number(reading, "slope"))
        offsets.append(_number(reading, "offset"))
        if not 0.0 < slopes[-1] <= STEEPEST or abs(offsets[-1]) > FARTHEST:
            raise _refusal(
                f"the reading of {label} has the slope {slopes[-1]:g} and the offset {offsets[-1]:g}; a slope is above "
                f"0 and at most {STEEPEST:g}, an offset within -{FARTHEST:g}..{FARTHEST:g}"
            )
    return TagsPart(tuple(columns), np.array(slopes, np.float32), np.array(offsets, np.float32))


def _read_head(
    described: Mapping[str, Any],
    size: int,
    weight: float,
    labels: tuple[str, ...],
    read_file: Callable[[str], dict[str, np.ndarray]],
) -> HeadPart:
    arrays = read_file(str(described.get("file")))
    shapes = {"mean": (size,), "scale": (size,), "coefficients": (size, len(labels)), "intercepts": (len(labels),)}
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].shape != shape or arrays[name].dtype != np.float32:
            raise _refusal(f"the head's {name} are not float32 {list(shape)}")
    if not (arrays["scale"] > 0).all():
        raise _refusal("the head's scale is not greater than zero")
    return HeadPart(**{name: arrays[name] for name in shapes}, clip=_number(described, "clip"), weight=weight)


def _number(described: Mapping[str, Any], name: str) -> float:
    value = described.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise _refusal(f"a part's {name} is {value!r}, not a number")
    return float(value)


def _refusal(what: str) -> BundleError:
    return BundleError("a bundle cannot be used", rule=what, next_step=_REBUILD)
