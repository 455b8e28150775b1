"""A studio without sound and network: what the page would see, made up, so that every state can be looked at."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from dashboard.explanations import Explanations
from dashboard.links import checked_link
from dashboard.shelf import SourceChoice
from dashboard.stage import Listener, Stage
from dashboard.studio import checked_settings
from dashboard.uploads import UploadLimits, Uploads
from model.errors import SettingError
from stream.records import (
    InletStatus,
    Level,
    Prediction,
    SessionState,
    SessionStatus,
    SourceState,
    SourceStatus,
    TrackInfo,
    Verdict,
)
from stream.results import Results
from stream.session import Glimpse
from stream.settings import StreamSettings
from tests.dashboard.scenes import GENRES, TAGS, Scene, genres_scene, tags_scene
from tests.stream.fakes import ManualClock

BANDS = 96
HOP = 0.5
COLUMN = StreamSettings().column_seconds


@dataclass
class FakeSource:
    """Notes the commands it gets."""

    tracks: tuple[TrackInfo, ...]
    kind: str = "file"
    title: str = "Demo mix"
    station: str = ""
    live: bool = False
    state: SourceState = SourceState.RUNNING
    detail: str = ""
    speaker: str | None = "Loudspeaker"
    track: int = 0
    position: float = 0.0
    commands: list[tuple[str, float]] = field(default_factory=list)

    def status(self) -> SourceStatus:
        is_file = self.kind == "file"
        return SourceStatus(
            kind=self.kind,
            title=self.tracks[self.track].title if is_file else self.title,
            state=self.state,
            detail=self.detail,
            tracks=self.tracks if is_file else (),
            track=self.track,
            position_seconds=self.position,
            can_pause=is_file,
            can_seek=is_file,
            speaker=self.speaker,
            station=self.station,
            live=self.live,
        )

    def pause(self) -> None:
        self.commands.append(("pause", 0.0))
        self.state = SourceState.PAUSED

    def resume(self) -> None:
        self.commands.append(("resume", 0.0))
        self.state = SourceState.RUNNING

    def seek(self, seconds: float, *, track: int | None = None) -> None:
        self.commands.append(("seek", seconds))
        self.position = seconds
        if track is not None:
            self.track = track

    def stop(self) -> None:
        self.commands.append(("stop", 0.0))

    def skip(self, tracks: int) -> None:
        self.commands.append(("skip", tracks))
        self.track = (self.track + tracks) % len(self.tracks)
        self.position = 0.0


class FakeMap:
    """Every label in its corner of a circle, with some music round it."""

    def describe(self, labels: tuple[str, ...]) -> dict[str, list[list[float]]]:
        noise = np.random.default_rng(5)
        anchors = [[*corner(index, len(labels)), index] for index in range(len(labels))]
        cloud = [
            [float(np.clip(x + dx, -1, 1)), float(np.clip(y + dy, -1, 1)), index]
            for x, y, index in anchors
            for dx, dy in noise.normal(0.0, 0.12, (20, 2))
        ]
        return {"points": cloud, "anchors": anchors}


def corner(index: int, count: int) -> tuple[float, float]:
    """Where a label lies on the map."""
    return 0.8 * math.cos(math.tau * index / count), 0.8 * math.sin(math.tau * index / count)


@dataclass
class FakeClassifier:
    """What the page wants to know of a bundle."""

    name: str
    labels: tuple[str, ...]
    exclusive: bool
    genre_map: FakeMap | None = field(default_factory=FakeMap)
    window_seconds: float = 3.0
    sample_rate: int = 16000
    explained: int = 0

    @property
    def title(self) -> str:
        return {"genres": "Ten genres", "tags": "Fifty tags"}.get(self.name, self.name)

    @property
    def thresholds(self) -> dict[str, float]:
        return {"unsure_below": 0.4} if self.exclusive else {"unsure_below": 0.2, "shown_from": 0.3}

    @property
    def band_frequencies_hz(self) -> np.ndarray:
        return 700.0 * (10.0 ** (np.linspace(40.0, 2800.0, BANDS) / 2595.0) - 1.0)

    def explain(self, window: np.ndarray, label_index: int, context_outputs: object = None) -> np.ndarray:
        """The middle of the window, the lower half of the bands."""
        self.explained += 1
        relevance = np.zeros(window.shape, np.float32)
        relevance[len(window) // 3 : 2 * len(window) // 3, : BANDS // 2] = 1.0
        return relevance


CLASSIFIERS = {
    "genres": FakeClassifier("genres", GENRES, exclusive=True),
    "tags": FakeClassifier("tags", TAGS, exclusive=False),
}
SCENES: dict[str, Scene] = {"genres": genres_scene, "tags": tags_scene}


class FakeSession:
    """Time passes when `advance` is called, and only then."""

    def __init__(
        self, source: FakeSource, model: str = "genres", scene: Scene | None = None, *, starts_at: float = 0.0
    ) -> None:
        self.identifier = f"fake/{id(self)}"
        self.source = source
        self.settings = StreamSettings()
        self.glimpse: Glimpse | None = None
        self.classifier = CLASSIFIERS[model]
        self.results = Results(self.classifier.labels, self.settings)
        self.scene = scene or SCENES[model]
        self.state: SessionState | None = None
        self.inlet = InletStatus(Level(-18.0, -6.0, False), 0.0, 0.0, 0, 0.0)
        self.time = starts_at
        self.predicted_at = 0.06
        self.extra: dict[str, object] = {}
        self._restart = True
        self._columns = round(starts_at / COLUMN)
        self._noise = np.random.default_rng(3)
        self._lock = threading.Lock()

    def use(self, model: str, scene: Scene | None = None) -> None:
        with self._lock:
            self.classifier = CLASSIFIERS[model]
            self.scene = scene or SCENES[model]
            self.results = Results(self.classifier.labels, self.settings, generation=self.results.generation + 1)
            self._restart = True

    @property
    def stream_time(self) -> float:
        return self.time

    def change(self, *, settings: StreamSettings) -> None:
        self.settings = settings

    def restart(self) -> None:
        self._restart = True

    def advance(self, seconds: float, *, moves_source: bool = True) -> None:
        """Let so much sound pass. Of two sessions at one source only the first moves it."""
        if self.source.state is not SourceState.RUNNING:
            return
        with self._lock:
            end = self.time + seconds
            before = self.source.position
            if moves_source:
                self.source.position += seconds
            while (self._columns + 1) * COLUMN <= end:
                self._columns += 1
                self.results.append_column(self._columns * COLUMN, self._picture(self._columns * COLUMN))
            first = math.floor(self.time / HOP + 1e-9) + 1
            for step in range(first, math.floor(end / HOP + 1e-9) + 1):
                if step * HOP >= 3.0:
                    self._predict(step * HOP, before + step * HOP - self.time)
            self.time = end
            self.inlet = replace(self.inlet, stream_time=end)

    def _predict(self, time: float, position_seconds: float) -> None:
        verdict, probabilities = self.scene(time)
        music = verdict.of_music
        prediction = Prediction(
            number=self.results.next_prediction,
            stream_time=time,
            track=self.source.track,
            position_seconds=max(0.0, position_seconds),
            captured_at=0.0,
            predicted_at=self.predicted_at,
            verdict=verdict,
            probabilities=probabilities,
            raw=probabilities,
            front_end_ms=1.1,
            network_ms=18.0,
            batch_size=1,
            skipped_before=0,
            caught_up=False,
            restart=self._restart,
            place=self._place(probabilities) if music else None,
        )
        self.results.append(prediction)
        self.glimpse = Glimpse(prediction, np.ones((187, BANDS), np.float32)) if music else None
        self._restart = False

    def _place(self, probabilities: np.ndarray) -> tuple[float, float]:
        corners = np.array([corner(index, len(probabilities)) for index in range(len(probabilities))])
        x, y = probabilities @ corners / probabilities.sum()
        return float(x), float(y)

    def _picture(self, time: float) -> np.ndarray:
        if self.scene(time)[0] is Verdict.SILENCE:
            return np.zeros(BANDS, np.uint8)
        bands = np.arange(BANDS)
        beat = 70 * math.exp(-((time * 2) % 1) * 5)
        tune = sum(60 * np.exp(-((bands - 12 * k - 6 * math.sin(time / 2.3 + k)) ** 2) / 7) for k in range(1, 6))
        return np.clip(110 - bands + beat + tune + self._noise.normal(0, 9, BANDS), 0, 255).astype(np.uint8)

    def status(self) -> SessionStatus:
        words = {SourceState.RUNNING: SessionState.LIVE, SourceState.STARTING: SessionState.LIVE}
        source = self.source.status()
        status = SessionStatus(
            state=self.state or words.get(source.state) or SessionState(source.state.value),
            detail=source.detail,
            source=source,
            inlet=self.inlet,
            model=self.classifier.name,
            device="CPU",
            latency_ms=61.2,
            network_ms=18.4,
            front_end_ms=1.1,
            skipped_windows=0,
            behind=False,
        )
        return replace(status, **self.extra)  # type: ignore[arg-type]


class FakeStage(Stage):
    """A stage whose sessions are made up; what it keeps of them is kept as always."""

    def __init__(self, identifier: str, studio: FakeStudio) -> None:
        super().__init__(identifier, SimpleNamespace(), CLASSIFIERS[studio.first_model], StreamSettings())  # type: ignore[arg-type]
        self._studio = studio
        self._fake_source: FakeSource | None = None

    @property
    def source(self) -> FakeSource | None:  # type: ignore[override]
        return self._fake_source

    def listen(self, key: str, source: FakeSource | None) -> None:  # type: ignore[override]
        self._clear()
        self._number += 1
        self._source_key = key
        self._fake_source = source
        self._started_at = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
        if source is not None:
            self._first = Listener(FakeSession(source, self.model))  # type: ignore[arg-type]
            if self.second_model:
                self._second = Listener(FakeSession(source, self.second_model))  # type: ignore[arg-type]

    def use(self, classifier: FakeClassifier) -> None:  # type: ignore[override]
        if self.session is not None:
            self.session.use(classifier.name)  # type: ignore[attr-defined]
        self._classifier = classifier  # type: ignore[assignment]

    def use_second(self, classifier: FakeClassifier | None) -> None:  # type: ignore[override]
        self._second = None
        self._second_classifier = classifier  # type: ignore[assignment]
        if classifier is not None and self.session is not None:
            joined = FakeSession(self.session.source, classifier.name, starts_at=self.session.stream_time)  # type: ignore[arg-type]
            self._second = Listener(joined)  # type: ignore[arg-type]

    def _drop_second(self) -> None:
        self._second = None

    def _clear(self) -> None:
        self._first = self._second = None

    def _record(self) -> None:
        pass

    def advance(self, seconds: float) -> None:
        """Let so much sound pass, for both models."""
        if self.second is not None:
            self.second.advance(seconds, moves_source=False)  # type: ignore[attr-defined]
        if self.session is not None:
            self.session.advance(seconds)  # type: ignore[attr-defined]


class FakeStudio:
    """Has the methods of `dashboard.studio.Studio` that the page uses."""

    def __init__(
        self, files: Sequence[Path] = (), *, playing: bool = True, model: str = "genres", shared: bool = True
    ) -> None:
        self.files = tuple(files)
        self.first_model = model
        self.shared = shared
        self.share: Any = None
        self.replay: bytes | None = None
        self.sound = SimpleNamespace(missing=None)
        self.settings = StreamSettings()
        self.engine = SimpleNamespace(clock=ManualClock())
        self.explanations = Explanations(self.engine.clock)
        self.uploads = Uploads(limits=UploadLimits())
        self.main = FakeStage("main", self)
        self.guests: dict[str, FakeStage] = {}
        self.left: list[str] = []
        self.listed = [
            SourceChoice("sample:mix", "Demo mix", "Samples"),
            SourceChoice("sample:jazz", "Jazz: Late Train (A. Player)", "Samples"),
            SourceChoice("device:mic", "Microphone (default)", "Sound card"),
        ]
        if playing:
            self.listen_to("sample:mix")

    @property
    def session(self) -> FakeSession:
        """The main stage's."""
        session = self.main.session
        assert isinstance(session, FakeSession)
        return session

    def stage(self, identifier: str) -> FakeStage:
        if identifier == "main":
            return self.main
        if identifier not in self.guests:
            raise SettingError("the session of this page has ended", next_step="Choose again what to listen to")
        return self.guests[identifier]

    def stages(self) -> list[FakeStage]:
        return [self.main, *self.guests.values()]

    def open_stage(self) -> FakeStage:
        stage = FakeStage(f"guest-{len(self.guests)}", self)
        self.guests[stage.identifier] = stage
        return stage

    def leave(self, identifier: str) -> None:
        self.left.append(identifier)

    def choices(self, stage: Stage | None = None) -> list[SourceChoice]:
        return list(self.listed)

    def refresh_devices(self) -> None:
        self.listed.append(SourceChoice("device:new", "USB sound card", "Sound card"))

    def models(self) -> list[tuple[str, str]]:
        return [(name, classifier.title) for name, classifier in CLASSIFIERS.items()]

    def listen_to(self, key: str, stage: FakeStage | None = None) -> None:
        stage = stage or self.main
        if key.startswith("link:"):
            url = checked_link(key.partition(":")[2])
            title = url.partition("://")[2]
            # No thread opens it: what becomes of it is set by the test.
            stage.listen(key, FakeSource((), kind="link", title=title, state=SourceState.STARTING, speaker=None))
            return
        if key and key not in {choice.key for choice in self.listed}:
            raise SettingError(f"there is no source {key!r}", next_step="Choose a source from the list")
        if not key:
            stage.listen("", None)
            return
        tracks = tuple(TrackInfo(path.stem, str(path), 60.0) for path in self.files)
        tracks = tracks or (
            TrackInfo("Demo mix", "/nowhere/mix.wav", 84.0),
            TrackInfo("Encore", "/nowhere/e.wav", 61.0),
        )
        kind = "sound card" if key.startswith("device:") else "file"
        title = next(choice.title for choice in self.listed if choice.key == key)
        stage.listen(key, FakeSource(tracks, kind=kind, title=title))

    def use_model(self, name: str, stage: FakeStage | None = None) -> None:
        if name == "broken":
            raise SettingError("that one is broken")
        (stage or self.main).use(CLASSIFIERS[name])

    def use_second_model(self, name: str, stage: FakeStage) -> None:
        stage.use_second(CLASSIFIERS[name] if name else None)

    def change_settings(self, values: dict[str, Any], stage: FakeStage) -> None:
        stage.change(replace(stage.settings, **checked_settings(values)))


class Pacemaker:
    """Lets time pass on a studio's stages, in a thread, as fast as life."""

    def __init__(self, studio: FakeStudio, *, step_seconds: float = 0.1) -> None:
        self._studio = studio
        self._step = step_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(self._step):
            now = time.monotonic()
            passed, last = now - last, now
            for stage in (self._studio.main, *self._studio.guests.values()):
                stage.advance(passed)
