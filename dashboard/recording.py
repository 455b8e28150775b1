"""Keeps the sound of a session for a replay, where that is wanted."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from stream.clock import Clock, SystemClock
from stream.inlet import Inlet

SAMPLE_RATE = 44100
RING_SECONDS = 10.0
"""The disk may take so long over a write before sound is lost."""
PAUSE_SECONDS = 0.25
LIMIT_SECONDS = 3600.0
NEARLY_FULL_BYTES = 1_000_000
"""With less free space than this, a failed write is put down to the disk; libsndfile says "System error" only."""
COMPRESSION_LEVEL = 0.8
"""libsndfile's number for 96 kbit/s: 0.7 MB a minute, and for one channel as good as most people can hear."""


FILE_NAME = "sound.mp3"
MP3_TYPE = "audio/mpeg"
UNFINISHED_DELAY_SECONDS = 2257 / SAMPLE_RATE
"""The encoder puts so much before the first sample. A complete file says so in its first frame, and players skip it."""


@dataclass(frozen=True)
class KeptSound:
    """What has been recorded: an MP3 file. Its beginning is heard at stream time `starts_at`, seconds."""

    data: bytes
    starts_at: float


class SoundWriter(Protocol):
    """Takes samples and makes a file of them."""

    def write(self, samples: np.ndarray) -> None:
        """float32 [n], mono."""

    def flush(self) -> None:
        """What was written stands in the file."""

    def close(self) -> None:
        """The file is complete."""


class SoundRecorder:
    """Writes what comes into its inlet to a temporary MP3 file, from its first sample on.

    Connect `inlet` to the session's source. Sample i of the file is heard at stream time `starts_at` + i / 44100: it
    stands still in a pause, and what could not be written in time is replaced by silence. Where the disk is full, or
    anything else goes wrong, the recording ends and says why; neither source nor session notice.

    Parameters
    ----------
    starts_at : stream time at which it begins, seconds.
    limit_seconds : it stops when it is so long.
    open_writer : opens the file; the default writes MP3.
    """

    def __init__(
        self,
        *,
        starts_at: float = 0.0,
        limit_seconds: float = LIMIT_SECONDS,
        clock: Clock | None = None,
        open_writer: Callable[[Path], SoundWriter] | None = None,
    ) -> None:
        self.starts_at = starts_at
        self.inlet = Inlet(SAMPLE_RATE, RING_SECONDS)
        self._limit = round(limit_seconds * SAMPLE_RATE)
        self._clock = clock or SystemClock()
        self._open_writer = open_writer or _open_mp3
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._writer: SoundWriter | None = None
        self._written = 0
        self._problem = ""
        try:
            # Deleted with the recorder, at the latest when the program ends.
            self._folder = tempfile.TemporaryDirectory(prefix="genrescope-sound-")
            self._writer = self._open_writer(Path(self._folder.name) / FILE_NAME)
        except Exception as error:
            self._fail(error)
        self._thread = threading.Thread(target=self._run, name="sound recorder", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Length of what has been written."""
        return self._written / SAMPLE_RATE

    @property
    def full(self) -> bool:
        """It has reached its limit, and stopped."""
        return self._written >= self._limit

    @property
    def problem(self) -> str:
        """Why it has stopped by itself, in one sentence; "" while all is well."""
        if self.full:
            return f"The recording stopped after {self._limit / SAMPLE_RATE / 60:g} minutes, its limit."
        return self._problem

    @property
    def path(self) -> Path | None:
        """The file, once it is complete (after `stop`, or when the recording ended by itself); None if there is none.

        It is gone after `discard`.
        """
        if self._folder is None or self._writer is not None or not self._written:
            return None
        return Path(self._folder.name) / FILE_NAME

    def take(self) -> None:
        """Write what has come in since the last time. The recorder's own thread does so four times a second."""
        with self._lock:
            self._take()

    def sound(self) -> KeptSound | None:
        """What has been recorded so far, while the recording goes on or afterwards; None if there is nothing."""
        with self._lock:
            self._take()
            try:
                if self._writer is not None:
                    self._writer.flush()
            except Exception as error:
                self._fail(error)
            if self._folder is None or not self._written:
                return None
            ahead = 0.0 if self._writer is None else UNFINISHED_DELAY_SECONDS
            try:
                return KeptSound((Path(self._folder.name) / FILE_NAME).read_bytes(), self.starts_at - ahead)
            except OSError as error:
                self._fail(error)
                return None

    def stop(self) -> Path | None:
        """Write the rest and complete the file; returns its `path`."""
        self._stopped.set()
        with self._lock:
            self._take()
            self._close()
        return self.path

    def discard(self) -> None:
        """Stop, and delete what was recorded."""
        self.stop()
        with self._lock:
            folder, self._folder = self._folder, None
            if folder is not None:
                folder.cleanup()

    def _run(self) -> None:
        while not self._stopped.is_set() and self._writer is not None:
            self.take()
            self._clock.wait(self._stopped, PAUSE_SECONDS)

    def _take(self) -> None:
        # The file's time line does not care where stretches begin; nobody else empties this list.
        self.inlet.restarts.clear()
        if self._writer is None:
            return
        try:
            while (samples := self._next()) is not None:
                self._writer.write(samples)
                self._written += len(samples)
        except Exception as error:
            self._fail(error)
        if self.full:
            self._close()

    def _next(self) -> np.ndarray | None:
        """The next samples, float32 [n]; silence for those that have been overwritten; None if there are none."""
        ring = self.inlet.ring
        wanted = min(self._limit - self._written, SAMPLE_RATE)
        samples, first = ring.read(self._written, wanted)
        if first > self._written:
            return np.zeros(min(wanted, first - self._written), np.float32)
        return samples if len(samples) else None

    def _fail(self, error: Exception) -> None:
        reason = str(error).rstrip(".") or type(error).__name__
        if self._folder is not None and shutil.disk_usage(self._folder.name).free < NEARLY_FULL_BYTES:
            reason = "the disk is full"
        self._problem = self._problem or f"The recording has ended early: {reason}."
        self._close()

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close()
        except Exception as error:
            self._problem = self._problem or f"The recording could not be completed: {error}"


def _open_mp3(path: Path) -> SoundWriter:
    file: SoundWriter = soundfile.SoundFile(
        path,
        "w",
        SAMPLE_RATE,
        1,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=COMPRESSION_LEVEL,
    )
    return file
