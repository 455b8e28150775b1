"""A job, as it is told of, and what can go wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.errors import GenrescopeError


class JobState(StrEnum):
    """Where a job is on its way."""

    QUEUED = "queued"
    """Others are before it."""
    RUNNING = "running"
    DONE = "done"
    """There is an answer."""
    FAILED = "failed"
    """There is a problem."""
    CANCELLED = "cancelled"
    """Nobody wants it any more."""


@dataclass(frozen=True)
class JobStatus:
    """A job as it is at one moment.

    progress_seconds : of sound, done so far; total_seconds : of sound in all, None while nobody knows.
    detail : what is being done, for people.
    answer : as JSON, when it is done. problem : why it failed, when it has.
    """

    identifier: str
    title: str
    state: JobState = JobState.QUEUED
    detail: str = ""
    progress_seconds: float = 0.0
    total_seconds: float | None = None
    answer: bytes | None = None
    problem: GenrescopeError | None = None

    @property
    def over(self) -> bool:
        return self.state not in (JobState.QUEUED, JobState.RUNNING)


class JobsFullError(GenrescopeError):
    """As many jobs are waiting as may."""

    status = 429


class NoJobError(GenrescopeError):
    """There is no such job (any more)."""

    status = 404


class InterruptedJobError(GenrescopeError):
    """The program ended before the job did."""

    status = 503


class JobCancelledError(Exception):
    """Raised in a job's own work, at its next step, when nobody wants it any more."""


class TooMuchError(GenrescopeError):
    """The answer is too long to be kept."""

    status = 413


class InsideError(GenrescopeError):
    """It is genrescope's own fault."""

    status = 500


def failed_inside(error: Exception) -> InsideError:
    return InsideError(
        f"something went wrong inside genrescope ({type(error).__name__})",
        next_step="The terminal it was started from says more",
    )


def interrupted() -> InterruptedJobError:
    return InterruptedJobError(
        "genrescope was closed before the job was done",
        rule="jobs end with the program",
        next_step="Start it again, and send the file or the link again",
    )
