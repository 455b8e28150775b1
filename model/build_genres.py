"""`python -m model.build_genres --data FOLDER`: the default bundle, ten genres, from labelled music.

Takes the network of the bundle `tags` as it is, listens to the music once (its outputs are kept outside the
repository), measures the recipe with artists and whole sources kept apart, trains it on all of the music, and makes its
map (see `model.build_map`).
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console

from model.build_map import HEARINGS, MapQuality, build_map, choose_tracks
from model.bundle_writing import add_map, write_bundle
from model.convert_musicnn import LICENCE, LICENCE_FILE, WEIGHTS_FILE
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE
from model.errors import GenrescopeError
from model.evaluation import CROSS_VALIDATION, TESTS, Results, cross_validate, group_id, listen
from model.evaluation_report import EvaluationReport
from model.folds import check_copies
from model.library import DEFAULT_BUNDLE, SHIPPED_BUNDLES, Library
from model.networks.loading import cost_ms
from model.parts import HeadPart
from model.recipe import Recipe, only

LABELS = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
RECIPE = Recipe(
    synonyms={
        "blues": ["blues"],
        "country": ["country"],
        "hiphop": ["Hip-Hop"],
        "jazz": ["jazz"],
        "metal": ["metal", "heavy metal"],
        "pop": ["pop", "indie pop", "rnb"],
        "rock": ["rock", "classic rock", "alternative rock", "hard rock", "indie rock", "Progressive rock", "punk"],
    },
    alterations=("plain", "microphone", "telephone"),
)
WANTED_ACCURACY = 2 / 3
"""Of the windows of sources never heard in training, so many must be right where a genre is named."""
HEAD_FILE = "head.npz"
CARD = """# Ten genres

genres says which of ten genres (those of the GTZAN collection) it hears: {labels}.

- Hears: 3 s of mono sound at 16 kHz, 187 frames of 96 mel bands; the network is that of the bundle `tags`.
- Two opinions are added: a head (logistic regression on the network's embedding, trained here) and, at weight
  {zero_shot}, the network's own tags that mean a genre. Their sum is divided by a temperature of {temperature:.2f},
  fitted on sources that the head was not trained on, to averages over 9 s.
- Below {unsure_below:.2f} it is "not sure". The threshold is the lowest at which, of the 3 s windows of sources
  never heard in training, {wanted:.0%} are right where a genre is named; {share:.0%} of those windows are then named.

## Trained on

- The network, by its authors: the Million Song Dataset with tags of Last.fm listeners.
- The head, here: the tracks that are counted below, all of them; their genres are those that the collections came with.
- The music was heard three times in training: as it is, without anything above 4 kHz, and through a simulated
  loudspeaker, room and microphone. Every (source, genre) had the same weight.

## Measured

With `genrescope evaluate genres --data FOLDER` on the music it was trained on: for every figure it was trained anew
without the artists (or the source) it is tested on. Every genre counts the same, however many tracks it has.

{report}
## Limits

- There are few artists of some genres: the intervals are wide, and other music may fare better or worse.
- Rock against pop, and jazz against blues, are what it confuses most; people disagree there too.
- Music of none of the ten genres (techno, tango) is given the nearest of them, or "not sure".
- A cheap microphone in a live room costs a good part of the accuracy (the last line of the table).

## Intended use

Showing people who listen along which of the ten genres music is like, and how sure that is. Not for sorting a
collection without looking, and not for decisions about people or money.

## Licence

ISC for the network, see LICENSE-musicnn; the head is part of this project, under its licence.
"""


def build(data_folder: Path, out: Path, cache_folder: Path, console: Console) -> tuple[EvaluationReport, MapQuality]:
    """Measure the recipe, train it on everything, write bundle and map into `out / "genres"`; deterministic."""
    classifier = Library([out]).open("tags", device="cpu")
    classifier.load()
    bundle = classifier.bundle
    wanted = {*LABELS, *(RECIPE.also_means or {})}
    tracks = [track for track in read_labels(data_folder) if track.label in wanted]
    check_copies(tracks)
    with console.status("listening") as status:
        heard = listen(
            classifier,
            tracks,
            dict.fromkeys((*TESTS.values(), *RECIPE.alterations, *HEARINGS)),
            cache_folder,
            lambda step, done, total: status.update(f"listening ({step}): {done} of {total} tracks"),
        )
    with console.status("testing with artists and sources kept apart"):
        results = cross_validate(RECIPE, LABELS, bundle.network_tags, heard)
    unsure_below, share = choose_threshold(results)
    report = results.report(DEFAULT_BUNDLE, CROSS_VALIDATION, unsure_below)
    parts = RECIPE.train(heard, LABELS, bundle.network_tags)
    temperature = round(RECIPE.fit_temperature(heard, LABELS, bundle.network_tags), 4)
    head = next(part for part in parts if isinstance(part, HeadPart))
    described = [{"kind": "head", "file": HEAD_FILE, "weight": head.weight, "clip": head.clip}]
    if RECIPE.zero_shot_weight:
        described.append(RECIPE.describe_zero_shot())
    written = write_bundle(
        out / DEFAULT_BUNDLE,
        name=DEFAULT_BUNDLE,
        title="Ten genres",
        labels=LABELS,
        exclusive=True,
        front_end=bundle.front_end,
        network={
            "architecture": bundle.architecture,
            "weights": WEIGHTS_FILE,
            "tags": list(bundle.network_tags),
        },
        parts=described,
        temperature=temperature,
        thresholds={"unsure_below": unsure_below},
        metrics={**report.to_json(), "cost_ms": cost_ms(classifier.network, bundle.front_end)},
        licence=LICENCE,
        card=CARD.format(
            labels=", ".join(LABELS),
            zero_shot=RECIPE.zero_shot_weight,
            temperature=temperature,
            unsure_below=unsure_below,
            wanted=WANTED_ACCURACY,
            share=share,
            report=report.to_text(),
        ),
        texts={LICENCE_FILE: (bundle.folder / LICENCE_FILE).read_text(encoding="utf-8")},
        arrays={
            WEIGHTS_FILE: bundle.read_weights(),
            HEAD_FILE: {name: getattr(head, name) for name in ("mean", "scale", "coefficients", "intercepts")},
        },
        training={
            "recipe": RECIPE.to_json(),
            "groups": sorted({group_id(outputs.track.group) for outputs in heard["plain"]}),
        },
    )
    with console.status("making the map"):
        on_map = {track.path for track in choose_tracks([track for track in tracks if track.label in LABELS])}
        genre_map, quality = build_map(written, only(heard, lambda track: track.path in on_map))
    add_map(written.folder, genre_map)
    return report, quality


def choose_threshold(results: Results, wanted_accuracy: float = WANTED_ACCURACY) -> tuple[float, float]:
    """The lowest threshold that keeps promises on unseen sources, and the share of windows then named."""
    probabilities, truth = results.windows("unseen source")
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    _, place, counts = np.unique(truth, return_inverse=True, return_counts=True)
    weights = 1.0 / counts[place]
    for threshold in np.arange(0.2, 0.91, 0.01):
        sure = confidence >= threshold
        if (weights * right)[sure].sum() >= wanted_accuracy * weights[sure].sum():
            break
    return round(float(threshold), 2), float(weights[sure].sum() / weights.sum())


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.build_genres", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--out", type=Path, default=SHIPPED_BUNDLES, help="folder of bundles; must hold `tags`")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    arguments = parser.parse_args()
    try:
        report, quality = build(arguments.data, arguments.out, arguments.cache, Console(stderr=True))
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{report.to_text()}\n{quality.to_text()}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
