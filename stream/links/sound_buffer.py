"""Sound that has come but is not due yet: between the thread that receives it and the one that plays it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from model.errors import LinkError
from stream.clock import Clock

TARGET_SECONDS = 5.0
"""So much is kept ahead."""
MOST_SECONDS = 15.0
"""If a station has sent more than this ahead, the oldest is left out until TARGET_SECONDS remain."""
JOINING_SECONDS = 3.0
"""What a station sends at once to whoever joins is from before, and nothing is lost if some of it is left out."""
REFILL_SECONDS = 5.0
"""If there is too much twice within this time, it comes twice as fast as it is heard, or faster: it is no station."""
MAX_TITLES = 64


@dataclass(frozen=True)
class Taken:
    """What is due next."""

    block: np.ndarray
    """float32 [n, channels]; empty at the end."""
    sample_rate: int
    """Hz; 0 if there never was any sound."""
    title: str | None = None
    """A title begins with it."""
    skipped: bool = False
    """Something was left out before it."""
    lost_seconds: float = 0.0
    """So much should have been heard before it, and was not."""


@dataclass(frozen=True)
class _Note:
    """Something that holds from a frame on."""

    frame: int
    title: str | None
    lost_seconds: float


class SoundBuffer:
    """One thread puts, another takes. Bounded: whoever puts waits, or the oldest is left out.

    keep_up : a station sends whether or not there is room; if there is none the oldest is left out. Otherwise whoever
        puts has to wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._blocks: deque[np.ndarray] = deque()
        self._notes: deque[_Note] = deque(maxlen=MAX_TITLES)
        self._queued = 0
        self._first_frame = 0
        self._began_at = 0.0
        self._full_at: float | None = None
        self._skipped = False
        self._lost_seconds = 0.0
        self._ended = False
        self._closed = False
        self.keep_up = False
        self.too_fast = False
        """No station sends like this; found out where `keep_up` holds."""
        self.left_out = False
        """Some of it was."""
        self.sample_rate = 0
        """Hz; 0 until sound has come."""
        self.error: LinkError | None = None
        """What ended it, unless that was the natural end."""

    @property
    def queued_seconds(self) -> float:
        """How much can be taken."""
        with self._changed:
            return self._queued / self.sample_rate if self.sample_rate else 0.0

    @property
    def hurried(self) -> bool:
        """What has come by now came much faster than it is heard."""
        with self._changed:
            came = self._first_frame + self._queued
            elapsed = self._clock.now() - self._began_at
            return came > (1.5 * elapsed + 0.5) * self.sample_rate > 0

    def begin(self, sample_rate: int) -> None:
        """Sound at this rate (Hz) will be put; what was put before is forgotten."""
        with self._changed:
            self._skipped = self._first_frame > 0
            self._blocks.clear()
            self._queued = 0
            self.sample_rate = sample_rate
            self._began_at = self._clock.now()
            self._full_at = None
            self._lost_seconds = 0.0

    def settle(self) -> None:
        """Leave out what is more than TARGET_SECONDS, if that was sent at once to who has just joined."""
        with self._changed:
            surplus = self._queued - round(TARGET_SECONDS * self.sample_rate)
            if self.keep_up and surplus > 0:
                self._cut(surplus)
                self.left_out = True

    def keep_all(self) -> bool:
        """Leave nothing out from now on, as no more will come. False if something was left out already."""
        with self._changed:
            if not self.left_out:
                self.keep_up = False
            return not self.left_out

    def put(self, block: np.ndarray) -> None:
        """The next frames, float32 [n, channels]."""
        with self._changed:
            if not self.keep_up:
                while not self._closed and self._queued >= TARGET_SECONDS * self.sample_rate:
                    self._changed.wait()
            if self._closed:
                return
            self._blocks.append(block)
            self._queued += len(block)
            if self.keep_up:
                self._leave_out()
            self._changed.notify_all()

    def title(self, title: str) -> None:
        """What is put from now on is called so."""
        self._note(_Note(0, title, 0.0))

    def lost(self, seconds: float) -> None:
        """Before what is put next, so much is missing."""
        self._note(_Note(0, None, seconds))

    def end(self, error: LinkError | None) -> None:
        """Nothing more comes; what is there can still be taken."""
        with self._changed:
            self._ended, self.error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody takes any more. Whoever waits is let go."""
        with self._changed:
            self._closed = self._ended = True
            self._blocks.clear()
            self._queued = 0
            self._changed.notify_all()

    def take(self, seconds: float, *, wait_seconds: float) -> Taken | None:
        """The next so many seconds, less at the end. None if they have not come after `wait_seconds` of real time."""
        with self._changed:
            if not self._ready(seconds):
                self._changed.wait(wait_seconds)
            if not self._ready(seconds):
                return None
            frames = min(self._queued, max(1, round(seconds * self.sample_rate)))
            title, lost_seconds, skipped = None, self._lost_seconds, self._skipped
            self._lost_seconds, self._skipped = 0.0, False
            while self._notes and (self._notes[0].frame <= self._first_frame or not frames):
                note = self._notes.popleft()
                title = title if note.title is None else note.title
                lost_seconds += note.lost_seconds
                skipped = skipped or note.lost_seconds > 0.0
            block = self._cut(frames)
            self._changed.notify_all()
            return Taken(block, self.sample_rate, title, skipped, lost_seconds)

    def _ready(self, seconds: float) -> bool:
        return self._ended or (self.sample_rate > 0 and self._queued >= max(1, round(seconds * self.sample_rate)))

    def _note(self, note: _Note) -> None:
        with self._changed:
            self._notes.append(_Note(self._first_frame + self._queued, note.title, note.lost_seconds))

    def _cut(self, frames: int) -> np.ndarray:
        """Take so many of the oldest frames out."""
        pieces: list[np.ndarray] = []
        left = frames
        while left:
            block = self._blocks.popleft()
            if len(block) > left:
                self._blocks.appendleft(block[left:])
                block = block[:left]
            pieces.append(block)
            left -= len(block)
        self._queued -= frames
        self._first_frame += frames
        if not pieces:
            return np.empty((0, 1), dtype=np.float32)
        return np.concatenate(pieces)

    def _leave_out(self) -> None:
        if self._queued <= MOST_SECONDS * self.sample_rate:
            return
        frames = self._queued - round(TARGET_SECONDS * self.sample_rate)
        self._cut(frames)
        self._skipped = self.left_out = True
        now = self._clock.now()
        if now - self._began_at >= JOINING_SECONDS:
            self._lost_seconds += frames / self.sample_rate
        self.too_fast = self._full_at is not None and now - self._full_at < REFILL_SECONDS
        self._full_at = now
