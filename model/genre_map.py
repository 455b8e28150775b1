"""A map of a bundle's labels: the training music in two dimensions, and where new music falls on it.

`model.build_map` makes maps; here they are read, checked and used, with NumPy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model.errors import BundleError

MAP_FILE = "map.npz"
LARGEST_MAP_BYTES = 1_000_000
MOST_POINTS = 2000
MOST_AXES = 64
MOST_HEARINGS = 8
LARGEST_CLIP = 100.0
LARGEST_FACTOR = 1000.0
NEIGHBOURS = 24
_REBUILD = "Make the map again (`python -m model.build_map`), or remove it from bundle.json"


@dataclass(frozen=True, eq=False)
class GenreMap:
    """Tracks of the training music as points, each with a label, and a way to place other music among them.

    labels : of the bundle; what the indices below count.
    mean, scale : float32 [embedding]: embeddings are standardised with them and kept within -clip..clip.
    projection : float32 [embedding, axes]: from there to the space in which neighbours are sought.
    references : float32 [hearings, n, axes]: the tracks in that space, each heard in several ways (loud, through a
        microphone), which all belong to its one point.
    points : float32 [n, 2], -1..1: the same tracks on the map.
    point_labels : int32 [n].
    anchors : float32 [m, 2], -1..1: where the names of labels stand.
    anchor_labels : int32 [m]: whose, each at most once; labels with too little music have none.
    """

    labels: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    clip: float
    projection: np.ndarray
    references: np.ndarray
    points: np.ndarray
    point_labels: np.ndarray
    anchors: np.ndarray
    anchor_labels: np.ndarray
    _neighbours: np.ndarray = field(init=False, repr=False)
    _squares: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        neighbours = self.references.reshape(-1, self.references.shape[-1])
        object.__setattr__(self, "_neighbours", neighbours)
        object.__setattr__(self, "_squares", np.square(neighbours).sum(axis=1))

    def project(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings float32 [batch, embedding] -> float32 [batch, axes]."""
        standard = np.clip((embeddings - self.mean) / self.scale, -self.clip, self.clip)
        return np.asarray(standard @ self.projection, np.float32)

    def place(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outputs of the network -> places on the map, float32 [batch, 2], -1..1."""
        return self.place_projected(self.project(outputs["embedding"]))

    def place_projected(self, projected: np.ndarray) -> np.ndarray:
        """float32 [batch, axes] -> float32 [batch, 2], -1..1.

        t-SNE gives places to the music it was made from and no rule for other music. The rule here is an extension out
        of the sample in the manner of Nyström's: kernel regression (Nadaraya 1964, Watson 1964) over the nearest
        tracks, with a kernel as wide as the median of their squared distances, so that it suits dense and thin regions
        alike. A place is thus always among the music it was learned from.
        """
        squares = np.square(projected).sum(axis=1, keepdims=True) - 2.0 * projected @ self._neighbours.T + self._squares
        count = min(NEIGHBOURS, len(self._neighbours))
        nearest = np.argpartition(squares, count - 1, axis=1)[:, :count]
        distances = np.maximum(np.take_along_axis(squares, nearest, axis=1), 0.0)
        width = np.maximum(np.median(distances, axis=1, keepdims=True), 1e-9)
        # The nearest counts one whatever its distance: far from all music the weights must not all vanish.
        weights = np.exp((distances.min(axis=1, keepdims=True) - distances) / width)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray((weights[:, :, None] * self.points[nearest % len(self.points)]).sum(axis=1), np.float32)

    def describe(self, labels: tuple[str, ...]) -> dict[str, list[list[float]]]:
        """JSON-ready, for a page that knows its labels in this order; what has a label it does not know is left out.

        "points" and "anchors", each a list of [x, y, index of the label in `labels`], rounded to 3 decimals.
        """
        numbers = {label: number for number, label in enumerate(labels)}
        renumbered = [numbers.get(label, -1) for label in self.labels]

        def rows(places: np.ndarray, owners: np.ndarray) -> list[list[float]]:
            return [
                [round(float(x), 3), round(float(y), 3), renumbered[owner]]
                for (x, y), owner in zip(places, owners.tolist(), strict=True)
                if renumbered[owner] >= 0
            ]

        return {"points": rows(self.points, self.point_labels), "anchors": rows(self.anchors, self.anchor_labels)}

    def arrays(self) -> dict[str, np.ndarray]:
        """What is written into the map's file."""
        return {name: getattr(self, name).astype(kind) for name, kind in _KINDS.items()}


_KINDS = {
    "mean": np.float32,
    "scale": np.float32,
    "projection": np.float32,
    # By far the largest; to find neighbours, half precision is plenty.
    "references": np.float16,
    "points": np.float32,
    "point_labels": np.int32,
    "anchors": np.float32,
    "anchor_labels": np.int32,
}
"""The arrays of a map's file."""


def read_map(
    described: object,
    *,
    labels: tuple[str, ...],
    read_file: Callable[[str], dict[str, np.ndarray]],
    embedding_size: int = 200,
) -> GenreMap:
    """Build a map from its untrusted description; raises BundleError if it does not fit the bundle."""
    if not isinstance(described, dict):
        raise _refusal("the map is not described by a JSON object")
    clip = described.get("clip")
    if isinstance(clip, bool) or not isinstance(clip, int | float) or not 0.0 < clip <= LARGEST_CLIP:
        raise _refusal(f"the map's clip is {clip!r}, not a number above 0 and up to {LARGEST_CLIP:g}")
    arrays = read_file(str(described.get("file")))
    for name, kind in _KINDS.items():
        if name not in arrays or arrays[name].dtype != kind:
            raise _refusal(f"the map's {name} are missing or not {np.dtype(kind)}")
    hearings, points, axes = arrays["references"].shape if arrays["references"].ndim == 3 else (0, 0, 0)
    anchors = arrays["anchor_labels"].size
    if not 1 <= hearings <= MOST_HEARINGS:
        raise _refusal(f"the map's tracks are heard in {hearings} ways, not 1 to {MOST_HEARINGS}")
    if not 1 <= points <= MOST_POINTS:
        raise _refusal(f"the map has {points} points, not 1 to {MOST_POINTS}")
    if not 1 <= axes <= MOST_AXES:
        raise _refusal(f"the map has {axes} axes, not 1 to {MOST_AXES}")
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (embedding_size,),
        "scale": (embedding_size,),
        "projection": (embedding_size, axes),
        "references": (hearings, points, axes),
        "points": (points, 2),
        "point_labels": (points,),
        "anchors": (anchors, 2),
        "anchor_labels": (anchors,),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise _refusal(f"the map's {name} are {list(arrays[name].shape)}, not {list(shape)}")
    if not (arrays["scale"] > 0).all():
        raise _refusal("the map's scale is not greater than zero")
    # So that no place can come out as infinite or as no number at all.
    if not (np.abs(arrays["projection"]) <= LARGEST_FACTOR).all():
        raise _refusal(f"the map's projection is not within -{LARGEST_FACTOR:g}..{LARGEST_FACTOR:g}")
    for name in ("points", "anchors"):
        if not (np.abs(arrays[name]) <= 1.0).all():
            raise _refusal(f"the map's {name} are not within -1..1")
    for name in ("point_labels", "anchor_labels"):
        if not ((arrays[name] >= 0) & (arrays[name] < len(labels))).all():
            raise _refusal(f"the map's {name} name labels that the bundle has not")
    if len(np.unique(arrays["anchor_labels"])) < anchors:
        raise _refusal("the map names a label twice")
    arrays["references"] = arrays["references"].astype(np.float32)
    return GenreMap(labels=labels, clip=float(clip), **{name: arrays[name] for name in shapes})


def describe_map(genre_map: GenreMap) -> dict[str, Any]:
    """The map as `bundle.json` describes it."""
    return {"file": MAP_FILE, "clip": genre_map.clip}


def _refusal(what: str) -> BundleError:
    return BundleError("a bundle cannot be used", rule=what, next_step=_REBUILD)
