"""Work that takes longer than a program waits for an answer: done one after the other, and its results kept a while."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.api.job import (
    JobCancelledError,
    JobsFullError,
    JobState,
    JobStatus,
    NoJobError,
    TooMuchError,
    failed_inside,
    interrupted,
)
from model.errors import GenrescopeError
from stream.clock import Clock

log = logging.getLogger(__name__)

QUEUED = 20
"""Jobs that may wait."""
FINISHED = 100
"""Jobs that are kept after their end; then the oldest is forgotten."""
KEPT_SECONDS = 3600.0
ANSWER_BYTES = 64_000_000
"""Of all answers together; then the oldest is forgotten."""
RETRY_SECONDS = 30
"""When to try again where the queue is full."""
CLOSING_SECONDS = 5.0


class JobWatch:
    """What the work of a job tells of itself, and asks: whether it is still wanted."""

    def __init__(self, jobs: Jobs, job: _Job) -> None:
        self._jobs = jobs
        self._job = job

    @property
    def cancelled(self) -> bool:
        return self._job.stop.is_set()

    def tell(self, **known: Any) -> None:
        """Note what is known now: `title`, `detail`, `progress_seconds`, `total_seconds`."""
        self._jobs.note(self._job, **known)

    def step(self) -> None:
        """Between two pieces of the work: wait as long as others need the machine. Raises JobCancelledError."""
        self._jobs.make_way(self._job.stop)
        if self.cancelled:
            raise JobCancelledError


Work = Callable[[JobWatch], dict[str, Any]]
"""Gives the answer; may raise."""


@dataclass
class _Job:
    status: JobStatus
    work: Work
    discard: Callable[[], object]
    stop: threading.Event = field(default_factory=threading.Event)
    ended_at: float = 0.0


class Jobs:
    """A queue, and one thread that works it off. Every method may be called from any thread.

    make_way : called between the pieces of a job, with an event that is set when the job is to stop: returns when
        others do not need the machine.
    """

    def __init__(self, clock: Clock, *, make_way: Callable[[threading.Event], None] = lambda stop: None) -> None:
        self.make_way = make_way
        self._clock = clock
        self._changed = threading.Condition()
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        """Waiting, running and ended, the oldest first."""
        self._waiting: deque[_Job] = deque()
        self._worker: threading.Thread | None = None
        self._closed = False

    def add(
        self,
        work: Work,
        *,
        title: str,
        total_seconds: float | None = None,
        discard: Callable[[], object] = lambda: None,
    ) -> JobStatus:
        """Have something done when its turn comes.

        discard : called once, from any thread, when the work is over or will never begin.

        Raises JobsFullError, and InterruptedJobError where no more is done; then `discard` is left to the caller.
        """
        with self._changed:
            self._check_room()
            self._tidy()
            job = _Job(JobStatus(secrets.token_urlsafe(12), title, total_seconds=total_seconds), work, discard)
            self._jobs[job.status.identifier] = job
            self._waiting.append(job)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)
                self._worker.start()
            self._changed.notify()
            return job.status

    def check_room(self) -> None:
        """Raises what `add` would raise now, so that nothing is fetched for nothing."""
        with self._changed:
            self._check_room()

    def get(self, identifier: str) -> JobStatus:
        """How it is with a job. Raises NoJobError."""
        with self._changed:
            self._tidy()
            return self._found(identifier).status

    def cancel(self, identifier: str) -> JobStatus:
        """Stop a job, if it has not ended, and forget it. Returns how it was then. Raises NoJobError."""
        with self._changed:
            self._tidy()
            job = self._found(identifier)
            del self._jobs[identifier]
            job.stop.set()
            waited = job in self._waiting
            if waited:
                self._waiting.remove(job)
            if not job.status.over:
                job.status = replace(job.status, state=JobState.CANCELLED, detail="")
        if waited:
            _discard(job)
        return job.status

    def close(self) -> None:
        """End what is running and refuse what is waiting, in words; nothing is taken any more. May be called twice."""
        with self._changed:
            self._closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
            for job in self._jobs.values():
                job.stop.set()
            for job in waiting:
                self._end(job, JobState.FAILED, problem=interrupted())
            self._changed.notify()
            worker = self._worker
        for job in waiting:
            _discard(job)
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout=CLOSING_SECONDS)

    def note(self, job: _Job, **known: Any) -> None:
        """Change what is known of a job that is running."""
        with self._changed:
            if not job.status.over:
                job.status = replace(job.status, **known)

    # ---- under the lock ------------------------------------------------------------------------------------------

    def _found(self, identifier: str) -> _Job:
        job = self._jobs.get(identifier)
        if job is None:
            raise NoJobError(
                "there is no such job",
                rule=f"one is kept until it is deleted, or for {KEPT_SECONDS / 60:g} minutes after its end",
                next_step="Send the file or the link again",
            )
        return job

    def _check_room(self) -> None:
        if self._closed:
            raise interrupted()
        if len(self._waiting) >= QUEUED:
            raise JobsFullError(
                f"{QUEUED} jobs are waiting already",
                rule="no more are taken at a time",
                next_step=f"Try again in {RETRY_SECONDS} seconds, or delete one that is not needed any more",
            )

    def _tidy(self) -> None:
        """Forget the oldest of those that have ended: too long ago, too many, too much."""
        now = self._clock.now()
        ended = sorted((job for job in self._jobs.values() if job.status.over), key=lambda job: job.ended_at)
        size = sum(len(job.status.answer or b"") for job in ended)
        for place, job in enumerate(ended):
            late = now - job.ended_at > KEPT_SECONDS
            if not late and len(ended) - place <= FINISHED and size <= ANSWER_BYTES:
                break
            size -= len(job.status.answer or b"")
            del self._jobs[job.status.identifier]

    def _end(
        self, job: _Job, state: JobState, *, answer: bytes | None = None, problem: GenrescopeError | None = None
    ) -> None:
        if job.status.over:
            return  # it was cancelled at the last moment
        job.status = replace(job.status, state=state, detail="", answer=answer, problem=problem)
        job.ended_at = self._clock.now()
        self._tidy()

    # ---- the worker's thread -------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job = self._waiting.popleft()
                job.status = replace(job.status, state=JobState.RUNNING)
            self._carry_out(job)

    def _carry_out(self, job: _Job) -> None:
        answer: bytes | None = None
        problem: GenrescopeError | None = None
        try:
            answer = _as_json(job.work(JobWatch(self, job)))
        except JobCancelledError:
            pass
        except GenrescopeError as error:
            problem = error
        except Exception as error:
            log.exception("a job failed")
            problem = failed_inside(error)
        finally:
            _discard(job)
        with self._changed:
            if answer is not None:
                self._end(job, JobState.DONE, answer=answer)
            else:
                # Whatever went wrong in work that was told to stop, that it had to stop is why.
                stopped = self._closed and job.stop.is_set()
                self._end(job, JobState.FAILED, problem=problem if problem and not stopped else interrupted())


def _discard(job: _Job) -> None:
    try:
        job.discard()
    except Exception:  # what cannot be tidied away now goes with its folder
        log.exception("tidying up after a job failed")


def _as_json(answer: dict[str, Any]) -> bytes:
    data = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) > ANSWER_BYTES // 2:
        raise TooMuchError(
            f"the answer is too long ({len(data) / 1e6:.0f} MB)",
            rule=f"an answer has at most {ANSWER_BYTES / 2e6:.0f} MB",
            next_step="Ask for it without its windows",
        )
    return data
