"""A real studio, engine and server around a classifier one can compute in one's head: fast, and without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dashboard.access import Access
from dashboard.app import create_app
from dashboard.server import PageServer
from dashboard.studio import Studio
from model.errors import BundleError
from model.library import BundleSummary, Library
from stream.devices import SoundSystem
from stream.engine import Engine
from stream.links.policy import LinkPolicy
from stream.settings import StreamSettings
from tests.stream.fakes import LoudnessClassifier


class SmallLibrary(Library):
    """Holds "loudness" only, or what else it is given, by name."""

    def __init__(self, **classifiers: LoudnessClassifier) -> None:
        super().__init__(())
        self.classifiers = {"loudness": LoudnessClassifier(), **classifiers}
        for name, classifier in self.classifiers.items():
            classifier.name = name
            classifier.bundle = SimpleNamespace(folder=Path("nowhere"))  # type: ignore[attr-defined]

    def names(self) -> tuple[str, ...]:
        return tuple(self.classifiers)

    def open(self, name_or_path: str | Path, *, device: Any = "auto") -> Any:
        if name_or_path not in self.classifiers:
            raise BundleError(f"there is no bundle {name_or_path!r}", next_step="Choose one of the list")
        return self.classifiers[str(name_or_path)]

    def describe(self) -> tuple[BundleSummary, ...]:
        return tuple(
            BundleSummary(name, classifier.title, Path(), labels=classifier.labels)
            for name, classifier in self.classifiers.items()
        )


def small_studio(
    library: Library | None = None,
    *,
    model: str = "loudness",
    hop_seconds: float = 0.5,
    links: LinkPolicy | None = None,
) -> Studio:
    """A studio without a sound card, not started yet."""

    def fail() -> None:
        raise OSError("PortAudio library not found")

    return Studio(
        library or SmallLibrary(),
        StreamSettings(hop_seconds=hop_seconds),
        model=model,
        device="cpu",
        speaker="none",
        shared=False,
        sound=SoundSystem(fail),
        engine=Engine(),
        links=links,
    )


@contextmanager
def served(studio: Studio, access: Access | None = None) -> Iterator[PageServer]:
    """The whole server around a running studio; both end with the block."""
    server = PageServer("127.0.0.1", 0)
    try:
        studio.start()
        server.serve(create_app(studio, access).server)
        yield server
    finally:
        studio.stop()
        server.stop()
