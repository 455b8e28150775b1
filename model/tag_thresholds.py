"""`python -m model.tag_thresholds BUNDLE --data FOLDER`: from what probability on each tag is worth saying.

Tags have probabilities on scales of their own: a network gives "rock" .5 and "country" seldom more than .1. With one
threshold for all, the common ones are named always and the rare ones never. Each gets its own here, by labelled music:

- Where the labels tell whether a tag holds, it is the threshold with the best F1 score among those from which on the
  tag is right `WANTED_PRECISION` of the time; where there is none, the one with the best precision that is reached.
- Where they do not, it is the probability that `UNKNOWN_SHARE` of the music exceeds.

Every kind of music counts the same, however many tracks it has. What is printed as precision and recall was measured on
artists from whom the threshold was not chosen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.datasets.dataset import LabelledTrack
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE, TrackOutputs
from model.errors import DataError, GenrescopeError
from model.evaluation import listen
from model.folds import grouped_folds
from model.library import Library
from model.measures.text_table import table

WANTED_PRECISION = 2 / 3
UNKNOWN_SHARE = 0.05
LOWEST, HIGHEST = 0.02, 0.95
FEWEST_ARTISTS = 5
"""A tag that fewer artists of the data have is treated as if the data said nothing about it."""
FOLDS = 5
_GRID = np.geomspace(LOWEST, HIGHEST, 60)
KINDS = {
    **{
        genre: genre for genre in ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae")
    },
    "rock": "rock",
    **dict.fromkeys(
        ("electronic", "house", "techno", "trance", "drum_bass", "dubstep", "edm", "trap", "ambient", "psytrance"),
        "electronic",
    ),
}
"""Labels of the data that say what music is, and the kind of music that each belongs to. Others, such as dances, do not
say whether it is pop or jazz."""


@dataclass(frozen=True)
class Meaning:
    """What a tag means in labels: those of which it holds, and those of which it may or may not."""

    holds: frozenset[str]
    open: frozenset[str] = frozenset()


def _means(holds: str, open_for: str = "") -> Meaning:
    return Meaning(frozenset(holds.split()), frozenset(open_for.split()))


_STYLES = "house techno trance drum_bass dubstep edm trap ambient psytrance"
MEANINGS = {
    **dict.fromkeys(("blues",), _means("blues", "jazz rock")),
    **dict.fromkeys(("classical", "classical music"), _means("classical")),
    "country": _means("country", "rock"),
    "disco": _means("disco", "pop house"),
    **dict.fromkeys(("hip-hop", "hip hop music"), _means("hiphop", "trap")),
    "jazz": _means("jazz", "blues"),
    **dict.fromkeys(("metal", "heavy metal"), _means("metal", "rock")),
    **dict.fromkeys(("pop", "pop music"), _means("pop", "rock disco country reggae")),
    "reggae": _means("reggae"),
    **dict.fromkeys(("rock", "rock music"), _means("rock metal", "pop blues country")),
    **dict.fromkeys(("electronic", "electronic music"), _means(f"electronic {_STYLES}", "hiphop disco pop")),
    **dict.fromkeys(("house", "house music"), _means("house", "electronic edm techno trance disco")),
    "techno": _means("techno", "electronic edm house trance psytrance"),
    "trance music": _means("trance psytrance", "electronic edm house techno"),
}
"""By the tag's name in lower case, without its teacher's."""


@dataclass(frozen=True)
class TagThreshold:
    """From what probability on a tag is said.

    precision, recall : on artists from whom it was not chosen; None where the data says nothing about the tag.
    artists : of the data that have the tag.
    """

    tag: str
    threshold: float
    precision: float | None = None
    recall: float | None = None
    artists: int = 0


def choose_thresholds(
    tags: Sequence[str], tracks: Sequence[LabelledTrack], probabilities: np.ndarray
) -> tuple[TagThreshold, ...]:
    """A threshold for each tag. DataError if no track is of a known kind, or there are fewer artists than folds.

    probabilities : float [tracks, tags], means over the tracks.
    """
    kept = [place for place, track in enumerate(tracks) if track.label in KINDS]
    if not kept:
        raise DataError("there is no music to choose thresholds by", rule=f"labels must be among {', '.join(KINDS)}")
    tracks = [tracks[place] for place in kept]
    probabilities = probabilities[kept]
    kinds = [KINDS[track.label] for track in tracks]
    weights = np.array([1.0 / kinds.count(kind) for kind in kinds])
    fold_of = grouped_folds(tracks, folds=FOLDS)
    found = []
    for column, tag in enumerate(tags):
        meaning = MEANINGS.get(tag.rsplit(":", 1)[-1].lower())
        artists = {track.group for track in tracks if meaning and track.label in meaning.holds}
        if meaning is None or len(artists) < FEWEST_ARTISTS:
            found.append(TagThreshold(tag, _exceeded(probabilities[:, column], weights), artists=len(artists)))
            continue
        known = np.array([track.label not in meaning.open for track in tracks])
        holds = np.array([track.label in meaning.holds for track in tracks])[known]
        values, shares, folds = probabilities[known, column], weights[known], fold_of[known]
        said = np.zeros(len(holds), bool)
        for fold in range(FOLDS):
            held_out = folds == fold
            said[held_out] = values[held_out] >= _best(values[~held_out], holds[~held_out], shares[~held_out])
        right = float(shares[said & holds].sum())
        found.append(
            TagThreshold(
                tag,
                _best(values, holds, shares),
                right / max(float(shares[said].sum()), 1e-12),
                right / float(shares[holds].sum()),
                len(artists),
            )
        )
    return tuple(found)


def _best(values: np.ndarray, holds: np.ndarray, shares: np.ndarray) -> float:
    said = values >= _GRID[:, None]
    right = (said * (shares * holds)).sum(axis=1)
    all_said = (said * shares).sum(axis=1)
    precision = right / np.maximum(all_said, 1e-12)
    f1 = 2.0 * right / (all_said + (shares * holds).sum())
    good = precision >= WANTED_PRECISION
    place = int(np.argmax(np.where(good, f1, -1.0))) if good.any() else int(np.argmax(precision))
    return round(float(_GRID[place]), 3)


def _exceeded(values: np.ndarray, shares: np.ndarray) -> float:
    order = np.argsort(-values)
    above = np.cumsum(shares[order]) / shares.sum()
    value = values[order][min(int(np.searchsorted(above, UNKNOWN_SHARE)), len(values) - 1)]
    return round(float(np.clip(value, LOWEST, HIGHEST)), 3)


def to_text(found: Sequence[TagThreshold]) -> str:
    """For the command: Markdown."""
    measured = [line for line in found if line.precision is not None]
    others = [line for line in found if line.precision is None]
    rows = [
        ("tag", "said from", "precision", "recall", "artists"),
        *(
            (line.tag, f"{line.threshold:.3f}", f"{line.precision:.2f}", f"{line.recall:.2f}", str(line.artists))
            for line in measured
        ),
    ]
    rest = ", ".join(f"{line.tag} {line.threshold:.3f}" for line in others)
    return "\n".join(table(rows)) + f"\n\nExceeded by {UNKNOWN_SHARE:.0%} of the music: {rest}\n"


def track_means(heard: Sequence[TrackOutputs]) -> np.ndarray:
    """float32 [tracks, tags]."""
    return np.stack([outputs.tags.mean(axis=0) for outputs in heard])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.tag_thresholds", description=__doc__)
    parser.add_argument("bundle", help="a bundle, by its name or folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    arguments = parser.parse_args()
    try:
        classifier = Library().open(arguments.bundle, device="cpu")
        classifier.load()
        tracks = [track for track in read_labels(arguments.data) if track.label in KINDS]
        heard = listen(classifier, tracks, ("plain",), arguments.cache, lambda *_: None)["plain"]
        found = choose_thresholds(
            classifier.bundle.network_tags, [outputs.track for outputs in heard], track_means(heard)
        )
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(to_text(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
