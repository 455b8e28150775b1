"""`python -m model.build_ballroom --data FOLDER --rendered FOLDER`: the bundle of the ten competition dances.

Takes the network of the bundle `msd_tags` (or of another, `--base`) as it is, listens to labelled recordings, and to
the rhythm alone of rendered dances (`python -m model.rendering.dances`), measures the recipe with songs and artists
kept apart, at other tempi too, and trains it on everything. The bundle keeps the rhythms of the rendered dances, so
that `genrescope evaluate ballroom --data FOLDER` gives the same figures.
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from model.build_map import HEARINGS, build_map, choose_tracks
from model.building import choose_threshold
from model.bundle_network import describe_networks, network_arrays
from model.bundle_writing import add_map, write_bundle
from model.convert_musicnn import LICENCE_FILE
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE, TrackRhythm
from model.errors import DataError, GenrescopeError
from model.evaluation import CROSS_VALIDATION, FOLDS, TEMPO_TESTS, TESTS, cross_validate, group_id, listen
from model.evaluation_report import Report
from model.folds import check_copies, grouped_folds
from model.label_meanings import known_tracks
from model.library import SHIPPED_BUNDLES, Library
from model.networks.loading import cost_ms
from model.recipe import Heard, Recipe, only
from model.rendering.rhythms import RENDERED_FILE, pack, rendered_rhythms
from model.results import Results
from model.rhythm_recipe import RhythmRecipe

NAME = "ballroom"
SEVEN = ("chacha", "rumba", "foxtrot", "quickstep", "samba", "tango", "waltz")
LABELS = (*SEVEN, "viennese waltz", "jive", "paso doble")
MEANINGS: Mapping[str, str] = {
    "cha cha cha": "chacha",
    "rhumba": "rumba",
    "slow foxtrot": "foxtrot",
    "slow waltz": "waltz",
    "english waltz": "waltz",
}
"""Other names that collections give the dances."""
RECIPE = Recipe(
    synonyms={},
    alterations=("plain", "microphone"),
    inverse_regularisation=1e-3,
    zero_shot_weight=0.0,
    # One collection has nearly all of the songs: others would count for more than they can tell.
    balance="window",
    calibrated_on="artists",
    rhythm=RhythmRecipe(inverse_regularisation=0.01, weight=1.5, rendered_weight=1.0, tempos=(0.96, 1.0, 1.04)),
)
WANTED_ACCURACY = 3 / 4
"""Of the windows of songs and artists never heard in training, so many must be right where a dance is named."""
CARD = """# Ten competition dances

ballroom says which dance music is for: {labels}. It takes for granted that it is one of them.

## Trained on

- The network, by its authors: {base} (the network of the bundle `{base_name}`).
- The heads, here: {songs} excerpts of dance-floor songs by {artists} artists, with the dances under which they were
  collected; each heard twice: as it is, and through a simulated loudspeaker, room and microphone.
- The head on the rhythm learned all of it 4 % faster and slower, too, and also {rendered} pieces rendered by a program,
  over accompaniments of MMA and some of our own, with the FluidR3 sounds; these count {rendered_weight:g} times
  as much as the songs. The bundle holds their rhythms, no sound.
- Two opinions are added: of a head on the network's embedding of 3 s, and of one on the rhythm of the last 6 to 12 s.
  Their sum is divided by a temperature of {temperature:.2f}. In the first 6 s there is the first opinion alone.
- Below {unsure_below:.2f} it is "not sure": of the windows of songs and artists never heard, {share:.0%} are
  then named, and {wanted:.0%} of these rightly.

## Measured

With `genrescope evaluate ballroom --data FOLDER` on the songs it was trained on: for every figure it was trained anew
without the artists that it is tested on; the rendered music is never tested. Every dance counts the same.

{report}
The recipe was chosen among some ninety variants by repeated tests on these same songs, so the figures flatter it a
little. `python -m model.build_ballroom` prints, beside them:

{dances}
## Limits

- There are three to nine songs of a dance, so the intervals are wide; the dances with few songs are a guess.
- Samba and rumba, and cha-cha, tango, foxtrot and paso doble, are played at about the same tempi. Music that is played
  far from its dance's tempo is called by the dance of that tempo.
- Other dances (salsa, swing, polka), and music that is not for dancing, are given the nearest of the ten.
- A waltz whose beats nobody plays, as strings do, is hard.

## Intended use

Showing people who dance or listen which of the ten dances would fit, and how sure that is. Not for sorting a collection
without looking, nor for judging musicians or dancers.

## Licence

{licence} for the network, see {licence_file}; the heads are part of this project, under its licence. The songs are not
part of it. MMA's accompaniments are in nothing but the rhythms.
"""


@dataclass(frozen=True)
class DanceFigures:
    """What the report has no place for.

    per_dance : songs named rightly, and how many there are.
    seven : balanced accuracy among the seven dances of most collections: as one of ten, by the ten when only seven are
        allowed, and trained for the seven alone; each as it is, 6 % faster and 6 % slower.
    """

    per_dance: Mapping[str, tuple[int, int]]
    seven: Mapping[str, tuple[float, ...]]

    def to_text(self) -> str:
        """Markdown."""
        lines = [f"- {dance}: {right} of {songs} songs" for dance, (right, songs) in self.per_dance.items()]
        lines += ["", "| seven dances | as it is | 6 % faster | 6 % slower |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |" for name, values in self.seven.items()
        ]
        return "\n".join(lines) + "\n"


def measure_dances(
    results: Results,
    recipe: Recipe,
    tags: tuple[str, ...],
    heard: Heard,
    rendered: Sequence[TrackRhythm],
    temperature: float,
) -> DanceFigures:
    """What the report has no place for; trains the recipe for seven dances, too."""
    tests = ("track", *TEMPO_TESTS)
    seven = _trained_for_seven(recipe, tags, heard, rendered, temperature)
    truth, named = _answers(results, "track", LABELS)
    per_dance = {
        dance: (int((named[truth == index] == index).sum()), int((truth == index).sum()))
        for index, dance in enumerate(LABELS)
    }
    return DanceFigures(
        per_dance,
        {
            "as one of ten": tuple(_balanced(*_answers(results, test, LABELS)) for test in tests),
            "of the ten, only seven allowed": tuple(_balanced(*_answers(results, test, SEVEN)) for test in tests),
            "trained for seven": tuple(_balanced(*_answers(seven, test, SEVEN)) for test in tests),
        },
    )


def _trained_for_seven(
    recipe: Recipe, tags: tuple[str, ...], heard: Heard, rendered: Sequence[TrackRhythm], temperature: float
) -> Results:
    """The recipe for the seven dances alone, artists apart; the temperature matters little for who is first."""
    known = only(heard, lambda track: track.label in SEVEN)
    pieces = [piece for piece in rendered if piece.track.label in SEVEN]
    tracks = [outputs.track for outputs in known["plain"]]
    fold_of = dict(zip(tracks, grouped_folds(tracks, folds=FOLDS), strict=True))
    results = Results(SEVEN)
    for fold in range(FOLDS):
        parts = recipe.train(only(known, lambda track: fold_of[track] != fold), SEVEN, tags, pieces)  # noqa: B023
        tested = only(known, lambda track: fold_of[track] == fold)  # noqa: B023
        for test, alteration in {"track": TESTS["track"], **TEMPO_TESTS}.items():
            results.add(test, tested[alteration], parts, temperature)
    return results


def _answers(results: Results, test: str, allowed: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and what was named, int [tracks], when only the first `allowed` labels may be; all of the tracks."""
    answers = results.answers(test)
    return answers.truth.argmax(axis=1), answers.probabilities[:, : len(allowed)].argmax(axis=1)


def _balanced(truth: np.ndarray, named: np.ndarray) -> float:
    return float(np.mean([(named[truth == label] == label).mean() for label in np.unique(truth[truth < len(SEVEN)])]))


def build(
    data_folder: Path, rendered_folder: Path, out: Path, base_name: str, cache_folder: Path, console: Console
) -> tuple[Report, DanceFigures]:
    """Measure the recipe, train it on everything, write the bundle into `out / "ballroom"`; deterministic."""
    classifier = Library([SHIPPED_BUNDLES, out]).open(base_name, device="cpu")
    classifier.load()
    base = classifier.bundle
    tracks = known_tracks(read_labels(data_folder), LABELS, MEANINGS)
    pieces = known_tracks(read_labels(rendered_folder), LABELS, MEANINGS)
    for found, folder in ((tracks, data_folder), (pieces, rendered_folder)):
        missing = sorted(set(LABELS) - {track.label for track in found})
        if missing:
            raise DataError(f"{folder} has no music for {', '.join(missing)}", rule=f"needed are {', '.join(LABELS)}")
    check_copies(tracks)
    with console.status("listening") as status:
        heard = listen(
            classifier,
            tracks,
            dict.fromkeys((*TESTS.values(), *TEMPO_TESTS.values(), *RECIPE.alterations)),
            cache_folder,
            lambda step, done, total: status.update(f"listening ({step}): {done} of {total} tracks"),
            with_rhythm=True,
        )
        # Without those that cannot be read.
        tracks = [outputs.track for outputs in heard["plain"]]
        rendered: list[TrackRhythm] = rendered_rhythms(
            pieces,
            base.front_end,
            cache_folder,
            lambda done, total: status.update(f"listening (rendered): {done} of {total} tracks"),
        )
    with console.status("testing with songs and artists kept apart"):
        results = cross_validate(RECIPE, LABELS, base.network_tags, heard, rendered=rendered)
        unsure_below, share = choose_threshold(results, WANTED_ACCURACY, test="track")
        results.window_seconds = base.front_end.window_seconds
        report = results.report(NAME, CROSS_VALIDATION, unsure_below)
    with console.status("training"):
        parts = RECIPE.train(heard, LABELS, base.network_tags, rendered)
        temperature = round(RECIPE.fit_temperature(heard, LABELS, base.network_tags, rendered), 4)
        figures = measure_dances(results, RECIPE, base.network_tags, heard, rendered, temperature)
    described, arrays = RECIPE.describe(parts)
    groups = sorted({group_id(track.group) for track in tracks})
    licence_file = LICENCE_FILE if (base.folder / LICENCE_FILE).is_file() else "the card of its bundle"
    written = write_bundle(
        out / NAME,
        name=NAME,
        title="Ten dances",
        labels=LABELS,
        exclusive=True,
        front_end=base.front_end,
        network=describe_networks(base.networks),
        parts=described,
        temperature=temperature,
        thresholds={"unsure_below": unsure_below},
        metrics={**report.to_json(), "cost_ms": cost_ms(classifier.network, base.front_end)},
        licence=base.licence,
        card=CARD.format(
            labels=", ".join(LABELS),
            base=base.title,
            base_name=base.name,
            songs=len(tracks),
            artists=len(groups),
            rendered=len(pieces),
            rendered_weight=RECIPE.rhythm.rendered_weight if RECIPE.rhythm else 0.0,
            temperature=temperature,
            unsure_below=unsure_below,
            share=share,
            wanted=WANTED_ACCURACY,
            report=report.to_text(),
            dances=figures.to_text(),
            licence=base.licence,
            licence_file=licence_file,
        ),
        texts={LICENCE_FILE: (base.folder / LICENCE_FILE).read_text(encoding="utf-8")}
        if licence_file == LICENCE_FILE
        else {},
        arrays={**network_arrays(base.networks), **arrays, RENDERED_FILE: pack(rendered, LABELS)},
        training={"recipe": RECIPE.to_json(), "groups": groups},
    )
    with console.status("making the map"):
        for_map = listen(classifier, choose_tracks(tracks), HEARINGS, cache_folder, lambda step, done, total: None)
        genre_map, _ = build_map(written, for_map)
    add_map(written.folder, genre_map)
    return report, figures


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.build_ballroom", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--rendered", type=Path, required=True, help="folder that model.rendering.dances filled")
    parser.add_argument("--base", default="msd_tags", help="the bundle whose network is used: its name, or its folder")
    parser.add_argument("--out", type=Path, default=SHIPPED_BUNDLES, help="folder of bundles to write into")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    arguments = parser.parse_args()
    try:
        report, figures = build(
            arguments.data,
            arguments.rendered,
            arguments.out,
            arguments.base,
            arguments.cache,
            Console(stderr=True),
        )
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{report.to_text()}\n{figures.to_text()}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
