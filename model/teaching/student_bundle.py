"""The student as a bundle, whose network other bundles can be built on (`python -m model.build_genres --base`)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from model.bundle import Bundle
from model.bundle_network import network_arrays
from model.bundle_writing import write_bundle, write_network_bundle
from model.card import Card
from model.networks.recipes import NETWORKS as RECIPES
from model.teaching.report import agreement_table, agreements
from model.teaching.student import lessons, read_student

NAME = "student"
STUDENT_FILE = "student.npz"
_LICENCE = "MIT; its teachers: musicnn ISC, EfficientAT MIT"
_SHOWN_FROM = 0.3


def write_student(examples: Path, student: Path, folder: Path, *, beside: Bundle | None = None) -> Bundle:
    """Write the bundle of a trained student into `folder`; raises DataError if it is not trained.

    beside : a bundle whose networks are to stand beside the student, so that others can be built on all of them.
    """
    trained = read_student(student)
    described, weights = trained.described, trained.weights
    found = agreements(examples, trained)
    recipe = RECIPES[described["plan"]["recipe"]]
    card = Card(
        title="Student of three networks",
        summary=(
            f"One network, {sum(values.size for values in weights.values()):,} numbers, that says what MSD_musicnn, "
            "MTT_musicnn and EfficientAT's mn04_as would say: tags, music's genres, and whether there is music at all."
        ),
        trained_on=(
            "Stretches of 3 s, altered and mixed, each labelled by the three teachers as it then was: "
            f"{_rounds(lessons(described))}. No human labels.",
            "Most of the sound is music of data sets and of Debian's free packages; some is speech and noise.",
        ),
        measured=(
            "Pearson's correlation with the teachers' probabilities on artists and packages that were kept apart, "
            "printed by `python -m model.teaching agreement`:\n\n" + agreement_table(found)
        ),
        limits=(
            "It knows what its teachers believe, not what is right.",
            "Classes that are rare in the sound it learned from are learned badly: see the lowest correlations.",
        ),
        intended_use="As the network under other bundles, which are trained on human labels.",
        licence=_LICENCE,
    )
    own: dict[str, Any] = {
        "name": NAME,
        "title": "Student of three networks",
        "exclusive": False,
        "temperature": 1.0,
        "thresholds": {"shown_from": _SHOWN_FROM},
        "metrics": {"agreement": [asdict(one) for one in found], "history": described["history"]},
        "card": card.to_markdown(),
    }
    tags = tuple(described["tags"])
    if beside is None:
        return write_network_bundle(folder, recipe, weights, labels=tags, licence=_LICENCE, **own)
    network = {"recipe": recipe.name, "weights": STUDENT_FILE, "tags": list(tags), "exclusive": False}
    return write_bundle(
        folder,
        labels=(*beside.network_tags, *tags),
        front_end=recipe.front_end,
        network=[*(one.describe() for one in beside.networks), network],
        parts=[{"kind": "tags"}],
        licence=f"{_LICENCE}; {beside.name}: {beside.licence}",
        texts={path.name: path.read_text(encoding="utf-8") for path in sorted(beside.folder.glob("LICENSE*"))},
        arrays={**network_arrays(beside.networks), STUDENT_FILE: weights},
        **own,
    )


def _rounds(taught: list[dict[str, Any]]) -> str:
    first, *later = taught
    return ", then ".join(
        [
            f"{first['examples']:,} examples in {len(first['history'])} rounds",
            *(f"{one['examples']:,} in {len(one['history'])}" for one in later),
        ]
    )
