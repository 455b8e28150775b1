"""The one thread that listens for all sessions: what is due is classified in one batch per network."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from model.errors import GenrescopeError
from stream.classifier import Classifier, Network
from stream.clock import Clock, SystemClock
from stream.session import Answer, Job, Session
from stream.totals import Totals, TotalsSnapshot

log = logging.getLogger(__name__)

TICK_SECONDS = 0.01
"""How often the engine looks for new sound. Adds half of it to the latency; costs under one percent of a core."""
BATCH_LIMIT = 32
"""Windows in one network call; more would delay everybody."""


class Engine:
    """Works on its sessions until it is stopped.

    `start` runs `step` in a thread; tests call `step` themselves, with a clock of their own.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="network-loader")
        self._loading: dict[int, tuple[Classifier, Future[None]]] = {}
        self._totals = Totals()

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def alive(self) -> bool:
        """False once its thread has ended although nobody stopped it."""
        return self._thread is None or self._thread.is_alive() or self._stopped.is_set()

    def totals(self) -> TotalsSnapshot:
        """What all sessions together have come to, also those that have ended."""
        with self._lock:
            return self._totals.snapshot([session.counts() for session in self._sessions.values()])

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop working, then close every session."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
        self._loader.shutdown(wait=False, cancel_futures=True)
        for session in self.sessions():
            session.close()

    def add(self, session: Session) -> None:
        """Listen to one more session, and start its source."""
        session.start()
        with self._lock:
            self._sessions[session.identifier] = session
            self._totals.began()

    def remove(self, identifier: str) -> None:
        """Stop listening to a session; nothing happens if it is not there."""
        with self._lock:
            session = self._sessions.pop(identifier, None)
            if session is not None:
                # Together, so that nobody reads totals in which it is missing.
                self._totals.ended(session.counts())
        if session is not None:
            session.close()

    def sessions(self) -> list[Session]:
        with self._lock:
            return list(self._sessions.values())

    def load(self, classifier: Classifier) -> Future[None]:
        """Have a classifier's network loaded in the background; asking twice loads it once."""
        key = id(classifier)
        with self._lock:
            if key not in self._loading:
                # With the classifier itself, as the number of one that is gone may be given to another.
                self._loading[key] = classifier, self._loader.submit(classifier.load)
            return self._loading[key][1]

    def step(self) -> int:
        """One round over all sessions; returns how many predictions were made."""
        batches: dict[str, list[tuple[Session, Job]]] = {}
        made = 0
        for session in self.sessions():
            if session.stuck:
                continue
            try:
                session.ingest()
                if not self._ready(session):
                    continue
                key = session.classifier.network.key
                room = BATCH_LIMIT - len(batches.get(key, ()))
                if room > 0:
                    batches.setdefault(key, []).extend((session, job) for job in session.take_jobs(room))
            except Exception as error:  # one session's fault must not silence the others
                self._fail(session, error)
        for batch in batches.values():
            made += self._classify(batch)
        return made

    def _ready(self, session: Session) -> bool:
        classifier = session.classifier
        if classifier.loaded:
            self._forget_loading(classifier)
            return True
        loading = self.load(classifier)
        if loading.done() and (error := loading.exception()) is not None:
            # Whoever chooses it again has it loaded again.
            self._forget_loading(classifier)
            self._fail(session, error)
        return False

    def _forget_loading(self, classifier: Classifier) -> None:
        if self._loading:
            with self._lock:
                self._loading.pop(id(classifier), None)

    def _classify(self, batch: list[tuple[Session, Job]]) -> int:
        """One network call for all windows that need it; then every session gets its share, oldest first."""
        sounding = [(session, job) for session, job in batch if not job.due.silent]
        rows: dict[int, int] = {}
        outputs: Mapping[str, np.ndarray] = {}
        windows = np.empty(0, np.float32)
        network_ms = 0.0
        if sounding:
            try:
                network: Network = sounding[0][0].classifier.network
                windows = np.stack([session.window(job) for session, job in sounding])
                begun = self._clock.now()
                outputs = network(windows)
                network_seconds = self._clock.now() - begun
                network_ms = 1000.0 * network_seconds / len(sounding)
                self._totals.called(network_seconds)
            except Exception as error:
                for session in {session.identifier: session for session, _ in sounding}.values():
                    self._fail(session, error)
                return 0
            rows = {id(job): row for row, (_, job) in enumerate(sounding)}
        made = 0
        for session, job in batch:
            try:
                answer = None
                if id(job) in rows:
                    row = rows[id(job)]
                    own = {name: array[row : row + 1] for name, array in outputs.items()}
                    answer = _answer(session.classifier, windows[row], own, session.context_outputs(job))
                self._totals.predicted(session.settle(job, answer, network_ms=network_ms, batch_size=len(sounding)))
                made += 1
            except Exception as error:
                self._fail(session, error)
        return made

    def _fail(self, session: Session, error: BaseException) -> None:
        self._totals.failed()
        if isinstance(error, GenrescopeError):
            session.fail(str(error))
        else:
            log.exception("session %s failed", session.identifier, exc_info=error)
            session.fail(f"something went wrong inside genrescope ({type(error).__name__}: {error})")

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.step()
            self._clock.wait(self._stopped, TICK_SECONDS)


def _answer(
    classifier: Classifier,
    window: np.ndarray,
    outputs: Mapping[str, np.ndarray],
    context_outputs: Mapping[str, np.ndarray],
) -> Answer:
    """One window's share of a batch."""
    outputs = {**outputs, **context_outputs}
    places, music = classifier.place(outputs), classifier.music(outputs)
    return Answer(
        # A copy: a view would keep the whole batch in memory.
        window=window.copy(),
        probabilities=classifier.probabilities(outputs)[0],
        place=None if places is None else (float(places[0, 0]), float(places[0, 1])),
        context_outputs=context_outputs,
        music=None if music is None else float(music[0]),
    )
