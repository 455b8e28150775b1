"""The records that travel from the sound to the page. Frozen: what was seen stays as it was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Verdict(StrEnum):
    """What is said aloud about a window."""

    SURE = "sure"
    """A label is named."""
    NOT_SURE = "not sure"
    """There is music, but no label is likely enough to be named."""
    NO_MUSIC = "no music"
    """There is sound, but no music: speech, applause, noise. Nothing is named."""
    SILENCE = "silence"
    """The gate is shut: nothing is named, whatever the network would have said."""

    @property
    def of_music(self) -> bool:
        """Whether it is about music; only then do probabilities count."""
        return self in (Verdict.SURE, Verdict.NOT_SURE)


class SessionState(StrEnum):
    """What a session is doing, in the words the page uses."""

    LOADING = "loading"
    """The network is being loaded; sound is kept meanwhile."""
    LIVE = "live"
    """Sound comes in, predictions go out."""
    PAUSED = "paused"
    """Playback was stopped by a person."""
    NO_SOUND = "no sound is coming"
    """The device delivers nothing."""
    RECONNECTING = "reconnecting"
    """The device is gone; it is opened again as soon as it is back."""
    ENDED = "ended"
    """The last track has been played to its end."""
    FAILED = "failed"
    """It cannot go on; the reason stands beside it."""


class SourceState(StrEnum):
    """What a source is doing; the session makes its own state of it."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    NO_SOUND = "no sound is coming"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True)
class Level:
    """How loud it is, before mixing down. dBFS; silence is -120. Peak and clipping are held for a moment."""

    rms_dbfs: float = -120.0
    peak_dbfs: float = -120.0
    clipped: bool = False
    """At least three samples of a channel in a row stood at full scale."""


@dataclass(frozen=True)
class Prediction:
    """What was heard in one window.

    probabilities, raw : float32 [labels], 0..1, smoothed and as the classifier gave them; zeros without music.
    """

    number: int
    """Counts up from 0 in a session; the cursor of the page and of programs."""
    stream_time: float
    """Seconds of sound since the source began, at the window's end."""
    track: int
    """Index of the track the window ended in."""
    position_seconds: float
    """Where in that track the window ended."""
    captured_at: float
    """Monotonic clock when the window's last sample was captured (or played)."""
    predicted_at: float
    """Monotonic clock when this record was made."""
    verdict: Verdict
    probabilities: np.ndarray
    raw: np.ndarray
    front_end_ms: float
    """Time spent on the spectrogram since the prediction before."""
    network_ms: float
    """Time of the network call this window took part in, divided by the windows in it."""
    batch_size: int
    """Windows in that call."""
    skipped_before: int
    """Windows left out since the prediction before, because the machine was behind."""
    caught_up: bool
    """The window was waiting for the network to load; its latency says nothing about the live path."""
    restart: bool
    """The first prediction after a start, a seek or a new track: nothing is smoothed across it."""
    place: tuple[float, float] | None = None
    """Where the window lies on the bundle's map of its labels, each -1..1; None without music, and without a map."""

    @property
    def latency_ms(self) -> float:
        """From sound to prediction, in milliseconds."""
        return 1000.0 * (self.predicted_at - self.captured_at)


@dataclass(frozen=True)
class TrackInfo:
    """A track of a file source."""

    title: str
    path: str
    duration_seconds: float | None


@dataclass(frozen=True)
class SourceStatus:
    """What a source tells about itself."""

    kind: str
    """"file", "sound card", "browser microphone", "program" or "link"."""
    title: str
    state: SourceState
    detail: str = ""
    """One sentence that explains the state, where it needs explaining."""
    tracks: tuple[TrackInfo, ...] = ()
    track: int = 0
    position_seconds: float = 0.0
    can_pause: bool = False
    can_seek: bool = False
    speaker: str | None = None
    """Name of the speaker that plays it, or None: then the browser may."""
    station: str = ""
    """Who sends it, where that has a name: a radio station, a site."""
    live: bool = False
    """It is being broadcast, and has no end that is known."""


@dataclass(frozen=True)
class InletStatus:
    """What came in: how loud, how much of it was unusable, how much was lost."""

    level: Level
    stream_time: float
    lost_seconds: float
    """Sound that never arrived or was overwritten before it could be used."""
    invalid_samples: int
    """Samples that were not numbers (NaN, infinity); zero was put in their place."""
    dc_offset: float
    """Constant part of the sound, -1..1; it is removed before the network hears it."""


@dataclass(frozen=True)
class SessionStatus:
    """Everything a viewer may want to know about a session, at one moment."""

    state: SessionState
    detail: str
    source: SourceStatus | None
    inlet: InletStatus
    model: str
    device: str
    """"CPU", "GPU", or "" while it is not known."""
    latency_ms: float | None
    """Median of the last ten live predictions."""
    network_ms: float | None
    front_end_ms: float | None
    skipped_windows: int
    behind: bool
    """Windows were left out in the last five seconds."""
    overrun_seconds: float = 0.0
    """Sound that was overwritten in the ring before the engine came to it."""
