"""Where a source hands over its sound: checked, mixed down, resampled, counted, put into the session's ring."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stream.dc_offset import DcOffsetRemover
from stream.level import LevelMeter
from stream.records import InletStatus, Level
from stream.resampler import StreamResampler
from stream.ring_buffer import RingBuffer


@dataclass(frozen=True)
class Mark:
    """The end of a pushed block, on the session's time line."""

    sample: int
    """Number of samples (at the session's rate) that stand for the sound up to here."""
    captured_at: float
    track: int
    position_seconds: float


@dataclass(frozen=True)
class Restart:
    """Sound from here on has nothing to do with the sound before: a start, a seek, another track."""

    sample: int


class Sink(Protocol):
    """What a source hands its sound to. One thread at a time calls it, the source's."""

    def begin(self, rate: float, *, track: int = 0, position_seconds: float = 0.0) -> None:
        """A new stretch of sound begins, at this rate (Hz): start, seek or next track."""

    def push(self, block: np.ndarray, captured_at: float) -> None:
        """Next block, float32 [n, channels]; its last sample was captured then (monotonic clock, seconds)."""

    def finish(self) -> None:
        """The source has ended."""

    def lost(self, seconds: float) -> None:
        """So much sound never arrived."""

    def quiet(self) -> None:
        """No sound is coming at present."""


class Inlet:
    """The source's side of a session: one thread, the source's, pushes; the engine reads `ring`, `marks`, `restarts`.

    Parameters
    ----------
    sample_rate : rate of the session, Hz; whatever comes in is resampled to it.
    buffer_seconds : how much the ring holds before the oldest is overwritten.
    """

    def __init__(self, sample_rate: int, buffer_seconds: float) -> None:
        self.sample_rate = sample_rate
        self.ring = RingBuffer(round(sample_rate * buffer_seconds))
        self.marks: deque[Mark] = deque(maxlen=round(buffer_seconds * 200))
        self.restarts: deque[Restart] = deque()
        self._resampler: StreamResampler | None = None
        self._offset = DcOffsetRemover(sample_rate)
        self._meter = LevelMeter()
        self._level = Level()
        self._stretch_start = 0
        self._stretch_in = 0.0
        self._invalid_samples = 0
        self._lost_seconds = 0.0
        self._track = 0
        self._position = 0.0

    def begin(self, rate: float, *, track: int = 0, position_seconds: float = 0.0) -> None:
        """A new stretch of sound begins: start, seek or next track. What was pushed before is finished first."""
        self._finish_stretch()
        if self._resampler is None or self._resampler.rate_in != rate:
            self._resampler = StreamResampler(rate, self.sample_rate)
        self._offset.reset()
        self._stretch_start = self.ring.written
        self._stretch_in = 0.0
        self._track = track
        self._position = position_seconds
        self.restarts.append(Restart(self._stretch_start))

    def push(self, block: np.ndarray, captured_at: float) -> None:
        """Next block, float32 [n, channels], at the rate given to `begin`; its last sample was captured then."""
        if self._resampler is None:
            raise RuntimeError("push() before begin(): the inlet does not know the sample rate")
        if not len(block):
            return
        invalid = block.size - int(np.count_nonzero(np.isfinite(block)))
        if invalid:
            self._invalid_samples += invalid
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        seconds = len(block) / self._resampler.rate_in
        self._level = self._meter.push(block, seconds)
        # Beyond full scale is an error of the device or the file; the network was trained on -1..1.
        mono = np.clip(block.mean(axis=1, dtype=np.float32), -1.0, 1.0)
        self._stretch_in += seconds
        self._position += seconds
        self.ring.write(self._offset.push(self._resampler.push(mono)))
        self.marks.append(Mark(self._expected_sample(), captured_at, self._track, self._position))

    def finish(self) -> None:
        """The source has ended: hand over what is still inside the resampler."""
        self._finish_stretch()

    def lost(self, seconds: float) -> None:
        """The source noticed that so much sound never arrived."""
        self._lost_seconds += seconds

    def quiet(self) -> None:
        """No sound is coming at present: the meter falls to its floor."""
        self._level = Level()

    def status(self) -> InletStatus:
        return InletStatus(
            level=self._level,
            stream_time=self.ring.written / self.sample_rate,
            lost_seconds=self._lost_seconds,
            invalid_samples=self._invalid_samples,
            dc_offset=self._offset.offset,
        )

    def _expected_sample(self) -> int:
        """Where the sound pushed so far ends, at the session's rate, once the resampler has given all of it."""
        return self._stretch_start + round(self._stretch_in * self.sample_rate)

    def _finish_stretch(self) -> None:
        if self._resampler is not None:
            self.ring.write(self._offset.push(self._resampler.flush()))
