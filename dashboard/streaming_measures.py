"""How a model behaves live: pieces of music joined, heard through the real pipeline, and what was shown counted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from model.classifier import BundleClassifier
from model.datasets.dataset import LabelledTrack
from model.datasets.sound import read_samples
from model.errors import DataError
from model.evaluation import Evaluation
from model.measures.streaming import Piece, Shown, StreamingScores, Timeline, score_timelines
from model.parts import Part
from stream.offline import HeardWindow, hear_file
from stream.records import Verdict
from stream.settings import StreamSettings

TIMELINES = 15
PIECES = 4
"""In a timeline: three changes each."""
PIECE_SECONDS = 15.0
BEYOND_WINDOW_SECONDS = 10.0
"""A piece is at least so much longer than what the model hears at once, where the tracks are."""
SEED = 2024


@dataclass(frozen=True)
class _Choice:
    """Tracks to be joined, and the seed of where they are cut."""

    tracks: tuple[LabelledTrack, ...]
    seed: int


def measure_streaming(
    classifier: BundleClassifier,
    evaluation: Evaluation,
    settings: StreamSettings | None = None,
    *,
    timelines: int = TIMELINES,
    seed: int = SEED,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> StreamingScores | None:
    """Listen to joined music that the model was not trained on, and count; None if all tracks have the same label.

    Where the bundle was trained anew for each fold, each fold's model hears the tracks that it was tested on.

    classifier : of the evaluated bundle, loaded.
    timelines : how many times `PIECES` pieces are joined; the same seed joins the same.
    """
    results = evaluation.results
    known = results.answers().labels
    models = results.models()
    plain = StreamSettings() if settings is None else settings
    piece_seconds = max(PIECE_SECONDS, classifier.context_seconds + BEYOND_WINDOW_SECONDS)
    heard = []
    for number in range(timelines):
        trained = models[number % len(models)]
        choice = _choose([outputs.track for outputs in trained.tested], seed + number)
        if choice is not None:
            model = _with_parts(classifier, trained.parts, trained.temperature)
            shown_from = None if classifier.exclusive else evaluation.threshold
            heard.append(_hear(choice, model, plain, known, piece_seconds, shown_from))
        progress(number + 1, timelines)
    if not any(timeline.shown for timeline in heard):
        return None
    return score_timelines(heard, window_seconds=classifier.window_seconds)


def _with_parts(classifier: BundleClassifier, parts: Sequence[Part], temperature: float) -> BundleClassifier:
    """The same bundle and the same network, loaded, with other parts."""
    bundle = replace(classifier.bundle, parts=tuple(parts), temperature=temperature)
    model = BundleClassifier(bundle, lambda _: classifier.network)
    model.load()
    return model


def _choose(tracks: Sequence[LabelledTrack], seed: int) -> _Choice | None:
    """Different tracks, each with no label of the one before it; labels are drawn evenly."""
    rng = np.random.default_rng(seed)
    left = list(tracks)
    chosen: list[LabelledTrack] = []
    while len(chosen) < PIECES:
        before = set(chosen[-1].labels) if chosen else set()
        fitting = [track for track in left if not before & set(track.labels)]
        if not fitting:
            break
        labels = sorted({label for track in fitting for label in track.labels})
        label = labels[int(rng.integers(len(labels)))]
        having = [track for track in fitting if label in track.labels]
        chosen.append(having[int(rng.integers(len(having)))])
        left.remove(chosen[-1])
    return _Choice(tuple(chosen), seed) if len(chosen) > 1 else None


def _hear(
    choice: _Choice,
    classifier: BundleClassifier,
    settings: StreamSettings,
    known: Sequence[str],
    piece_seconds: float,
    shown_from: float | None,
) -> Timeline:
    rate = classifier.sample_rate
    rng = np.random.default_rng(choice.seed)
    sounds = [_excerpt(track, rate, piece_seconds, rng) for track in choice.tracks]
    ends = np.cumsum([len(sound) for sound in sounds]) / rate
    pieces = tuple(
        Piece(frozenset(track.labels), track.group, float(end - len(sound) / rate), float(end))
        for track, sound, end in zip(choice.tracks, sounds, ends, strict=True)
    )
    with tempfile.TemporaryDirectory(prefix="genrescope-joined-") as folder:
        path = Path(folder) / "joined.wav"
        soundfile.write(path, np.concatenate(sounds), rate, subtype="FLOAT")
        windows = hear_file(path, classifier, settings).windows
    return Timeline(pieces, tuple(_shown(windows, classifier.labels, known, shown_from)))


def _excerpt(track: LabelledTrack, rate: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    samples = read_samples(track, rate, second_try=False)
    if not len(samples):
        raise DataError(f"{track.path} holds no sound", rule="at least one sample is needed")
    start = int(rng.integers(max(1, len(samples) - round(seconds * rate) + 1)))
    return samples[start : start + round(seconds * rate)]


def _shown(
    windows: Sequence[HeardWindow], labels: Sequence[str], known: Sequence[str], shown_from: float | None
) -> Iterator[Shown]:
    """What the display said of each window. Where several labels hold it is the likeliest of those that the music is
    known to have or not to have."""
    columns = np.array([labels.index(label) for label in known])
    for window in windows:
        of_known = window.probabilities[columns]
        label = None if window.verdict is Verdict.NOT_SURE else known[int(of_known.argmax())]
        if shown_from is not None and of_known.max() < shown_from:
            label = None
        yield Shown(window.end_seconds, label if window.verdict.of_music else "")
