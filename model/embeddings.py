"""What a network says about every window of a folder of music, computed once and kept."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.augmentation import ALTERATIONS
from model.datasets.dataset import LabelledTrack
from model.datasets.sound import read_samples
from model.errors import AudioFileError, DataError
from model.front_ends.front_end import FrontEnd
from model.networks.loading import Network

DEFAULT_CACHE = Path.home() / ".cache" / "genrescope" / "embeddings"
HOP_SECONDS = 3.0
"""Between the windows of a track: they do not overlap."""
_VERSION = 1
"""Raised when the same file would give other numbers."""


@dataclass(frozen=True)
class TrackOutputs:
    """The network's outputs for one track: float32 [windows, ...] each."""

    track: LabelledTrack
    embedding: np.ndarray
    tags: np.ndarray


class Embedder:
    """Runs a network over tracks and keeps what it said under `cache_folder`, outside the repository.

    The name of a kept file is made of the sound's content, the alteration, the network and the front end, so that
    nothing stale is ever read.
    """

    def __init__(self, network: Network, front_end: FrontEnd, cache_folder: Path = DEFAULT_CACHE) -> None:
        self._network = network
        self._front_end = front_end
        self._cache_folder = cache_folder
        self.unreadable: dict[Path, str] = {}
        """Tracks left out because their file cannot be read, and why."""

    def outputs(
        self,
        tracks: Sequence[LabelledTrack],
        *,
        alteration: str = "plain",
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[TrackOutputs]:
        """The outputs for every readable track, heard through `alteration` (see `model.augmentation`)."""
        found = []
        for number, track in enumerate(tracks, start=1):
            try:
                found.append(self._track_outputs(track, alteration))
            except AudioFileError as error:
                self.unreadable[track.path] = str(error)
            progress(number, len(tracks))
        if not found:
            raise DataError("no track can be read", rule=next(iter(self.unreadable.values()), "none was given"))
        return found

    def _track_outputs(self, track: LabelledTrack, alteration: str) -> TrackOutputs:
        kept = self._cache_folder / f"{self._key(track, alteration)}.npz"
        if kept.is_file():
            with np.load(kept, allow_pickle=False) as arrays:
                return TrackOutputs(track, arrays["embedding"], arrays["tags"])
        # The figures on a card are of the same tracks wherever they are measured.
        samples = read_samples(track, self._front_end.sample_rate, second_try=False)
        # The seed comes from the track, so that its alteration is the same in every run and in any order.
        rng = np.random.default_rng(zlib.crc32(f"{track.dataset}/{track.path.name}".encode()))
        samples = ALTERATIONS[alteration](samples, self._front_end.sample_rate, rng)
        windows = windows_of(samples, self._front_end)
        outputs = self._network(windows)
        result = TrackOutputs(track, outputs["embedding"], outputs["tags"])
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial.npz")
        np.savez(partial, embedding=result.embedding, tags=result.tags)
        partial.replace(kept)
        return result

    def _key(self, track: LabelledTrack, alteration: str) -> str:
        try:
            content = track.path.read_bytes()
        except OSError as error:
            raise AudioFileError(f"{track.path} cannot be read", rule=error.strerror or "") from error
        parts = f"{_VERSION} {alteration} {self._network.key} {self._front_end} {HOP_SECONDS}".encode()
        return hashlib.sha256(content + parts).hexdigest()[:32]


def windows_of(samples: np.ndarray, front_end: FrontEnd, *, hop_seconds: float = HOP_SECONDS) -> np.ndarray:
    """float32 [windows, *window_shape]: the windows of a recording, cut from one spectrogram as live ones are.

    A recording shorter than a window is repeated until it fills one, as the network's authors did.
    """
    needed = front_end.window_samples
    if len(samples) == 0:
        raise DataError("a recording has no samples", rule="there must be something to hear")
    if len(samples) < needed:
        samples = np.tile(samples, -(-needed // len(samples)))[:needed]
    frames = front_end.compute(samples)
    hop = round(hop_seconds * front_end.sample_rate / front_end.hop_length)
    starts = range(0, len(frames) - front_end.window_frames + 1, hop)
    return np.stack([frames[start : start + front_end.window_frames] for start in starts])
