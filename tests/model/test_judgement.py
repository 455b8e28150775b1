"""Calibration, smoothing, segments and scores, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from model.calibration import expected_calibration_error, fit_temperature
from model.errors import DataError, SettingError
from model.scores import confusion, score
from model.segments import NOT_SURE, SILENCE, Heard, merge
from model.smoothing import ExponentialSmoother

LABELS = ("jazz", "rock")


def test_calibration_error_is_the_weighted_gap_of_each_bin() -> None:
    # Two at .9, one of them right: gap .4 in one bin. Two at .55, both right: gap .45 in another.
    confidence = np.array([0.9, 0.9, 0.55, 0.55])
    correct = np.array([True, False, True, True])
    assert expected_calibration_error(confidence, correct) == pytest.approx(0.5 * 0.4 + 0.5 * 0.45)
    weights = np.array([3.0, 3.0, 1.0, 1.0])
    assert expected_calibration_error(confidence, correct, weights=weights) == pytest.approx(0.75 * 0.4 + 0.25 * 0.45)


def test_calibration_error_is_zero_for_a_perfect_and_one_for_a_perfectly_wrong_prophet() -> None:
    assert expected_calibration_error(np.ones(5), np.ones(5, bool)) == 0.0
    assert expected_calibration_error(np.ones(5), np.zeros(5, bool)) == 1.0


def test_too_much_confidence_asks_for_a_temperature_above_one() -> None:
    # Log-odds of 4 claim 98 %; three of four are right, so the best log-odds are ln 3.
    scores = np.tile([4.0, 0.0], (4, 1))
    truth = np.array([0, 0, 0, 1])
    assert fit_temperature(scores, truth) == pytest.approx(4.0 / math.log(3.0), rel=1e-3)


def test_a_temperature_cannot_be_fitted_on_nothing() -> None:
    with pytest.raises(DataError):
        fit_temperature(np.zeros((0, 2)), np.zeros(0, int))


@pytest.mark.parametrize("hop", [0.1, 0.25, 0.5, 1.0])
def test_after_its_time_constant_a_change_has_come_through_to_63_percent_whatever_the_hop(hop: float) -> None:
    smoother = ExponentialSmoother(hop_seconds=hop, time_constant_seconds=2.0)
    smoother.update(np.array([1.0, 0.0], np.float32))
    for _ in range(round(2.0 / hop)):
        smoothed = smoother.update(np.array([0.0, 1.0], np.float32))
    assert smoothed[1] == pytest.approx(1.0 - math.exp(-1.0), abs=1e-4)
    assert smoothed.sum() == pytest.approx(1.0, abs=1e-6)


def test_the_first_probabilities_and_those_after_a_reset_are_taken_as_they_are() -> None:
    smoother = ExponentialSmoother(hop_seconds=0.5, time_constant_seconds=3.0)
    for values in ([0.2, 0.8], [0.9, 0.1]):
        np.testing.assert_allclose(smoother.update(np.array(values, np.float32)), values)
        smoother.reset()


def test_without_a_time_constant_nothing_is_smoothed() -> None:
    smoother = ExponentialSmoother(hop_seconds=0.5, time_constant_seconds=0.0)
    smoother.update(np.array([1.0, 0.0], np.float32))
    np.testing.assert_allclose(smoother.update(np.array([0.0, 1.0], np.float32)), [0.0, 1.0])


def test_a_smoother_refuses_times_that_make_no_sense() -> None:
    with pytest.raises(SettingError):
        ExponentialSmoother(hop_seconds=0.0, time_constant_seconds=1.0)


def listen(*parts: tuple[str, int]) -> list[Heard]:
    """One moment a second: ("jazz", 5) is five seconds of jazz."""
    chances = {"jazz": [0.8, 0.2], "rock": [0.3, 0.7], "either": [0.48, 0.52]}
    heard: list[Heard] = []
    for name, count in parts:
        for _ in range(count):
            probabilities = None if name == SILENCE else np.array(chances.get(name, [0.5, 0.5]), np.float32)
            heard.append(Heard(float(len(heard) + 1), probabilities, sure=name != NOT_SURE))
    return heard


def test_segments_cover_the_stream_without_gaps() -> None:
    segments = merge(listen(("jazz", 31), ("rock", 20), (SILENCE, 5), (NOT_SURE, 6)), LABELS)
    assert [(segment.start_seconds, segment.end_seconds, segment.label) for segment in segments] == [
        (0.0, 31.0, "jazz"),
        (31.0, 51.0, "rock"),
        (51.0, 56.0, SILENCE),
        (56.0, 62.0, NOT_SURE),
    ]
    assert str(segments[1]) == "0:31 rock"
    assert segments[0].probability == pytest.approx(0.8)
    assert segments[2].probability == 0.0


def test_a_short_stretch_belongs_to_its_longer_neighbour() -> None:
    segments = merge(listen(("jazz", 20), ("rock", 2), ("jazz", 10)), LABELS, minimum_seconds=4.0)
    assert [(segment.seconds, segment.label) for segment in segments] == [(32.0, "jazz")]


def test_a_label_holds_until_another_is_clearly_better() -> None:
    segments = merge(listen(("jazz", 10), ("either", 10)), LABELS, minimum_seconds=0.0, margin=0.05)
    assert [segment.label for segment in segments] == ["jazz"]
    segments = merge(listen(("jazz", 10), ("either", 10)), LABELS, minimum_seconds=0.0, margin=0.01)
    assert [segment.label for segment in segments] == ["jazz", "rock"]


def test_nothing_heard_makes_no_segments_and_a_short_stream_makes_one() -> None:
    assert merge([], LABELS) == ()
    assert [segment.label for segment in merge(listen(("rock", 1)), LABELS)] == ["rock"]


def test_every_label_counts_the_same_in_the_scores() -> None:
    # Nine of ten jazz tracks right, none of two rock tracks.
    probabilities = np.array([[0.9, 0.1]] * 9 + [[0.2, 0.8]] + [[0.6, 0.4]] * 2)
    truth = np.array([0] * 10 + [1] * 2)
    scores = score(probabilities, truth, [str(number) for number in range(12)], unsure_below=0.7)
    assert scores.balanced_accuracy.value == pytest.approx(0.45)
    assert scores.precision_at[1] == pytest.approx(1.0)
    assert scores.macro_f1 == pytest.approx((2 * 9 / (11 + 10) + 0.0) / 2)
    assert scores.sure_share == pytest.approx(0.5)
    assert scores.sure_accuracy == pytest.approx(0.9)
    low, high = scores.balanced_accuracy.interval
    assert low <= 0.45 <= high
    assert confusion(probabilities, truth).tolist() == [[9, 1], [2, 0]]


def test_the_interval_is_wider_when_examples_share_artists() -> None:
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(10) < 0.6, 10)
    probabilities = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
    truth = np.zeros(100, int)

    def width(groups: list[str]) -> float:
        low, high = score(probabilities, truth, groups, unsure_below=0.0).balanced_accuracy.interval
        return high - low

    assert width([str(number // 10) for number in range(100)]) > 1.5 * width([str(number) for number in range(100)])
