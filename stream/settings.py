"""Everything that can be set about listening, in one frozen record that is handed to whoever needs it."""

from __future__ import annotations

from dataclasses import dataclass

from model.errors import SettingError


@dataclass(frozen=True)
class StreamSettings:
    """How a session listens. All times in seconds, all levels in dB relative to full scale (dBFS)."""

    hop_seconds: float = 0.5
    """Time between two predictions."""
    smoothing_seconds: float = 1.2
    """Time constant of the smoothing: how long a new genre takes to win about two thirds of the display."""
    sure_from: float | None = None
    """Smoothed probability from which a label is named; below it is "not sure". None leaves it to the bundle."""
    silence_closes_dbfs: float = -56.0
    """Below this level, for `silence_hold_seconds`, it is silence."""
    silence_opens_dbfs: float = -50.0
    """Above this level silence is over."""
    silence_hold_seconds: float = 0.6
    """How long it must stay quiet before it is called silence; a breath between two chords is not."""
    settle_seconds: float = 1.0
    """How long there must be sound again, after silence, before a label is named: a window that is mostly silence
    misleads the network."""
    buffer_seconds: float = 60.0
    """Audio kept while the network loads. Older audio is dropped, and counted."""
    block_seconds: float = 0.02
    """Length of a block that file playback pushes."""
    history_predictions: int = 7200
    """Predictions kept for the page and for programs (one hour at two a second)."""
    history_columns: int = 37500
    """Columns of the waterfall kept (one hour at `column_seconds`, under 4 MB)."""
    column_seconds: float = 0.096
    """Time one column of the waterfall stands for."""

    def __post_init__(self) -> None:
        self._require(0.1 <= self.hop_seconds <= 3.0, "hop_seconds", self.hop_seconds, "it lies between 0.1 and 3")
        self._require(
            0.0 <= self.smoothing_seconds <= 30.0,
            "smoothing_seconds",
            self.smoothing_seconds,
            "it lies between 0 and 30",
        )
        sure_from = 0.0 if self.sure_from is None else self.sure_from
        self._require(0.0 <= sure_from <= 1.0, "sure_from", sure_from, "it lies between 0 and 1")
        self._require(
            -120.0 <= self.silence_closes_dbfs <= self.silence_opens_dbfs <= 0.0,
            "silence_opens_dbfs",
            self.silence_opens_dbfs,
            "it is at least silence_closes_dbfs (which is at least -120) and at most 0",
        )
        self._require(5.0 <= self.buffer_seconds <= 600.0, "buffer_seconds", self.buffer_seconds, "it lies in 5 .. 600")

    @staticmethod
    def _require(holds: bool, name: str, value: float, rule: str) -> None:
        if not holds:
            raise SettingError(f"{name}={value:g} cannot be used", rule=rule, next_step="Choose a value in that range")
