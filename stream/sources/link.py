"""Listens to a link: a radio station, an HLS stream, a file on the web, or what a page of a site it knows plays.

Two threads: a reception fetches and decodes, and the one here hands the sound over at the speed of life, so that what
is predicted keeps pace with what is broadcast. Only the second touches the inlet, and it waits for nothing but the
buffer and the clock.
"""

from __future__ import annotations

import threading

from model.errors import LinkError
from stream.clock import Clock
from stream.inlet import Sink
from stream.links.address import shown
from stream.links.playable import Playable, find_playable
from stream.links.reception import Find, Reception
from stream.links.web import Web
from stream.records import SourceState, SourceStatus
from stream.sources.source import Source

KIND = "link"
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""How long to wait before a broken station is tried again, the first time, the second, ...; then always the last."""
FIRST_TRIES = 4
"""A link that has never been heard is tried so often again, where that may help."""
STEADY_SECONDS = 5.0
"""If it was heard for so long, the next break counts as the first again."""
STALL_SECONDS = 2.0
"""If nothing has come for so long, that is said."""
SETTLE_SECONDS = 0.3
"""A station sends some seconds at once to whoever joins; so long is waited for them before the first is heard."""
LATE_SECONDS = 1.0
"""If it falls this far behind (a suspended laptop, a slow network), it goes on from where it is."""
WAIT_SECONDS = 0.25
"""How long to wait for sound before looking whether it is missed."""


class LinkSource(Source):
    """Sound from the web. `start` returns at once; whether the link is any good is told by `status`.

    url : what a person or a program named. web : the way to it, with its limits.
    find : finds out what the link plays; asked again whenever a station is tried again, as addresses change.
    """

    def __init__(
        self, url: str, web: Web, *, clock: Clock, block_seconds: float = 0.02, find: Find = find_playable
    ) -> None:
        self._url = url
        self._web = web
        self._clock = clock
        self._block_seconds = block_seconds
        self._find = find
        self._state = SourceState.STARTING
        self._detail = ""
        self._title = ""
        self._playable: Playable | None = None
        self._position_seconds = 0.0
        self._heard_live = False
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._reception: Reception | None = None
        self._thread: threading.Thread | None = None

    def start(self, inlet: Sink) -> None:
        self._thread = threading.Thread(target=self._run, args=(inlet,), name="link", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        with self._lock:
            reception = self._reception
        if reception is not None:
            reception.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)

    def status(self) -> SourceStatus:
        reception, detail = self._reception, self._detail
        playable = (reception.playable if reception is not None else None) or self._playable
        if self._state is SourceState.STARTING:
            detail = (reception.detail if reception is not None else "") or "connecting"
        return SourceStatus(
            kind=KIND,
            title=self._title or (playable.title if playable is not None else "") or shown(self._url),
            station=playable.station if playable is not None else "",
            state=self._state,
            detail=detail,
            position_seconds=self._position_seconds,
            live=self._heard_live or (reception is not None and reception.live),
        )

    # ---- the thread ----------------------------------------------------------------------------------------------

    def _run(self, inlet: Sink) -> None:
        try:
            self._listen(inlet)
        except Exception as error:
            self._detail = f"listening stopped: {type(error).__name__}: {error}"
            self._state = SourceState.FAILED

    def _listen(self, inlet: Sink) -> None:
        """Try, and try again as long as that may help."""
        tries = 0
        while not self._stopped.is_set():
            reception = Reception(self._url, self._web, clock=self._clock, find=self._find)
            with self._lock:
                self._reception = reception
            reception.start()
            heard_seconds = self._play(reception, inlet)
            reception.close()
            if self._stopped.is_set():
                return
            error = reception.buffer.error
            if error is None:
                self._state, self._detail = SourceState.ENDED, ""
                return
            if heard_seconds >= STEADY_SECONDS:
                tries = 0
            if not self._worth_trying_again(error, tries):
                self._state, self._detail = SourceState.FAILED, str(error)
                return
            pause = BACK_OFF_SECONDS[min(tries, len(BACK_OFF_SECONDS) - 1)]
            reason = f"{error.what}: {error.rule}" if error.rule else error.what
            what = "the connection is lost" if self._position_seconds else "it cannot be opened yet"
            self._detail = f"{what}; it is tried again after {pause:g} s ({reason})"
            self._state = SourceState.RECONNECTING
            self._clock.wait(self._stopped, pause)
            tries += 1

    def _worth_trying_again(self, error: LinkError, tries: int) -> bool:
        """A station that was heard comes back, whatever stands there meanwhile. One that never was may not exist.

        A file has been taken up again already, as far as that was possible.
        """
        if self._heard_live:
            return error.status != 501  # something is not installed
        return self._position_seconds == 0.0 and error.temporary and tries < FIRST_TRIES

    def _play(self, reception: Reception, inlet: Sink) -> float:
        """Hand over what comes, when it is due, until it ends. Returns how many seconds were heard."""
        buffer = reception.buffer
        begun, played, heard_at = 0.0, 0.0, self._clock.now()
        started = False
        settled = False
        while not self._stopped.is_set():
            if not settled and buffer.keep_up and buffer.sample_rate:
                settled = True
                self._clock.wait(self._stopped, SETTLE_SECONDS)
                buffer.settle()
            taken = buffer.take(self._block_seconds, wait_seconds=WAIT_SECONDS)
            if taken is None:
                if started and self._clock.now() - heard_at > STALL_SECONDS and self._state is SourceState.RUNNING:
                    inlet.quiet()
                    self._state, self._detail = SourceState.NO_SOUND, "nothing is coming through the network"
                continue
            if taken.lost_seconds:
                inlet.lost(taken.lost_seconds)
            if not len(taken.block):
                break
            if not started:
                self._playable, self._title = reception.playable, ""
                begun = self._clock.now()
            if not started or taken.skipped:
                started = True
                inlet.begin(taken.sample_rate, position_seconds=self._position_seconds)
            if taken.title is not None:
                self._title = taken.title
            seconds = len(taken.block) / taken.sample_rate
            played += seconds
            heard_at = self._wait_until(begun + played)
            if self._stopped.is_set():
                break
            if heard_at - (begun + played) > LATE_SECONDS:
                begun = heard_at - played
            inlet.push(taken.block, heard_at)
            self._position_seconds += seconds
            self._heard_live = self._heard_live or reception.live
            if self._state is not SourceState.RUNNING:
                self._state, self._detail = SourceState.RUNNING, ""
        if started:
            inlet.finish()
            inlet.quiet()
        return played

    def _wait_until(self, due: float) -> float:
        """Wait for the clock; returns what it shows then."""
        while (left := due - (now := self._clock.now())) > 0 and not self._stopped.is_set():
            self._clock.wait(self._stopped, left)
        return now
