"""All the sound that examples are cut from, decoded once: a memory-mapped file of samples, and a list of recordings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr

from model.datasets.sound import SOUND_SUFFIXES, read_mono
from model.datasets.spec import open_dataset
from model.errors import AudioFileError, DataError

SAMPLE_RATE = 32_000
"""That of the teacher that hears the widest band."""
SHORTEST_SECONDS = 5.0
LONGEST_SECONDS = 240.0
"""Of one recording: so much from its middle is taken, so that few long ones do not fill the corpus."""
HELD_OUT_SHARE = 8
"""One group in so many is never taught with, only tested on."""
RENDERED_FOLDER = "rendered"
"""Of music that a program made (`model.teaching.rendered`)."""
_SAMPLES = "samples.i16"
_LIST = "recordings.json"


@dataclass(frozen=True)
class Recording:
    """A stretch of the corpus.

    kind : dataset and label, or the folder it came from: kinds are balanced.
    group : the artist or package.
    start, length : where its samples lie, in samples at `SAMPLE_RATE`.
    """

    kind: str
    group: str
    start: int
    length: int

    @property
    def held_out(self) -> bool:
        """Whether it is kept for testing; depends on the group alone, so that it is the same in every corpus. Rendered
        music never is: tests are about recordings."""
        if self.kind.startswith(f"{RENDERED_FOLDER}/"):
            return False
        return int(hashlib.sha256(self.group.encode()).hexdigest(), 16) % HELD_OUT_SHARE == 0


class Corpus:
    """A corpus on disk, opened for reading."""

    def __init__(self, folder: Path) -> None:
        try:
            listed = json.loads((folder / _LIST).read_text(encoding="utf-8"))
            self.recordings = tuple(Recording(**values) for values in listed)
            self._samples = np.memmap(folder / _SAMPLES, np.int16, "r")
        except (OSError, ValueError, TypeError) as error:
            raise DataError(
                f"there is no corpus in {folder}",
                rule=str(error),
                next_step="`python -m model.teaching prepare` makes one",
            ) from error

    def samples(self, recording: Recording, start: int, length: int) -> np.ndarray:
        """float32 [up to length], -1..1: part of a recording, `start` samples after its beginning."""
        first = recording.start + start
        last = min(first + length, recording.start + recording.length)
        return self._samples[first:last].astype(np.float32) / np.float32(32_768.0)


def prepare(
    folder: Path,
    specs: Sequence[str],
    unlabelled: Sequence[Path],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> Corpus:
    """Decode everything into a new corpus in `folder`.

    specs : data sets with labels (see `model.datasets.spec`), for the sake of their groups.
    unlabelled : folders of music; what lies in one of their subfolders is one group.

    Files that cannot be read, or are too short, are left out, with a word to `warn`.
    """
    found = [
        (track.path, f"{track.dataset}/{'+'.join(track.labels)}", track.group)
        for spec in specs
        for track in open_dataset(spec).tracks()
    ]
    for parent in unlabelled:
        for path in sorted(parent.rglob("*")):
            if path.suffix.lower() in SOUND_SUFFIXES and path.is_file():
                inner = path.relative_to(parent).parts
                group = inner[0] if len(inner) > 1 else path.stem
                found.append((path, f"{parent.name}/{group}", f"{parent.name}/{group}"))
    if not found:
        raise DataError("there is no sound to learn from", rule="at least one data set or folder of music is needed")
    folder.mkdir(parents=True, exist_ok=True)
    # Written last: without it there is no corpus, so one that was interrupted is never taken for a whole one.
    (folder / _LIST).unlink(missing_ok=True)
    recordings: list[Recording] = []
    written = 0
    with (folder / _SAMPLES).open("wb") as out:
        for done, (path, kind, group) in enumerate(found, start=1):
            try:
                mono, rate = read_mono(path)
            except AudioFileError as error:
                warn(str(error))
                continue
            finally:
                progress(done, len(found))
            if len(mono) < SHORTEST_SECONDS * rate:
                warn(f"{path.name} is shorter than {SHORTEST_SECONDS:.0f} s and left out")
                continue
            excess = max(0, len(mono) - round(LONGEST_SECONDS * rate)) // 2
            mono = soxr.resample(mono[excess : len(mono) - excess], rate, SAMPLE_RATE)
            values = np.clip(np.round(mono * 32_767.0), -32_768, 32_767).astype(np.int16)
            out.write(values.tobytes())
            recordings.append(Recording(kind, group, written, len(values)))
            written += len(values)
    (folder / _LIST).write_text(json.dumps([asdict(recording) for recording in recordings]), encoding="utf-8")
    return Corpus(folder)
