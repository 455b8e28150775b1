"""Measuring a bundle on labelled music, with artists (and whole sources) kept apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from model.bundle import Bundle
from model.classifier import BundleClassifier
from model.datasets.dataset import Dataset, LabelledTrack
from model.datasets.requirements import check_broken, list_broken
from model.datasets.spec import open_dataset
from model.embeddings import DEFAULT_CACHE, Embedder
from model.errors import DataError
from model.evaluation_report import Report
from model.folds import check_apart, check_copies, grouped_folds
from model.group_ids import group_id
from model.label_meanings import known_tracks
from model.parts import TagsPart
from model.recipe import Heard, Recipe, Rendered, heard_by_the_head, only
from model.rendered_tests import add_rendered_tests, without_groups
from model.rendering.rhythms import read_rendered
from model.results import Results
from model.tag_meanings import KINDS, in_tags, kind_of
from model.tag_validation import cross_validate_tags

FOLDS = 5
CROSS_VALIDATION = f"grouped cross-validation in {FOLDS} folds"
AS_IT_IS = "the bundle as it is, on artists it was not trained on"
# Name of a test and how the music is heard in it.
TESTS = {"track": "plain", "band-limited": "telephone", "microphone": "microphone"}
TEMPO_TESTS = {"faster": "faster", "slower": "slower"}
"""Of bundles that hear the rhythm: the same music at other tempi."""
UNSEEN_SOURCE_TEST = {"unseen source": "plain"}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A bundle that was asked about labelled music.

    protocol : `CROSS_VALIDATION` or `AS_IT_IS`.
    heard : the network's outputs, for every alteration, for the tracks in the test (and those its recipe trains on).
    left_out : sentences about tracks that are not in the test, and why.
    """

    bundle: Bundle
    dataset: Dataset
    protocol: str
    results: Results
    heard: Heard
    left_out: tuple[str, ...]

    @property
    def threshold(self) -> float:
        """Below it is "not sure"; where several labels hold, a label is shown from it on."""
        return label_threshold(self.bundle)

    def report(self) -> Report:
        """The figures of the bundle's card."""
        return self.results.report(self.bundle.name, self.protocol, self.threshold)


def evaluate(
    classifier: BundleClassifier,
    data: str | Path | Dataset,
    *,
    cache_folder: Path = DEFAULT_CACHE,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Report:
    """Measure a bundle on labelled music; see `examine`."""
    return examine(classifier, data, cache_folder=cache_folder, progress=progress, warn=warn).report()


def examine(
    classifier: BundleClassifier,
    data: str | Path | Dataset,
    *,
    cache_folder: Path = DEFAULT_CACHE,
    for_training: bool = False,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Evaluation:
    """Ask a bundle about labelled music. Deterministic; the network's outputs are kept and reused.

    Music by artists that the bundle never heard in training is classified with the bundle as it is. If there are
    artists the bundle was trained on, testing the bundle on them would prove nothing; then its recipe is tested: for
    each fold it is trained anew on the other artists, and once more with each whole source left out. A bundle without
    a recipe is tested on the other artists only. Of tags that were given scales by labelled music the scales are fitted
    anew in the same way. Where every track of the data has one genre, `model.tag_meanings` says which tags hold.

    data : a data set, or its SPEC (see `model.datasets.spec`). Labels that differ from the bundle's in case, spaces or
        hyphens only are the same, and so are those that it knows by other names (`Bundle.meanings`). Tracks with none
        of the bundle's labels are left out.
    for_training : listen to everything that the bundle's recipe trains with, even if only the bundle is tested.
    progress : called with a step's name, how many tracks of it are done, and how many there are.
    warn : called with a sentence about files that are left out because they cannot be read.

    Raises DataError if the data cannot be read, if tracks have several labels where the bundle's exclude each other, if
    the same recording stands under two artists, or if more than a few files are broken.
    """
    bundle = classifier.bundle
    dataset = open_dataset(str(data)) if isinstance(data, str | Path) else data
    recipe = bundle.recipe if bundle.exclusive else None
    tags = calibrated_tags(bundle)
    usable, left_out = _usable_tracks(bundle, dataset, recipe)
    known = any(group_id(track.group) in bundle.training_groups for track in usable)
    as_it_is = not known or (recipe is None and tags is None)
    trained_with = () if recipe is None or (as_it_is and not for_training) else recipe.alterations
    with_rhythm = bundle.hears_rhythm or (recipe is not None and recipe.rhythm is not None)
    tests = {**TESTS, **TEMPO_TESTS} if with_rhythm else TESTS
    alterations = dict.fromkeys((*tests.values(), *trained_with))
    classifier.load()

    def note(sentence: str) -> None:
        left_out.append(sentence)
        warn(sentence)

    heard = listen(classifier, usable, alterations, cache_folder, progress, note, with_rhythm=with_rhythm)
    if recipe is not None and not as_it_is:
        rendered = read_rendered(bundle)
        if recipe.rhythm is not None and recipe.rhythm.rendered_weight > 0.0 and not rendered:
            note(f"{bundle.name} may have learned rhythms from rendered music too, which is missing in this test.")
        results = cross_validate(recipe, bundle.labels, bundle.network_tags, heard, rendered=rendered)
        results.window_seconds = bundle.front_end.window_seconds
    elif tags is not None and not as_it_is:
        # As in the building: a few tracks of a kind of their own would weigh as much as all rock.
        kinds = {track.path: kind_of(track.label) for track in dataset.tracks() if track.label in KINDS}
        heard = only(heard, lambda track: track.path in kinds)
        results = measure_tags(tags, bundle, bundle.labels, heard, kinds)
    else:
        results = measure_as_it_is(bundle, heard)
    protocol = AS_IT_IS if as_it_is else CROSS_VALIDATION
    return Evaluation(bundle, dataset, protocol, results, heard, tuple(left_out))


def calibrated_tags(bundle: Bundle) -> TagsPart | None:
    """The part of a bundle of tags whose scales were fitted to labelled music, and can be fitted anew."""
    part = bundle.parts[0]
    fitted = not bundle.exclusive and len(bundle.parts) == 1 and isinstance(part, TagsPart) and part.calibrated
    return part if fitted and isinstance(part, TagsPart) else None


def measure_tags(
    part: TagsPart, bundle: Bundle, labels: tuple[str, ...], heard: Heard, kinds: Mapping[Path, str]
) -> Results:
    """`model.tag_validation.cross_validate_tags` with the tests of every evaluation."""
    return cross_validate_tags(
        part,
        labels,
        heard,
        kinds,
        tests=TESTS,
        unseen_source=UNSEEN_SOURCE_TEST,
        folds=FOLDS,
        window_seconds=bundle.front_end.window_seconds,
    )


def label_threshold(bundle: Bundle) -> float:
    """Below it is "not sure"; where several labels hold, a label is shown from it on."""
    if bundle.exclusive:
        return bundle.thresholds.get("unsure_below", 0.0)
    return bundle.thresholds.get("shown_from", 0.5)


def _usable_tracks(bundle: Bundle, dataset: Dataset, recipe: Recipe | None) -> tuple[list[LabelledTrack], list[str]]:
    """The tracks that prove something, and sentences about the others."""
    everything = dataset.tracks()
    if dataset.exclusive and not bundle.exclusive:
        usable = in_tags(everything, bundle.labels)
    else:
        usable = known_tracks(everything, bundle.labels, bundle.meanings, exclusive=bundle.exclusive)
    _require_known(bundle, dataset, usable, f"no track in {dataset.name} has a label that {bundle.name} knows")
    check_copies(usable)
    left_out = []
    if len(usable) < len(everything):
        left_out.append(f"{len(everything) - len(usable)} tracks have none of the labels that {bundle.name} knows.")
    trained_on = {group for group in {track.group for track in usable} if group_id(group) in bundle.training_groups}
    if recipe is None and calibrated_tags(bundle) is None and trained_on:
        # It cannot be trained anew, so only music that it does not know proves anything.
        unknown = [track for track in usable if track.group not in trained_on]
        if not unknown:
            raise DataError(
                f"{bundle.name} was trained on all of {dataset.name}",
                rule="a test on artists heard in training proves nothing",
                next_step="Give music by other artists",
            )
        left_out.append(f"{len(usable) - len(unknown)} tracks are by artists that {bundle.name} was trained on.")
        usable = unknown
    return usable, left_out


def _require_known(bundle: Bundle, dataset: Dataset, usable: Sequence[LabelledTrack], what: str) -> None:
    if not any(label in bundle.labels for track in usable for label in track.labels):
        named = ", ".join(bundle.labels[:30])
        more = f" and {len(bundle.labels) - 30} more" if len(bundle.labels) > 30 else ""
        raise DataError(what, rule=f"it knows {named}{more}")


def listen(
    classifier: BundleClassifier,
    tracks: Sequence[LabelledTrack],
    alterations: Iterable[str],
    cache_folder: Path,
    progress: Callable[[str, int, int], None],
    warn: Callable[[str], None] = lambda sentence: None,
    *,
    with_rhythm: bool | None = None,
) -> Heard:
    """The network's outputs for the tracks under every alteration; DataError if more than a few cannot be read.

    with_rhythm : whether the rhythm is wanted too; if not given, whether the classifier's bundle has a part for it.
    """
    bundle = classifier.bundle
    with_rhythm = bundle.hears_rhythm if with_rhythm is None else with_rhythm
    embedder = Embedder(classifier.network, bundle.front_end, cache_folder, with_rhythm=with_rhythm)
    heard = {}
    for alteration in alterations:
        heard[alteration] = embedder.outputs(tracks, alteration=alteration, progress=partial(progress, alteration))
        check_broken(embedder.unreadable, len(tracks))
    if embedder.unreadable:
        listed = list_broken(embedder.unreadable)
        warn(f"{len(embedder.unreadable)} of {len(tracks)} files cannot be read and are left out: {listed}.")
    return heard


def measure_as_it_is(bundle: Bundle, heard: Heard) -> Results:
    """What a bundle says of music that it was not trained on, one label or several at once."""
    # Beside tracks with its labels there may be others, which tell nothing; of tags they tell that none holds.
    tested = only(heard, lambda track: not bundle.exclusive or track.label in bundle.labels)
    results = Results(bundle.labels, exclusive=bundle.exclusive, window_seconds=bundle.front_end.window_seconds)
    for name, alteration in {**TESTS, **TEMPO_TESTS}.items():
        # A heard without the alterations, for a quick look, is measured as far as it goes.
        if alteration in tested:
            results.add(name, tested[alteration], bundle.parts, bundle.temperature)
    return results


def cross_validate(
    recipe: Recipe,
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    heard: Heard,
    *,
    folds: int = FOLDS,
    rendered: Rendered = (),
) -> Results:
    """What a recipe says of music by artists (in folds), and from sources, that it was not trained on.

    In every fold the temperature is fitted too, on the fold's training music alone.

    rendered : music made by a program, which is trained on in every fold (see `Recipe.train`). Where the head learns
        of it too there are two more tests (see `model.rendered_tests`), with the median of the folds' temperatures.
    """
    results, temperatures = Results(labels), []
    tracks = [outputs.track for outputs in heard["plain"]]
    fold_of = dict(zip((track.group for track in tracks), grouped_folds(tracks, folds=folds), strict=True))
    sources = sorted({track.dataset for track in tracks})
    heard_tests = {name: alteration for name, alteration in {**TESTS, **TEMPO_TESTS}.items() if alteration in heard}
    splits = [(heard_tests, [track for track in tracks if fold_of[track.group] == fold]) for fold in range(folds)]
    if len(sources) > 1:
        splits += [(UNSEEN_SOURCE_TEST, [track for track in tracks if track.dataset == source]) for source in sources]
    for tests, held_out in splits:
        paths = {track.path for track in held_out}
        # An artist who is in two sources is tested, so is not trained on.
        groups = {track.group for track in held_out}
        training = only(heard, lambda track: track.path not in paths and track.group not in groups)  # noqa: B023
        tested = only(heard, lambda track: track.path in paths)  # noqa: B023
        music = without_groups(rendered, groups)
        known = {o.track.label for o in (*training["plain"], *heard_by_the_head(music))}
        if not tested["plain"] or (tests is UNSEEN_SOURCE_TEST and {o.track.label for o in tested["plain"]} - known):
            # What only one source has cannot be known without it.
            continue
        trained_on = [*(o.track for o in training["plain"]), *(o.track for o in music)]
        check_apart(trained_on, (o.track for o in tested["plain"]))
        parts = recipe.train(training, labels, tags, music)
        temperatures.append(recipe.fit_temperature(training, labels, tags, music))
        for name, alteration in tests.items():
            results.add(name, tested[alteration], parts, temperatures[-1])
    if heard_by_the_head(rendered):
        add_rendered_tests(results, recipe, labels, tags, heard, rendered, float(np.median(temperatures)))
    return results
