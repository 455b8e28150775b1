"""`python -m model.build_electronic --data FOLDER`: the bundle of twelve electronic styles.

Takes the network of the present bundle as it is (or of another, with `--network`), renders songs in the styles (see
`model.styles`; they are kept outside the repository), listens once to labelled recordings and to the songs, measures
with artists and with whole sources kept apart, and trains on everything.
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from model.building import choose_threshold, taught
from model.bundle import Bundle
from model.bundle_network import BundleNetwork, describe_networks, network_arrays
from model.bundle_writing import write_bundle
from model.card import Card
from model.datasets.dataset import LabelledTrack
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE, TrackOutputs
from model.errors import DataError, GenrescopeError
from model.evaluation import CROSS_VALIDATION, TEMPO_TESTS, TESTS, cross_validate, listen
from model.evaluation_report import EvaluationReport
from model.folds import check_copies
from model.group_ids import group_id
from model.label_meanings import known_tracks
from model.library import SHIPPED_BUNDLES, Library
from model.music_tags import known_music
from model.networks.loading import cost_ms
from model.recipe import Heard, Recipe
from model.rendering.outputs import RenderedOutputs, pack_outputs, unpack_outputs
from model.rendering.rhythms import RENDERED_FILE
from model.results import UNSEEN_SOURCE
from model.rhythm_recipe import RhythmRecipe
from model.styles.table import LABELS
from model.styles.writing import write_dataset

NAME = "electronic"
SONGS = 288
WINDOWS_OF_A_SONG = 4
"""Of ten: they are alike, and what is learned from them is kept in the bundle."""
SONG_ALTERATIONS = ("plain",)
"""How the songs are heard in training; the recipe says the same of the recordings."""
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
_TEACHER = "audioset:"
"""Before the tags that a network learned from AudioSet's teacher (`model.teaching`)."""
FEWEST_TAGS = 5
"""Styles that must have a tag of their own before tags are read: with fewer, the others would only be guessed."""
ALTERATIONS = ("plain",)
WANTED_ACCURACY = 0.5
"""Of the windows of sources never heard in training, so many must be right where a style is named."""


def recipe_for(network_tags: Sequence[str]) -> Recipe:
    """How the parts are trained, on a network with these tags."""
    found = {
        style: [tag for tag in network_tags if tag.removeprefix(_TEACHER) in names] for style, names in SYNONYMS.items()
    }
    synonyms = {style: tags for style, tags in found.items() if tags}
    return Recipe(
        synonyms=synonyms,
        alterations=ALTERATIONS,
        inverse_regularisation=1e-3,
        balance="label",
        zero_shot_weight=0.2 if len(synonyms) >= FEWEST_TAGS else 0.0,
        zero_shot_absent=-4.0,
        moves_rendered=True,
        rhythm=RhythmRecipe(inverse_regularisation=1e-3, weight=0.75, rendered_weight=1.0, tempos=(1.0,)),
    )


def recordings(data_folder: Path) -> list[LabelledTrack]:
    """The tracks of a folder with a `labels.csv` that are in one of the styles, called by the style."""
    tracks = known_tracks(read_labels(data_folder), LABELS, MEANINGS)
    if not tracks:
        raise DataError(
            f"no track in {data_folder} is in an electronic style",
            rule=f"known are {', '.join([*MEANINGS, *LABELS])}",
        )
    check_copies(tracks)
    return tracks


def songs_heard(heard: Heard) -> list[RenderedOutputs]:
    """What the bundle keeps of the songs: a few windows of each, spread over those that have a rhythm."""
    return [_few_windows(outputs, alteration) for alteration, songs in heard.items() for outputs in songs]


def _few_windows(outputs: TrackOutputs, alteration: str) -> RenderedOutputs:
    assert outputs.rhythm is not None
    with_rhythm = np.flatnonzero(np.isfinite(outputs.rhythm).all(axis=1))
    places = with_rhythm if len(with_rhythm) else np.arange(len(outputs.tags))
    chosen = places[np.unique(np.linspace(0, len(places) - 1, WINDOWS_OF_A_SONG).round().astype(int))]
    track = outputs.track
    return RenderedOutputs(
        LabelledTrack(track.path, track.dataset, track.labels, group_id(track.group)),
        outputs.embedding[chosen],
        outputs.tags[chosen],
        outputs.rhythm[chosen],
        alteration,
    )


def build(
    data_folder: Path,
    out: Path,
    cache_folder: Path,
    console: Console,
    *,
    network: str = NAME,
    songs: int = SONGS,
    songs_folder: Path | None = None,
) -> tuple[Bundle, EvaluationReport]:
    """Render, listen, measure, train, and write the bundle into `out / "electronic"`; deterministic."""
    classifier = Library([out, SHIPPED_BUNDLES]).open(network, device="cpu")
    classifier.load()
    source = classifier.bundle
    tags = source.network_tags
    recipe = recipe_for(tags)
    tracks = recordings(data_folder)
    with console.status("rendering") as status:
        folder = songs_folder or cache_folder.parent / "styles"
        write_dataset(folder, songs, progress=lambda done, total: status.update(f"rendering: {done} of {total} songs"))
    with console.status("listening") as status:

        def progress(step: str, done: int, total: int) -> None:
            status.update(f"listening ({step}): {done} of {total} tracks")

        tests = (*TESTS.values(), *TEMPO_TESTS.values(), *recipe.alterations)
        heard = listen(classifier, tracks, dict.fromkeys(tests), cache_folder, progress, with_rhythm=True)
        tracks = [outputs.track for outputs in heard["plain"]]
        made = listen(classifier, read_labels(folder), SONG_ALTERATIONS, cache_folder, progress, with_rhythm=True)
    # Training takes just what the bundle keeps, so that whoever evaluates it finds the same.
    kept = pack_outputs(songs_heard(made), LABELS)
    rendered = unpack_outputs(kept, LABELS, NAME, embedding_size=source.embedding_size, tags=len(tags))
    with console.status("testing with artists and sources kept apart"):
        results = cross_validate(recipe, LABELS, tags, heard, rendered=rendered)
        results.window_seconds = source.front_end.window_seconds
        unsure_below, _ = choose_threshold(results, WANTED_ACCURACY, test=UNSEEN_SOURCE)
        report = results.report(NAME, CROSS_VALIDATION, unsure_below)
        assert isinstance(report, EvaluationReport)
    with console.status("training"):
        parts = recipe.train(heard, LABELS, tags, rendered)
        temperature = round(recipe.fit_temperature(heard, LABELS, tags, rendered), 4)
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
        music=known_music(tags),
        temperature=temperature,
        thresholds={"unsure_below": unsure_below},
        metrics={**report.to_json(), "cost_ms": cost_ms(classifier.network, source.front_end)},
        licence=source.licence,
        card=card(source.networks, source.licence, report, tracks, songs, temperature, unsure_below),
        texts={path.name: path.read_text(encoding="utf-8") for path in sorted(source.folder.glob("LICENSE*"))},
        arrays={**network_arrays(source.networks), **arrays, RENDERED_FILE: kept},
        training={
            "recipe": recipe.to_json(),
            "groups": sorted({group_id(track.group) for track in tracks} | {o.track.group for o in rendered}),
        },
        meanings=MEANINGS,
    )
    return bundle, report


def card(
    networks: Sequence[BundleNetwork],
    licence: str,
    report: EvaluationReport,
    tracks: Sequence[LabelledTrack],
    songs: int,
    temperature: float,
    unsure_below: float,
) -> str:
    """What people must know of it."""
    lines = {line.label: line for line in report.lines}
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
            *taught(networks),
            "Trained here: a head (logistic regression) on the network's embedding and one on the rhythm of the last "
            "6 to 12 s. Every style has the same weight in both, over recordings and songs together. For the head the "
            "songs are moved to where the recordings lie in the embedding, all by the same step: otherwise it learns "
            "that recordings are never of a style that was only rendered. What the network says of the songs is kept "
            "in the bundle, so that this can be done again.",
            f"Their sum is divided by a temperature of {temperature:.2f}, fitted to sources left out in turn.",
        ),
        measured=(
            "Printed by `genrescope evaluate electronic --data FOLDER`. Every style counts the same, with few tracks "
            "or many. In every test the heads were trained anew, on recordings and songs, without the artists, the "
            "source, or the style's recordings that they are tested on. How well real music of a style without "
            'recordings is recognised is best guessed from "no recording of their label in training": there each style '
            "that has recordings was learned from rendered songs alone. The songs that are tested are those of every "
            "second maker, learned from the others: other drums, instruments and mastering.\n\n" + report.to_text()
        ),
        limits=(
            f"Recordings by ten artists or more stand behind {_listed(enough)} only.",
            f"A few recordings, too few to measure anything by, stand behind {_listed(few)}.",
            f"Rendered songs alone stand behind {_listed(none)}: they were only ever tested on songs made with other "
            "numbers, and how well real ones are recognised is not known.",
            "On a source that was not in training it is far weaker; that is what to expect of other people's music.",
            f'Below {unsure_below:.2f} it is "not sure".',
            "The recipe was chosen among some forty with these same recordings.",
            "Styles shade into each other, and their makers disagree.",
            "Music that is not electronic is given the nearest style.",
            "It needs 6 s to hear a rhythm; before that the head speaks alone.",
        ),
        intended_use=(
            "Watching styles go by while electronic music plays, as a hint with its second and third guess.",
            "Not for tagging a collection, nor for deciding anything about people's music.",
        ),
        licence=f"{licence}. The heads are part of this project, under its licence; the recordings are not part of it, "
        "and keep their own.",
    ).to_markdown()


def _listed(styles: Sequence[str]) -> str:
    return ", ".join(styles) if styles else "no style"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.build_electronic", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--out", type=Path, default=SHIPPED_BUNDLES, help="folder of bundles that it is written to")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    parser.add_argument("--network", default=NAME, help="bundle whose network it stands on (%(default)s)")
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
