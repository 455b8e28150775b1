"""Looks a data set over: what is in it, and whether all of it can be used."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from model.datasets.dataset import SPLITS, Dataset, LabelledTrack
from model.datasets.remote import matches
from model.datasets.requirements import MOST_BROKEN, check_labels, groups_across
from model.datasets.sound import inspect, read_mono
from model.errors import AudioFileError, DataError

FEW_GROUPS = 5
"""A label with fewer groups cannot be in training and in every fold of a test."""
_AHEAD = 4
"""Files per worker that are under way: results come in the order of the tracks."""
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class LabelCount:
    """How much there is of a label."""

    label: str
    tracks: int
    groups: int


@dataclass(frozen=True)
class Summary:
    """What `genrescope data show` prints.

    seconds : of all tracks whose length is known or was found; missing files count nothing.
    splits : tracks on each side; "" for those on none.
    warnings : sentences on what makes it less useful than it looks.
    """

    name: str
    title: str
    licence: str
    citation: str
    exclusive: bool
    tracks: int
    seconds: float
    groups: int
    labels: tuple[LabelCount, ...]
    sources: Mapping[str, int]
    splits: Mapping[str, int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """What `genrescope data check` finds.

    broken : files that cannot be read to their end, and why.
    altered : files whose checksum is not the published one.
    copies : tracks with the very same sound or file, two or more each.
    split_copies : those of `copies` that are in different groups, so could land on both sides of a test.
    across : groups on several sides of the split.
    problems : what training would refuse, in words.
    """

    files: int
    seconds: float
    broken: Mapping[Path, str]
    altered: tuple[Path, ...]
    copies: tuple[tuple[LabelledTrack, ...], ...]
    split_copies: tuple[tuple[LabelledTrack, ...], ...]
    across: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether training and evaluation would accept it; a few broken files are left out."""
        return not (self.problems or self.split_copies or self.across) and not self.too_many_broken

    @property
    def too_many_broken(self) -> bool:
        return len(self.broken) > MOST_BROKEN * self.files


def summarise(dataset: Dataset, *, progress: Callable[[int, int], None] = lambda done, total: None) -> Summary:
    """Count what there is. Opens the sound files whose length nobody has written down, without decoding them.

    progress : called with how many tracks are done, and how many there are.
    """
    tracks = dataset.tracks()
    seconds = 0.0
    missing: list[Path] = []
    for number, (track, length) in enumerate(zip(tracks, _in_threads(_length, tracks), strict=True), start=1):
        if length is None:
            missing.append(track.path)
        seconds += length or 0.0
        progress(number, len(tracks))
    groups: dict[str, set[str]] = {label: set() for label in dataset.labels}
    for track in tracks:
        for label in track.labels:
            groups[label].add(track.group)
    counted = Counter(label for track in tracks for label in track.labels)
    labels = tuple(LabelCount(label, counted[label], len(groups[label])) for label in dataset.labels)
    sides = Counter(track.split for track in tracks)
    return Summary(
        name=dataset.name,
        title=dataset.title,
        licence=dataset.licence,
        citation=dataset.citation,
        exclusive=dataset.exclusive,
        tracks=len(tracks),
        seconds=seconds,
        groups=len({track.group for track in tracks}),
        labels=labels,
        sources=dict(sorted(Counter(track.dataset for track in tracks).items())),
        splits={split: sides[split] for split in (*SPLITS, "") if sides[split]},
        notes=dataset.notes,
        warnings=tuple(_warnings(dataset, tracks, labels, missing)),
    )


def check(dataset: Dataset, *, progress: Callable[[int, int], None] = lambda done, total: None) -> Findings:
    """Read every sound file to its end, on all cores, and compare all with each other and with published checksums."""
    tracks = dataset.tracks()
    published = dataset.checksums()
    broken: dict[Path, str] = {}
    altered: list[Path] = []
    same: dict[str, list[LabelledTrack]] = {}
    seconds = 0.0
    looked_at = _in_threads(lambda track: _look_at(track, published.get(track.path, "")), tracks)
    for number, (track, found) in enumerate(zip(tracks, looked_at, strict=True), start=1):
        if found.reason:
            broken[track.path] = found.reason
        else:
            seconds += found.seconds
            same.setdefault(found.digest, []).append(track)
        if found.altered:
            altered.append(track.path)
        progress(number, len(tracks))
    copies = tuple(tuple(found) for found in same.values() if len(found) > 1)
    return Findings(
        files=len(tracks),
        seconds=seconds,
        broken=broken,
        altered=tuple(altered),
        copies=copies,
        split_copies=tuple(found for found in copies if len({track.group for track in found}) > 1),
        across=groups_across(tracks),
        problems=tuple(_label_problems(dataset, [track for track in tracks if track.path not in broken])),
    )


@dataclass(frozen=True)
class _Looked:
    seconds: float = 0.0
    digest: str = ""
    reason: str = ""
    altered: bool = False


def _look_at(track: LabelledTrack, checksum: str) -> _Looked:
    try:
        altered = bool(checksum) and not matches(track.path, checksum)
        mono, rate = read_mono(track.path)
    except (AudioFileError, OSError) as error:
        return _Looked(reason=str(error))
    # Of the sound, not of the file: tags and containers may differ.
    digest = hashlib.sha256(mono.tobytes()).hexdigest()
    return _Looked(len(mono) / rate, f"{rate} {digest}", altered=altered)


def _length(track: LabelledTrack) -> float | None:
    """Seconds; None if it cannot be opened."""
    if track.seconds is not None:
        return track.seconds if track.path.is_file() else None
    try:
        return inspect(track.path).seconds
    except AudioFileError:
        return None


def _in_threads(work: Callable[[LabelledTrack], _Found], tracks: Sequence[LabelledTrack]) -> Iterator[_Found]:
    """`work` of every track, in order, on all cores. The decoders let go of the interpreter while they work."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers, thread_name_prefix="sound") as threads:
        under_way = []
        try:
            for track in tracks:
                under_way.append(threads.submit(work, track))
                if len(under_way) >= workers * _AHEAD:
                    yield under_way.pop(0).result()
            while under_way:
                yield under_way.pop(0).result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _warnings(
    dataset: Dataset, tracks: Sequence[LabelledTrack], labels: Sequence[LabelCount], missing: Sequence[Path]
) -> Iterator[str]:
    if missing:
        more = "" if len(missing) <= MOST_BROKEN * len(tracks) else f", more than the {MOST_BROKEN:.0%} that may be"
        yield f"{len(missing)} sound files are missing or cannot be opened{more}: {missing[0]} ..."
    yield from _label_problems(dataset, tracks)
    across = groups_across(tracks)
    if across:
        yield f"{len(across)} groups are on several sides of the split, for example {next(iter(across))}"
    few = [count.label for count in labels if 0 < count.groups < FEW_GROUPS]
    if few:
        yield f"Fewer than {FEW_GROUPS} groups (artists) have {', '.join(few)}: what is measured for these says little"
    largest, smallest = max(count.tracks for count in labels), min(count.tracks for count in labels)
    if smallest and largest > 20 * smallest:
        yield f"The most frequent label has {largest} tracks, the rarest {smallest}"


def _label_problems(dataset: Dataset, tracks: Sequence[LabelledTrack]) -> Iterator[str]:
    try:
        check_labels(dataset.name, dataset.labels, tracks)
    except DataError as error:
        yield str(error)
