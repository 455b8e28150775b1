"""Reads sound files of any length piece by piece: libsndfile for most, the ffmpeg command for AAC and its like."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from model.errors import AudioFileError
from model.standard_error import quiet_standard_error

FFMPEG_SUFFIXES = {".m4a", ".aac", ".mp4", ".m4b", ".webm", ".mka", ".wma", ".ac3", ".ts"}
# ffmpeg tells formats by their content, and a playlist, whatever it is called, makes it open other files: sound only.
FFMPEG_FORMATS = "aac,ac3,aiff,asf,au,caf,eac3,flac,m4a,matroska,mov,mp3,mp4,mpegts,ogg,w64,wav,webm"
PROBE_SECONDS = 30.0
INSTALL_FFMPEG = "Install it: apt install ffmpeg (Debian, Ubuntu), brew install ffmpeg (macOS)"


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
    has_ffmpeg = shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None
    if path.suffix.lower() in FFMPEG_SUFFIXES or (has_ffmpeg and _mp3_of_unknown_length(path)):
        decoder = FfmpegDecoder(path)
    else:
        try:
            decoder = SoundFileDecoder(path)
        except soundfile.LibsndfileError as error:
            if not has_ffmpeg:
                raise _not_sound(path, str(error)) from None
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


def _not_sound(path: Path, reason: str) -> AudioFileError:
    return AudioFileError(
        f"{path} cannot be read as sound ({reason.strip().rstrip('.')})",
        rule="wav, flac, mp3, ogg, opus, m4a and aac files can be played",
        next_step="Check that it is one, and whole",
    )


def _ended_early(path: Path, read_seconds: float, expected_seconds: float) -> AudioFileError:
    return AudioFileError(
        f"{path} ends early: {read_seconds:.1f} of {expected_seconds:.1f} s could be read",
        rule="the file is cut off or damaged",
        next_step="What could be read was used; copy or download it again for the rest",
    )


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
        self._promised_frames = self._file.frames + _frames_cut_off(path, self._file)
        tags = self._file.copy_metadata()
        self.title = " · ".join(tags[key] for key in ("artist", "title") if tags.get(key)) or path.stem

    def read(self, frames: int) -> np.ndarray:
        try:
            block = self._file.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            # A damaged flac or ogg: libsndfile gives up in the middle.
            raise self._early() from None
        self._at += len(block)
        if not len(block) and self._promised_frames - self._at > self.sample_rate / 2:
            # An mp3 says in its first frame how long it was before it was cut; encoders are off by a few frames.
            raise self._early()
        return block

    def seek(self, seconds: float) -> None:
        self._at = min(self._file.frames, max(0, round(seconds * self.sample_rate)))
        self._file.seek(self._at)

    def close(self) -> None:
        self._file.close()

    def _early(self) -> AudioFileError:
        return _ended_early(self._path, self._at / self.sample_rate, self._promised_frames / self.sample_rate)


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


class FfmpegDecoder:
    """Everything else, as a pipe from the ffmpeg command. Seeking starts it again at the new place."""

    def __init__(self, path: Path) -> None:
        if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
            raise AudioFileError(
                f"{path} needs ffmpeg", rule="only ffmpeg can read this kind of file", next_step=INSTALL_FFMPEG
            )
        self._path = path
        # "file:" keeps a name that looks like an option or an address from being taken for one.
        self._address = f"file:{path.resolve()}"
        stream, container = self._probe()
        self.sample_rate = int(stream.get("sample_rate") or 0) or 44100
        self.channels = int(stream.get("channels") or 0)
        duration = stream.get("duration") or container.get("duration")
        self.duration_seconds = float(duration) if duration is not None else None
        tags = {key.lower(): value for key, value in container.get("tags", {}).items()}
        self.title = " · ".join(tags[key] for key in ("artist", "title") if tags.get(key)) or path.stem
        self._process: subprocess.Popen[bytes] | None = None
        self._start_seconds = 0.0
        self._frames_read = 0

    def read(self, frames: int) -> np.ndarray:
        if self._process is None:
            self._launch()
        assert self._process is not None and self._process.stdout is not None
        data = self._process.stdout.read(frames * self.channels * 4)
        block = np.frombuffer(data, dtype="<f4")
        block = block[: len(block) // self.channels * self.channels].reshape(-1, self.channels)
        self._frames_read += len(block)
        if not len(block) and self.duration_seconds is not None:
            done = self._start_seconds + self._frames_read / self.sample_rate
            if self.duration_seconds - done > 0.5:
                raise _ended_early(self._path, done, self.duration_seconds)
        return block

    def seek(self, seconds: float) -> None:
        self.close()
        self._start_seconds = max(0.0, seconds)
        self._frames_read = 0

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _probe(self) -> tuple[dict, dict]:
        command = ["ffprobe", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", FFMPEG_FORMATS]
        command += ["-select_streams", "a:0"]
        command += ["-show_entries", "stream=sample_rate,channels,duration:format=duration:format_tags=artist,title"]
        command += ["-of", "json", self._address]
        try:
            done = subprocess.run(
                command, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=PROBE_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise _not_sound(self._path, f"it could not be told within {PROBE_SECONDS:.0f} s what it is") from None
        # Where ffprobe fails it leaves half an object on its output.
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
        if not answer.get("streams"):
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise _not_sound(self._path, reason[-1].split(": ")[-1] if reason else "it has no sound track")
        return answer["streams"][0], answer.get("format", {})

    def _launch(self) -> None:
        command = ["ffmpeg", "-v", "quiet", "-nostdin", "-protocol_whitelist", "file,pipe"]
        command += [
            "-format_whitelist",
            FFMPEG_FORMATS,
            "-ss",
            f"{self._start_seconds:.6f}",
            "-i",
            self._address,
            "-map",
            "0:a:0",
            "-f",
            "f32le",
        ]
        command += ["-ar", str(self.sample_rate), "-ac", str(self.channels), "pipe:1"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
