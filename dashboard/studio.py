"""Puts stream and model together: the engine, the bundles, and the stages that pages show."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.explanations import Explanations
from dashboard.guests import FORGOTTEN_SECONDS, Guests, NoStageError
from dashboard.shelf import MICROPHONE, Shelf, SourceChoice
from dashboard.stage import Stage
from dashboard.uploads import UploadLimits, Uploads
from model.bundle import DESCRIPTION
from model.classifier import BundleClassifier
from model.errors import BundleError, SettingError
from model.library import Library
from model.networks.loading import Device
from stream.classifier import Classifier
from stream.devices import SoundSystem
from stream.engine import Engine
from stream.settings import StreamSettings

if TYPE_CHECKING:
    from dashboard.share import Share
    from stream.links.policy import LinkPolicy
    from stream.links.web import Web

log = logging.getLogger(__name__)

MAIN = "main"
PROGRAMS = "api"
"""The owner of what programs upload."""
KEEPING_SECONDS = 1.0
"""How often the studio looks after its stages."""
OPEN_BUNDLES = 32
"""Bundles that are held ready; those that were not wanted for longest go first."""


class NoModelError(BundleError):
    """There is no bundle of that name. 409 and not 404: the address that was asked is right."""

    status = 409


class Studio:
    """What the pages command. Made once at start; every method may be called from any thread.

    files, speaker, loop, start_seconds : what `Shelf` says of them.
    shared : pages follow the main stage and each other; without it every page that chooses something gets a stage of
        its own.
    links : what links may lead to; without one, what `LinkPolicy` says by itself.
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
        shared: bool = True,
        sound: SoundSystem | None = None,
        engine: Engine | None = None,
        upload_limits: UploadLimits | None = None,
        links: LinkPolicy | None = None,
    ) -> None:
        self.library = library
        self.settings = settings
        self.shared = shared
        self.share: Share | None = None
        """What the audience follows, if it was asked for."""
        self.replay: bytes | None = None
        """A recorded session that the page shows instead of listening, as a checked replay file."""
        self.sound = sound or SoundSystem()
        self.engine = engine or Engine()
        self.uploads = Uploads(limits=upload_limits or UploadLimits())
        self._shelf = Shelf(
            sound=self.sound,
            clock=self.engine.clock,
            uploads=self.uploads,
            settings=settings,
            files=files,
            speaker=speaker,
            loop=loop,
            start_seconds=start_seconds,
            web=self.web,
        )
        self.explanations = Explanations(self.engine.clock)
        """Why something is heard; they share one limit, whoever asks."""
        self._device = device
        self._links = links
        self._web: Web | None = None
        self.default_model = model
        """What listens where no model is named."""
        self._instance = secrets.token_hex(4)
        self._bundles: OrderedDict[str, tuple[tuple[int, int], Classifier]] = OrderedDict()
        self._lock = threading.RLock()
        self._guests = Guests(self.engine.clock)
        self._stopped = threading.Event()
        self._keeper: threading.Thread | None = None
        self._classifier = self.classifier(model)
        self.main = Stage(MAIN, self.engine, self._classifier, settings)

    def start(self) -> None:
        """Start the engine, and load the network in the background."""
        self.engine.start()
        self.engine.load(self._classifier)
        self._keeper = threading.Thread(target=self._keep, name="stage-keeper", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """Close every stage and stop the engine."""
        self._stopped.set()
        for stage in self.stages():
            stage.close()
        self.engine.stop()
        self.uploads.close()
        with self._lock:
            if self._web is not None:
                self._web.close()

    @property
    def stopped(self) -> bool:
        """Nothing is listened to any more."""
        return self._stopped.is_set()

    @property
    def ready(self) -> bool:
        """Whether what is heard is classified at once: the network is loaded, or none is needed."""
        return self.replay is not None or self._classifier.loaded

    def run_of(self, stage: Stage) -> str:
        """Names what a stage listens to now: another one whenever the source changes, and after a restart."""
        return f"{self._instance}.{stage.number}"

    def web(self) -> Web:
        """The one way to the network for all links; made when it is first wanted."""
        with self._lock:
            if self._web is None:
                # The page starts without what it needs.
                from stream.links.policy import LinkPolicy
                from stream.links.web import Web

                self._web = Web(self._links or LinkPolicy())
            return self._web

    # ---- stages ---------------------------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """The main stage, those of single pages and those of programs."""
        return [self.main, *self._guests.stages()]

    def stage(self, identifier: str) -> Stage:
        """The stage of that name; whoever asks for it counts as seen. Raises NoStageError if there is none."""
        stage = self.main if identifier == MAIN else self._guests.ask(identifier)
        if stage is None:
            raise NoStageError(
                "the session of this page has ended",
                rule="it ends some time after the page was closed or fell asleep",
                next_step="Choose again what to listen to",
            )
        return stage

    def kept_stages(self) -> list[Stage]:
        """The main stage and those of programs, the oldest first. Those of single pages are their own business."""
        return [self.main, *self._guests.stages(only_kept=True)]

    def kept_stage(self, identifier: str) -> Stage:
        """As `stage`, for programs: a single page's stage is none of theirs."""
        stage = self.main if identifier == MAIN else self._guests.ask(identifier, only_kept=True)
        if stage is None:
            raise NoStageError(
                f"there is no session {identifier[:40]!r}",
                rule=f"one ends with DELETE, or {FORGOTTEN_SECONDS / 60:g} minutes after its sound has",
                next_step="Ask for the list of sessions, or start one",
            )
        return stage

    def open_stage(self, *, kept: bool = False) -> Stage:
        """A stage for a single page, which ends when the page is gone; or (`kept`) for a program.

        That one ends with `close_stage`, or a quarter of an hour after its sound has if nobody has asked for it since.
        Raises FullError.
        """
        # The name is a key to the stage: nobody else's page can guess it. Programs see theirs in a list.
        name = secrets.token_hex(6) if kept else secrets.token_urlsafe(12)
        stage = Stage(name, self.engine, self._classifier, self.settings, owner=PROGRAMS if kept else None)
        self._guests.add(stage, kept=kept)
        return stage

    def close_stage(self, identifier: str) -> None:
        """End the stage of a page or a program now, if there is one. The main one only falls silent."""
        if identifier == MAIN:
            self.listen_to("")
            return
        stage = self._guests.remove(identifier)
        if stage is not None:
            stage.close()
            self.uploads.forget(identifier)

    def leave(self, identifier: str) -> None:
        """The page says good-bye. It may be loaded again at once, and then goes on."""
        self._guests.leave(identifier)

    # ---- commands -------------------------------------------------------------------------------------------------

    def listen_to(self, key: str, stage: Stage | None = None, *, owner: str = "") -> None:
        """Have a stage (the main one) listen to the choice with this key; "" stops listening.

        owner : whose uploads may be chosen; without one, the stage's.
        """
        stage = stage or self.main
        if key == MICROPHONE and stage is self.main:
            raise SettingError(
                "the main session cannot listen to a browser's microphone",
                rule="each browser has a session of its own for it",
                next_step="Use the microphone button of the page",
            )
        # What is chosen once more, after it has ended, is the same file as before.
        owner = owner or (stage.source_owner if key == stage.source_key else "") or stage.owner
        source = self._shelf.open(key, owner) if key else None
        # The default device goes by its name from now on, as in the list of choices.
        named = f"device:{source.status().title}" if source is not None and key == "device:" else key
        stage.listen(named, source)
        stage.source_owner = owner

    def use_model(self, name: str, stage: Stage | None = None) -> None:
        """Have a stage listen with another bundle; it is loaded in the background."""
        (stage or self.main).use(self.classifier(name))

    def use_second_model(self, name: str, stage: Stage) -> None:
        """Have a stage listen with a second bundle too; "" for one only."""
        stage.use_second(self.classifier(name) if name else None)

    def change_settings(self, values: dict[str, Any], stage: Stage) -> None:
        """Change some of a stage's settings. Raises SettingError for what cannot be set, or not to this value."""
        stage.change(replace(stage.settings, **checked_settings(values)))

    def classifier(self, name: str) -> Classifier:
        """The bundle of that name, the same for all who listen with it; `engine.load` loads its network.

        Raises BundleError if there is none, or if it is damaged. A folder can be named on the command line only.
        """
        with self._lock:
            if name != self.default_model and name not in self.library.names():
                raise NoModelError(
                    f"there is no model named {name[:40]!r}",
                    rule=f"there are: {', '.join(self.library.names()) or 'none'}",
                    next_step="Choose one of them",
                )
            held = self._bundles.pop(name, None)
            # A bundle that was built anew meanwhile is opened anew.
            if held is None or held[0] != _stamp(held[1]):
                opened = self.library.open(name, device=self._device)
                held = _stamp(opened), opened
            self._bundles[name] = held
            while len(self._bundles) > OPEN_BUNDLES:
                self._bundles.popitem(last=False)
            return held[1]

    # ---- choices --------------------------------------------------------------------------------------------------

    def models(self) -> list[tuple[str, str]]:
        """Names and titles of the bundles that can be used."""
        return [(description.name, description.title) for description in self.library.describe()]

    def choices(self, stage: Stage | None = None) -> list[SourceChoice]:
        """Everything a stage can choose to listen to, devices as they are now."""
        return self._shelf.choices((stage or self.main).owner)

    def refresh_devices(self) -> None:
        """Look for sound cards again. While one is in use the list stays as it is."""
        self.sound.refresh()

    # ---- the keeper's thread --------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Look after the stages once: close those whose page is gone, and note what the others have heard."""
        for identifier in self._guests.gone():
            self.close_stage(identifier)
        for stage in self.stages():
            stage.refresh()

    def _keep(self) -> None:
        while not self.engine.clock.wait(self._stopped, KEEPING_SECONDS):
            try:
                self.keep()
            except Exception:  # one stage's trouble must not end the care for the others
                log.exception("looking after the stages failed")


def _stamp(classifier: Classifier) -> tuple[int, int]:
    """Differs once the bundle's description has been written anew."""
    if not isinstance(classifier, BundleClassifier):
        return 0, 0
    try:
        found = (classifier.bundle.folder / DESCRIPTION).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


SETTABLE = {
    "hop_seconds": (0.25, 2.0),
    "smoothing_seconds": (0.0, 10.0),
    "sure_from": (0.0, 1.0),
    "silence_closes_dbfs": (-100.0, -20.0),
}
"""What pages may change, and within which limits."""
SILENCE_OPENS_ABOVE_DB = 6.0
"""So much louder than "silence begins" it must get for silence to end, so that the two do not take turns."""


def checked_settings(values: dict[str, Any]) -> dict[str, Any]:
    """What a page asks for, as fields of StreamSettings. Raises SettingError for anything else."""
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in SETTABLE:
            raise SettingError(f"there is no setting {name[:40]!r}", rule=f"there are {', '.join(SETTABLE)}")
        if value is None and name == "sure_from":
            checked[name] = None
            continue
        low, high = SETTABLE[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise SettingError(f"{name}={value!r} cannot be used", rule=f"it lies between {low:g} and {high:g}")
        checked[name] = float(value)
    if (closes := checked.get("silence_closes_dbfs")) is not None:
        checked["silence_opens_dbfs"] = closes + SILENCE_OPENS_ABOVE_DB
    return checked
