"""The stages of single pages and of programs: how many there may be, and when each is given up."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from dashboard.stage import Stage
from model.errors import SettingError
from stream.clock import Clock
from stream.records import SessionState
from stream.sources.socket import SocketSource

OWN_STAGES = 12
"""Pages with a session of their own; each costs a share of the processor."""
KEPT_STAGES = 12
"""Sessions that programs have opened; each costs as much."""
SILENT_PAGE_SECONDS = 90.0
"""A page that has not asked for so long is gone. Not shorter: a browser lets a hidden page ask once a minute."""
LEFT_PAGE_SECONDS = 4.0
"""After a page has said good-bye; if it was loaded again, it asks sooner."""
LOST_MICROPHONE_SECONDS = 8.0
"""A browser that has sent no sound for so long has been closed."""
FORGOTTEN_SECONDS = 15 * 60.0
"""A session of a program that has come to its end, and that nobody has asked for since, is closed after so long."""


class NoStageError(SettingError):
    """There is no such stage (any more)."""

    status = 404


class FullError(SettingError):
    """As many stages are open as may be."""

    status = 429


@dataclass
class _Guest:
    """A page or a program with a stage of its own: when it last asked for news, and whether it has said good-bye.

    kept : it is a program's, and stays although nobody asks; over_since : when its sound had come to an end.
    """

    stage: Stage
    seen_at: float
    left: bool = False
    kept: bool = False
    over_since: float | None = None


class Guests:
    """Every method may be called from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._guests: dict[str, _Guest] = {}

    def stages(self, *, only_kept: bool = False) -> list[Stage]:
        """Their stages, the oldest first; or those of programs only."""
        with self._lock:
            return [guest.stage for guest in self._guests.values() if guest.kept or not only_kept]

    def add(self, stage: Stage, *, kept: bool) -> None:
        """One more, of a page or (`kept`) a program. Raises FullError."""
        with self._lock:
            if sum(guest.kept is kept for guest in self._guests.values()) >= (KEPT_STAGES if kept else OWN_STAGES):
                raise _full(kept)
            self._guests[stage.identifier] = _Guest(stage, self._clock.now(), kept=kept)

    def ask(self, identifier: str, *, only_kept: bool = False) -> Stage | None:
        """The stage of that name, or None; whoever asks counts as seen.

        only_kept : that of a page is none.
        """
        with self._lock:
            guest = self._guests.get(identifier)
            if guest is None or (only_kept and not guest.kept):
                return None
            guest.seen_at = self._clock.now()
            guest.left = False
            return guest.stage

    def leave(self, identifier: str) -> None:
        """The page says good-bye. Nobody can say it for a program."""
        with self._lock:
            guest = self._guests.get(identifier)
            if guest is not None and not guest.kept:
                guest.left = True
                guest.seen_at = self._clock.now()

    def remove(self, identifier: str) -> Stage | None:
        """The stage of that name, which is none of ours from now on; None if there is none."""
        with self._lock:
            guest = self._guests.pop(identifier, None)
            return None if guest is None else guest.stage

    def gone(self) -> list[str]:
        """Names of the stages that nobody wants any more."""
        now = self._clock.now()
        with self._lock:
            return [
                name
                for name, guest in self._guests.items()
                if (_is_forgotten(guest, now) if guest.kept else _is_gone(guest, now - guest.seen_at))
            ]


def _is_gone(guest: _Guest, unseen_seconds: float) -> bool:
    if guest.left:
        return unseen_seconds > LEFT_PAGE_SECONDS
    source = guest.stage.source
    if isinstance(source, SocketSource):
        # A page that sends sound is there, however seldom it asks; one that sends none may just have been reloaded.
        return source.detached_seconds > LOST_MICROPHONE_SECONDS and unseen_seconds > LOST_MICROPHONE_SECONDS / 2
    return unseen_seconds > SILENT_PAGE_SECONDS


def _is_forgotten(guest: _Guest, now: float) -> bool:
    if not _is_over(guest.stage):
        guest.over_since = None
        return False
    if guest.over_since is None:
        guest.over_since = now
    return now - max(guest.over_since, guest.seen_at) > FORGOTTEN_SECONDS


def _is_over(stage: Stage) -> bool:
    """Whether no more sound will come by itself."""
    session, source = stage.session, stage.source
    if session is None or (isinstance(source, SocketSource) and source.detached_seconds > 0.0):
        return True
    return session.status().state in (SessionState.ENDED, SessionState.FAILED)


def _full(kept: bool) -> FullError:
    if kept:
        return FullError(
            f"programs have {KEPT_STAGES} sessions already",
            rule="each costs a share of the processor",
            next_step="Delete one of those, or wait",
        )
    return FullError(
        f"{OWN_STAGES} pages have a session of their own already",
        rule="each costs a share of the processor",
        next_step="Close one of those pages, or follow the main session",
    )
