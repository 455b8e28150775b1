"""`python -m model.repeated_folds BUNDLE --data FOLDER`: a recipe tested on several partings of the same artists.

Where there are few artists, as of dances, it matters who happens to be in whose fold: one cross-validation says little
about whether one recipe is better than another. This repeats it with other folds, and says how far the figures lie
apart. Like an ablation it leaves the temperature out, and whole tracks are tested. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE, TrackOutputs
from model.errors import DataError, GenrescopeError
from model.evaluation import FOLDS, TEMPO_TESTS, TESTS, listen, read_rendered
from model.folds import check_apart, check_copies, grouped_folds
from model.label_meanings import known_tracks
from model.library import SHIPPED_BUNDLES, Library
from model.measures.text_table import table
from model.parts import Part
from model.recipe import Heard, Recipe, Rendered, add_scores, only

TIMES = 5
MOST_TIMES = 100


@dataclass(frozen=True)
class RepeatedFolds:
    """Balanced accuracy of tracks by unseen artists, by test and then by parting.

    accuracies : for all labels; among : for tracks of the labels `only` alone, when only these may be named.
    """

    accuracies: dict[str, tuple[float, ...]]
    among: dict[str, tuple[float, ...]]

    def to_text(self) -> str:
        """The table in Markdown."""
        rows: list[tuple[str, ...]] = [("tracks", "mean", "lowest", "highest", "among those asked for: mean")]
        for test, values in self.accuracies.items():
            few = f"{np.mean(self.among[test]):.3f}" if test in self.among else ""
            rows.append((test, f"{np.mean(values):.3f}", f"{min(values):.3f}", f"{max(values):.3f}", few))
        return "\n".join(table(rows)) + "\n"


def repeat_folds(
    recipe: Recipe,
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    heard: Heard,
    *,
    times: int = TIMES,
    among: Sequence[str] = (),
    rendered: Rendered = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RepeatedFolds:
    """Train and test a recipe in `FOLDS` folds, so many times, each with other folds; deterministic.

    heard : "plain", what the recipe trains with, and whatever else of the usual tests is to be made.
    among : labels for a second figure, when only they may be named.
    rendered : music made by a program, of which the part on the rhythm is trained too; it is never tested.

    Raises DataError if `times` is not 1 to 100, if `among` are no labels, or if there are fewer artists than folds.
    """
    if not 1 <= times <= MOST_TIMES:
        raise DataError(f"{times} partings are not made", rule=f"1 to {MOST_TIMES}")
    unknown = sorted(set(among) - set(labels))
    if unknown:
        raise DataError(f"{', '.join(unknown)} is none of the labels", rule=f"they are {', '.join(labels)}")
    tests = {name: alteration for name, alteration in {**TESTS, **TEMPO_TESTS}.items() if alteration in heard}
    tracks = [outputs.track for outputs in heard["plain"]]
    allowed = [labels.index(label) for label in among]
    accuracies: dict[str, list[float]] = {test: [] for test in tests}
    few: dict[str, list[float]] = {test: [] for test in tests if allowed}
    for seed in range(times):
        fold_of = dict(zip((t.group for t in tracks), grouped_folds(tracks, folds=FOLDS, seed=seed), strict=True))
        truth: dict[str, list[int]] = {test: [] for test in tests}
        likely: dict[str, list[np.ndarray]] = {test: [] for test in tests}
        for fold in range(FOLDS):
            training = only(heard, lambda track: fold_of[track.group] != fold)  # noqa: B023 - used at once
            tested = only(heard, lambda track: fold_of[track.group] == fold)  # noqa: B023
            check_apart((o.track for o in training["plain"]), (o.track for o in tested["plain"]))
            parts = recipe.train(training, labels, tags, rendered)
            for test, alteration in tests.items():
                truth[test] += [labels.index(outputs.track.label) for outputs in tested[alteration]]
                likely[test] += [_mean_probabilities(parts, outputs) for outputs in tested[alteration]]
            progress(seed * FOLDS + fold + 1, times * FOLDS)
        for test in tests:
            right, shares = np.array(truth[test]), np.stack(likely[test])
            accuracies[test].append(_balanced(right, shares.argmax(axis=1)))
            if allowed:
                kept = np.isin(right, allowed)
                few[test].append(_balanced(right[kept], np.array(allowed)[shares[kept][:, allowed].argmax(axis=1)]))
    return RepeatedFolds(
        {test: tuple(values) for test, values in accuracies.items()},
        {test: tuple(values) for test, values in few.items()},
    )


def _mean_probabilities(parts: Sequence[Part], outputs: TrackOutputs) -> np.ndarray:
    """float64 [labels]: of all windows of a track."""
    scores = add_scores(parts, [outputs]).astype(np.float64)
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray((likely / likely.sum(axis=1, keepdims=True)).mean(axis=0))


def _balanced(truth: np.ndarray, named: np.ndarray) -> float:
    return float(np.mean([(named[truth == label] == label).mean() for label in np.unique(truth)]))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.repeated_folds", description=__doc__)
    parser.add_argument("bundle", help="a bundle with a recipe: its name, or its folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--times", type=int, default=TIMES, help="partings of the artists (%(default)s)")
    parser.add_argument(
        "--among", default="", help="labels, with commas between: also measure when only these may be named"
    )
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    chosen = parser.parse_args(arguments)
    try:
        with Console(stderr=True).status("listening") as status:
            print(_measure(chosen, status.update).to_text(), end="")
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _measure(chosen: argparse.Namespace, say: Callable[[str], None]) -> RepeatedFolds:
    classifier = Library([SHIPPED_BUNDLES]).open(chosen.bundle, device="cpu")
    classifier.load()
    bundle = classifier.bundle
    recipe = bundle.recipe
    if recipe is None or not bundle.exclusive:
        raise DataError(
            f"{bundle.name} cannot be trained anew", rule="it needs a recipe, and labels of which one is right"
        )
    tracks = known_tracks(read_labels(chosen.data), bundle.labels, bundle.meanings)
    check_copies(tracks)
    tests = {**TESTS, **TEMPO_TESTS} if recipe.rhythm is not None else TESTS
    heard = listen(
        classifier,
        tracks,
        dict.fromkeys((*tests.values(), *recipe.alterations)),
        chosen.cache,
        lambda step, done, total: say(f"listening ({step}): {done} of {total} tracks"),
        with_rhythm=recipe.rhythm is not None,
    )
    return repeat_folds(
        recipe,
        bundle.labels,
        bundle.network_tags,
        heard,
        times=chosen.times,
        among=[label.strip() for label in chosen.among.split(",") if label.strip()],
        rendered=read_rendered(bundle),
        progress=lambda done, total: say(f"testing: {done} of {total} folds"),
    )


if __name__ == "__main__":
    sys.exit(main())
