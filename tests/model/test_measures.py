"""Measures give the numbers one gets by hand, and scikit-learn's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from model.ablation import AS_IT_IS, ablate
from model.calibration import expected_calibration_error
from model.datasets.dataset import LabelledTrack
from model.evaluation import cross_validate
from model.learning_curve import learning_curve, nested_artists
from model.measurement import read_history
from model.measures.answers import Answers
from model.measures.bootstrap import Draws, draw_artists, interval
from model.measures.ranking import areas, macro, macro_intervals
from model.measures.reliability import reliability
from model.measures.streaming import Piece, Shown, Timeline, score_timelines
from model.measures.worst import worst_clips
from model.scores import balanced_rounds, score
from model.tag_scores import score_tags
from tests.model.sample_measurement import HOSTILE_FILE, measurement, results
from tests.model.test_evaluation import LABELS, RECIPE, synthetic_music


def some_answers(seed: int = 0, examples: int = 90, labels: int = 4) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Probabilities, right labels, artists: better than chance."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(labels, size=examples)
    scores = rng.normal(0.0, 1.0, (examples, labels)) + 1.2 * (np.arange(labels) == truth[:, None])
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return probabilities, truth, [f"artist {number // 3}" for number in range(examples)]


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    probabilities, truth, groups = some_answers(seed)
    found = score(probabilities, truth, groups, unsure_below=0.5)
    named = probabilities.argmax(axis=1)
    weights = 1.0 / np.bincount(truth)[truth]
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(truth, named))
    assert found.balanced_accuracy.value == pytest.approx(metrics.balanced_accuracy_score(truth, named))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(truth, named, average="macro"))
    for count in (2, 3):
        expected = metrics.top_k_accuracy_score(truth, probabilities, k=count, sample_weight=weights)
        assert found.precision_at[count - 1] == pytest.approx(expected)


def test_intervals_are_the_figures_of_the_artists_drawn() -> None:
    probabilities, truth, groups = some_answers(5, examples=60)
    draws = draw_artists(groups)
    named = probabilities.argmax(axis=1)
    right = named == truth
    has = np.arange(4) == truth[:, None]
    rows = [np.repeat(np.arange(60), counts[draws.group_of]) for counts in draws.counts[:20]]
    rounds = balanced_rounds(right, truth, draws)
    first = Draws(draws.counts[:20], draws.group_of)
    roc, pr = macro_intervals(has, probabilities, first)
    of_roc = [metrics.roc_auc_score(has[row], probabilities[row], average="macro") for row in rows]
    of_pr = [metrics.average_precision_score(has[row], probabilities[row], average="macro") for row in rows]
    expected = [metrics.balanced_accuracy_score(truth[row], named[row]) for row in rows]
    np.testing.assert_allclose(rounds[:20], expected)
    assert roc == pytest.approx(interval(np.array(of_roc)))
    assert pr == pytest.approx(interval(np.array(of_pr)))


def test_an_interval_counts_artists_and_not_their_tracks() -> None:
    probabilities, truth, _ = some_answers(1, examples=40)
    alone = score(probabilities, truth, [str(number) for number in range(40)], unsure_below=0.0)
    many = np.repeat(np.arange(40), 10)
    copies = score(probabilities[many], truth[many], [str(number) for number in many], unsure_below=0.0)
    assert copies.accuracy == alone.accuracy
    assert copies.balanced_accuracy.interval == pytest.approx(alone.balanced_accuracy.interval)


def test_areas_are_none_where_nothing_can_be_ranked() -> None:
    truth = np.array([[True, True, False], [False, True, False], [True, True, False]])
    found = areas(truth, np.array([[0.9, 0.5, 0.1], [0.2, 0.5, 0.1], [0.1, 0.5, 0.1]]))
    assert found[0] is not None
    assert found[0].roc == 0.5  # one of the two tracks with the label ranks before the one without
    assert found[1:] == (None, None)
    assert macro(found) == found[0]
    assert macro((None,)) is None


def test_tags_are_scored_as_scikit_learn_scores_them() -> None:
    answers = results(exclusive=False).answers()
    truth, probabilities = answers.truth, answers.probabilities
    found = score_tags(probabilities, truth, answers.groups, shown_from=0.6)
    shown = probabilities >= 0.6
    assert found.roc_auc is not None
    assert found.roc_auc.value == pytest.approx(metrics.roc_auc_score(truth, probabilities))
    assert found.roc_auc.interval[0] < found.roc_auc.value < found.roc_auc.interval[1]
    assert found.macro_f1 == pytest.approx(metrics.f1_score(truth, shown, average="macro"))
    assert found.micro_f1 == pytest.approx(metrics.f1_score(truth, shown, average="micro"))
    assert found.precision_at[0] == pytest.approx(truth[np.arange(60), probabilities.argmax(axis=1)].mean())
    assert found.precision_at[2] == pytest.approx(truth.mean())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans(), st.floats(0.01, 5.0)), min_size=1, max_size=60))
def test_the_bins_add_up_to_the_calibration_error(answers: list[tuple[float, bool, float]]) -> None:
    confidence, correct, weights = map(np.array, zip(*answers, strict=True))
    bins = reliability(confidence, correct, weights=weights)
    assert sum(each.examples for each in bins) == len(answers)
    assert sum(each.share for each in bins) == pytest.approx(1.0)
    error = sum(each.share * abs(each.confidence - each.accuracy) for each in bins)
    assert error == pytest.approx(expected_calibration_error(confidence, correct, weights=weights), abs=1e-9)
    for each in bins:
        assert each.low - 1e-9 <= each.confidence <= each.high + 1e-9


def test_the_worst_clips_are_the_surest_mistakes_and_say_where_to_listen() -> None:
    tracks = tuple(LabelledTrack(Path(f"{n}.flac"), "a", (label,), str(n)) for n, label in enumerate("jjr"))
    windows = (
        np.array([[0.4, 0.6], [0.1, 0.9]], np.float32),  # wrong, surest in its second window
        np.array([[0.9, 0.1], [0.8, 0.2]], np.float32),  # right
        np.array([[0.6, 0.4], [0.6, 0.4]], np.float32),  # wrong, less surely
    )
    worst = worst_clips(Answers(("j", "r"), tracks, windows), exclusive=True, hop_seconds=3.0)
    assert [(clip.path.name, clip.answer, clip.truth, clip.at_seconds) for clip in worst] == [
        ("0.flac", "r", ("j",), 3.0),
        ("2.flac", "j", ("r",), 0.0),
    ]
    assert worst[0].probability == pytest.approx(0.75)
    assert worst[0].truth_probability == pytest.approx(0.25)


def test_of_tags_a_missed_one_is_a_mistake_too() -> None:
    tracks = (LabelledTrack(Path("0.flac"), "a", ("j",), "0"), LabelledTrack(Path("1.flac"), "a", ("j", "r"), "1"))
    windows = (np.array([[0.9, 0.8]], np.float32), np.array([[0.9, 0.05]], np.float32))
    worst = worst_clips(Answers(("j", "r"), tracks, windows), exclusive=False, hop_seconds=3.0)
    assert [(clip.answer, clip.missed) for clip in worst] == [("r", True), ("r", False)]


def timeline() -> Timeline:
    """Rock, then jazz: right after 3 s and after 4 s; "pop" for a moment; at the end it is not sure."""
    pieces = (Piece(frozenset({"rock"}), "A", 0.0, 10.0), Piece(frozenset({"jazz"}), "B", 10.0, 20.0))
    labels: list[str | None] = ["rock"] * 3 + ["pop"] + ["rock"] * 4
    labels += ["rock"] * 2 + [None] + ["jazz"] * 5 + [None, ""]
    return Timeline(pieces, tuple(Shown(3.0 + number, label) for number, label in enumerate(labels)))


def test_streaming_is_counted_as_by_hand() -> None:
    scores = score_timelines([timeline()], window_seconds=3.0)
    assert (scores.changes, scores.found, scores.seconds) == (1, 1.0, 20.0)
    assert scores.first_answer_seconds == 3.0
    assert scores.delay_seconds == scores.slow_delay_seconds == 4.0
    assert scores.right.value == pytest.approx(12 / 18)
    assert scores.wrong == pytest.approx(3 / 18)
    assert scores.not_sure == pytest.approx(2 / 18)
    assert scores.silence == pytest.approx(1 / 18)
    # rock to pop and back, in 7 s of the first piece and 6 s of the second
    assert scores.flips_per_minute == pytest.approx(60.0 * 2 / 13)


def test_what_is_never_named_has_no_delay() -> None:
    pieces = (Piece(frozenset({"rock"}), "A", 0.0, 10.0), Piece(frozenset({"jazz"}), "B", 10.0, 20.0))
    scores = score_timelines(
        [Timeline(pieces, tuple(Shown(float(second), "rock") for second in range(3, 21)))], window_seconds=3.0
    )
    assert (scores.found, scores.delay_seconds, scores.flips_per_minute) == (0.0, None, 0.0)


def test_more_artists_are_better_and_smaller_shares_lie_within_larger_ones() -> None:
    heard = synthetic_music(artists=10)
    smaller, larger = (nested_artists(heard, share, 1) for share in (0.2, 0.7))
    assert smaller < larger
    assert smaller != nested_artists(heard, 0.2, 2)
    rng = np.random.default_rng(3)
    own = {group: rng.normal(0.0, 1.5, 20) for group in sorted({outputs.track.group for outputs in heard["plain"]})}
    varied = [
        replace(outputs, embedding=(outputs.embedding + own[outputs.track.group]).astype(np.float32))
        for outputs in heard["plain"]
    ]
    curve = learning_curve(RECIPE, LABELS, (), {"plain": varied}, shares=(0.1, 1.0), seeds=2, folds=3)
    assert [point.artists for point in curve.points] == [6.0, 40.0]
    assert [len(point.accuracies) for point in curve.points] == [2, 1]
    assert curve.points[1].mean > curve.points[0].mean + 0.05


def test_the_recipe_as_it_is_scores_what_the_evaluation_says() -> None:
    heard = synthetic_music(artists=5)
    found = ablate(RECIPE, LABELS, (), heard)
    report = cross_validate(RECIPE, LABELS, (), heard).report("test", "test", 0.5)
    assert found.variants[0].change == AS_IT_IS
    assert found.variants[0].accuracy.value == pytest.approx(report.track.balanced_accuracy.value, abs=0.05)
    assert {row.change for row in found.variants[1:]} == {
        "sources not balanced",
        "ten times less regularisation",
        "ten times more regularisation",
    }


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_measurement_is_json_with_the_figures_of_the_card(exclusive: bool) -> None:
    found = measurement(exclusive=exclusive)
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert values["schema"] == 2
    assert values["track"] == found.report.to_json()["track"]
    assert len(values["per_label"]) == 3
    assert HOSTILE_FILE in values["worst"][0]["path"]
    assert values["streaming"]["right"]["interval"] == [0.6, 0.8]


@pytest.mark.parametrize("history", [None, "loss", [1, 2], [{"loss": "x"}], [{"loss": float("nan")}], [{}] * 20_000])
def test_a_history_that_makes_no_sense_is_no_history(history: object) -> None:
    assert read_history({"history": history}) == ()


def test_music_at_other_tempi_is_in_the_report() -> None:
    found = results()
    found.add("faster", found.models()[0].tested, found.models()[0].parts, 1.0)
    report = found.report("sample", "test", 0.4)
    assert report.to_json()["faster"] == report.to_json()["track"]
    assert "| tracks, 6 % faster" in report.to_text()
