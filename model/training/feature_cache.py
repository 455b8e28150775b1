"""What networks hear of every track, computed once by all cores, and kept as arrays that are mapped into memory.

Frames are kept in half precision: eleven bits, which is 0.002 of musicnn's levels and 0.03 dB at most of decibels. The
name of a kept array is made of the content of the sound file, the alteration, the front end and the version of this
module, so that nothing stale is ever read, and what is there need not be made again after an interruption.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model.augmentation import ALTERATIONS
from model.datasets.dataset import LabelledTrack
from model.datasets.sound import read_samples
from model.errors import AudioFileError, DataError
from model.front_ends.front_end import FrontEnd
from model.training.workers import each
from model.whole_files import map_array, write_array, written_whole

DEFAULT_FEATURES = Path.home() / ".cache" / "genrescope" / "features"
CONTENTS_FILE = "contents.json"
"""Which content a file had when it was last looked at, so that unchanged files need not be read again."""
_VERSION = 1
"""Raised when the same file would give other frames."""
_LARGEST = float(np.finfo(np.float16).max)
_OPEN_ARRAYS = 256


@dataclass(frozen=True)
class Recording:
    """A track as a network hears it.

    content : SHA-256 of its file.
    arrays : for every alteration the file of its frames, float16 [frames, *frame_shape].
    frames : how many, at least those of one window.
    """

    track: LabelledTrack
    content: str
    arrays: tuple[Path, ...]
    frames: int


@dataclass
class Prepared:
    """What could be prepared. unreadable : files that could not be read, and why. complete : False if interrupted."""

    recordings: list[Recording] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)
    complete: bool = True


@dataclass(frozen=True)
class _Task:
    """What a worker process is given. content : "" if not known."""

    path: Path
    content: str
    alterations: tuple[str, ...]
    front_end: FrontEnd
    folder: Path


@dataclass(frozen=True)
class _Done:
    content: str = ""
    arrays: tuple[Path, ...] = ()
    frames: int = 0
    problem: str = ""


class FeatureCache:
    """The frames of one front end under `folder`, which lies outside the repository."""

    def __init__(self, front_end: FrontEnd, folder: Path = DEFAULT_FEATURES) -> None:
        self._front_end = front_end
        self._folder = folder

    def prepare(
        self,
        tracks: Sequence[LabelledTrack],
        alterations: Iterable[str] = ("plain",),
        *,
        workers: int | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Prepared:
        """Make what is not there yet, in several processes. A call that was broken off is repeated at little cost.

        workers : processes; one for every core if None.

        Raises DataError if there is no space, or a process was ended from outside.
        """
        known = self._read_contents()
        alterations = tuple(dict.fromkeys(alterations))
        tasks = [
            _Task(track.path, _known_content(known, track.path), alterations, self._front_end, self._folder)
            for track in tracks
        ]
        prepared = Prepared()
        found: dict[Path, _Done] = {}
        for task in tasks:
            if (done := _look_up(task)) is not None:
                found[task.path] = done
        missing = [task for task in tasks if task.path not in found]
        progress(len(found), len(tasks))
        try:
            for task, done in each(_prepare, missing, workers=workers or os.cpu_count() or 1, cancelled=cancelled):
                found[task.path] = done
                progress(len(found), len(tasks))
        finally:
            self._write_contents(known, found)
        for track in tracks:
            done = found.get(track.path)
            if done is None:
                prepared.complete = False
            elif done.problem:
                prepared.unreadable[track.path] = done.problem
            else:
                prepared.recordings.append(Recording(track, done.content, done.arrays, done.frames))
        return prepared

    def _read_contents(self) -> dict[str, list]:
        try:
            values = json.loads((self._folder / CONTENTS_FILE).read_text(encoding="utf-8"))
            return dict(values) if isinstance(values, dict) else {}
        except (OSError, ValueError):
            return {}

    def _write_contents(self, known: dict[str, list], found: dict[Path, _Done]) -> None:
        new = {}
        for path, done in found.items():
            if done.content and (stamp := _stamp(path)) is not None:
                new[str(path.resolve())] = [*stamp, done.content]
        if any(known.get(path) != values for path, values in new.items()):
            # Another training may have added its own meanwhile.
            text = json.dumps({**known, **self._read_contents(), **new})
            with written_whole(self._folder / CONTENTS_FILE) as file:
                file.write(text.encode())


def check_recordings(recordings: Sequence[Recording]) -> None:
    """Raises DataError if the same file is there under two groups: its copies could land on both sides of a test."""
    groups: dict[str, LabelledTrack] = {}
    for recording in recordings:
        known = groups.setdefault(recording.content, recording.track)
        if known.group != recording.track.group:
            raise DataError(
                f"{known.path.name} and {recording.track.path.name} are the same recording in two groups",
                rule="copies of a recording belong to one group",
                next_step="Correct the group, or leave one of the files out",
            )


class WindowReader:
    """Takes windows out of kept arrays. A bounded number of them is mapped at a time; for several threads."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._open: OrderedDict[Path, np.ndarray] = OrderedDict()

    def read(self, places: Iterable[tuple[Path, int]]) -> np.ndarray:
        """float32 [n, *window_shape]: for each (array, first frame) the window that begins there."""
        length = self._front_end.window_frames
        return np.stack([self._mapped(path)[start : start + length] for path, start in places]).astype(np.float32)

    def whole(self, recording: Recording) -> np.ndarray:
        """float32 [windows, *window_shape]: all windows of a recording side by side, as it is (its first version)."""
        length = self._front_end.window_frames
        starts = range(0, recording.frames - length + 1, length)
        return self.read((recording.arrays[0], start) for start in starts)

    def _mapped(self, path: Path) -> np.ndarray:
        values = self._open.pop(path, None)
        if values is None:
            values = map_array(path)
            if values is None:
                raise DataError(
                    f"{path} is gone or damaged",
                    rule="the cache must not be changed while it is used",
                    next_step="Start it again: what is missing is made anew",
                )
        # The last one used stands at the end; another thread may have taken one out meanwhile.
        self._open[path] = values
        while len(self._open) > _OPEN_ARRAYS:
            try:
                self._open.popitem(last=False)
            except KeyError:
                break
        return values


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _known_content(known: dict[str, list], path: Path) -> str:
    entry = known.get(str(path.resolve()))
    stamp = _stamp(path)
    if stamp is not None and isinstance(entry, list) and len(entry) == 3 and tuple(entry[:2]) == stamp:
        return str(entry[2])
    return ""


def _array_file(task: _Task, content: str, alteration: str) -> Path:
    parts = f"{_VERSION} {content} {alteration} {json.dumps(task.front_end.to_json(), sort_keys=True)}"
    name = hashlib.sha256(parts.encode()).hexdigest()[:32]
    return task.folder / name[:2] / f"{name}.npy"


def _look_up(task: _Task) -> _Done | None:
    """What is kept of a file whose content is known; None if not all of it is."""
    if not task.content:
        return None
    arrays = tuple(_array_file(task, task.content, alteration) for alteration in task.alterations)
    kept = [map_array(path) for path in arrays]
    lengths = {len(values) for values in kept if values is not None}
    if len(lengths) != 1 or any(values is None for values in kept):
        return None
    return _Done(task.content, arrays, lengths.pop())


def _prepare(task: _Task) -> _Done:
    """In a process of its own: read the file, compute what is missing, keep it."""
    try:
        content = task.content or hashlib.sha256(task.path.read_bytes()).hexdigest()
    except OSError as error:
        return _Done(problem=f"{task.path} cannot be read: {error.strerror}")
    task = _Task(task.path, content, task.alterations, task.front_end, task.folder)
    if (kept := _look_up(task)) is not None:
        return kept
    try:
        # The figures on a card are of the same tracks wherever they are measured, so no second try with ffmpeg.
        track = LabelledTrack(task.path, "", (), "")
        samples = read_samples(track, task.front_end.sample_rate, second_try=False)
    except AudioFileError as error:
        return _Done(content, problem=str(error))
    needed = task.front_end.window_samples
    if len(samples) < needed:
        # As in `model.embeddings.windows_of`: a short recording is repeated until it fills a window.
        samples = np.tile(samples, -(-needed // len(samples)))[:needed]
    arrays = []
    frames = 0
    for alteration in task.alterations:
        # The seed comes from the content, so that an alteration is the same in every run.
        rng = np.random.default_rng(int(content[:16], 16))
        heard = task.front_end.compute(ALTERATIONS[alteration](samples, task.front_end.sample_rate, rng))
        frames = len(heard)
        arrays.append(_array_file(task, content, alteration))
        write_array(arrays[-1], np.clip(heard, -_LARGEST, _LARGEST).astype(np.float16))
    return _Done(content, tuple(arrays), frames)
