"""What a network says about every window of a folder of music, computed once and kept."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from model.augmentation import ALTERATIONS
from model.datasets.dataset import LabelledTrack
from model.datasets.sound import read_samples
from model.errors import AudioFileError, DataError
from model.front_ends.front_end import FrontEnd
from model.networks.loading import Network
from model.networks.side_by_side import alone
from model.rhythm import VERSION as RHYTHM_VERSION
from model.rhythm import can_be_heard, rhythm_before

DEFAULT_CACHE = Path.home() / ".cache" / "genrescope" / "embeddings"
HOP_SECONDS = 3.0
"""Between the windows of a track: they do not overlap."""
_VERSION = 1
"""Raised when the same file would give other numbers."""


@dataclass(frozen=True)
class TrackOutputs:
    """The network's outputs for one track: float32 [windows, ...] each.

    rhythm : float32 [windows, `model.rhythm.FEATURES`], at every window's end; NaN where less than 6 s of the track lie
        before it. None where nobody asked for it.
    """

    track: LabelledTrack
    embedding: np.ndarray
    tags: np.ndarray
    rhythm: np.ndarray | None = None


@dataclass(frozen=True)
class TrackRhythm:
    """The rhythm of one track, for music that teaches nothing else: float32 [windows, `model.rhythm.FEATURES`]."""

    track: LabelledTrack
    rhythm: np.ndarray


class Embedder:
    """Runs a network over tracks and keeps what it said under `cache_folder`, outside the repository.

    The name of a kept file is made of the sound's content, the alteration, the network and the front end, so that
    nothing stale is ever read. The rhythm has files of its own, which all networks with this front end share.

    with_rhythm : whether outputs have the rhythm too.
    """

    def __init__(
        self,
        network: Network,
        front_end: FrontEnd,
        cache_folder: Path = DEFAULT_CACHE,
        *,
        with_rhythm: bool = False,
    ) -> None:
        if with_rhythm:
            _check_rhythm(front_end)
        self._network = network
        self._front_end = front_end
        self._cache_folder = cache_folder
        self._with_rhythm = with_rhythm
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
        content = _content(track)
        sound = _Sound(track, alteration, self._front_end)
        said = [self._kept_outputs(content, sound, network) for network in alone(self._network)]
        embedding, tags = (
            np.concatenate([outputs[name] for outputs in said], axis=1) for name in ("embedding", "tags")
        )
        rhythm = _kept_rhythm(content, sound, self._cache_folder) if self._with_rhythm else None
        return TrackOutputs(track, embedding, tags, rhythm)

    def _kept_outputs(self, content: bytes, sound: _Sound, network: Network) -> dict[str, np.ndarray]:
        """Of one network alone, so that bundles that share one of theirs share what it said."""
        made_by = f"{_VERSION} {sound.alteration} {network.key} {self._front_end} {HOP_SECONDS}"
        kept = self._cache_folder / f"{_key(content, made_by)}.npz"
        found = _read_kept(kept)
        if found is None:
            outputs = network(windows_of(sound.samples, self._front_end))
            found = {"embedding": outputs["embedding"], "tags": outputs["tags"]}
            _keep(kept, found)
        return found


def track_rhythm(
    track: LabelledTrack, front_end: FrontEnd, *, alteration: str = "plain", cache_folder: Path = DEFAULT_CACHE
) -> TrackRhythm:
    """The rhythm of a track without asking a network; kept under `cache_folder`. AudioFileError if it is unreadable."""
    _check_rhythm(front_end)
    rhythm = _kept_rhythm(_content(track), _Sound(track, alteration, front_end), cache_folder)
    return TrackRhythm(track, rhythm)


class _Sound:
    """A track as it is heard through an alteration; read when it is first asked for."""

    def __init__(self, track: LabelledTrack, alteration: str, front_end: FrontEnd) -> None:
        self.track = track
        self.alteration = alteration
        self.front_end = front_end

    @cached_property
    def samples(self) -> np.ndarray:
        # The figures on a card are of the same tracks wherever they are measured.
        samples = read_samples(self.track, self.front_end.sample_rate, second_try=False)
        # The seed comes from the track, so that its alteration is the same in every run and in any order.
        rng = np.random.default_rng(zlib.crc32(f"{self.track.dataset}/{self.track.path.name}".encode()))
        return ALTERATIONS[self.alteration](samples, self.front_end.sample_rate, rng)


def _kept_rhythm(content: bytes, sound: _Sound, cache_folder: Path) -> np.ndarray:
    made_by = f"rhythm {RHYTHM_VERSION} {_VERSION} {sound.alteration} {sound.front_end} {HOP_SECONDS}"
    kept = cache_folder / f"{_key(content, made_by)}.npz"
    found = _read_kept(kept)
    if found is None:
        found = {"rhythm": rhythm_of(sound.samples, sound.front_end)}
        _keep(kept, found)
    return found["rhythm"]


def _check_rhythm(front_end: FrontEnd) -> None:
    if not can_be_heard(front_end):
        raise DataError(
            "no rhythm can be computed from what this network hears",
            rule="rhythm needs a log-mel front end, log10(10000 x + 1), of 12 bands and 30 frames a second or more",
            next_step="Leave the rhythm out, or choose another network",
        )


def _content(track: LabelledTrack) -> bytes:
    try:
        return track.path.read_bytes()
    except OSError as error:
        raise AudioFileError(f"{track.path} cannot be read", rule=error.strerror or "") from error


def _key(content: bytes, made_by: str) -> str:
    return hashlib.sha256(content + made_by.encode()).hexdigest()[:32]


def _read_kept(kept: Path) -> dict[str, np.ndarray] | None:
    if not kept.is_file():
        return None
    with np.load(kept, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _keep(kept: Path, arrays: dict[str, np.ndarray]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(kept)


def windows_of(samples: np.ndarray, front_end: FrontEnd, *, hop_seconds: float = HOP_SECONDS) -> np.ndarray:
    """float32 [windows, *window_shape]: the windows of a recording, cut from one spectrogram as live ones are.

    A recording shorter than a window is repeated until it fills one, as the network's authors did.
    """
    frames, ends = _frames_and_ends(samples, front_end, hop_seconds)
    return np.stack([frames[end - front_end.window_frames : end] for end in ends])


def rhythm_of(samples: np.ndarray, front_end: FrontEnd, *, hop_seconds: float = HOP_SECONDS) -> np.ndarray:
    """float32 [windows, `model.rhythm.FEATURES`]: the rhythm at the ends of the windows that `windows_of` gives; NaN
    where less than 6 s of the recording lie before."""
    frames, ends = _frames_and_ends(samples, front_end, hop_seconds)
    return np.stack([rhythm_before(frames[:end], front_end) for end in ends])


def _frames_and_ends(samples: np.ndarray, front_end: FrontEnd, hop_seconds: float) -> tuple[np.ndarray, range]:
    needed = front_end.window_samples
    if len(samples) == 0:
        raise DataError("a recording has no samples", rule="there must be something to hear")
    if len(samples) < needed:
        samples = np.tile(samples, -(-needed // len(samples)))[:needed]
    frames = front_end.compute(samples)
    hop = round(hop_seconds * front_end.sample_rate / front_end.hop_length)
    return frames, range(front_end.window_frames, len(frames) + 1, hop)
