"""Examples: stretches of the corpus at other speeds, mixed and altered, each labelled by the teachers as it then is.

They are written in shards: two files of `SHARD_SIZE` examples each. A shard depends on its number alone, so that they
can be made by several processes, in any order, and in several sittings.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from model.bundle_writing import write_arrays
from model.errors import DataError
from model.teaching.alteration import alter
from model.teaching.corpus import SAMPLE_RATE, Corpus, Recording
from model.teaching.teachers import Lesson, Teachers

SHARD_SIZE = 1024
_BATCH = 32
_MTT_EVERY = 4
"""Of so many batches to teach with, MTT_musicnn is asked about one: it takes as long as all the rest together."""
_SECONDS = 3.1
"""A little more than a window: frames at its start must not hear the edge."""
_SEED = 7
NAMES_FILE = "names.json"
TARGETS = ("audioset", "msd", "mtt", "embedding")


class ExampleMaker:
    """Makes examples from one side of a corpus: the groups that are held out, or the others."""

    def __init__(self, corpus: Corpus, *, held_out: bool) -> None:
        self._corpus = corpus
        kinds: dict[str, list[Recording]] = {}
        for recording in corpus.recordings:
            if recording.held_out == held_out:
                kinds.setdefault(recording.kind, []).append(recording)
        if not kinds:
            raise DataError("this side of the corpus is empty", rule="there must be several groups: artists, packages")
        self._kinds = list(kinds.values())
        # Between "every kind counts the same" and "every second counts the same".
        weights = np.sqrt([sum(recording.length for recording in kind) for kind in self._kinds])
        self._weights = weights / weights.sum()

    def plain(self, rng: np.random.Generator, *, speed: float = 1.0) -> np.ndarray:
        """float32 [n]: somewhere in the corpus, as it is recorded; `speed` changes tempo and pitch."""
        kind = self._kinds[rng.choice(len(self._kinds), p=self._weights)]
        recording = kind[rng.integers(len(kind))]
        needed = round(_SECONDS * SAMPLE_RATE * speed) + 64
        start = int(rng.integers(max(1, recording.length - needed)))
        samples = self._corpus.samples(recording, start, needed)
        if speed != 1.0:
            samples = soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE, quality="MQ")
        length = round(_SECONDS * SAMPLE_RATE)
        return np.pad(samples[:length], (0, max(0, length - len(samples))))

    def example(self, rng: np.random.Generator) -> np.ndarray:
        """float32 [n]: three in ten are plain, the others go through speed, mixing and `alter`."""
        chance = rng.random()
        if chance < 0.3:
            return self.plain(rng)
        if chance < 0.31:
            return (rng.standard_normal(round(_SECONDS * SAMPLE_RATE)) * 10.0 ** rng.uniform(-5.0, -1.0)).astype(
                np.float32
            )
        samples = self.plain(rng, speed=_speed(rng))
        if rng.random() < 0.4:
            other = self.plain(rng, speed=_speed(rng))
            samples = _level(samples) + _level(other) * 10.0 ** (rng.uniform(-18.0, 0.0) / 20.0)
        return alter(samples, SAMPLE_RATE, rng)


def _speed(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(0.88), np.log(1.14)))) if rng.random() < 0.5 else 1.0


def _level(samples: np.ndarray) -> np.ndarray:
    return np.asarray(samples * (0.1 / (np.sqrt(np.mean(np.square(samples))) + 1e-4)))


@dataclass(frozen=True)
class ShardRange:
    """Which shards one process makes: every `step`-th from `first`, below `stop`."""

    side: str
    first: int
    stop: int
    step: int


def write_shards(
    corpus_folder: Path,
    out: Path,
    audioset_file: Path,
    shards: ShardRange,
    done: Callable[[str], None] = lambda name: None,
) -> None:
    """Make the shards of a range that are not there yet. Runs in a process of its own, on one core.

    side : "train", "plain" (held-out groups as recorded) or "altered" (held-out groups, as in training).
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    maker = ExampleMaker(Corpus(corpus_folder), held_out=shards.side != "train")
    make = maker.plain if shards.side == "plain" else maker.example
    teachers = Teachers(audioset_file)
    out.mkdir(parents=True, exist_ok=True)
    (out / NAMES_FILE).write_text(json.dumps(teachers.names), encoding="utf-8")
    for number in range(shards.first, shards.stop, shards.step):
        name = f"{shards.side}-{number:04d}"
        if (out / f"{name}.targets.npz").is_file():
            continue
        rng = np.random.default_rng([_SEED, number, *shards.side.encode()])
        lessons = []
        for batch in range(SHARD_SIZE // _BATCH):
            samples = np.stack([make(rng) for _ in range(_BATCH)])
            lessons.append(teachers.teach(samples, with_mtt=shards.side != "train" or batch % _MTT_EVERY == 0))
        _write(out, name, lessons)
        done(name)


def _write(out: Path, name: str, lessons: list[Lesson]) -> None:
    """The targets come last and under their final name only when whole: a shard with targets is complete."""
    windows = np.concatenate([lesson.window for lesson in lessons]).astype(np.float16)
    np.save(out / f"{name}.windows.npy", windows)
    targets = {
        target: np.concatenate([getattr(lesson, target) for lesson in lessons]).astype(np.float16) for target in TARGETS
    }
    partial = out / f"{name}.partial.npz"
    write_arrays(partial, targets)
    partial.replace(out / f"{name}.targets.npz")
