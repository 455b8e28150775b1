"""Makes the spectrogram of one track, here or in a process of its own."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from model.datasets.dataset import LabelledTrack
from model.datasets.sound import read_samples
from model.errors import AudioFileError
from model.front_ends.front_end import FrontEnd
from model.whole_files import cannot_write, map_array, write_array

NO_LABEL = "no label"
_COARSE_TIME_NS = 2_000_000_000
"""Some disks keep times of change to a second or two only."""


@dataclass(frozen=True)
class Order:
    """What is to be made: the spectrogram of a track and, unless it is None, its picture."""

    track: LabelledTrack
    front_end: FrontEnd
    spectrogram: Path
    picture: Path | None

    @classmethod
    def of(cls, track: LabelledTrack, front_end: FrontEnd, folder: Path, *, pictures: bool) -> Order:
        """A track with several labels lies with the first; two files of one name differ in digits from their paths."""
        label = safe_name(track.labels[0] if track.labels else NO_LABEL)
        digits = hashlib.sha256(str(track.path.absolute()).encode("utf-8", "surrogatepass")).hexdigest()[:10]
        name = f"{safe_name(track.path.stem, marked=False)}-{digits}"
        picture = folder / "pictures" / label / f"{name}.png" if pictures else None
        return cls(track, front_end, folder / "spectrograms" / label / f"{name}.npy", picture)


@dataclass(frozen=True)
class Made:
    """What came of an order.

    there_before : the spectrogram was there; drawn : its picture was not.
    reason : why the sound cannot be read; then nothing was made.
    """

    frames: int = 0
    there_before: bool = False
    picture: Path | None = None
    drawn: bool = False
    reason: str = ""


def make(order: Order) -> Made:
    """Make what is not there yet. Raises DataError if it cannot be written; broken sound is a reason, no error."""
    track, front_end, path = order.track, order.front_end, order.spectrogram
    try:
        changed_ns = track.path.stat().st_mtime_ns
    except OSError as error:
        return Made(reason=f"{track.path} cannot be read: {error.strerror}.")
    frames = map_array(path) if _made_from(path, changed_ns) else None
    if frames is not None and (frames.shape[1:] != front_end.frame_shape or frames.dtype.str != "<f4"):
        frames = None
    draws = order.picture is not None and (frames is None or not order.picture.is_file())
    there_before, picture = frames is not None, None
    try:
        if frames is None or (draws and not front_end.hears_picture):
            samples = read_samples(track, front_end.sample_rate)
            frames = front_end.compute(samples) if frames is None else frames
            picture = front_end.picture(samples) if draws and not front_end.hears_picture else None
        if not len(frames):
            raise AudioFileError(f"{track.path} is too short", rule="there must be sound for one frame")
    except (AudioFileError, OSError) as error:
        return Made(reason=str(error))
    if not there_before:
        write_array(path, frames.astype("<f4", copy=False))
        try:
            os.utime(path, ns=(changed_ns, changed_ns))
        except OSError as error:
            raise cannot_write(path, error) from error
    if draws and order.picture is not None:
        from model.spectrogram_picture import draw

        draw(order.picture, frames if picture is None else picture, front_end, track)
    return Made(len(frames), there_before, order.picture, draws)


def safe_name(text: str, *, marked: bool = True) -> str:
    """A name for a file or folder on any system: letters, digits, "-" and "_", at most 80 bytes.

    marked : where something had to be left out, digits that depend on it all stand at the end, so that two texts never
        have one name.
    """
    kept = "".join(c if c.isalnum() or c in "-_ " else "_" for c in text).strip().replace(" ", "_")
    short = kept.encode("utf-8", "replace")[:80].decode("utf-8", "ignore")
    if marked and short != text.replace(" ", "_"):
        short = f"{short}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
    return short or "_"


def _made_from(path: Path, changed_ns: int) -> bool:
    """Whether a spectrogram has the time of change of its sound."""
    try:
        time_ns = path.stat().st_mtime_ns
    except OSError:
        return False
    return time_ns == changed_ns or (time_ns % 1_000_000_000 == 0 and abs(time_ns - changed_ns) < _COARSE_TIME_NS)
