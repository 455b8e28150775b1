"""`python -m model.build_genres --data FOLDER`: the default bundle, ten genres, from labelled music.

Takes the networks of the present bundle (or of another, `--base`) as they are, listens to the music once (what they say
is kept outside the repository), measures the recipe with artists and whole sources kept apart, trains it on all of the
music, and makes its map (see `model.build_map`).
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from model.build_map import HEARINGS, MapQuality, build_map, choose_tracks
from model.building import choose_threshold, hears_with, taught
from model.bundle_network import describe_networks, network_arrays
from model.bundle_writing import add_map, write_bundle
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE
from model.errors import GenrescopeError
from model.evaluation import CROSS_VALIDATION, TESTS, cross_validate, group_id, listen
from model.evaluation_report import Report
from model.folds import check_copies
from model.library import DEFAULT_BUNDLE, SHIPPED_BUNDLES, Library
from model.music_tags import known_music
from model.networks.loading import cost_ms
from model.recipe import Recipe, only
from model.tag_reading import TagReading, known_synonyms

LABELS = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
MSD_SYNONYMS = {
    "blues": ["blues"],
    "country": ["country"],
    "hiphop": ["Hip-Hop"],
    "jazz": ["jazz"],
    "metal": ["metal", "heavy metal"],
    "pop": ["pop", "indie pop", "rnb"],
    "rock": ["rock", "classic rock", "alternative rock", "hard rock", "indie rock", "Progressive rock", "punk"],
}
AUDIOSET_SYNONYMS = {
    "blues": ["Blues"],
    "classical": ["Classical music", "Opera"],
    "country": ["Country", "Bluegrass"],
    "disco": ["Disco"],
    "hiphop": ["Hip hop music"],
    "jazz": ["Jazz", "Swing music"],
    "metal": ["Heavy metal"],
    "pop": ["Pop music"],
    "reggae": ["Reggae"],
    "rock": ["Rock music", "Punk rock", "Grunge", "Rock and roll", "Progressive rock", "Psychedelic rock"],
}
"""AudioSet's classes that mean a genre. Of both lists, what a network has no tag for is ignored."""
ZERO_SHOT_WEIGHT = 0.5
"""Of a teacher's tags among the parts."""
WANTED_ACCURACY = 0.7
"""Of the windows of sources never heard in training, so many must be right where a genre is named."""
CARD = """# Ten genres

genres says which of ten genres (those of the GTZAN collection) it hears: {labels}.

- Hears: 3 s of mono sound at 16 kHz, 187 frames of 96 mel bands.
{networks}
- {opinions} opinions are added: a head (logistic regression on what the networks make of the sound, trained here), and
  what tags that mean a genre say{tags}.
  The sum is divided by a temperature of {temperature:.2f},
  fitted to averages over whole tracks, by artists that the head was not trained on.
- Below {unsure_below:.2f} it is "not sure". The threshold is the lowest at which, of the 3 s windows of sources
  never heard in training, {wanted:.0%} are right where a genre is named; {share:.0%} of those windows are then named.

## Trained on

{taught}
- The head, here: the tracks that are counted below, all of them; their genres are those that the collections came with.
- The music was heard three times in training: as it is, without anything above 4 kHz, and through a simulated
  loudspeaker, room and microphone. Every genre had the same weight, shared out among its sources by the square roots
  of their numbers of artists.

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

{licence}. The head is part of this project, under its licence.
"""


def recipe_for(tags: Sequence[str]) -> Recipe:
    """The recipe for networks with these tags: with those of each teacher, where its name stands before them
    ("msd:jazz", "audioset:Jazz"). Tags without such a name are those of the teacher that has most of them; a student's
    opinion of the same is not asked then."""
    by_teacher = {"msd": MSD_SYNONYMS, "audioset": AUDIOSET_SYNONYMS}
    found = {teacher: known_synonyms(synonyms, tags, f"{teacher}:") for teacher, synonyms in by_teacher.items()}
    # Both have a "Progressive rock".
    bare = {teacher: known_synonyms(synonyms, tags) for teacher, synonyms in by_teacher.items()}
    teacher = max(bare, key=lambda name: len(bare[name]))
    if bare[teacher]:
        found[teacher] = bare[teacher]
    readings = [TagReading(known, ZERO_SHOT_WEIGHT) for known in found.values() if known]
    first = readings[0] if readings else TagReading({}, 0.0)
    return Recipe(
        synonyms=first.synonyms,
        zero_shot_weight=first.weight,
        also_read=tuple(readings[1:]),
        alterations=("plain", "microphone", "telephone"),
        balance="label",
        calibrated_on="artists",
    )


def build(
    data_folder: Path, out: Path, cache_folder: Path, console: Console, *, base: str = DEFAULT_BUNDLE
) -> tuple[Report, MapQuality]:
    """Measure the recipe, train it on everything, write bundle and map into `out / "genres"`; deterministic.

    base : the bundle with the networks, in `out` or among the shipped ones, or its folder.
    """
    classifier = Library([out, SHIPPED_BUNDLES]).open(base, device="cpu")
    classifier.load()
    bundle = classifier.bundle
    recipe = recipe_for(bundle.network_tags)
    tracks = [track for track in read_labels(data_folder) if track.label in LABELS]
    check_copies(tracks)
    with console.status("listening") as status:
        heard = listen(
            classifier,
            tracks,
            dict.fromkeys((*TESTS.values(), *recipe.alterations, *HEARINGS)),
            cache_folder,
            lambda step, done, total: status.update(f"listening ({step}): {done} of {total} tracks"),
        )
    with console.status("testing with artists and sources kept apart"):
        results = cross_validate(recipe, LABELS, bundle.network_tags, heard)
    unsure_below, share = choose_threshold(results, WANTED_ACCURACY, test="unseen source")
    report = results.report(DEFAULT_BUNDLE, CROSS_VALIDATION, unsure_below)
    parts = recipe.train(heard, LABELS, bundle.network_tags)
    temperature = round(recipe.fit_temperature(heard, LABELS, bundle.network_tags), 4)
    described, arrays = recipe.describe(parts)
    written = write_bundle(
        out / DEFAULT_BUNDLE,
        name=DEFAULT_BUNDLE,
        title="Ten genres",
        labels=LABELS,
        exclusive=True,
        front_end=bundle.front_end,
        network=describe_networks(bundle.networks),
        parts=described,
        music=known_music(bundle.network_tags),
        temperature=temperature,
        thresholds={"unsure_below": unsure_below},
        metrics={**report.to_json(), "cost_ms": cost_ms(classifier.network, bundle.front_end)},
        licence=bundle.licence,
        card=CARD.format(
            labels=", ".join(LABELS),
            networks="- Hears with " + ", and\n  with ".join(hears_with(bundle.networks)) + ".",
            taught="\n".join(f"- {sentence}" for sentence in taught(bundle.networks)),
            licence=bundle.licence,
            opinions={1: "One", 2: "Two"}.get(len(parts), "Three"),
            tags=_weights_text(recipe),
            temperature=temperature,
            unsure_below=unsure_below,
            wanted=WANTED_ACCURACY,
            share=share,
            report=report.to_text(),
        ),
        texts={path.name: path.read_text(encoding="utf-8") for path in sorted(bundle.folder.glob("LICENSE*"))},
        arrays={**network_arrays(bundle.networks), **arrays},
        training={
            "recipe": recipe.to_json(),
            "groups": sorted({group_id(outputs.track.group) for outputs in heard["plain"]}),
        },
    )
    with console.status("making the map"):
        on_map = {track.path for track in choose_tracks(tracks)}
        genre_map, quality = build_map(written, only(heard, lambda track: track.path in on_map))
    add_map(written.folder, genre_map)
    return report, quality


def _weights_text(recipe: Recipe) -> str:
    """How much the readings of tags count."""
    first = (TagReading(recipe.synonyms, recipe.zero_shot_weight),) if recipe.synonyms else ()
    weights = [f"{reading.weight:g} ({len(reading.synonyms)} genres)" for reading in (*first, *recipe.also_read)]
    return f", at weight {' and '.join(weights)}" if weights else ""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.build_genres", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument(
        "--base",
        default=DEFAULT_BUNDLE,
        help="the bundle whose networks are used: its name, or its folder (%(default)s)",
    )
    parser.add_argument("--out", type=Path, default=SHIPPED_BUNDLES, help="folder of bundles to write into")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the networks' outputs are kept")
    arguments = parser.parse_args()
    try:
        report, quality = build(
            arguments.data, arguments.out, arguments.cache, Console(stderr=True), base=arguments.base
        )
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{report.to_text()}\n{quality.to_text()}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
