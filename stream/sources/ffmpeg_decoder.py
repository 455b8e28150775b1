"""Sound files that only the ffmpeg command can read, or that libsndfile gives up on."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

from model.errors import AudioFileError
from stream.sources.unreadable import ended_early, not_sound

# ffmpeg tells formats by their content, and a playlist, whatever it is called, makes it open other files: sound only.
FFMPEG_FORMATS = "aac,ac3,aiff,asf,au,caf,eac3,flac,m4a,matroska,mov,mp3,mp4,mpegts,ogg,w64,wav,webm"
PROBE_SECONDS = 30.0
INSTALL_FFMPEG = "Install it: apt install ffmpeg (Debian, Ubuntu), brew install ffmpeg (macOS)"


def has_ffmpeg() -> bool:
    """Whether both commands are there."""
    return shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None


class FfmpegDecoder:
    """Everything else, as a pipe from the ffmpeg command. Seeking starts it again at the new place."""

    def __init__(self, path: Path) -> None:
        if not has_ffmpeg():
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
                raise ended_early(self._path, done, self.duration_seconds)
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
            raise not_sound(self._path, f"it could not be told within {PROBE_SECONDS:.0f} s what it is") from None
        # Where ffprobe fails it leaves half an object on its output.
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
        if not answer.get("streams"):
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise not_sound(self._path, reason[-1].split(": ")[-1] if reason else "it has no sound track")
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
