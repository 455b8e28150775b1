"""The rhythms of rendered music in a file of a bundle, so that whoever has the bundle can train its recipe again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from model.bundle import Bundle
from model.datasets.dataset import LabelledTrack
from model.embeddings import DEFAULT_CACHE, TrackRhythm, track_rhythm
from model.errors import AudioFileError, BundleError
from model.front_ends.front_end import FrontEnd
from model.rendering.outputs import RenderedOutputs, unpack_outputs
from model.rhythm import FEATURES

RENDERED_FILE = "rendered.npz"
MOST_WINDOWS = 20_000
LARGEST_RENDERED_BYTES = 32_000_000


def rendered_rhythms(
    tracks: Sequence[LabelledTrack],
    front_end: FrontEnd,
    cache_folder: Path = DEFAULT_CACHE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[TrackRhythm]:
    """The rhythms of rendered tracks as a bundle keeps them: windows that have one, with half the digits.

    Raises AudioFileError if a file cannot be read.
    """
    found = []
    for number, track in enumerate(tracks, start=1):
        rhythm = track_rhythm(track, front_end, cache_folder=cache_folder).rhythm
        heard = rhythm[np.isfinite(rhythm).all(axis=1)]
        if not len(heard):
            raise AudioFileError(f"{track.path} is too short for a rhythm", rule="6 s are needed")
        found.append(TrackRhythm(track, heard.astype(np.float16).astype(np.float32)))
        progress(number, len(tracks))
    return found


def pack(rendered: Sequence[TrackRhythm], labels: Sequence[str]) -> dict[str, np.ndarray]:
    """What `unpack` takes: rhythm float16 [windows, features], windows int32 [tracks], labels int32 [tracks]."""
    return {
        "rhythm": np.concatenate([outputs.rhythm for outputs in rendered]).astype(np.float16),
        "windows": np.array([len(outputs.rhythm) for outputs in rendered], np.int32),
        "labels": np.array([list(labels).index(outputs.track.label) for outputs in rendered], np.int32),
    }


def unpack(arrays: Mapping[str, np.ndarray], labels: Sequence[str], name: str) -> list[TrackRhythm]:
    """The tracks of which `pack` made `arrays`; BundleError, naming the bundle, if it did not make them."""
    rhythm, windows, owners = (arrays.get(part, np.empty(0)) for part in ("rhythm", "windows", "labels"))
    fits = (
        rhythm.dtype == np.float16
        and rhythm.ndim == 2
        and rhythm.shape[1] == FEATURES
        and len(rhythm) <= MOST_WINDOWS
        and windows.dtype == owners.dtype == np.int32
        and windows.ndim == 1
        and windows.shape == owners.shape
        and (windows > 0).all()
        and windows.sum() == len(rhythm)
        and ((owners >= 0) & (owners < len(labels))).all()
        and np.isfinite(rhythm).all()
    )
    if not fits:
        raise BundleError(
            f"the rendered music of the bundle {name} cannot be used",
            rule=f"it has rhythms of {FEATURES} numbers, and tracks with labels of the bundle",
            next_step="Build the bundle again, or use another",
        )
    parts = np.split(rhythm.astype(np.float32), np.cumsum(windows)[:-1])
    return [
        TrackRhythm(LabelledTrack(Path(f"rendered/{number}"), "rendered", (labels[owner],), f"rendered:{number}"), part)
        for number, (owner, part) in enumerate(zip(owners, parts, strict=True))
    ]


def read_rendered(bundle: Bundle) -> list[TrackRhythm] | list[RenderedOutputs]:
    """The rendered music that a bundle was trained with; none if the bundle has none.

    Rhythms where only the part on the rhythm learned of it, all outputs of the network where the head did too.
    """
    arrays = bundle.read_file(RENDERED_FILE, largest_bytes=LARGEST_RENDERED_BYTES)
    if arrays is None:
        return []
    if "embedding" in arrays:
        tags, size = len(bundle.network_tags), bundle.embedding_size
        return unpack_outputs(arrays, bundle.labels, bundle.name, embedding_size=size, tags=tags)
    return unpack(arrays, bundle.labels, bundle.name)
