"""The shapes of what is said about whole tracks, and of the jobs that lead to it."""

from __future__ import annotations

from pydantic import Field

from dashboard.api.job import JobState, JobStatus
from dashboard.api.problems import Problem, problem_of
from dashboard.api.schemas import Answer, LabelProbability, ModelVersion, Segment


class Window(Answer):
    """What was heard in one window."""

    end_seconds: float = Field(ge=0)
    verdict: str = Field(description='"sure", "not sure", "no music" or "silence".')
    probabilities: list[float] = Field(description="Smoothed, in the order of the model's labels; 0 without music.")


class TrackAnswer(Answer):
    """What is said about a whole track. `dashboard.track.track_answer` makes it."""

    model: ModelVersion
    title: str = Field(description="As the file is tagged, or named.")
    seconds: float = Field(ge=0, description="How much of it was heard.")
    problem: str | None = Field(description="Why it ended early, if it did.")
    labels: list[LabelProbability] = Field(description="The most probable first; empty if all is silent.")
    said: list[str] = Field(
        description="The labels that are named: one, or where several may be right all that are likely enough; "
        "none if it is silent or not sure."
    )
    segments: list[Segment] = Field(description="From beginning to end, without gaps.")
    windows: list[Window] | None = Field(description="If they were asked for with windows=true.")


class Job(Answer):
    """Work that goes on."""

    id: str
    title: str
    state: JobState
    detail: str = Field(description="What is being done, for people.")
    progress_seconds: float = Field(ge=0, description="Of sound, heard so far.")
    total_seconds: float | None = Field(description="Of sound in all, as the file says; null while nobody knows.")
    answer: TrackAnswer | None = Field(description="When it is done.")
    problem: Problem | None = Field(description="Why it failed, if it has.")


def job_json(status: JobStatus) -> bytes:
    """A job as JSON, in the shape of `Job`."""
    described = Job(
        id=status.identifier,
        title=status.title,
        state=status.state,
        detail=status.detail,
        progress_seconds=status.progress_seconds,
        total_seconds=status.total_seconds,
        answer=None,
        problem=None if status.problem is None else problem_of(status.problem),
    )
    head = described.model_dump_json(exclude={"answer"}).encode()
    # The answer is JSON already, and may be long.
    return head[:-1] + b',"answer":' + (status.answer or b"null") + b"}"
