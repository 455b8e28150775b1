"""`python -m model.build_map BUNDLE --data FOLDER`: a map of the bundle's labels, made from labelled music.

Listens to the music (what the network says is kept outside the repository), arranges the tracks in two dimensions,
measures whether music by other artists falls where its label is, and writes the map into the bundle. Of the music only
points without names are kept. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from model.bundle import Bundle
from model.bundle_writing import add_map
from model.classifier import BundleClassifier, to_probabilities
from model.datasets.dataset import LabelledTrack
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE, TrackOutputs
from model.errors import DataError, GenrescopeError
from model.evaluation import listen
from model.folds import check_copies, grouped_folds
from model.genre_map import GenreMap
from model.library import Library
from model.map_layout import find_anchors, lay_out
from model.parts import HeadPart
from model.recipe import Heard

HEARINGS = ("plain", "quiet", "telephone", "microphone")
"""How every track is heard, so that music falls on the same place however it is played."""
MOST_TRACKS = 1000
FEWEST_TRACKS = 5
"""A label with fewer tracks of its own gets no name on the map."""
FOLDS = 20
NEAREST = 10
CLIP = 6.0
_SHRINKAGE = 0.1
_PRINCIPAL_AXES = 20
_SMALLEST_SCALE = 1e-3


@dataclass(frozen=True)
class Placement:
    """Where music by artists that a map was not made from falls on it, heard in one way.

    nearest_anchor : share of tracks for which the nearest name is that of their label, 0..1.
    nearest_points : share for which most of the ten nearest points have their label, 0..1.
    moved : mean distance from where the same track falls when heard plainly; the map is 2 wide.
    """

    nearest_anchor: float
    nearest_points: float
    moved: float


@dataclass(frozen=True)
class MapQuality:
    """How well a map holds for music by other artists.

    placements : by how the music is heard.
    commonest_label : what always guessing the commonest label would get right, 0..1.
    """

    tracks: int
    artists: int
    commonest_label: float
    placements: Mapping[str, Placement]

    def to_text(self) -> str:
        """For the command."""
        lines = [
            f"{self.tracks} tracks by {self.artists} artists, each placed on a map made without its artist.",
            f"Share of tracks with the right label (the commonest one has {self.commonest_label:.3f}):",
            f"{'':12}nearest name   most of {NEAREST} nearest points   distance from the plain place",
        ]
        for hearing, found in self.placements.items():
            lines.append(f"{hearing:12}{found.nearest_anchor:.3f}{found.nearest_points:15.3f}{found.moved:27.2f}")
        return "\n".join(lines) + "\n"


def build_map(bundle: Bundle, heard: Heard, *, folds: int = FOLDS) -> tuple[GenreMap, MapQuality]:
    """The map of a bundle's labels, and how well it holds for other music. Seeded.

    Where labels exclude each other a track has the label of the data, and the map shows what tells labels apart (linear
    discriminant axes). Tags are not in the data: there a track has the bundle's own strongest tag, and the map shows
    what music differs in most (principal axes). Both are then laid out by t-SNE.

    heard : the tracks in each of `HEARINGS`; for an exclusive bundle all of its labels.

    Raises DataError if there are tracks of fewer than two labels.
    """
    owners = track_labels(bundle, heard[HEARINGS[0]])
    if len(np.unique(owners)) < 2:
        raise DataError(
            f"a map of {bundle.name} cannot be made",
            rule="there must be music of at least two of its labels",
            next_step="Give a folder with more music",
        )
    embeddings = np.stack(
        [np.stack([outputs.embedding.mean(axis=0) for outputs in heard[hearing]]) for hearing in HEARINGS]
    )
    quality = measure(bundle, [outputs.track for outputs in heard[HEARINGS[0]]], embeddings, owners, folds=folds)
    return make_map(bundle, embeddings, owners), quality


def choose_tracks(tracks: Sequence[LabelledTrack], most: int = MOST_TRACKS) -> list[LabelledTrack]:
    """At most so many tracks, in their order: first one of every artist, then a second, until there are enough."""
    heard_of: Counter[str] = Counter()
    turns = []
    for number, track in enumerate(tracks):
        turns.append((heard_of[track.group], number))
        heard_of[track.group] += 1
    return [tracks[number] for number in sorted(number for _, number in sorted(turns)[:most])]


def track_labels(bundle: Bundle, tracks: Sequence[TrackOutputs]) -> np.ndarray:
    """int32 [tracks]: the index of each track's label, by the data or, for tags, by the bundle."""
    if bundle.exclusive:
        return np.array([bundle.labels.index(outputs.track.label) for outputs in tracks], np.int32)
    strongest = []
    for outputs in tracks:
        said = {"embedding": outputs.embedding, "tags": outputs.tags}
        scores = np.asarray(sum(part.scores(said) for part in bundle.parts))
        strongest.append(to_probabilities(scores, bundle.temperature, exclusive=False).mean(axis=0).argmax())
    return np.array(strongest, np.int32)


def make_map(bundle: Bundle, embeddings: np.ndarray, owners: np.ndarray) -> GenreMap:
    """A map of these tracks: embeddings float32 [hearings, tracks, embedding], owners int32 [tracks]."""
    mean, scale = embeddings.mean(axis=(0, 1)), embeddings.std(axis=(0, 1)) + _SMALLEST_SCALE
    clip = next((part.clip for part in bundle.parts if isinstance(part, HeadPart)), CLIP)
    standard = np.clip((embeddings - mean) / scale, -clip, clip)
    projection = _discriminant_axes(standard, owners) if bundle.exclusive else _principal_axes(standard[0])
    references = (standard @ projection).astype(np.float32)
    points = lay_out(references[0])
    anchors, anchor_labels = find_anchors(points, owners, bundle.labels, fewest=FEWEST_TRACKS)
    return GenreMap(
        labels=bundle.labels,
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        clip=clip,
        projection=projection.astype(np.float32),
        references=references,
        points=points,
        point_labels=owners,
        anchors=anchors,
        anchor_labels=anchor_labels,
    )


def measure(
    bundle: Bundle, tracks: Sequence[LabelledTrack], embeddings: np.ndarray, owners: np.ndarray, *, folds: int
) -> MapQuality:
    """Make the map anew without some of the artists, place their music on it, and look what is near; in folds."""
    artists = len({track.group for track in tracks})
    fold_of = grouped_folds(tracks, folds=min(folds, artists))
    by_anchor, by_points = (np.zeros(embeddings.shape[:2], bool) for _ in range(2))
    moved = np.zeros(embeddings.shape[:2])
    for fold in np.unique(fold_of):
        tested = fold_of == fold
        made = make_map(bundle, embeddings[:, ~tested], owners[~tested])
        places = [made.place({"embedding": heard}) for heard in embeddings[:, tested]]
        for hearing, found in enumerate(places):
            if len(made.anchors):
                nearest = made.anchor_labels[_distances(found, made.anchors).argmin(axis=1)]
                by_anchor[hearing, tested] = nearest == owners[tested]
            near = made.point_labels[_distances(found, made.points).argsort(axis=1)[:, :NEAREST]]
            by_points[hearing, tested] = [np.bincount(row).argmax() for row in near] == owners[tested]
            moved[hearing, tested] = np.linalg.norm(found - places[0], axis=1)
    return MapQuality(
        tracks=len(tracks),
        artists=artists,
        commonest_label=float(np.bincount(owners).max() / len(owners)),
        placements={
            name: Placement(float(by_anchor[row].mean()), float(by_points[row].mean()), float(moved[row].mean()))
            for row, name in enumerate(HEARINGS)
        },
    )


def _distances(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.square(places[:, None] - others[None]).sum(axis=2)


def _discriminant_axes(standard: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """float [hearings, tracks, embedding] -> float [embedding, axes]: what tells labels apart in every hearing."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    present = len(np.unique(owners))
    # Every label counts the same. There are hardly more tracks than numbers in an embedding: without shrinkage the
    # axes would fit these tracks and no others.
    analysis = LinearDiscriminantAnalysis(
        solver="eigen", shrinkage=_SHRINKAGE, priors=np.full(present, 1.0 / present)
    ).fit(standard.reshape(-1, standard.shape[-1]), np.tile(owners, len(standard)))
    return np.asarray(analysis.scalings_[:, : present - 1])


def _principal_axes(standard: np.ndarray) -> np.ndarray:
    """float [tracks, embedding] -> float [embedding, axes]."""
    from sklearn.decomposition import PCA

    axes = min(_PRINCIPAL_AXES, *standard.shape)
    return np.asarray(PCA(axes, svd_solver="full").fit(standard).components_.T)


def build(classifier: BundleClassifier, data_folder: Path, cache_folder: Path, console: Console) -> MapQuality:
    """Make the map of a bundle and write it into its folder."""
    bundle = classifier.bundle
    tracks = [track for track in read_labels(data_folder) if not bundle.exclusive or track.label in bundle.labels]
    if not tracks:
        raise DataError(
            f"no track in {data_folder} has a label that {bundle.name} knows",
            rule=f"it knows {', '.join(bundle.labels)}",
        )
    check_copies(tracks)
    classifier.load()
    with console.status("listening") as status:
        heard = listen(
            classifier,
            choose_tracks(tracks),
            HEARINGS,
            cache_folder,
            lambda step, done, total: status.update(f"listening ({step}): {done} of {total} tracks"),
        )
    with console.status("making the map, and testing it with artists kept apart"):
        genre_map, quality = build_map(bundle, heard)
    add_map(bundle.folder, genre_map)
    return quality


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.build_map", description=__doc__)
    parser.add_argument("bundle", help="name of a bundle, or its folder; the map is written into it")
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    arguments = parser.parse_args()
    try:
        classifier = Library().open(arguments.bundle, device="cpu")
        quality = build(classifier, arguments.data, arguments.cache, Console(stderr=True))
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(quality.to_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
