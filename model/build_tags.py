"""`python -m model.build_tags --data FOLDER`: the bundles of tags, each tag with a scale of its own, and FMA's genres.

Takes the published networks from the bundles that `model.convert_musicnn` wrote, and for `tags` those of a bundle that
has the small network beside MSD_musicnn (`--only tags --base BOTH`, the first time). Listens to labelled music once
(what the networks say is kept outside the repository), fits the scales (see `model.tag_calibration`), measures them
with artists and whole sources kept apart, and writes the bundles; `model.build_map` then makes their maps.
Deterministic.
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

from model.bundle_network import describe_networks, network_arrays
from model.bundle_writing import write_bundle
from model.card import Card
from model.convert_musicnn import CHECKPOINTS, Checkpoint
from model.datasets.folder import read_labels
from model.embeddings import DEFAULT_CACHE
from model.errors import GenrescopeError
from model.evaluation import CROSS_VALIDATION, TESTS, group_id, listen, measure_tags
from model.evaluation_report import Report
from model.folds import check_copies
from model.library import SHIPPED_BUNDLES, Library
from model.measures.text_table import table
from model.networks.loading import cost_ms
from model.parts import TagsPart, describe_tags
from model.tag_calibration import TagScale, calibrate
from model.tag_coverage import FMA_GENRES, STYLES, genre_label, readings
from model.tag_meanings import KINDS, in_tags, kind_of

SAID_FROM = 0.5
"""From this probability on a tag is said, whichever it is: that is what their scales are for."""


@dataclass(frozen=True)
class TagSet:
    """One of the bundles of tags.

    own : outputs of its network that are labels as they are.
    said_by, learned : whose tags these are, and what from, for the card.
    network, published : how good this network is by its authors' own account.
    """

    name: str
    title: str
    own: tuple[str, ...]
    said_by: str
    learned: tuple[str, ...]
    network: str
    published: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> TagSet:
        """That of one of the published networks."""
        return cls(
            checkpoint.bundle,
            checkpoint.title,
            checkpoint.tags,
            f"those of the network {checkpoint.name}\nof Jordi Pons and Xavier Serra (2019, arXiv 1909.06654), "
            "and FMA's top genres as far as these tags cover them",
            (f"The network, by its authors, on {checkpoint.data}. Its numbers were not changed.",),
            "the network",
            checkpoint.published,
        )


_MSD = CHECKPOINTS[0]
TAG_SETS = (
    *map(TagSet.of, CHECKPOINTS),
    TagSet(
        "tags",
        "Tags and styles",
        _MSD.tags,
        f"those of the network {_MSD.name}\nof Jordi Pons and Xavier Serra (2019, arXiv 1909.06654); from a small "
        f"network beside it {', '.join(STYLES)};\nand FMA's top genres as far as both cover them",
        (
            f"{_MSD.name}, by its authors, on {_MSD.data}. Its numbers were not changed.",
            "The small network, here, by what larger ones say of music; nobody told it what the music was "
            "(docs/teaching.md).",
        ),
        _MSD.name,
        _MSD.published,
    ),
)
"""In the order in which they are built."""


def build(
    tag_set: TagSet, data_folder: Path, out: Path, cache_folder: Path, console: Console, *, base: str = ""
) -> tuple[Report, str]:
    """Fit and measure the scales of one set of tags, and write the bundle into `out`.

    base : the bundle whose networks it hears with, by name or folder; that of its own name if none is given.

    Returns the report and the table of thresholds.
    """
    classifier = Library([out, SHIPPED_BUNDLES]).open(base or tag_set.name, device="cpu")
    classifier.load()
    bundle, tags = classifier.bundle, classifier.bundle.network_tags
    meant = readings(tag_set.own, [tag for tag in tags if tag not in tag_set.own])
    labels = tuple(meant)
    plain = TagsPart(
        tuple(tuple(map(tags.index, names)) for names in meant.values()),
        np.ones(len(labels), np.float32),
        np.zeros(len(labels), np.float32),
    )
    music = [track for track in read_labels(data_folder) if track.label in KINDS]
    check_copies(music)
    kinds = {track.path: kind_of(track.label) for track in music}
    with console.status("listening") as status:
        heard = listen(
            classifier,
            in_tags(music, labels),
            dict.fromkeys(TESTS.values()),
            cache_folder,
            lambda step, done, total: status.update(f"listening ({step}): {done} of {total} tracks"),
        )
    with console.status("fitting scales, and testing them with artists and sources kept apart"):
        report = measure_tags(plain, bundle, labels, heard, kinds).report(tag_set.name, CROSS_VALIDATION, SAID_FROM)
        part, scales = calibrate(plain, labels, heard["plain"], kinds)
    thresholds = thresholds_text(scales)
    write_bundle(
        out / tag_set.name,
        name=tag_set.name,
        title=tag_set.title,
        labels=labels,
        exclusive=False,
        front_end=bundle.front_end,
        network=describe_networks(bundle.networks),
        parts=[describe_tags(part, labels, tags)],
        temperature=1.0,
        thresholds={"unsure_below": SAID_FROM, "shown_from": SAID_FROM},
        metrics={
            "published_by_authors": tag_set.published,
            **report.to_json(),
            "cost_ms": cost_ms(classifier.network, bundle.front_end),
        },
        licence=bundle.licence,
        card=card(tag_set, meant, report, thresholds),
        texts={path.name: path.read_text(encoding="utf-8") for path in sorted(bundle.folder.glob("LICENSE*"))},
        arrays=network_arrays(bundle.networks),
        training={"groups": sorted({group_id(outputs.track.group) for outputs in heard["plain"]})},
    )
    return report, thresholds


def thresholds_text(scales: Sequence[TagScale]) -> str:
    """Which probability of the network has become 50 %, tag by tag: Markdown."""
    measured = sorted((scale for scale in scales if scale.measured), key=lambda scale: -scale.artists)
    rows = [(scale.label, f"{scale.said_from:.3f}", str(scale.artists)) for scale in measured]
    others = ", ".join(f"{scale.label} {scale.said_from:.3f}" for scale in scales if not scale.measured)
    lines = table([("measured", "50 % is the network's", "artists"), *rows])
    return "\n".join(lines) + f"\n\nNot measured: {others}.\n"


def card(tag_set: TagSet, meant: Mapping[str, Sequence[str]], report: Report, thresholds: str) -> str:
    """The bundle's card."""
    return Card(
        title=tag_set.title,
        summary=(
            f"{tag_set.name} says which of {len(meant)} tags suit what it hears, several at once: "
            f"{tag_set.said_by}.\n\n"
            "It hears 3 s of mono sound at 16 kHz, 187 frames of 96 mel bands.\n\n"
            f"From {SAID_FROM:.0%} on a tag is said. The network gives common tags high probabilities and rare ones "
            "low ones; here each\ntag has a scale of its own (a slope and an offset of its logit).\n\n"
            f"{_coverage_text(tag_set.own, meant)}"
        ),
        trained_on=(
            *tag_set.learned,
            "The scales, here, on the tracks that are counted below: their collections say of each one genre, which "
            "tells of\nsome tags whether they hold (`model/tag_meanings.py`). Every kind of music had the same weight.",
        ),
        measured=(
            "With scales fitted to other artists (and, in one line, to other sources). Where a collection does not say "
            "whether a tag\nholds, the track does not count for that tag.\n\n"
            f"{report.to_text()}\n"
            "What has become 50 %:\n\n"
            f"{thresholds}\n"
            f"Of {tag_set.network}, on recordings of the same collection, its authors report {tag_set.published}."
        ),
        limits=(
            "At 50 % a measured tag is as often right as wrong, in a mix that has as much of every kind of music: "
            "where a kind is\nrare, its tag is wrong more often.",
            "Of the tags that were not measured nobody knows how often they are right. 50 % is where they are said of "
            "as much music\nas the network itself expects them to hold for, raised as the measured ones had to be.",
            "Tags are what listeners wrote, not facts; some, such as moods and decades, are guesses by sound.",
            "Music unlike anything in the network's collection gets tags all the same, or none.",
        ),
        intended_use=(
            "Describing music to people who listen along, and as the ears of other bundles. Not for decisions about "
            "people or money,\nand not for telling who plays."
        ),
        licence="ISC for musicnn, see LICENSE-musicnn; the rest is part of this project, under its licence.",
    ).to_markdown()


def _coverage_text(tags: Sequence[str], meant: Mapping[str, Sequence[str]]) -> str:
    labels = {genre.name: genre_label(genre.name, tags) for genre in FMA_GENRES}
    rows = [(name, label, ", ".join(meant[label])) for name, label in labels.items() if label in meant]
    missing = [name for name, label in labels.items() if label not in meant]
    lines = table([("FMA's genre", "label here", "the best of the tags"), *rows])
    last = f"{', '.join(missing[:-1])} or {missing[-1]}" if len(missing) > 1 else missing[0]
    covered = f"Of FMA's {len(FMA_GENRES)} genres {len(rows)} are covered:\n\n"
    return covered + "\n".join(lines) + f"\n\nNo tag means {last}."


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.build_tags", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of sound files with a labels.csv")
    parser.add_argument("--only", choices=[each.name for each in TAG_SETS], help="build this bundle and no other")
    parser.add_argument(
        "--base", default="", help="with --only: the bundle whose networks it hears with, or its folder"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED_BUNDLES, help="folder of bundles to write into")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the network's outputs are kept")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    try:
        for tag_set in TAG_SETS:
            if arguments.only in (None, tag_set.name):
                base = arguments.base if arguments.only else ""
                report, thresholds = build(tag_set, arguments.data, arguments.out, arguments.cache, console, base=base)
                print(f"{report.to_text()}\n{thresholds}")
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
