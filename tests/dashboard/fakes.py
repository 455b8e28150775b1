"""A studio without sound and network: what the page would see, made up, so that every state can be looked at."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from dashboard.studio import SourceChoice
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
from stream.settings import StreamSettings
from tests.dashboard.scenes import GENRES, TAGS, Scene, genres_scene, tags_scene

BANDS = 96
HOP = 0.5
COLUMN = StreamSettings().column_seconds


@dataclass
class FakeSource:
    """Notes the commands it gets."""

    tracks: tuple[TrackInfo, ...]
    kind: str = "file"
    title: str = "Demo mix"
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
        )

    def pause(self) -> None:
        self.commands.append(("pause", 0.0))
        self.state = SourceState.PAUSED

    def resume(self) -> None:
        self.commands.append(("resume", 0.0))
        self.state = SourceState.RUNNING

    def seek(self, seconds: float) -> None:
        self.commands.append(("seek", seconds))
        self.position = seconds

    def skip(self, tracks: int) -> None:
        self.commands.append(("skip", tracks))
        self.track = (self.track + tracks) % len(self.tracks)
        self.position = 0.0


def fake_classifier(name: str, labels: Sequence[str], *, exclusive: bool) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        title={"genres": "Ten genres", "tags": "Fifty tags"}.get(name, name),
        labels=tuple(labels),
        exclusive=exclusive,
        window_seconds=3.0,
        band_frequencies_hz=700.0 * (10.0 ** (np.linspace(40.0, 2800.0, BANDS) / 2595.0) - 1.0),
    )


CLASSIFIERS = {
    "genres": fake_classifier("genres", GENRES, exclusive=True),
    "tags": fake_classifier("tags", TAGS, exclusive=False),
}
SCENES: dict[str, Scene] = {"genres": genres_scene, "tags": tags_scene}


class FakeSession:
    """Time passes when `advance` is called, and only then."""

    def __init__(self, source: FakeSource, model: str = "genres", scene: Scene | None = None) -> None:
        self.source = source
        self.settings = StreamSettings()
        self.classifier = CLASSIFIERS[model]
        self.results = Results(self.classifier.labels, self.settings)
        self.scene = scene or SCENES[model]
        self.state: SessionState | None = None
        self.inlet = InletStatus(Level(-18.0, -6.0, False), 0.0, 0.0, 0, 0.0)
        self.time = 0.0
        self.extra: dict[str, object] = {}
        self._restart = True
        self._columns = 0
        self._noise = np.random.default_rng(3)
        self._lock = threading.Lock()

    def use(self, model: str, scene: Scene | None = None) -> None:
        with self._lock:
            self.classifier = CLASSIFIERS[model]
            self.scene = scene or SCENES[model]
            self.results = Results(self.classifier.labels, self.settings, generation=self.results.generation + 1)
            self._restart = True

    def restart(self) -> None:
        self._restart = True

    def advance(self, seconds: float) -> None:
        """Let so much sound pass."""
        if self.source.state is not SourceState.RUNNING:
            return
        with self._lock:
            end = self.time + seconds
            self.source.position += seconds
            while (self._columns + 1) * COLUMN <= end:
                self._columns += 1
                self.results.append_column(self._columns * COLUMN, self._picture(self._columns * COLUMN))
            first = math.floor(self.time / HOP + 1e-9) + 1
            for step in range(first, math.floor(end / HOP + 1e-9) + 1):
                if step * HOP >= 3.0:
                    self._predict(step * HOP)
            self.time = end
            self.inlet = replace(self.inlet, stream_time=end)

    def _predict(self, time: float) -> None:
        verdict, probabilities = self.scene(time)
        self.results.append(
            Prediction(
                number=self.results.next_prediction,
                stream_time=time,
                track=self.source.track,
                position_seconds=self.source.position,
                captured_at=0.0,
                predicted_at=0.06,
                verdict=verdict,
                probabilities=probabilities,
                raw=probabilities,
                front_end_ms=1.1,
                network_ms=18.0,
                batch_size=1,
                skipped_before=0,
                caught_up=False,
                restart=self._restart,
            )
        )
        self._restart = False

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


class FakeStudio:
    """Has the methods of `dashboard.studio.Studio` that the page uses."""

    def __init__(self, files: Sequence[Path] = (), *, playing: bool = True, model: str = "genres") -> None:
        self.files = tuple(files)
        self.sound = SimpleNamespace(missing=None)
        self.model = model
        self.session_number = 0
        self.source_key = ""
        self.session: FakeSession | None = None
        self.choices = [
            SourceChoice("sample:mix", "Demo mix", "Samples"),
            SourceChoice("sample:jazz", "Jazz: Late Train (A. Player)", "Samples"),
            SourceChoice("device:mic", "Microphone (default)", "Sound card"),
        ]
        if playing:
            self.listen_to("sample:mix")

    def sources(self) -> list[SourceChoice]:
        return list(self.choices)

    def refresh_devices(self) -> None:
        self.choices.append(SourceChoice("device:new", "USB sound card", "Sound card"))

    def models(self) -> list[tuple[str, str]]:
        return [(name, classifier.title) for name, classifier in CLASSIFIERS.items()]

    def listen_to(self, key: str) -> None:
        if key and key not in {choice.key for choice in self.choices}:
            raise SettingError(f"there is no source {key!r}", next_step="Choose a source from the list")
        self.session_number += 1
        self.source_key = key
        self.session = None
        if key:
            tracks = tuple(TrackInfo(path.stem, str(path), 60.0) for path in self.files)
            tracks = tracks or (
                TrackInfo("Demo mix", "/nowhere/mix.wav", 84.0),
                TrackInfo("Encore", "/nowhere/e.wav", 61.0),
            )
            kind = "sound card" if key.startswith("device:") else "file"
            title = next(choice.title for choice in self.choices if choice.key == key)
            self.session = FakeSession(FakeSource(tracks, kind=kind, title=title), self.model)

    def use_model(self, name: str) -> None:
        if name == "broken":
            raise SettingError("that one is broken")
        self.model = name
        if self.session is not None:
            self.session.use(name)

    def audio_path(self, track: int) -> Path | None:
        session = self.session
        tracks = session.source.status().tracks if session is not None else ()
        return Path(tracks[track].path) if 0 <= track < len(tracks) else None


class Pacemaker:
    """Lets time pass in a studio's session, in a thread, as fast as life."""

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
        while not self._stop.wait(self._step):
            session = self._studio.session
            if session is not None:
                session.advance(self._step)
