"""A session as programs order it and see it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from dashboard.api.schemas import AS_INDEX, Answer, Order, Path, readable
from dashboard.stage import Stage
from dashboard.studio import SETTABLE, Studio
from stream.records import SessionState, SessionStatus, SourceStatus
from stream.settings import StreamSettings

LONGEST_NAME = 300
LONGEST_URL = 2000
LONGEST_TRACK_SECONDS = 1e6
MOST_TRACKS = 100_000
_DEFAULT = StreamSettings()

# ---- what to listen to ---------------------------------------------------------------------------------------------


class SampleSource(Order):
    """A clip that comes with genrescope."""

    kind: Literal["sample"]
    name: str = Field(max_length=LONGEST_NAME, description="As in the list of samples.")

    @property
    def key(self) -> str:
        return f"sample:{self.name}"


class FileSource(Order):
    """A file that was uploaded before."""

    kind: Literal["file"]
    id: str = Field(max_length=LONGEST_NAME, description="As in the list of files.")

    @property
    def key(self) -> str:
        return f"upload:{self.id}"


class DeviceSource(Order):
    """A sound device of the machine that genrescope runs on."""

    kind: Literal["device"]
    name: str = Field(default="", max_length=LONGEST_NAME, description="As in the list of devices; none: the default.")

    @property
    def key(self) -> str:
        return f"device:{self.name}"


class LinkSource(Order):
    """A sound file, a radio station, or a page that plays something."""

    kind: Literal["link"]
    url: str = Field(max_length=LONGEST_URL, pattern=r"^[hH][tT][tT][pP][sS]?://[^\s]+$", description="http or https.")

    @property
    def key(self) -> str:
        return f"link:{self.url}"


class AudioSource(Order):
    """What a program will send over the session's websocket."""

    kind: Literal["audio"]

    @property
    def key(self) -> str:
        return "audio"


SourceOrder = Annotated[
    SampleSource | FileSource | DeviceSource | LinkSource | AudioSource, Field(discriminator="kind")
]


def _within(name: str) -> Any:
    low, high = SETTABLE[name]
    return Field(ge=low, le=high)


class SettingsOrder(Order):
    """How to listen; what is left out stays as it is."""

    hop_seconds: Annotated[float, _within("hop_seconds")] = Field(
        default=_DEFAULT.hop_seconds, description="Time between two results."
    )
    smoothing_seconds: Annotated[float, _within("smoothing_seconds")] = Field(
        default=_DEFAULT.smoothing_seconds, description="How long a new genre takes to win about two thirds."
    )
    sure_from: Annotated[float, _within("sure_from")] | None = Field(
        default=None, description="From this probability on a label is named; null leaves it to the model."
    )
    silence_closes_dbfs: Annotated[float, _within("silence_closes_dbfs")] = Field(
        default=_DEFAULT.silence_closes_dbfs, description="Below it is silence."
    )


class SessionOrder(Order):
    """A session to be started."""

    source: SourceOrder
    model: str = Field(default="", min_length=1, max_length=LONGEST_NAME, description="Without one, the default.")
    second_model: str | None = Field(
        default=None, max_length=LONGEST_NAME, description="Another model that listens to the same sound."
    )
    settings: SettingsOrder = SettingsOrder()
    keep_sound: bool = Field(default=False, description="Keep the sound, for the replay.")


class SessionChange(Order):
    """What is to be different; what is left out stays as it is."""

    source: SourceOrder | None = Field(default=None, description="null: stop listening.")
    model: str = Field(default="", min_length=1, max_length=LONGEST_NAME)
    second_model: str | None = Field(default=None, max_length=LONGEST_NAME, description="null: one model only.")
    settings: SettingsOrder = SettingsOrder()
    keep_sound: bool = Field(default=False, description="Keep the sound from now on, or throw it away.")


class Seek(Order):
    """A place in a track."""

    seconds: float = Field(ge=0, le=LONGEST_TRACK_SECONDS)
    track: Annotated[int, Field(ge=0, le=MOST_TRACKS), AS_INDEX] | None = Field(
        default=None, description="Its index; none: the present one."
    )


class SessionPath(Path):
    id: str = Field(description='"main" is the session of the command line.')


# ---- what there is -------------------------------------------------------------------------------------------------


class State(StrEnum):
    """What a session is doing. "idle": it listens to nothing; the others as the page says them."""

    IDLE = "idle"
    LOADING = SessionState.LOADING.value
    LIVE = SessionState.LIVE.value
    PAUSED = SessionState.PAUSED.value
    NO_SOUND = SessionState.NO_SOUND.value
    RECONNECTING = SessionState.RECONNECTING.value
    ENDED = SessionState.ENDED.value
    FAILED = SessionState.FAILED.value


class Source(Answer):
    """What is listened to."""

    kind: str
    title: str
    station: str = Field(description='The station or site of a link, "" if there is none.')
    state: str
    detail: str = Field(description="Explains the state, where it needs explaining.")
    tracks: list[str] = Field(description="Titles of the tracks of a file.")
    track: int = Field(ge=0)
    position_seconds: float = Field(description="In the present track.")
    duration_seconds: float | None = Field(description="Of the present track, where it is known.")
    can_pause: bool
    can_seek: bool

    @classmethod
    def of(cls, status: SourceStatus) -> Source:
        track = status.tracks[status.track] if status.track < len(status.tracks) else None
        return cls(
            kind=status.kind,
            title=readable(status.title),
            station=readable(status.station),
            state=status.state,
            detail=readable(status.detail),
            tracks=[readable(track.title) for track in status.tracks],
            track=status.track,
            position_seconds=round(status.position_seconds, 3),
            duration_seconds=_rounded(None if track is None else track.duration_seconds, 3),
            can_pause=status.can_pause,
            can_seek=status.can_seek,
        )


class Settings(Answer):
    hop_seconds: float
    smoothing_seconds: float
    sure_from: float | None
    silence_closes_dbfs: float

    @classmethod
    def of(cls, settings: StreamSettings) -> Settings:
        return cls(
            hop_seconds=settings.hop_seconds,
            smoothing_seconds=settings.smoothing_seconds,
            sure_from=settings.sure_from,
            silence_closes_dbfs=settings.silence_closes_dbfs,
        )


class Condition(Answer):
    """How well it works."""

    device: str = Field(description='What the network runs on: "CPU", "GPU", or "" while it is not known.')
    latency_ms: float | None = Field(description="From sound to result: median of the last ten.")
    network_ms: float | None = Field(description="Of that, in the network.")
    behind: bool = Field(description="Windows were left out in the last five seconds.")
    skipped_windows: int = Field(ge=0, description="Left out because the machine was behind.")
    lost_seconds: float = Field(ge=0, description="Sound that never arrived.")
    overrun_seconds: float = Field(ge=0, description="Sound that was overwritten before it could be heard.")
    rms_dbfs: float
    peak_dbfs: float
    clipped: bool

    @classmethod
    def of(cls, status: SessionStatus) -> Condition:
        level = status.inlet.level
        return cls(
            device=status.device,
            latency_ms=_rounded(status.latency_ms, 1),
            network_ms=_rounded(status.network_ms, 1),
            behind=status.behind,
            skipped_windows=status.skipped_windows,
            lost_seconds=round(status.inlet.lost_seconds, 2),
            overrun_seconds=round(status.overrun_seconds, 2),
            rms_dbfs=round(level.rms_dbfs, 1),
            peak_dbfs=round(level.peak_dbfs, 1),
            clipped=bool(level.clipped),
        )


class Session(Answer):
    """Something that is listened to, by one model or two."""

    id: str
    state: State
    detail: str = Field(description="Explains the state, where it needs explaining.")
    model: str
    second_model: str | None
    settings: Settings
    source: Source | None
    health: Condition | None
    run: str = Field(description="Another one whenever something else is listened to: results are numbered anew.")
    generation: int = Field(ge=0, description="Grows with each change of model: results are numbered anew.")
    started_at: datetime | None = Field(description="When the present source was chosen.")
    heard_seconds: float = Field(ge=0, description="Sound since then.")
    next: int = Field(ge=0, description="The number that the next result will have.")
    keep_sound: bool
    kept_seconds: float = Field(ge=0, description="Sound that is kept for the replay.")

    @classmethod
    def of(cls, studio: Studio, stage: Stage) -> Session:
        # The run before the session: if it changes in between, whoever asks for its results begins anew.
        run, session, recorder = studio.run_of(stage), stage.session, stage.recorder
        status = None if session is None else session.status()
        results = None if session is None else session.results
        return cls(
            id=stage.identifier,
            state=State.IDLE if status is None else State(status.state.value),
            detail="" if status is None else readable(status.detail),
            model=stage.model,
            second_model=stage.second_model or None,
            settings=Settings.of(stage.settings),
            source=None if status is None or status.source is None else Source.of(status.source),
            health=None if status is None else Condition.of(status),
            run=run,
            generation=0 if results is None else results.generation,
            started_at=None if status is None else stage.started_at,
            heard_seconds=0.0 if session is None else round(session.stream_time, 3),
            next=0 if results is None else results.next_prediction,
            keep_sound=stage.keeps_sound,
            kept_seconds=0.0 if recorder is None else round(recorder.seconds, 1),
        )


class Sessions(Answer):
    sessions: list[Session]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
