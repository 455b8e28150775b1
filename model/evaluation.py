"""Measuring a bundle on labelled music, with artists (and whole sources) kept apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from model.bundle import Bundle
from model.classifier import BundleClassifier, to_probabilities
from model.datasets.dataset import Dataset, LabelledTrack, alike
from model.datasets.requirements import check_broken, list_broken
from model.datasets.spec import open_dataset
from model.embeddings import DEFAULT_CACHE, Embedder, TrackOutputs
from model.errors import DataError
from model.evaluation_report import EvaluationReport
from model.folds import check_apart, check_copies, grouped_folds
from model.parts import Part
from model.recipe import Heard, Recipe, add_scores, only, window_truth
from model.scores import Scores, confusion, score

FOLDS = 5
CROSS_VALIDATION = f"grouped cross-validation in {FOLDS} folds"
AS_IT_IS = "the bundle as it is, on artists it was not trained on"
# Name of a test and how the music is heard in it.
TESTS = {"track": "plain", "band-limited": "telephone", "microphone": "microphone"}
UNSEEN_SOURCE_TEST = {"unseen source": "plain"}


def evaluate(
    classifier: BundleClassifier,
    data: str | Path | Dataset,
    *,
    cache_folder: Path = DEFAULT_CACHE,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> EvaluationReport:
    """Measure a bundle on labelled music. Deterministic; the network's outputs are kept and reused.

    Music by artists that the bundle never heard in training is classified with the bundle as it is. If there are
    artists the bundle was trained on, testing the bundle on them would prove nothing; then its recipe is tested: for
    each fold it is trained anew on the other artists, and once more with each whole source left out.

    data : a data set, or its SPEC (see `model.datasets.spec`). Labels that differ from the bundle's in case, spaces or
        hyphens only are the same.
    progress : called with a step's name, how many tracks of it are done, and how many there are.

    warn : called with a sentence about files that are left out because they cannot be read.

    Raises DataError if the data cannot be read, if tracks have several labels, if the same recording stands under two
    artists, or if more than a few files are broken.
    """
    bundle = classifier.bundle
    if not bundle.exclusive:
        raise DataError(
            f"the model {bundle.name} gives several tags at once",
            rule="evaluation needs labels of which exactly one is right",
            next_step="Choose another model, for example genres",
        )
    dataset = open_dataset(str(data)) if isinstance(data, str | Path) else data
    also_means = bundle.recipe.also_means if bundle.recipe else None
    usable = _known_tracks(dataset, (*bundle.labels, *(also_means or {})))
    if not any(track.label in bundle.labels for track in usable):
        raise DataError(
            f"no track in {dataset.name} has a label that {bundle.name} knows",
            rule=f"it knows {', '.join(bundle.labels)}",
        )
    check_copies(usable)
    trained_on = {group for group in {track.group for track in usable} if group_id(group) in bundle.training_groups}
    if bundle.recipe is None and trained_on:
        # It cannot be trained anew, so only music that it does not know proves anything.
        usable = [track for track in usable if track.group not in trained_on]
        if not any(track.label in bundle.labels for track in usable):
            raise DataError(
                f"{bundle.name} was trained on all of {dataset.name}",
                rule="a test on artists heard in training proves nothing",
                next_step="Give music by other artists",
            )
    as_it_is = bundle.recipe is None or not trained_on
    trained_with = () if bundle.recipe is None or as_it_is else bundle.recipe.alterations
    alterations = dict.fromkeys((*TESTS.values(), *trained_with))
    classifier.load()
    heard = listen(classifier, usable, alterations, cache_folder, progress, warn)
    unsure_below = bundle.thresholds.get("unsure_below", 0.0)
    if as_it_is:
        return measure_as_it_is(bundle, heard).report(bundle.name, AS_IT_IS, unsure_below)
    recipe: Recipe = bundle.recipe  # type: ignore[assignment]
    results = cross_validate(recipe, bundle.labels, bundle.network_tags, heard)
    return results.report(bundle.name, CROSS_VALIDATION, unsure_below)


def _known_tracks(dataset: Dataset, labels: Sequence[str]) -> list[LabelledTrack]:
    """The tracks with one of these labels, called by it."""
    spelling = {alike(label): label for label in reversed(labels)} | {label: label for label in labels}
    found = []
    for track in dataset.tracks():
        label = spelling.get(track.label) or spelling.get(alike(track.label))
        if label is not None:
            found.append(replace(track, labels=(label,)))
    return found


def listen(
    classifier: BundleClassifier,
    tracks: Sequence[LabelledTrack],
    alterations: Iterable[str],
    cache_folder: Path,
    progress: Callable[[str, int, int], None],
    warn: Callable[[str], None] = lambda sentence: None,
) -> Heard:
    """The network's outputs for the tracks under every alteration; DataError if more than a few cannot be read."""
    embedder = Embedder(classifier.network, classifier.bundle.front_end, cache_folder)
    heard = {}
    for alteration in alterations:
        heard[alteration] = embedder.outputs(tracks, alteration=alteration, progress=partial(progress, alteration))
        check_broken(embedder.unreadable, len(tracks))
    if embedder.unreadable:
        listed = list_broken(embedder.unreadable)
        warn(f"{len(embedder.unreadable)} of {len(tracks)} files cannot be read and are left out: {listed}.")
    return heard


def measure_as_it_is(bundle: Bundle, heard: Heard) -> Results:
    """What a bundle says of music that it was not trained on."""
    tested = only(heard, lambda track: track.label in bundle.labels)
    results = Results(bundle.labels)
    for name, alteration in TESTS.items():
        results.add(name, tested[alteration], bundle.parts, bundle.temperature)
    return results


def cross_validate(
    recipe: Recipe, labels: tuple[str, ...], tags: tuple[str, ...], heard: Heard, *, folds: int = FOLDS
) -> Results:
    """What a recipe says of music by artists (in folds), and from sources, that it was not trained on.

    In every fold the temperature is fitted too, on the fold's training music alone.
    """
    results = Results(labels)
    tracks = [outputs.track for outputs in heard["plain"]]
    fold_of = dict(zip((track.group for track in tracks), grouped_folds(tracks, folds=folds), strict=True))
    sources = sorted({track.dataset for track in tracks if track.label in labels})
    splits = [(TESTS, [track for track in tracks if fold_of[track.group] == fold]) for fold in range(folds)]
    if len(sources) > 1:
        splits += [(UNSEEN_SOURCE_TEST, [track for track in tracks if track.dataset == source]) for source in sources]
    for tests, held_out in splits:
        paths = {track.path for track in held_out}
        # An artist who is in two sources is tested, so is not trained on.
        groups = {track.group for track in held_out}
        training = only(heard, lambda track: track.path not in paths and track.group not in groups)  # noqa: B023
        tested = only(heard, lambda track: track.path in paths and track.label in labels)  # noqa: B023
        if not tested["plain"]:
            continue
        check_apart((o.track for o in training["plain"]), (o.track for o in tested["plain"]))
        parts = recipe.train(training, labels, tags)
        temperature = recipe.fit_temperature(training, labels, tags)
        for name, alteration in tests.items():
            results.add(name, tested[alteration], parts, temperature)
    return results


def group_id(group: str) -> str:
    """What stands for an artist in a bundle: the name itself need not be told."""
    return hashlib.sha256(group.encode()).hexdigest()[:12]


@dataclass
class _Collected:
    tracks: list[TrackOutputs]
    windows: list[np.ndarray]


class Results:
    """Gathers predictions from folds and turns them into a report."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._collected: dict[str, _Collected] = {}

    def add(self, name: str, tracks: Sequence[TrackOutputs], parts: Sequence[Part], temperature: float) -> None:
        collected = self._collected.setdefault(name, _Collected([], []))
        for outputs in tracks:
            collected.tracks.append(outputs)
            collected.windows.append(to_probabilities(add_scores(parts, [outputs]), temperature, exclusive=True))

    def windows(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 [windows, labels] and truth int [windows] of a test."""
        collected = self._collected[name]
        return np.concatenate(collected.windows), window_truth(collected.tracks, self._labels)

    def report(self, bundle: str, protocol: str, unsure_below: float) -> EvaluationReport:
        """All tests scored; a highest probability below `unsure_below` is "not sure"."""
        main = self._collected["track"]
        tracks = [outputs.track for outputs in main.tracks]
        truth, averaged = self._by_track(main)
        variants = {
            name: _score(*self._by_track(collected), collected.tracks, unsure_below)
            for name, collected in self._collected.items()
            if name != "track"
        }
        return EvaluationReport(
            bundle=bundle,
            protocol=protocol,
            labels=self._labels,
            groups=len({track.group for track in tracks}),
            sources=tuple(sorted({track.dataset for track in tracks})),
            track=_score(truth, averaged, main.tracks, unsure_below),
            window=_score(
                window_truth(main.tracks, self._labels),
                np.concatenate(main.windows),
                [outputs for outputs in main.tracks for _ in range(len(outputs.tags))],
                unsure_below,
            ),
            unseen_source=variants.get("unseen source"),
            band_limited=variants.get("band-limited"),
            microphone=variants.get("microphone"),
            confusion=tuple(tuple(row) for row in confusion(averaged, truth).tolist()),
        )

    def _by_track(self, collected: _Collected) -> tuple[np.ndarray, np.ndarray]:
        truth = np.array([self._labels.index(outputs.track.label) for outputs in collected.tracks])
        return truth, np.stack([windows.mean(axis=0) for windows in collected.windows])


def _score(truth: np.ndarray, probabilities: np.ndarray, tracks: Sequence[TrackOutputs], unsure_below: float) -> Scores:
    groups = [outputs.track.group for outputs in tracks]
    return score(probabilities, truth, groups, unsure_below=unsure_below)
