"""What each thing in a recipe is worth: the accuracy without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from model.embeddings import TrackOutputs
from model.evaluation import FOLDS
from model.fold_runs import TrackHits, split_folds
from model.measures.bootstrap import Estimate
from model.measures.text_table import table
from model.parts import Part, RhythmPart, ZeroShotPart
from model.recipe import Heard, Recipe, Rendered, heard_by_the_head

Train = Callable[[Heard, tuple[str, ...], tuple[str, ...]], Sequence[Part]]
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class AblationRow:
    """What is different, and the balanced accuracy of tracks by unseen artists then."""

    change: str
    accuracy: Estimate


@dataclass(frozen=True)
class Ablation:
    """The recipe as it is first, then with one thing changed at a time; always the same folds."""

    variants: tuple[AblationRow, ...]
    folds: int

    def rows(self) -> list[tuple[str, ...]]:
        """A table: what is changed, balanced accuracy, and how much that is more or less."""
        found: list[tuple[str, ...]] = [("recipe", "balanced accuracy (95 %)", "difference")]
        whole = self.variants[0].accuracy.value
        for row in self.variants:
            difference = "" if row is self.variants[0] else f"{row.accuracy.value - whole:+.3f}"
            found.append((row.change, str(row.accuracy), difference))
        return found

    def to_text(self) -> str:
        """The table in Markdown."""
        return "\n".join(table(self.rows())) + "\n"


def ablate(
    recipe: Recipe,
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    heard: Heard,
    *,
    folds: int = FOLDS,
    rendered: Rendered = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Ablation:
    """Train and test a recipe with one thing changed at a time; the temperature and its small part are left out.

    rendered : music made by a program, which is trained on too.
    """
    variants = recipe_variants(recipe, rendered)
    hits = {change: TrackHits(labels) for change in variants}
    total, done = len(variants) * folds, 0
    for fold in split_folds(heard, folds=folds):
        whole: Sequence[Part] = ()
        for change, variant in variants.items():
            if variant.train is not None:
                trained = variant.train(fold.training, labels, tags)
                whole = whole or trained
            else:
                # Parts are trained each for itself, so to leave one out nothing need be trained again.
                trained = [part for part in whole if variant.keeps(part)]
            hits[change].add(fold.tested, trained)
            done += 1
            progress(done, total)
    return Ablation(tuple(AblationRow(change, hits[change].balanced_accuracy()) for change in variants), folds)


@dataclass(frozen=True)
class Variant:
    """A recipe that trains otherwise; or, where `train` is None, some parts of the recipe as it is."""

    train: Train | None
    keeps: Callable[[Part], bool] = lambda part: True


def recipe_variants(recipe: Recipe, rendered: Rendered = ()) -> dict[str, Variant]:
    """By what is different, the recipe as it is first. Things that the recipe does not have are not left out."""

    def training(changed: Recipe) -> Train:
        return partial(changed.train, rendered=rendered)

    found = {AS_IT_IS: Variant(training(recipe))}
    if recipe.zero_shot_weight or recipe.also_read:
        found["without the network's own tags"] = Variant(None, lambda part: not isinstance(part, ZeroShotPart))
        found["the network's own tags alone, nothing trained"] = Variant(
            None, lambda part: isinstance(part, ZeroShotPart)
        )
    if recipe.rhythm is not None:
        found["without rhythm"] = Variant(None, lambda part: not isinstance(part, RhythmPart))
        found["rhythm alone"] = Variant(None, lambda part: isinstance(part, RhythmPart))
        if rendered:
            both = bool(heard_by_the_head(rendered))
            found["learned from recordings only" if both else "rhythm learned from recordings only"] = Variant(
                recipe.train
            )
    if set(recipe.alterations) != {"plain"}:
        found["trained on plain sound only"] = Variant(training(replace(recipe, alterations=("plain",))))
    found["sources not balanced"] = Variant(_without_source_balance(training(recipe)))
    strength = recipe.inverse_regularisation
    found["ten times less regularisation"] = Variant(training(replace(recipe, inverse_regularisation=10.0 * strength)))
    found["ten times more regularisation"] = Variant(training(replace(recipe, inverse_regularisation=strength / 10.0)))
    return found


def _without_source_balance(learn: Train) -> Train:
    """As if all music came from one source: then labels are balanced, and nothing else."""

    def train(heard: Heard, labels: tuple[str, ...], tags: tuple[str, ...]) -> Sequence[Part]:
        return learn({name: [_of_one_source(o) for o in tracks] for name, tracks in heard.items()}, labels, tags)

    return train


def _of_one_source(outputs: TrackOutputs) -> TrackOutputs:
    return replace(outputs, track=replace(outputs.track, dataset="all"))
