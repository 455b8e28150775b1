"""The student as a bundle, whose network other bundles can be built on (`python -m model.build_genres --base`)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from model.bundle import Bundle
from model.bundle_writing import write_network_bundle
from model.card import Card
from model.networks.recipes import NETWORKS as RECIPES
from model.teaching.report import agreement_table, agreements, read_student

NAME = "student"
_LICENCE = "MIT; its teachers: musicnn ISC, EfficientAT MIT"
_SHOWN_FROM = 0.3


def write_student(examples: Path, student: Path, folder: Path) -> Bundle:
    """Write the bundle of a trained student into `folder`; raises DataError if it is not trained."""
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
            f"{described['examples']:,} stretches of 3 s, altered and mixed, each labelled by the three teachers as it "
            f"then was; {described['best_epoch']} times. No human labels.",
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
    return write_network_bundle(
        folder,
        recipe,
        weights,
        labels=tuple(described["tags"]),
        exclusive=False,
        name=NAME,
        title="Student of three networks",
        temperature=1.0,
        thresholds={"shown_from": _SHOWN_FROM},
        metrics={"agreement": [asdict(one) for one in found], "history": described["history"]},
        licence=_LICENCE,
        card=card.to_markdown(),
    )
