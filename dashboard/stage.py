"""What a page shows and commands: one source, and one or two models that listen to it."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.chronicle import SHOWN_FROM, Chronicle
from dashboard.links import link_title
from dashboard.recording import SoundRecorder
from dashboard.titles import Titles
from stream.classifier import Classifier
from stream.engine import Engine
from stream.session import Session
from stream.settings import StreamSettings
from stream.sources.shared import SharedSource
from stream.sources.source import Source

if TYPE_CHECKING:
    from stream.results import Results


class Listener:
    """A model on the stage: its session, and the chronicle of what it has said."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._results: Results | None = None
        self._chronicle: Chronicle | None = None

    @property
    def chronicle(self) -> Chronicle:
        """Up to date. After a change of model it begins anew."""
        results, classifier, settings = self.session.results, self.session.classifier, self.session.settings
        if self._chronicle is None or results is not self._results:
            self._chronicle = Chronicle(
                results.labels,
                exclusive=classifier.exclusive,
                hop_seconds=settings.hop_seconds,
                window_seconds=classifier.window_seconds,
                shown_from=classifier.thresholds.get("shown_from", SHOWN_FROM),
                column_seconds=settings.column_seconds,
            )
            self._results = results
        self._chronicle.update(results)
        return self._chronicle


class Stage:
    """Every method may be called from any thread.

    identifier : "main" for the command line's, an unguessable name for that of a single page.
    owner : whose uploads it may listen to; without one, its own.
    """

    def __init__(
        self,
        identifier: str,
        engine: Engine,
        classifier: Classifier,
        settings: StreamSettings,
        *,
        owner: str | None = None,
    ) -> None:
        self.identifier = identifier
        self.owner = owner or identifier
        self.source_owner = ""
        """Whose upload is listened to, if it is one."""
        self._engine = engine
        self._classifier = classifier
        self._second_classifier: Classifier | None = None
        self._settings = settings
        self._lock = threading.RLock()
        self._shared: SharedSource | None = None
        self._source_key = ""
        self._first: Listener | None = None
        self._second: Listener | None = None
        self._number = 0
        self._started_at: datetime | None = None
        self._joined = 0
        self._settings_number = 0
        self._recorder: SoundRecorder | None = None
        self._keeps_sound = False
        self.titles = Titles()
        """What the present source has played so far, where it has titles and no tracks."""

    # ---- what there is --------------------------------------------------------------------------------------------

    @property
    def source(self) -> Source | None:
        """What is being listened to, or None."""
        shared = self._shared
        return None if shared is None else shared.source

    @property
    def source_key(self) -> str:
        """The key of the chosen source, "" for none."""
        return self._source_key

    @property
    def session(self) -> Session | None:
        """The first model's session, or None while nothing is listened to."""
        first = self._first
        return None if first is None else first.session

    @property
    def second(self) -> Session | None:
        """The second model's session, or None."""
        second = self._second
        return None if second is None else second.session

    @property
    def number(self) -> int:
        """Grows whenever another source is chosen, so that the page knows to begin anew."""
        return self._number

    @property
    def started_at(self) -> datetime | None:
        """Wall clock when the present source was chosen, with its time zone."""
        return self._started_at

    @property
    def settings(self) -> StreamSettings:
        """How it listens."""
        return self._settings

    @property
    def settings_number(self) -> int:
        """0 until somebody has changed the settings; grows with every change."""
        return self._settings_number

    @property
    def model(self) -> str:
        """The name of the first model's bundle."""
        return self._classifier.name

    @property
    def second_model(self) -> str:
        """The name of the second model's bundle, "" for none."""
        return "" if self._second_classifier is None else self._second_classifier.name

    @property
    def recorder(self) -> SoundRecorder | None:
        """What keeps the sound, if that is wanted."""
        return self._recorder

    @property
    def keeps_sound(self) -> bool:
        return self._keeps_sound

    def chronicle(self, place: int = 0) -> Chronicle | None:
        """What the first (0) or second (1) model has said so far, up to this moment; None if it does not listen."""
        with self._lock:
            listener = (self._first, self._second)[place]
            return None if listener is None else listener.chronicle

    def audio_path(self, track: int) -> Path | None:
        """The file behind a track, for the browser to play; None where there is none."""
        source = self.source
        tracks = source.status().tracks if source is not None else ()
        # Absolute: Flask takes a relative path as one below its own folder.
        return Path(tracks[track].path).resolve() if 0 <= track < len(tracks) else None

    # ---- commands -------------------------------------------------------------------------------------------------

    def listen(self, key: str, source: Source | None) -> None:
        """Listen to this source instead of what is playing now; None stops listening."""
        with self._lock:
            self._clear()
            self._source_key = ""
            self._number += 1
            if source is None:
                return
            self._started_at = datetime.now().astimezone()
            self.titles = Titles()
            shared = SharedSource(source)
            self._first = self._join(shared, self._classifier, 0.0)
            self._shared = shared
            self._source_key = key
            if self._second_classifier is not None:
                self._second = self._join(shared, self._second_classifier, 0.0)
            self._record()

    def use(self, classifier: Classifier) -> None:
        """Listen with another bundle; it is loaded in the background."""
        with self._lock:
            if self._first is not None and self._shared is not None:
                self._first = self._change(self._first, self._shared, classifier)
            self._classifier = classifier

    def use_second(self, classifier: Classifier | None) -> None:
        """Listen with a second bundle too, or (None) with one only."""
        with self._lock:
            if self._shared is not None and self._first is not None:
                if classifier is None:
                    self._drop_second()
                elif self._second is None:
                    self._second = self._join(self._shared, classifier, self._first.session.stream_time)
                else:
                    self._second = self._change(self._second, self._shared, classifier)
            self._second_classifier = classifier

    def change(self, settings: StreamSettings) -> None:
        """Listen with other settings."""
        with self._lock:
            for listener in filter(None, (self._first, self._second)):
                listener.session.change(settings=settings)
            self._settings = settings
            self._settings_number += 1

    def keep_sound(self, wanted: bool) -> None:
        """Keep the sound from now on, for a recording of the session, or throw it away."""
        with self._lock:
            if wanted != self._keeps_sound:
                self._keeps_sound = wanted
                self._record()

    def refresh(self) -> None:
        """Take note of what has been heard. Called now and then, so that nothing is lost while nobody looks."""
        self.chronicle(0)
        self.chronicle(1)
        session, source = self.session, self.source
        status = None if source is None else source.status()
        if session is not None and status is not None and not status.tracks:
            self.titles.note(session.stream_time, link_title(status))

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            self._clear()

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _join(self, shared: SharedSource, classifier: Classifier, starts_at: float) -> Listener:
        self._joined += 1
        session = Session(
            f"{self.identifier}/{self._joined}",
            shared.tap(),
            classifier,
            self._settings,
            self._engine.clock,
            starts_at=starts_at,
        )
        self._engine.add(session)
        return Listener(session)

    def _change(self, listener: Listener, shared: SharedSource, classifier: Classifier) -> Listener:
        session = listener.session
        if classifier.sample_rate == session.inlet.sample_rate:
            session.change(classifier=classifier)
            return listener
        # A session cannot change its sample rate: another one takes its place, at the same moment of the same sound.
        joined = self._join(shared, classifier, session.stream_time)
        self._engine.remove(session.identifier)
        self._number += 1
        return joined

    def _drop_second(self) -> None:
        if self._second is not None:
            self._engine.remove(self._second.session.identifier)
            self._second = None

    def _clear(self) -> None:
        self._keep_nothing()
        self._drop_second()
        if self._first is not None:
            self._engine.remove(self._first.session.identifier)
            self._first = None
        self._shared = None

    def _record(self) -> None:
        """Begin to keep the sound, or stop it, as is wanted."""
        self._keep_nothing()
        if self._keeps_sound and self._shared is not None and self._first is not None:
            self._recorder = SoundRecorder(starts_at=self._first.session.stream_time)
            self._shared.listen(self._recorder.inlet)

    def _keep_nothing(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            if self._shared is not None:
                self._shared.leave(recorder.inlet)
            recorder.discard()
