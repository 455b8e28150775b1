"""Sound files of data sets as samples: libsndfile for most, the ffmpeg command where it gives up.

The same rules as in `stream/sources/decoder.py`, which this room may not import; here whole recordings are read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from model.datasets.dataset import LabelledTrack
from model.errors import AudioFileError
from model.standard_error import quiet_standard_error

SOUND_SUFFIXES = {
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".w64", ".caf"),
    *(".m4a", ".aac", ".mp4", ".m4b", ".webm", ".mka", ".wma", ".ac3"),
}
LONGEST_SECONDS = 3600.0
"""Longer recordings are refused: a whole one is in memory at a time."""
_FFMPEG_SUFFIXES = {".m4a", ".aac", ".mp4", ".m4b", ".webm", ".mka", ".wma", ".ac3"}
# ffmpeg tells formats by their content, and a playlist, whatever it is called, makes it open other files: sound only.
_FFMPEG_FORMATS = "aac,ac3,aiff,asf,au,caf,eac3,flac,m4a,matroska,mov,mp3,mp4,mpegts,ogg,w64,wav,webm"
_BLOCK_SECONDS = 60.0
_PROBE_SECONDS = 30.0
_DECODE_SECONDS = 600.0


@dataclass(frozen=True)
class SoundInfo:
    """What a sound file says of itself."""

    seconds: float
    sample_rate: int
    channels: int
    artist: str


def has_ffmpeg() -> bool:
    """Whether both commands are there."""
    return shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None


def read_samples(track: LabelledTrack, sample_rate: int, *, second_try: bool = True) -> np.ndarray:
    """The track as float32 [n], mono, -1..1, at `sample_rate`; raises AudioFileError if it cannot be read.

    second_try : see `read_mono`.
    """
    mono, rate = read_mono(track.path, second_try=second_try)
    return mono if rate == sample_rate else soxr.resample(mono, rate, sample_rate)


def read_mono(path: Path, *, second_try: bool = True) -> tuple[np.ndarray, int]:
    """The whole file as float32 [n], mono, and its sample rate; raises AudioFileError if it cannot be read.

    second_try : where libsndfile gives up, try ffmpeg, if that is installed. Without, it does not depend on the machine
        which of the files that libsndfile knows can be read.
    """
    _check_there(path)
    if path.suffix.lower() in _FFMPEG_SUFFIXES:
        return _read_with_ffmpeg(path)
    try:
        mono, rate = _read_with_libsndfile(path)
    except (OSError, soundfile.SoundFileError) as error:
        # libsndfile 1.2 gives up on some sound Opus files; ffmpeg reads those.
        if not (second_try and has_ffmpeg()):
            raise _unreadable(path, str(error)) from error
        mono, rate = _read_with_ffmpeg(path)
    if not len(mono):
        raise AudioFileError(f"{path} holds no sound", rule="at least one sample is needed")
    return mono, rate


def inspect(path: Path) -> SoundInfo:
    """Length, rate, channels and artist, without decoding; raises AudioFileError if it is no sound file."""
    _check_there(path)
    if path.suffix.lower() not in _FFMPEG_SUFFIXES:
        try:
            with quiet_standard_error(), soundfile.SoundFile(path) as file:
                artist = file.copy_metadata().get("artist", "").strip()
                return SoundInfo(file.frames / file.samplerate, file.samplerate, file.channels, artist)
        except (OSError, soundfile.SoundFileError) as error:
            if not has_ffmpeg():
                raise _unreadable(path, str(error)) from error
    return _probe(path)


def _read_with_libsndfile(path: Path) -> tuple[np.ndarray, int]:
    with quiet_standard_error():  # its mp3 decoder prints warnings about files that are cut off
        file = _ReadInOrder(path)
    with file:
        rate = file.samplerate
        blocks: list[np.ndarray] = []
        left = round(LONGEST_SECONDS * rate)
        while len(block := file.read(round(_BLOCK_SECONDS * rate), dtype="float32", always_2d=True)):
            left -= len(block)
            if left < 0:
                raise _too_long(path)
            blocks.append(block.mean(axis=1))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32), rate


class _ReadInOrder(soundfile.SoundFile):
    """python-soundfile asks for and sets the position around every read, which makes libsndfile's mp3 decoder lose its
    place in some files. Told that the file cannot be wound, it leaves the position alone.
    """

    def seekable(self) -> bool:
        return False


def _read_with_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    info = _probe(path)
    if info.seconds > LONGEST_SECONDS:
        raise _too_long(path)
    command = ["ffmpeg", "-v", "error", "-xerror", "-nostdin", "-protocol_whitelist", "file,pipe"]
    command += ["-format_whitelist", _FFMPEG_FORMATS, "-i", f"file:{path.resolve()}", "-map", "0:a:0"]
    command += ["-t", str(LONGEST_SECONDS), "-f", "f32le", "-ar", str(info.sample_rate), "-ac", str(info.channels)]
    try:
        done = subprocess.run(
            [*command, "pipe:1"], capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=_DECODE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise _unreadable(path, f"it could not be decoded within {_DECODE_SECONDS:.0f} s") from None
    samples = np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], dtype="<f4")
    samples = samples[: len(samples) // info.channels * info.channels].reshape(-1, info.channels)
    if done.returncode != 0 or not len(samples):
        raise _unreadable(path, _last_line(done.stderr) or "nothing came out of it")
    return samples.mean(axis=1, dtype=np.float32), info.sample_rate


def _probe(path: Path) -> SoundInfo:
    if not has_ffmpeg():
        raise AudioFileError(
            f"{path} needs ffmpeg",
            rule="only ffmpeg can read this kind of file",
            next_step="Install it: apt install ffmpeg (Debian, Ubuntu), brew install ffmpeg (macOS)",
        )
    command = ["ffprobe", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", _FFMPEG_FORMATS]
    command += ["-select_streams", "a:0", "-show_entries"]
    command += ["stream=sample_rate,channels,duration:format=duration:format_tags=artist", "-of", "json"]
    try:
        done = subprocess.run(
            [*command, f"file:{path.resolve()}"],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _unreadable(path, f"it could not be told within {_PROBE_SECONDS:.0f} s what it is") from None
    # Where ffprobe fails it leaves half an object on its output.
    answer = json.loads(done.stdout) if done.returncode == 0 else {}
    stream: dict = next(iter(answer.get("streams", [])), {})
    rate, channels = int(stream.get("sample_rate") or 0), int(stream.get("channels") or 0)
    if rate < 1 or channels < 1:
        raise _unreadable(path, _last_line(done.stderr) or "it has no sound track")
    container = answer.get("format", {})
    tags = {key.lower(): str(value) for key, value in container.get("tags", {}).items()}
    seconds = float(stream.get("duration") or container.get("duration") or 0.0)
    return SoundInfo(seconds, rate, channels, tags.get("artist", "").strip())


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise AudioFileError(f"{path} cannot be read", rule="there is no such file")
    if path.stat().st_size == 0:
        raise AudioFileError(f"{path} is empty", rule="a sound file holds sound")


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].split(": ")[-1] if lines else ""


def _unreadable(path: Path, reason: str) -> AudioFileError:
    return AudioFileError(f"{path} cannot be read", rule=reason.strip().rstrip("."))


def _too_long(path: Path) -> AudioFileError:
    return AudioFileError(
        f"{path} is too long",
        rule=f"a recording may last {LONGEST_SECONDS / 60:.0f} minutes",
        next_step="Cut it into tracks",
    )
