"""What recordings of a label are called by a recipe that learned the label from rendered music alone, and what rendered
music by other makers is called."""

from __future__ import annotations

from collections.abc import Sequence

from model.embeddings import TrackOutputs
from model.folds import check_apart
from model.group_ids import group_id
from model.parts import Part
from model.recipe import Heard, Recipe, Rendered, heard_by_the_head, only
from model.rendering.outputs import PLAIN, RenderedOutputs
from model.results import RENDERED_ONLY_TEST, RENDERED_TEST, Results


def without_groups(rendered: Rendered, groups: set[str]) -> Rendered:
    """The rendered music that is not by one of these: rendered music can be given as data too."""
    hidden = {group_id(group) for group in groups}
    return [outputs for outputs in rendered if outputs.track.group not in hidden]  # type: ignore[return-value]


def add_rendered_tests(
    results: Results,
    recipe: Recipe,
    labels: Sequence[str],
    tags: Sequence[str],
    heard: Heard,
    rendered: Rendered,
    temperature: float,
) -> None:
    """Make both tests, if the head learns of rendered music at all.

    The first, `RENDERED_ONLY_TEST`, says what to expect of labels that have no recordings: all recordings of one label
    are left out of training, and tested; and so for every label that has both. In the second, `RENDERED_TEST`, every
    second maker of rendered music is left out; what is tested is moved as what was learned, where the recipe does that.
    """
    made = heard_by_the_head(rendered)
    rendered_labels = {outputs.track.label for outputs in made}
    for label in labels:
        tested = [outputs for outputs in heard["plain"] if outputs.track.label == label]
        if not tested or label not in rendered_labels:
            continue
        groups = {outputs.track.group for outputs in tested}
        training = only(heard, lambda track: track.label != label and track.group not in groups)  # noqa: B023
        music = without_groups(rendered, groups)
        if training["plain"]:
            parts = recipe.train(training, labels, tags, music)
            _add(results, RENDERED_ONLY_TEST, parts, training, tested, temperature)
    hidden = set(sorted({outputs.track.group for outputs in made})[1::2])
    tested = [o for o in made if o.track.group in hidden and isinstance(o, RenderedOutputs) and o.alteration == PLAIN]
    if tested:
        music = [outputs for outputs in made if outputs.track.group not in hidden]
        # Rendered music can be given as data too.
        training = only(heard, lambda track: group_id(track.group) not in hidden)
        recordings = [outputs for alteration in recipe.alterations for outputs in training[alteration]]
        tested = list(recipe.placed(tested, recordings, labels, learned=music))
        _add(results, RENDERED_TEST, recipe.train(training, labels, tags, music), training, tested, temperature)


def _add(
    results: Results,
    name: str,
    parts: Sequence[Part],
    training: Heard,
    tested: Sequence[TrackOutputs],
    temperature: float,
) -> None:
    check_apart((o.track for o in training["plain"]), (o.track for o in tested))
    results.add(name, tested, parts, temperature)
