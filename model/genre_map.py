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
NEIGHBOURS = 12
_REBUILD = "Make the map again (`python -m model.build_map`), or remove it from bundle.json"


@dataclass(frozen=True, eq=False)
class GenreMap:
    """Tracks of the training music as points, each with a label, and a way to place other music among them.

    labels : of the bundle; what the indices below count.
    mean, scale : float32 [embedding]: embeddings are standardised with them and kept within -clip..clip.
    projection : float32 [embedding, axes]: from there to the space in which neighbours are sought.
    references : float32 [n, axes]: the tracks in that space.
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
    _squares: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_squares", np.square(self.references).sum(axis=1))

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
        tracks, here with a kernel whose width is the distance of the median one among them, so that it suits dense
        and thin regions alike. A place is thus always within the music it was learned from.
        """
        squares = np.square(projected).sum(axis=1, keepdims=True) - 2.0 * projected @ self.references.T + self._squares
        count = min(NEIGHBOURS, len(self.references))
        nearest = np.argpartition(squares, count - 1, axis=1)[:, :count]
        distances = np.maximum(np.take_along_axis(squares, nearest, axis=1), 0.0)
        width = np.maximum(np.median(distances, axis=1, keepdims=True), 1e-9)
        # The nearest counts one whatever its distance: far from all music the weights must not all vanish.
        weights = np.exp((distances.min(axis=1, keepdims=True) - distances) / width)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray((weights[:, :, None] * self.points[nearest]).sum(axis=1), np.float32)

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
        return {name: getattr(self, name) for name in (*_FLOATS, *_INDICES)}


_FLOATS = ("mean", "scale", "projection", "references", "points", "anchors")
_INDICES = ("point_labels", "anchor_labels")


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
    if isinstance(clip, bool) or not isinstance(clip, int | float) or not 0.0 < clip < np.inf:
        raise _refusal(f"the map's clip is {clip!r}, not a number greater than zero")
    arrays = read_file(str(described.get("file")))
    for name in (*_FLOATS, *_INDICES):
        kind = np.float32 if name in _FLOATS else np.int32
        if name not in arrays or arrays[name].dtype != kind:
            raise _refusal(f"the map's {name} are missing or not {np.dtype(kind)}")
    points, anchors, axes = (_count(arrays[name]) for name in ("point_labels", "anchor_labels", "projection"))
    if not 1 <= points <= MOST_POINTS:
        raise _refusal(f"the map has {points} points, not 1 to {MOST_POINTS}")
    if not 1 <= axes <= MOST_AXES:
        raise _refusal(f"the map has {axes} axes, not 1 to {MOST_AXES}")
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (embedding_size,),
        "scale": (embedding_size,),
        "projection": (embedding_size, axes),
        "references": (points, axes),
        "points": (points, 2),
        "point_labels": (points,),
        "anchors": (anchors, 2),
        "anchor_labels": (anchors,),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise _refusal(f"the map's {name} are {list(arrays[name].shape)}, not {list(shape)}")
    if not all(np.isfinite(arrays[name]).all() for name in _FLOATS):
        raise _refusal("the map's numbers are not all finite")
    if not (arrays["scale"] > 0).all():
        raise _refusal("the map's scale is not greater than zero")
    for name in ("points", "anchors"):
        if not (np.abs(arrays[name]) <= 1.0).all():
            raise _refusal(f"the map's {name} are not within -1..1")
    for name in _INDICES:
        if not ((arrays[name] >= 0) & (arrays[name] < len(labels))).all():
            raise _refusal(f"the map's {name} name labels that the bundle has not")
    if len(np.unique(arrays["anchor_labels"])) < anchors:
        raise _refusal("the map names a label twice")
    return GenreMap(labels=labels, clip=float(clip), **{name: arrays[name] for name in shapes})


def describe_map(genre_map: GenreMap) -> dict[str, Any]:
    """The map as `bundle.json` describes it."""
    return {"file": MAP_FILE, "clip": genre_map.clip}


def _count(values: np.ndarray) -> int:
    return int(values.shape[-1]) if values.ndim else 0


def _refusal(what: str) -> BundleError:
    return BundleError("a bundle cannot be used", rule=what, next_step=_REBUILD)
