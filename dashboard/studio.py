"""Puts stream and model together: the engine, the bundles, and the session the page shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.samples import samples
from model.errors import SettingError
from model.library import Library
from model.networks.loading import Device
from stream.devices import SoundSystem
from stream.engine import Engine
from stream.session import Session
from stream.settings import StreamSettings
from stream.sources.file import FileSource
from stream.sources.sound_card import SoundCardSource
from stream.sources.source import Source

SESSION = "main"


@dataclass(frozen=True)
class SourceChoice:
    """Something the page can listen to. `key` is what it sends back; it is looked up, never used as a path."""

    key: str
    title: str
    group: str
    """"Your files", "Samples" or "Sound card"."""


class Studio:
    """What the page commands. Made once at start; every method may be called from any thread.

    files : what was named on the command line, offered in the page as "Your files".
    """

    def __init__(
        self,
        library: Library,
        settings: StreamSettings,
        *,
        model: str,
        device: Device = "auto",
        files: Sequence[Path] = (),
        speaker: str = "auto",
        loop: bool = False,
        start_seconds: float = 0.0,
        sound: SoundSystem | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.library = library
        self.settings = settings
        self.sound = sound or SoundSystem()
        self.engine = engine or Engine()
        self._device = device
        self._files = tuple(files)
        self._speaker = speaker
        self._loop = loop
        self._start_seconds = start_seconds
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._source_key = ""
        self._generation = 0
        self._classifier = library.open(model, device=device)

    @property
    def session(self) -> Session | None:
        """What is being listened to, or None."""
        return self._session

    @property
    def session_number(self) -> int:
        """Grows whenever another source is chosen, so that the page knows to begin anew."""
        return self._generation

    @property
    def source_key(self) -> str:
        """The key of the chosen source, "" for none."""
        return self._source_key

    @property
    def model(self) -> str:
        """The name of the chosen bundle."""
        return self._classifier.name

    def start(self) -> None:
        """Start the engine, and load the network in the background."""
        self.engine.start()
        self.engine.load(self._classifier)

    def stop(self) -> None:
        """Close the session and stop the engine."""
        self.engine.stop()

    def models(self) -> list[tuple[str, str]]:
        """Names and titles of the bundles."""
        return [(description.name, description.title) for description in self.library.describe()]

    def sources(self) -> list[SourceChoice]:
        """Everything one can choose to listen to, devices as they are now."""
        choices = [SourceChoice(f"file:{index}", path.stem, "Your files") for index, path in enumerate(self._files)]
        choices += [SourceChoice(sample.key, sample.title, "Samples") for sample in samples()]
        if self.sound.missing is None:
            choices += [
                SourceChoice(f"device:{device.name}", device.title, "Sound card") for device in self.sound.inputs()
            ]
        return choices

    def refresh_devices(self) -> None:
        """Look for sound cards again. While one is in use the list stays as it is."""
        self.sound.refresh()

    def listen_to(self, key: str) -> None:
        """Listen to the choice with this key instead of what is playing now. "" stops listening."""
        with self._lock:
            source = self._open(key) if key else None
            self.engine.remove(SESSION)
            self._session = None
            self._source_key = ""
            self._generation += 1
            if source is None:
                return
            session = Session(SESSION, source, self._classifier, self.settings, self.engine.clock)
            self.engine.add(session)
            self._session = session
            # The default device goes by its name from now on, as in the list of choices.
            self._source_key = f"device:{source.status().title}" if key == "device:" else key

    def use_model(self, name: str) -> None:
        """Listen with another bundle; it is loaded in the background."""
        with self._lock:
            classifier = self.library.open(name, device=self._device)
            if self._session is not None:
                self._session.use(classifier)
            self._classifier = classifier

    def audio_path(self, track: int) -> Path | None:
        """The file behind a track of the session, for the browser to play; None where there is none."""
        session = self._session
        tracks = session.source.status().tracks if session is not None else ()
        # Absolute: Flask takes a relative path as one below its own folder.
        return Path(tracks[track].path).resolve() if 0 <= track < len(tracks) else None

    def _open(self, key: str) -> Source:
        kind, _, name = key.partition(":")
        opener: dict[str, Callable[[str], Source]] = {
            "file": self._open_files,
            "sample": self._open_sample,
            "device": self._open_device,
        }
        if kind not in opener:
            raise SettingError(
                f"there is no source {key!r}", rule="a source is a file, a sample or a device", next_step="Choose one"
            )
        return opener[kind](name)

    def _open_files(self, name: str) -> Source:
        if not name.isdecimal() or int(name) >= len(self._files):
            raise SettingError(f"there is no file number {name!r}", next_step="Choose a source from the list")
        return self._play(self._files, first=int(name))

    def _open_sample(self, name: str) -> Source:
        found = [sample for sample in samples() if sample.key == f"sample:{name}"]
        if not found:
            raise SettingError(f"there is no sample {name!r}", next_step="Choose a source from the list")
        return self._play([found[0].path], first=0)

    def _open_device(self, name: str) -> Source:
        return SoundCardSource(self.sound, name or None, self.engine.clock)

    def _play(self, files: Sequence[Path], *, first: int) -> Source:
        # Where to begin was said of the first file, not of whatever is chosen later.
        start_seconds, self._start_seconds = self._start_seconds, 0.0
        return FileSource(
            files,
            clock=self.engine.clock,
            sound=self.sound,
            speaker=self._speaker,
            first_track=first,
            loop=self._loop,
            start_seconds=start_seconds,
            block_seconds=self.settings.block_seconds,
        )
