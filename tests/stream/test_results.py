"""What is kept of a session, and how it is read: an hour, by cursor, from any thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.records import Prediction, Verdict
from stream.results import CHUNK_COLUMNS, Results
from stream.settings import StreamSettings

BANDS = 3


def results(**history: int) -> Results:
    return Results(("loud", "soft"), StreamSettings(**history))  # type: ignore[arg-type]


def picture(number: int) -> np.ndarray:
    return np.array([number % 256, number // 256 % 256, 7], np.uint8)


def fill(kept: Results, count: int) -> None:
    for number in range(kept.next_column, kept.next_column + count):
        kept.append_column(0.096 * (number + 1), picture(number))


def prediction(number: int) -> Prediction:
    shares = np.array([0.5, 0.5], np.float32)
    return Prediction(
        number, 0.5 * number, 0, 0.5 * number, 0.0, 0.0, Verdict.SURE, shares, shares, 0.0, 0.0, 1, 0, False, False
    )


def test_an_hour_of_predictions_and_of_columns_is_kept() -> None:
    usual = StreamSettings()
    assert usual.history_predictions * usual.hop_seconds == 3600.0
    assert usual.history_columns * usual.column_seconds == pytest.approx(3600.0)
    kept = Results(("loud", "soft"), usual)
    fill(kept, usual.history_columns + 3 * CHUNK_COLUMNS)
    times, bands = kept.columns(0, kept.next_column)
    assert times.shape == (usual.history_columns,) and bands.shape == (usual.history_columns, BANDS)
    assert times.dtype == np.float64 and bands.dtype == np.uint8
    assert times[-1] - times[0] == pytest.approx(3600.0 - usual.column_seconds)


@given(st.integers(1, 3000), st.integers(0, 7000), st.integers(-5, 7000), st.integers(-5, 7500))
@settings(max_examples=50, deadline=None)
def test_a_range_gives_exactly_the_columns_in_it_that_are_still_there(
    capacity: int, count: int, first: int, stop: int
) -> None:
    kept = results(history_columns=capacity)
    fill(kept, count)
    wanted = [number for number in range(max(0, count - capacity), count) if first <= number < stop]
    times, bands = kept.columns(first, stop)
    np.testing.assert_allclose(times, [0.096 * (number + 1) for number in wanted])
    np.testing.assert_array_equal(bands, np.array([picture(number) for number in wanted]).reshape(bands.shape))
    assert len(bands) == len(wanted)


@pytest.mark.parametrize("capacity", [1, 20, CHUNK_COLUMNS, 5000])
def test_a_reader_by_cursor_sees_every_column_once_and_in_order(capacity: int) -> None:
    kept = results(history_columns=capacity)
    seen: list[int] = []
    for step in (1, 0, capacity, 1, capacity, capacity // 2):
        fill(kept, step)
        new = kept.columns_since(seen[-1] + 1 if seen else 0)
        for column in new:
            assert column.stream_time == pytest.approx(0.096 * (column.number + 1))
            np.testing.assert_array_equal(column.bands, picture(column.number))
        seen += [column.number for column in new]
    assert seen == list(range(kept.next_column))


def test_nothing_heard_has_no_columns() -> None:
    kept = results()
    times, bands = kept.columns(0, 100)
    assert len(times) == 0 and len(bands) == 0 and kept.columns_since(0) == [] and kept.next_column == 0
    assert kept.latest is None and kept.predictions_since(0) == []


def test_what_was_read_stays_as_it_was() -> None:
    kept = results(history_columns=4)
    frame = np.array([1, 2, 3], np.uint8)
    kept.append_column(0.1, frame)
    frame[:] = 0
    column, (_, bands) = kept.columns_since(0)[0], kept.columns(0, 1)
    fill(kept, 50)
    assert column.bands.tolist() == [1, 2, 3] and bands.tolist() == [[1, 2, 3]]


def test_little_sound_takes_little_memory() -> None:
    kept = Results(("loud",), StreamSettings())
    fill(kept, CHUNK_COLUMNS)
    held = kept._columns
    assert sum(chunk.nbytes for chunk in (*held._times, *held._bands)) == CHUNK_COLUMNS * (8 + BANDS)


def test_columns_read_while_others_are_appended_are_whole() -> None:
    kept = results(history_columns=50)
    done = threading.Event()
    torn: list[str] = []

    def read() -> None:
        while not done.is_set():
            times, bands = kept.columns(0, 1 << 40)
            numbers = np.rint(times / 0.096).astype(int) - 1
            pictures = np.array([picture(number) for number in numbers]).reshape(bands.shape)
            if not (np.diff(numbers) == 1).all() or not (pictures == bands).all():
                torn.append(f"{numbers} {bands}")

    reader = threading.Thread(target=read)
    reader.start()
    fill(kept, 5000)
    done.set()
    reader.join()
    assert torn == []


def test_predictions_are_bounded_and_read_by_number() -> None:
    kept = results(history_predictions=10)
    for number in range(25):
        kept.append(prediction(number))
    assert [entry.number for entry in kept.predictions_since(0)] == list(range(15, 25))
    assert [entry.number for entry in kept.predictions_since(22)] == [22, 23, 24]
    assert kept.latest is not None and kept.latest.number == 24 and kept.next_prediction == 25
