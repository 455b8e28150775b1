"""Notices sound that does not arrive: by counting frames against the clock, and by the age of the last one.

PortAudio's own overflow flag cannot be trusted: callbacks that come too late lose most of the sound with the flag
unset, and a sound server that dies raises no error at all.
"""

from __future__ import annotations

START_GRACE_SECONDS = 3.0
"""A device may take so long until its first frame."""
STALL_SECONDS = 1.0
"""Without a frame for so long, no sound is coming."""
PERIOD_SECONDS = 5.0
"""Frames are counted over periods of this length, so that a slowly drifting clock is never taken for loss."""
TOLERANCE_SECONDS = 0.06
"""Devices deliver in bursts; a shortfall below this in one period is not loss."""


class Watchdog:
    """Watches one open input. All times are of the same monotonic clock.

    sample_rate : what the device promised, Hz.
    opened_at : when it was opened.
    """

    def __init__(self, sample_rate: float, opened_at: float) -> None:
        self._rate = sample_rate
        self._opened_at = opened_at
        self._last_frame_at: float | None = None
        self._period_start: float | None = None
        self._period_frames = 0
        self.lost_seconds = 0.0

    def saw(self, frames: int, now: float) -> float:
        """So many frames arrived just now (0 is fine). Returns how many seconds were newly found to be lost."""
        if frames:
            self._last_frame_at = now
        if self._period_start is None:
            # The first burst only starts the clock: how long it took to gather is not known.
            if frames:
                self._period_start = now
            return 0.0
        self._period_frames += frames
        elapsed = now - self._period_start
        if elapsed < PERIOD_SECONDS or not frames:
            return 0.0
        lost = elapsed - self._period_frames / self._rate
        self._period_start, self._period_frames = now, 0
        if lost < TOLERANCE_SECONDS:
            return 0.0
        self.lost_seconds += lost
        return lost

    def stalled(self, now: float) -> bool:
        """No sound is coming."""
        if self._last_frame_at is None:
            return now - self._opened_at > START_GRACE_SECONDS
        return now - self._last_frame_at > STALL_SECONDS
