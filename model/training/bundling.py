"""From what was trained to a bundle: how far it is to be trusted, what it is worth on the test artists, its card."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.bundle import Bundle, read_bundle
from model.card import Card
from model.datasets.dataset import SPLITS
from model.evaluation import evaluate, group_id
from model.evaluation_report import Report
from model.library import Library
from model.networks.loading import cost_ms
from model.training.music import Music, SomeTracks
from model.training.output import made_whole
from model.training.settings import Listener, TrainingSettings
from model.training.trust import Trust

PLACEHOLDER_FIGURE = "0 tracks so far"


@dataclass(frozen=True)
class Product:
    """What was trained.

    write : writes it into a folder, given `name`, `title`, `temperature`, `thresholds`, `metrics`, `licence`, `card`
        and `training` as `model.bundle_writing.write_bundle` has them.
    trust : see there; it may be found out with the bundle itself, which is therefore handed in.
    how : sentences on how it was trained, for the card.
    licences : of what it was made from, if anything.
    history : a record for every epoch.
    """

    write: Callable[..., Bundle]
    trust: Callable[[Bundle], Trust]
    how: tuple[str, ...]
    licences: tuple[str, ...] = ()
    history: tuple[Mapping[str, float], ...] = ()


def make_bundle(
    product: Product, settings: TrainingSettings, music: Music, listener: Listener
) -> tuple[Bundle, Report]:
    """Write the bundle into `settings.out`: with temperature and thresholds from the validation artists, and measured
    by `model.evaluation` on the test artists, as `genrescope evaluate` would. Whole, or not at all."""
    described: dict[str, Any] = {
        "name": settings.out.name,
        "title": settings.title or _title(music),
        "licence": settings.licence or _licence(music, product),
        "training": {"groups": [group_id(group) for group in music.groups("train", "validation")]},
    }
    described["training"]["groups"].sort()
    with made_whole(settings.out) as draft, tempfile.TemporaryDirectory(prefix="genrescope-heard-") as heard:
        card = _card(product, settings, music, described, PLACEHOLDER_FIGURE).to_markdown()
        plain = {"temperature": 1.0, "thresholds": {"unsure_below": 0.0}, "metrics": {}, "card": card}
        trust = product.trust(product.write(draft, **described, **plain))
        described |= {"temperature": trust.temperature, "thresholds": dict(trust.thresholds)}
        product.write(draft, **described, metrics={}, card=card)
        classifier = Library([]).open(draft, device="cpu" if settings.cpu else "auto")
        report = evaluate(
            classifier,
            SomeTracks(music.dataset, music.side("test")),
            cache_folder=Path(heard),
            progress=lambda step, done, total: listener.progress(f"testing ({step})", done, total),
            warn=listener.note,
        )
        metrics = {
            **report.to_json(),
            "cost_ms": cost_ms(classifier.network, classifier.bundle.front_end),
            "history": [dict(record) for record in product.history],
        }
        card = _card(product, settings, music, described, report.to_text()).to_markdown()
        product.write(draft, **described, metrics=metrics, card=card)
    return read_bundle(settings.out), report


def _title(music: Music) -> str:
    return f"{len(music.labels)} labels, trained on {music.dataset.title}"


def _licence(music: Music, product: Product) -> str:
    made_from = "; ".join([*product.licences, f"the music: {music.dataset.licence}"])
    return f"of whoever trained it, who has not said; made from: {made_from}"


def _card(
    product: Product, settings: TrainingSettings, music: Music, described: Mapping[str, Any], figures: str
) -> Card:
    labels = ", ".join(music.labels[:40]) + (f" and {len(music.labels) - 40} more" if len(music.labels) > 40 else "")
    kind = "one of" if music.dataset.exclusive else "which, if any, of"
    split = "the split that the data set came with" if music.own_split else f"by lot, with the seed {settings.seed}"
    few = min(
        (len({t.group for t in music.side("train") if label in t.labels}), label) for label in music.labels
    )  # fmt: skip
    absent = [
        f"there is no {side} music of {', '.join(missing)}, so nothing is known of how good it is there"
        for side in SPLITS[1:]
        if (missing := [name for name in music.labels if not any(name in t.labels for t in music.side(side))])
    ]
    return Card(
        title=str(described["title"]),
        summary=f"Says {kind} these it hears: {labels}.",
        trained_on=(
            f"Data: {music.dataset.title} ({music.dataset.name}), licence: {music.dataset.licence}."
            + ("" if music.dataset.citation == "one's own" else f" {music.dataset.citation}."),
            f"{music.counts()}. Artists are on one side only, {split}.",
            *music.dataset.notes,
            *product.how,
        ),
        measured="With `genrescope evaluate`, on the test artists, which nothing was decided by. Every label counts "
        f"the same.\n\n{figures}",
        limits=(
            f"It knows the sound of its training music: fewest artists there, {few[0]}, has {few[1]}.",
            "Music that is none of its labels is given the nearest one, or is not sure."
            if music.dataset.exclusive
            else "Labels that nobody gave a track count as absent in training, also where they would fit.",
            *absent,
        ),
        intended_use=settings.intended_use
        or "Listening to music of the kind it was trained on with genrescope. Not for decisions about people or their "
        "works.",
        licence=str(described["licence"]),
    )
