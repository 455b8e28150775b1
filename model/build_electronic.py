"""`python -m model.build_electronic --data FOLDER`: the bundle of twelve electronic styles.

Takes the network of the bundle `tags` as it is (or of another, with `--network`), renders songs in the styles (see
`model.styles`; they are kept outside the repository), listens once to labelled recordings and to the songs, measures
with artists and with whole sources kept apart, and trains on everything.
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from model.building import choose_threshold
from model.bundle import Bundle
from model.bundle_network import describe_networks, network_arrays
from model.bundle_writing import write_bundle
from model.card import Card
from model.convert_musicnn import LICENCE, LICENCE_FILE
from model.datasets.dataset import LabelledTrack
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE
from model.errors import DataError, GenrescopeError
from model.evaluation import group_id, listen
from model.folds import check_copies
from model.library import SHIPPED_BUNDLES, Library
from model.networks.loading import cost_ms
from model.recipe import Recipe
from model.rhythm_recipe import RhythmRecipe
from model.styles.measures import StyleReport, measure, style_report
from model.styles.table import LABELS
from model.styles.writing import write_dataset

NAME = "electronic"
SONGS = 144
RENDERED_PREFIX = "rendered "
"""Before the label of a rendered song, so that it counts in training and is never tested as a recording."""
MEANINGS: Mapping[str, str] = {
    "electronic": "Ambient/Electronic",
    "ambient": "Ambient/Electronic",
    "dubstep": "Brostep",
    "drum_bass": "Drum & Bass",
    "edm": "EDM & Big Room",
    "electro": "Electro & Future House",
    "trance": "Trance",
    "psytrance": "Trance",
    "house": "House/Nu Disco/Disco",
    "disco": "House/Nu Disco/Disco",
    "nu_disco": "House/Nu Disco/Disco",
    "techno": "Techno/Tech House",
    "trap": "Trap",
}
"""Which style recordings with these labels are taken for; the labels of the styles themselves are known as well."""
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "Ambient/Electronic": ("ambient", "chillout", "Ambient music", "New-age music", "Electronica"),
    "Brostep": ("Dubstep",),
    "Drum & Bass": ("Drum and bass",),
    "EDM & Big Room": ("Electronic dance music",),
    "Electro & Future House": ("electro",),
    "House/Nu Disco/Disco": ("House", "House music", "Disco"),
    "Techno/Tech House": ("techno", "Techno"),
    "Trance": ("Trance music",),
    "Trap": ("Trap music",),
}
"""Tags that mean a style, in the spellings of the networks that have them: those that the network has are read."""
FEWEST_TAGS = 5
"""Styles that must have a tag of their own before tags are read: with fewer, the others would only be guessed."""
ALTERATIONS = ("plain",)
WANTED_ACCURACY = 0.5
"""Of the windows of sources never heard in training, so many must be right where a style is named."""


def recipe_for(network_tags: Sequence[str]) -> Recipe:
    """How the parts are trained, on a network with these tags."""
    synonyms = {style: [tag for tag in names if tag in network_tags] for style, names in SYNONYMS.items()}
    synonyms = {style: names for style, names in synonyms.items() if names}
    return Recipe(
        synonyms=synonyms,
        alterations=ALTERATIONS,
        inverse_regularisation=1e-3,
        balance="label",
        zero_shot_weight=0.5 if len(synonyms) >= FEWEST_TAGS else 0.0,
        zero_shot_absent=-4.0,
        also_means={RENDERED_PREFIX + label: label for label in LABELS},
        rhythm=RhythmRecipe(weight=0.5, tempos=(1.0,)),
    )


def recordings(data_folder: Path) -> list[LabelledTrack]:
    """The tracks of a folder with a `labels.csv` that are in one of the styles, called by the style."""
    tracks = []
    for track in read_labels(data_folder):
        style = track.label if track.label in LABELS else MEANINGS.get(track.label)
        if style:
            tracks.append(replace(track, labels=(style,)))
    if not tracks:
        raise DataError(
            f"no track in {data_folder} is in an electronic style",
            rule=f"known are {', '.join([*MEANINGS, *LABELS])}",
        )
    check_copies(tracks)
    return tracks


def build(
    data_folder: Path,
    out: Path,
    cache_folder: Path,
    console: Console,
    *,
    network: str = "tags",
    songs: int = SONGS,
    songs_folder: Path | None = None,
) -> tuple[Bundle, StyleReport]:
    """Render, listen, measure, train, and write the bundle into `out / "electronic"`; deterministic."""
    classifier = Library([out, SHIPPED_BUNDLES]).open(network, device="cpu")
    classifier.load()
    source = classifier.bundle
    recipe = recipe_for(source.network_tags)
    tracks = recordings(data_folder)
    with console.status("rendering") as status:
        folder = songs_folder or cache_folder.parent / "styles"
        write_dataset(folder, songs, progress=lambda done, total: status.update(f"rendering: {done} of {total} songs"))
    made = [as_training_only(track) for track in read_labels(folder)]
    with console.status("listening") as status:
        heard = listen(
            classifier,
            [*tracks, *made],
            recipe.alterations,
            cache_folder,
            lambda step, done, total: status.update(f"listening ({step}): {done} of {total} tracks"),
            with_rhythm=True,
        )
    with console.status("testing with artists and sources kept apart"):
        temperature = round(recipe.fit_temperature(heard, LABELS, source.network_tags), 4)
        results = measure(recipe, LABELS, source.network_tags, heard, temperature)
        unsure_below, _ = choose_threshold(results, WANTED_ACCURACY, test="unseen source")
        report = style_report(results, unsure_below)
    parts = recipe.train(heard, LABELS, source.network_tags)
    described, arrays = recipe.describe(parts)
    bundle = write_bundle(
        out / NAME,
        name=NAME,
        title="Twelve electronic styles",
        labels=LABELS,
        exclusive=True,
        front_end=source.front_end,
        network=describe_networks(source.networks),
        parts=described,
        temperature=temperature,
        thresholds={"unsure_below": unsure_below},
        metrics={
            **results.report(NAME, "grouped cross-validation in 5 folds", unsure_below).to_json(),
            "styles": report.to_json(),
            "cost_ms": cost_ms(classifier.network, source.front_end),
        },
        licence=LICENCE,
        card=card(report, tracks, len(made), temperature, unsure_below),
        texts={LICENCE_FILE: (source.folder / LICENCE_FILE).read_text(encoding="utf-8")},
        arrays={**network_arrays(source.networks), **arrays},
        training={
            "recipe": recipe.to_json(),
            "groups": sorted({group_id(track.group) for track in (*tracks, *made)}),
        },
    )
    return bundle, report


def as_training_only(song: LabelledTrack) -> LabelledTrack:
    """A rendered song under a label that counts in training alone.

    Artists with even and with odd numbers are two sources: to the part on the rhythm every (source, style) counts the
    same, so that the songs together count about as much as all recordings.
    """
    half = int(song.group.rsplit(":", 1)[1]) % 2
    return replace(song, dataset=f"{song.dataset}-{half}", labels=(RENDERED_PREFIX + song.label,))


def card(
    report: StyleReport, tracks: Sequence[LabelledTrack], songs: int, temperature: float, unsure_below: float
) -> str:
    """What people must know of it."""
    lines = {line.style: line for line in report.lines}
    none = [style for style, line in lines.items() if not line.tracks]
    few = [style for style, line in lines.items() if 0 < line.artists < 10]
    enough = [style for style, line in lines.items() if line.artists >= 10]
    artists = len({track.group for track in tracks})
    sources = ", ".join(sorted({track.dataset for track in tracks}))
    return Card(
        title="Twelve electronic styles",
        summary=f"electronic says which of twelve styles of electronic music it hears: {', '.join(LABELS)}.",
        trained_on=(
            f"{len(tracks)} recordings by {artists} artists from {sources}; and {songs} songs made by calculation "
            "(`python -m model.styles`), as many of every style.",
            "The makers' labels were taken for styles like this: "
            + "; ".join(f"{label} for {style}" for label, style in MEANINGS.items())
            + ". Nobody listened to check them.",
            "The network is that of the bundle `tags`. Trained here: a head (logistic regression) on its embedding "
            "and one on the rhythm of the last 6 to 12 s. Styles have the same weight in the first, every source of a "
            "style in the second.",
            f"Their sum is divided by a temperature of {temperature:.2f}, fitted to sources left out in turn.",
        ),
        measured=(
            "Made by `python -m model.build_electronic --data FOLDER`. Every style counts the same, with few tracks "
            "or many; intervals are bootstraps over artists. In every test the heads were trained anew without the "
            "artists, or the source, that they are tested on; the temperature was not. Rendered songs are those of "
            "every second artist, learned from the others: other drums, instruments and mastering. "
            "By style: share of tracks whose style is among the first 1, 2 and 3.\n\n" + report.to_text()
        ),
        limits=(
            f"Recordings by ten artists or more stand behind {_listed(enough)} only.",
            f"A few recordings, too few to measure anything by, stand behind {_listed(few)}.",
            f"Rendered songs alone stand behind {_listed(none)}: how well real ones are recognised is not known.",
            "On a source that was not in training it is far weaker; that is what to expect of other people's music.",
            f'Below {unsure_below:.2f} it is "not sure".',
            "Styles shade into each other, and their makers disagree.",
            "Music that is not electronic is given the nearest style.",
            "It needs 6 s to hear a rhythm; before that the head speaks alone.",
        ),
        intended_use=(
            "Watching styles go by while electronic music plays, as a hint with its second and third guess.",
            "Not for tagging a collection, nor for deciding anything about people's music.",
        ),
        licence="ISC for the network, see LICENSE-musicnn. The heads are part of this project, under its licence; the "
        "recordings are not part of it, and keep their own.",
    ).to_markdown()


def _listed(styles: Sequence[str]) -> str:
    return ", ".join(styles) if styles else "no style"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.build_electronic", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--out", type=Path, default=SHIPPED_BUNDLES, help="folder of bundles that it is written to")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    parser.add_argument("--network", default="tags", help="bundle whose network it stands on (tags)")
    parser.add_argument("--songs", type=int, default=SONGS, help=f"rendered songs ({SONGS})")
    parser.add_argument("--songs-folder", type=Path, help="where rendered songs are kept (beside the cache)")
    arguments = parser.parse_args()
    try:
        _, report = build(
            arguments.data,
            arguments.out,
            arguments.cache,
            Console(stderr=True),
            network=arguments.network,
            songs=arguments.songs,
            songs_folder=arguments.songs_folder,
        )
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(report.to_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
