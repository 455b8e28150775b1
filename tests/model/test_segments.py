"""Segments of a stream that goes on are those of the whole, at a cost that does not grow."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import SettingError
from model.segments import NOT_SURE, SILENCE, Heard, Hearing, RunningSegments, Segment, merge

LABELS = ("jazz", "rock", "pop")
HOP = 0.5
NAMES = (*LABELS, NOT_SURE, SILENCE)

Scene = list[tuple[str, int]]
"""Names with how many moments each of them lasts."""


def listen(scene: Scene) -> list[Heard]:
    heard: list[Heard] = []
    for name, count in scene:
        shares = np.full(len(LABELS), 0.1, np.float32)
        shares[LABELS.index(name) if name in LABELS else 0] = 0.8
        for _ in range(count):
            heard.append(Heard(HOP * (len(heard) + 1), None if name == SILENCE else shares, sure=name != NOT_SURE))
    return heard


def run(heard: list[Heard], **options: int) -> tuple[Segment, ...]:
    running = RunningSegments(LABELS, **options)  # type: ignore[arg-type]
    final = [segment for moment in heard for segment in running.push(moment)]
    return (*final, *running.open())


def same(some: tuple[Segment, ...], others: tuple[Segment, ...]) -> bool:
    return [(segment.start_seconds, segment.end_seconds, segment.label) for segment in some] == [
        (segment.start_seconds, segment.end_seconds, segment.label) for segment in others
    ] and np.allclose([segment.probability for segment in some], [segment.probability for segment in others])


names = st.sampled_from(NAMES)
stretches = st.tuples(names, st.integers(16, 120))
flickers = st.tuples(names, st.integers(1, 7))


@given(st.lists(st.tuples(stretches, flickers), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_long_stretches_with_flickers_between_give_the_segments_of_the_whole(
    parts: list[tuple[tuple[str, int], tuple[str, int]]],
) -> None:
    heard = listen([part for pair in parts for part in pair])
    assert same(run(heard, held_runs=32), merge(heard, LABELS))


@given(st.lists(st.tuples(names, st.integers(1, 20)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_at_every_moment_the_segments_are_those_of_what_has_been_heard(scene: Scene) -> None:
    heard = listen(scene)
    running = RunningSegments(LABELS)
    for count, moment in enumerate(heard, start=1):
        assert running.push(moment) == []
        if count % 7 == 0:
            assert same(running.open(), merge(heard[:count], LABELS))


@given(st.lists(st.tuples(names, st.integers(1, 20)), min_size=1, max_size=200))
@settings(max_examples=60, deadline=None)
def test_whatever_is_heard_there_are_no_gaps_and_nothing_final_is_too_short(scene: Scene) -> None:
    heard = listen(scene)
    segments = run(heard, held_runs=8)
    assert segments[0].start_seconds == 0.0 and segments[-1].end_seconds == heard[-1].time_seconds
    for segment, following in pairwise(segments):
        assert segment.end_seconds == following.start_seconds
    assert all(segment.seconds >= 4.0 for segment in segments[:-1])


def test_what_is_held_does_not_grow_whether_one_thing_is_heard_or_many() -> None:
    for scene in ([("jazz", 20), ("rock", 2)], [("jazz", 20), ("rock", 20), (SILENCE, 9)], [("jazz", 1), ("rock", 1)]):
        running = RunningSegments(LABELS)
        for moment in listen(scene * 300):
            running.push(moment)
            assert len(running._runs) <= 64


def test_a_label_interrupted_for_hours_stays_one_segment_with_its_mean() -> None:
    heard = listen([("jazz", 20), ("rock", 2)] * 300)
    [segment] = run(heard)
    assert (segment.start_seconds, segment.end_seconds, segment.label) == (0.0, 3300.0, "jazz")
    assert segment.probability == pytest.approx((20 * 0.8 + 2 * 0.1) / 22, abs=1e-6)


def test_the_last_moment_may_speak_for_more_than_its_own_time() -> None:
    running = RunningSegments(LABELS, start_seconds=10.0)
    assert running.open(20.0) == ()
    running.push(Heard(11.0, np.array([0.8, 0.1, 0.1], np.float32)))
    assert [(segment.start_seconds, segment.end_seconds) for segment in running.open(12.5)] == [(10.0, 12.5)]
    assert [segment.end_seconds for segment in running.open()] == [11.0]


def test_too_little_hindsight_is_refused() -> None:
    with pytest.raises(SettingError, match="at least eight"):
        RunningSegments(LABELS, held_runs=3)


def test_silence_stands_where_it_was_heard() -> None:
    # Music to 42 s, silence to 48 s, music again; windows of 3 s, silence is called after 0.6 s of quiet.
    hearing = Hearing(window_seconds=3.0)
    moments = []
    for step in range(6, 121):
        end = step / 2
        silent = 42.6 <= end < 48.0
        moments += hearing.at(end, None if silent else np.array([0.9, 0.1], np.float32), not silent)
    times = [moment.time_seconds for moment in moments]
    assert times == sorted(times)
    segments = merge(moments, ("jazz", "rock"))
    assert [segment.label for segment in segments] == ["jazz", "silence", "jazz"]
    assert segments[1].start_seconds == pytest.approx(42.0, abs=0.5)
    assert segments[1].end_seconds == pytest.approx(48.0, abs=0.5)
