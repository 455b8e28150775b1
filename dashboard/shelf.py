"""What one can choose to listen to, and how it is opened. A choice goes by a key that is looked up: never a path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.links import LINK, checked_link, link_title
from dashboard.samples import samples
from dashboard.uploads import Uploads
from model.errors import LinkError, SettingError
from stream.clock import Clock
from stream.devices import SoundSystem
from stream.settings import StreamSettings
from stream.sources.file import FileSource
from stream.sources.socket import BROWSER, PROGRAM, SocketSource
from stream.sources.sound_card import SoundCardSource
from stream.sources.source import Source

if TYPE_CHECKING:
    from dashboard.stage import Stage
    from stream.links.web import Web

MICROPHONE = "microphone"
"""The key of the microphone of the browser that shows the page."""
PROGRAM_SOUND = "audio"
"""The key of the sound that a program sends through the API."""


@dataclass(frozen=True)
class SourceChoice:
    """Something the page can listen to. `key` is what it sends back."""

    key: str
    title: str
    group: str
    """"Link", "Your files", "Uploaded", "Samples" or "Sound card"."""


def with_playing_link(choices: Sequence[SourceChoice], stage: Stage) -> list[SourceChoice]:
    """These choices, and before them the link that the stage listens to, if it does; links are on no list otherwise."""
    key, source = stage.source_key, stage.source
    if source is None or key.partition(":")[0] != LINK:
        return list(choices)
    return [SourceChoice(key, f"Link: {link_title(source.status())}", "Link"), *choices]


class Shelf:
    """Everything there is to listen to.

    files : what was named on the command line, offered in the page as "Your files".
    speaker, loop : how files are played; start_seconds is where the first of them begins, the first time.
    web : gives what links are fetched with, when the first one is opened; without it none can be.
    """

    def __init__(
        self,
        *,
        sound: SoundSystem,
        clock: Clock,
        uploads: Uploads,
        settings: StreamSettings,
        files: Sequence[Path] = (),
        speaker: str = "auto",
        loop: bool = False,
        start_seconds: float = 0.0,
        web: Callable[[], Web] | None = None,
    ) -> None:
        self.sound = sound
        self.uploads = uploads
        self._clock = clock
        self._block_seconds = settings.block_seconds
        self._files = tuple(files)
        self._speaker = speaker
        self._loop = loop
        self._start_seconds = start_seconds
        self._web = web

    def choices(self, owner: str) -> list[SourceChoice]:
        """Everything a stage can choose to listen to, devices as they are now. Uploads are seen by their owner only."""
        choices = [SourceChoice(f"file:{index}", path.stem, "Your files") for index, path in enumerate(self._files)]
        choices += [SourceChoice(upload.key, upload.title, "Uploaded") for upload in self.uploads.of(owner)]
        choices += [SourceChoice(sample.key, sample.title, "Samples") for sample in samples()]
        if self.sound.missing is None:
            choices += [
                SourceChoice(f"device:{device.name}", device.title, "Sound card") for device in self.sound.inputs()
            ]
        return choices

    def open(self, key: str, owner: str) -> Source:
        """The source that goes by this key, not yet started. Raises a GenrescopeError if it cannot be opened."""
        kind, _, name = key.partition(":")
        opener: dict[str, Callable[[str, str], Source]] = {
            "file": self._open_files,
            "sample": self._open_sample,
            "device": self._open_device,
            "upload": self._open_upload,
            MICROPHONE: self._open_microphone,
            PROGRAM_SOUND: self._open_program_sound,
            LINK: self._open_link,
        }
        if kind not in opener:
            raise SettingError(
                f"there is no source {key!r}",
                rule="a source is a file, a sample, a device or a link",
                next_step="Choose one",
            )
        return opener[kind](name, owner)

    def _open_files(self, name: str, _owner: str) -> Source:
        if not name.isdecimal() or int(name) >= len(self._files):
            raise SettingError(f"there is no file number {name!r}", next_step="Choose a source from the list")
        return self._play(self._files, first=int(name))

    def _open_sample(self, name: str, _owner: str) -> Source:
        found = [sample for sample in samples() if sample.key == f"sample:{name}"]
        if not found:
            raise SettingError(f"there is no sample {name!r}", next_step="Choose a source from the list")
        return self._play([found[0].path], first=0)

    def _open_device(self, name: str, _owner: str) -> Source:
        return SoundCardSource(self.sound, name or None, self._clock)

    def _open_upload(self, name: str, owner: str) -> Source:
        upload = self.uploads.get(f"upload:{name}", owner)
        return self._play([upload.path], first=0, titles=[upload.title])

    def _open_microphone(self, _name: str, _owner: str) -> Source:
        return SocketSource(BROWSER, clock=self._clock)

    def _open_program_sound(self, _name: str, _owner: str) -> Source:
        return SocketSource(PROGRAM, clock=self._clock)

    def _open_link(self, name: str, _owner: str) -> Source:
        """Only what needs no network is checked here; names are looked up and servers asked in the source's thread."""
        url = checked_link(name)
        if self._web is None:
            raise LinkError("links cannot be played here", next_step="Choose a source from the list")
        # What it is made of comes with the first link: the page's start does not wait for it.
        from stream.sources.link import LinkSource

        return LinkSource(url, self._web(), clock=self._clock, block_seconds=self._block_seconds)

    def _play(self, files: Sequence[Path], *, first: int, titles: Sequence[str] | None = None) -> Source:
        # Where to begin was said of the first file, not of whatever is chosen later.
        start_seconds, self._start_seconds = self._start_seconds, 0.0
        return FileSource(
            files,
            titles=titles,
            clock=self._clock,
            sound=self.sound,
            speaker=self._speaker,
            first_track=first,
            loop=self._loop,
            start_seconds=start_seconds,
            block_seconds=self._block_seconds,
        )
