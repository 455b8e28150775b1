"""Is there music at all? Somebody who speaks is not silent, and has no genre."""

from __future__ import annotations

import math

import numpy as np

from stream.classifier import Smoother

MARGIN = 0.2
"""So far beyond the middle it must be to change: what lies in between stays what it was."""
_LEAST = 1e-6


class MusicGate:
    """Open while there is music, None before that is known.

    What one window says is taken as evidence between -1 (none) and 1 (music): how far its odds are from those of the
    threshold, full where they are twice or half of them. So however strange a single window is, it counts as one. The
    evidence is smoothed over time, and the gate changes where it has gone beyond the middle by `MARGIN`.

    Parameters
    ----------
    threshold : from here on a window speaks for music, above 0 and below 1.
    smoother : takes and gives float32 [1].
    """

    def __init__(self, threshold: float, smoother: Smoother) -> None:
        self._middle = _logit(threshold)
        self._smoother = smoother
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next window decides."""
        self._smoother.reset()
        self.open: bool | None = None

    def speaks_for_music(self, music: float) -> bool:
        """Whether a window by itself does, whatever was before."""
        return _logit(music) >= self._middle

    def update(self, music: float, *, hops: int = 1) -> None:
        """Take what a window says, 0..1; it counts as often as there are `hops`."""
        evidence = np.array([min(1.0, max(-1.0, (_logit(music) - self._middle) / math.log(2.0)))], np.float32)
        for _ in range(hops):
            smoothed = float(self._smoother.update(evidence)[0])
        if self.open is None:
            self.open = smoothed >= 0.0
        elif abs(smoothed) > MARGIN:
            self.open = smoothed > 0.0


def _logit(share: float) -> float:
    share = min(1.0 - _LEAST, max(_LEAST, share))
    return math.log(share / (1.0 - share))
