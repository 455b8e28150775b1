"""Reads sound files of any length piece by piece: libsndfile for most, the ffmpeg command for AAC and its like."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from model.errors import AudioFileError
from model.standard_error import quiet_standard_error
from stream.sources.ffmpeg_decoder import FfmpegDecoder, has_ffmpeg
from stream.sources.unreadable import ended_early, not_sound

FFMPEG_SUFFIXES = {".m4a", ".aac", ".mp4", ".m4b", ".webm", ".mka", ".wma", ".ac3", ".ts"}


class Decoder(Protocol):
    """An open sound file."""

    sample_rate: int
    channels: int
    duration_seconds: float | None
    """As the file says; None if it does not."""
    title: str

    def read(self, frames: int) -> np.ndarray:
        """The next frames, float32 [up to frames, channels]; empty at the end. AudioFileError where it is damaged."""

    def seek(self, seconds: float) -> None:
        """Go to this time; beyond the end, `read` returns nothing."""

    def close(self) -> None: ...


def open_audio(path: Path) -> Decoder:
    """Open a sound file.

    Raises AudioFileError if it is missing, empty, not sound, has no channels or no frames, or needs ffmpeg where
    there is none.
    """
    if not path.exists():
        raise AudioFileError(f"{path} does not exist", next_step="Check the name")
    if path.is_dir():
        raise AudioFileError(f"{path} is a folder", rule="a sound file is wanted", next_step="Name the files in it")
    if path.stat().st_size == 0:
        raise AudioFileError(f"{path} is empty", rule="a sound file holds sound", next_step="Copy or download it again")
    decoder: Decoder
    if path.suffix.lower() in FFMPEG_SUFFIXES or (has_ffmpeg() and _mp3_of_unknown_length(path)):
        decoder = FfmpegDecoder(path)
    else:
        try:
            decoder = SoundFileDecoder(path)
        except soundfile.LibsndfileError as error:
            if not has_ffmpeg():
                raise not_sound(path, str(error)) from None
            decoder = FfmpegDecoder(path)
    if decoder.channels < 1 or decoder.duration_seconds == 0.0:
        decoder.close()
        raise AudioFileError(
            f"{path} holds no sound ({decoder.channels} channels, 0 seconds)",
            rule="at least one channel and one frame are needed",
            next_step="Check how it was made",
        )
    return decoder


def _mp3_of_unknown_length(path: Path) -> bool:
    """An mp3 whose first frame does not say how long it is: libsndfile guesses, and stops there."""
    if path.suffix.lower() != ".mp3":
        return False
    with path.open("rb") as file:
        start = file.read(10)
        if start[:3] == b"ID3":  # its length: four times seven bits
            length = 0
            for byte in start[6:10]:
                length = length << 7 | byte & 0x7F
            file.seek(10 + length)
        else:
            file.seek(0)
        first_frame = file.read(2048)
    return not any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))


class _ReadInOrder(soundfile.SoundFile):
    """python-soundfile asks for and sets the position around every read, which makes libsndfile's mp3 decoder lose its
    place in some files. Told that the file cannot be wound, it leaves the position alone; `seek` still works.
    """

    def seekable(self) -> bool:
        return False


class SoundFileDecoder:
    """wav, flac, mp3, ogg, opus, aiff ... through libsndfile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with quiet_standard_error():  # its mp3 decoder prints warnings about files that are cut off
            self._file = _ReadInOrder(path)
        self.sample_rate = self._file.samplerate
        self.channels = self._file.channels
        self.duration_seconds: float | None = self._file.frames / self.sample_rate
        self._at = 0  # counted here, see above
        self._rest: FfmpegDecoder | None = None
        self._promised_frames = self._file.frames + _frames_cut_off(path, self._file)
        tags = self._file.copy_metadata()
        self.title = " · ".join(tags[key] for key in ("artist", "title") if tags.get(key)) or path.stem

    def read(self, frames: int) -> np.ndarray:
        if self._rest is not None:
            return self._rest.read(frames)
        try:
            block = self._file.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            # A damaged flac or ogg; but libsndfile 1.2 gives up on some sound Opus files too. ffmpeg reads those, and
            # whatever of the others comes after the damage.
            if not has_ffmpeg():
                raise self._early() from None
            self._rest = FfmpegDecoder(self._path)
            self._rest.seek(self._at / self.sample_rate)
            return self._rest.read(frames)
        self._at += len(block)
        if not len(block) and self._promised_frames - self._at > self.sample_rate / 2:
            # An mp3 says in its first frame how long it was before it was cut; encoders are off by a few frames.
            raise self._early()
        return block

    def seek(self, seconds: float) -> None:
        if self._rest is not None:
            self._rest.seek(seconds)
            return
        self._at = min(self._file.frames, max(0, round(seconds * self.sample_rate)))
        self._file.seek(self._at)

    def close(self) -> None:
        self._file.close()
        if self._rest is not None:
            self._rest.close()

    def _early(self) -> AudioFileError:
        return ended_early(self._path, self._at / self.sample_rate, self._promised_frames / self.sample_rate)


def _frames_cut_off(path: Path, file: soundfile.SoundFile) -> int:
    """Frames missing from a wav file that is shorter than its header says; libsndfile silently counts what is left."""
    if file.format not in ("WAV", "WAVEX") or not file.frames:
        return 0
    with path.open("rb") as header:
        start = header.read(8)
    promised = int.from_bytes(start[4:8], "little")
    size = path.stat().st_size
    # Programs that write to a pipe cannot know the length, and put 0 or the greatest number there.
    if start[:4] != b"RIFF" or promised in (0, 0xFFFFFFFF, 0x7FFFFFFF) or promised + 8 <= size:
        return 0
    return round((promised + 8 - size) * file.frames / size)
