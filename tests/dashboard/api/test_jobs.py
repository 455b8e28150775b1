"""Long work of programs: done in turn, told of, kept a while, and ended when it is not wanted any more."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.api.job import JobsFullError, JobState, JobStatus, NoJobError
from dashboard.api.jobs import ANSWER_BYTES, FINISHED, KEPT_SECONDS, QUEUED, Jobs, JobWatch
from dashboard.api.track import Job, job_json
from model.errors import AudioFileError, GenrescopeError
from tests.dashboard.conftest import until
from tests.stream.fakes import ManualClock


class Work:
    """Goes on when it is told to, a step at a time."""

    def __init__(self, answer: dict[str, Any] | None = None, error: Exception | None = None) -> None:
        self.answer, self.error = answer or {"title": "song"}, error
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.discarded = 0

    def __call__(self, watch: JobWatch) -> dict[str, Any]:
        self.begun.set()
        while not self.may_end.wait(0.01):
            watch.step()
        if self.error is not None:
            raise self.error
        return self.answer

    def discard(self) -> None:
        self.discarded += 1


class Done(Work):
    """Is over as soon as it has begun."""

    def __init__(self, answer: dict[str, Any] | None = None, error: Exception | None = None) -> None:
        super().__init__(answer, error)
        self.may_end.set()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def jobs(clock: ManualClock) -> Iterator[Jobs]:
    found = Jobs(clock)
    yield found
    found.close()


def add(jobs: Jobs, work: Work, title: str = "song") -> str:
    return jobs.add(work, title=title, discard=work.discard).identifier


def ended(jobs: Jobs, identifier: str) -> JobStatus:
    until(lambda: jobs.get(identifier).over, "the job is over")
    return jobs.get(identifier)


def test_jobs_are_done_one_after_the_other(jobs: Jobs) -> None:
    first, second = Work({"number": 1}), Work({"number": 2})
    one, two = add(jobs, first), add(jobs, second)
    assert first.begun.wait(20)
    assert jobs.get(one).state is JobState.RUNNING and jobs.get(two).state is JobState.QUEUED
    assert not second.begun.is_set()
    first.may_end.set()
    assert second.begun.wait(20)
    done = ended(jobs, one)
    assert done.state is JobState.DONE and json.loads(done.answer or b"") == {"number": 1}
    second.may_end.set()
    assert ended(jobs, two).state is JobState.DONE
    assert first.discarded == second.discarded == 1


def test_a_job_tells_how_far_it_is(jobs: Jobs) -> None:
    told, go_on = threading.Event(), threading.Event()

    def work(watch: JobWatch) -> dict[str, Any]:
        watch.tell(title="Another title", detail="listening", progress_seconds=12.0, total_seconds=90.0)
        told.set()
        assert go_on.wait(20)
        return {}

    identifier = jobs.add(work, title="song").identifier
    assert told.wait(20)
    status = jobs.get(identifier)
    assert (status.title, status.detail) == ("Another title", "listening")
    assert (status.progress_seconds, status.total_seconds) == (12.0, 90.0)
    go_on.set()
    assert ended(jobs, identifier).detail == ""


def test_what_goes_wrong_is_the_job_s_problem_and_the_next_one_is_done(jobs: Jobs) -> None:
    bad = Done(error=AudioFileError("song is cut off", rule="a rule", next_step="Try another"))
    worse = Done(error=ZeroDivisionError("secret"))
    one, two, three = add(jobs, bad), add(jobs, worse), add(jobs, Done())
    status = ended(jobs, one)
    assert status.state is JobState.FAILED and status.answer is None
    assert status.problem is not None and status.problem.what == "song is cut off"
    described = Job.model_validate_json(job_json(status))
    assert described.problem is not None and described.problem.status == 422
    inside = ended(jobs, two).problem
    assert inside is not None and "something went wrong inside genrescope" in str(inside)
    assert "secret" not in str(inside)
    assert ended(jobs, three).state is JobState.DONE
    assert bad.discarded == worse.discarded == 1


def test_a_file_that_cannot_be_removed_does_not_end_the_worker(jobs: Jobs) -> None:
    def stuck() -> None:
        raise PermissionError("in use")

    first = jobs.add(Done(), title="one", discard=stuck).identifier
    second = add(jobs, Done())
    assert ended(jobs, first).state is ended(jobs, second).state is JobState.DONE


def test_a_job_that_is_cancelled_before_its_turn_never_begins(jobs: Jobs) -> None:
    first, second, third = Work(), Work(), Done()
    add(jobs, first)
    two, three = add(jobs, second), add(jobs, third)
    assert jobs.cancel(two).state is JobState.CANCELLED
    assert second.discarded == 1
    with pytest.raises(NoJobError):
        jobs.get(two)
    first.may_end.set()
    assert ended(jobs, three).state is JobState.DONE
    assert not second.begun.is_set() and second.discarded == 1


def test_a_job_that_is_cancelled_while_it_runs_stops_at_its_next_step(jobs: Jobs) -> None:
    work, after = Work(), Done()
    identifier = add(jobs, work)
    assert work.begun.wait(20)
    assert jobs.cancel(identifier).state is JobState.CANCELLED
    until(lambda: work.discarded == 1, "its file is removed")
    with pytest.raises(NoJobError):
        jobs.cancel(identifier)
    assert ended(jobs, add(jobs, after)).state is JobState.DONE


def test_a_job_that_is_over_is_forgotten_when_it_is_deleted(jobs: Jobs) -> None:
    identifier = add(jobs, Done())
    assert ended(jobs, identifier).state is JobState.DONE
    assert jobs.cancel(identifier).state is JobState.DONE
    with pytest.raises(NoJobError):
        jobs.get(identifier)


def test_a_full_queue_is_said_and_room_comes_back(jobs: Jobs) -> None:
    first = Work()
    add(jobs, first)
    assert first.begun.wait(20)
    waiting = [add(jobs, Done()) for _ in range(QUEUED)]
    refused = Work()
    with pytest.raises(JobsFullError, match=f"{QUEUED} jobs are waiting") as caught:
        add(jobs, refused)
    assert caught.value.status == 429 and refused.discarded == 0
    with pytest.raises(JobsFullError):
        jobs.check_room()
    jobs.cancel(waiting[0])
    jobs.check_room()
    add(jobs, Done())
    first.may_end.set()


def test_a_job_is_kept_for_an_hour_after_its_end(jobs: Jobs, clock: ManualClock) -> None:
    identifier = add(jobs, Done())
    assert ended(jobs, identifier).state is JobState.DONE
    clock.time += KEPT_SECONDS - 1.0
    assert jobs.get(identifier).state is JobState.DONE
    clock.time += 2.0
    with pytest.raises(NoJobError, match="no such job"):
        jobs.get(identifier)


def test_a_job_that_still_waits_is_not_forgotten_however_long_it_waits(jobs: Jobs, clock: ManualClock) -> None:
    first, second = Work(), Done()
    add(jobs, first)
    identifier = add(jobs, second)
    clock.time += 10 * KEPT_SECONDS
    assert jobs.get(identifier).state is JobState.QUEUED
    first.may_end.set()
    assert ended(jobs, identifier).state is JobState.DONE


def test_of_many_ended_jobs_the_oldest_are_forgotten(jobs: Jobs, clock: ManualClock) -> None:
    identifiers = []
    for _ in range(FINISHED + 2):
        clock.time += 1.0
        identifiers.append(add(jobs, Done()))
        ended(jobs, identifiers[-1])
    for gone in identifiers[:2]:
        with pytest.raises(NoJobError):
            jobs.get(gone)
    assert all(jobs.get(kept).state is JobState.DONE for kept in identifiers[2:])


def test_long_answers_push_out_older_ones(jobs: Jobs, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.api.jobs.ANSWER_BYTES", 1000)
    identifiers = []
    for _ in range(3):
        clock.time += 1.0
        identifiers.append(add(jobs, Done({"text": "x" * 400})))
        ended(jobs, identifiers[-1])
    with pytest.raises(NoJobError):
        jobs.get(identifiers[0])
    assert jobs.get(identifiers[1]).state is jobs.get(identifiers[2]).state is JobState.DONE


def test_an_answer_that_is_too_long_to_be_kept_is_said(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ANSWER_BYTES >= 10_000_000
    monkeypatch.setattr("dashboard.api.jobs.ANSWER_BYTES", 1000)
    status = ended(jobs, add(jobs, Done({"text": "x" * 600})))
    assert status.state is JobState.FAILED
    assert status.problem is not None and "without its windows" in str(status.problem)


def test_when_the_program_ends_its_jobs_end_in_words(jobs: Jobs) -> None:
    before = set(threading.enumerate())
    running, waiting = Work(), Work()
    one, two = add(jobs, running), add(jobs, waiting)
    assert running.begun.wait(20)
    jobs.close()
    jobs.close()
    for identifier in (one, two):
        status = jobs.get(identifier)
        assert status.state is JobState.FAILED
        assert status.problem is not None and "genrescope was closed before the job was done" in str(status.problem)
    assert running.discarded == waiting.discarded == 1 and not waiting.begun.is_set()
    assert not any(thread.name == "jobs" for thread in set(threading.enumerate()) - before)
    with pytest.raises(GenrescopeError, match="closed"):
        add(jobs, Done())


def test_a_job_as_json_has_the_described_shape_in_every_state() -> None:
    for state in JobState:
        Job.model_validate_json(job_json(JobStatus("id", "Für Elise", state)))
    answer = {"model": {"name": "m", "version": ""}, "title": "t", "seconds": 3.0, "problem": None}
    answer |= {"labels": [{"label": "a", "probability": 1.0}], "said": ["a"], "segments": [], "windows": None}
    done = Job.model_validate_json(job_json(JobStatus("id", "t", JobState.DONE, answer=json.dumps(answer).encode())))
    assert done.answer is not None and done.answer.labels[0].label == "a"
