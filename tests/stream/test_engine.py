"""The engine at work, with a clock moved by hand and a classifier one can compute in one's head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.errors import BundleError
from stream.engine import Engine
from stream.inlet import Inlet, Sink
from stream.records import SessionState, SourceState, SourceStatus, Verdict
from stream.session import Session
from stream.settings import StreamSettings
from stream.sources.shared import SharedSource
from stream.sources.source import Source
from tests.stream.fakes import LoudnessClassifier, LoudnessNetwork, ManualClock

RATE = 1000


class HandFed(Source):
    """A source the test pushes for."""

    def __init__(self) -> None:
        self.closed = False

    def start(self, inlet: Sink) -> None:
        self.sink = inlet
        inlet.begin(RATE)

    def stop(self) -> None:
        self.closed = True

    def status(self) -> SourceStatus:
        return SourceStatus("test", "by hand", SourceState.RUNNING)


class Rig:
    def __init__(self, classifier: LoudnessClassifier | None = None, **settings: float) -> None:
        self.clock = ManualClock()
        self.engine = Engine(self.clock)
        self.classifier = classifier or LoudnessClassifier()
        self.settings = StreamSettings(settle_seconds=0.0, **settings)
        self.session = self.add("one", self.classifier)

    def add(self, name: str, classifier: LoudnessClassifier) -> Session:
        session = Session(name, HandFed(), classifier, self.settings, self.clock)
        self.engine.add(session)
        return session

    def play(self, seconds: float, amplitude: float, session: Session | None = None, *, step: float = 0.1) -> None:
        """Push a square wave in steps; the engine gets a turn after each."""
        for _ in range(round(seconds / step)):
            self.push(step, amplitude, session)
            self.engine.step()

    def push(self, seconds: float, amplitude: float, session: Session | None = None) -> None:
        count = round(seconds * RATE)
        wave = amplitude * np.where(np.arange(count) % 2, 1.0, -1.0)
        self.clock.time += seconds
        (session or self.session).inlet.push(wave.astype(np.float32)[:, None], self.clock.time)


def test_first_prediction_comes_with_the_first_three_seconds_and_then_one_every_hop() -> None:
    rig = Rig()
    rig.play(2.9, 0.9)
    assert rig.session.results.predictions_since(0) == []
    rig.play(1.2, 0.9)
    times = [prediction.stream_time for prediction in rig.session.results.predictions_since(0)]
    assert times == [3.0, 3.5, 4.0]
    first = rig.session.results.predictions_since(0)[0]
    assert first.verdict is Verdict.SURE
    np.testing.assert_allclose(first.probabilities, [0.9, 0.1], atol=1e-5)


def test_latency_is_counted_from_the_windows_last_sample() -> None:
    rig = Rig()
    rig.play(2.8, 0.9)
    rig.push(0.25, 0.9)  # the window's end lies 0.05 s before the block's
    rig.clock.time += 0.03
    rig.engine.step()
    assert rig.session.results.latest is not None
    assert rig.session.results.latest.latency_ms == pytest.approx(80.0, abs=0.5)


def test_silence_is_called_silence_and_doubt_is_not_sure() -> None:
    rig = Rig()
    rig.play(3.0, 0.5)
    assert rig.session.results.latest.verdict is Verdict.NOT_SURE
    rig.play(1.5, 0.0)
    assert rig.session.results.latest.verdict is Verdict.SILENCE
    assert rig.session.results.latest.probabilities.max() == 0.0
    rig.play(4.0, 0.9)
    assert rig.session.results.latest.verdict is Verdict.SURE


def test_silence_costs_no_network_call() -> None:
    rig = Rig()
    rig.play(6.0, 0.0)
    assert len(rig.session.results.predictions_since(0)) == 7
    assert rig.classifier.network.batches == []


def test_sessions_that_are_due_share_one_network_call() -> None:
    rig = Rig()
    others = [rig.add(name, rig.classifier) for name in ("two", "three")]
    for session in [rig.session, *others]:
        rig.push(3.0, 0.9, session)
    for _ in range(4):
        rig.engine.step()
    assert rig.classifier.network.batches == [3]
    assert all(len(session.results.predictions_since(0)) == 1 for session in [rig.session, *others])


def test_bundles_with_other_networks_are_called_apart() -> None:
    rig = Rig()
    other = LoudnessClassifier(network=LoudnessNetwork("other"))
    second = rig.add("two", other)
    rig.push(3.0, 0.9)
    rig.push(3.0, 0.2, second)
    for _ in range(4):
        rig.engine.step()
    assert rig.classifier.network.batches == [1]
    assert other.network.batches == [1]
    np.testing.assert_allclose(second.results.latest.probabilities, [0.2, 0.8], atol=1e-5)


def test_when_behind_the_newest_window_is_taken_and_the_rest_counted() -> None:
    rig = Rig()
    rig.play(3.0, 0.9)
    rig.push(0.9, 0.9)
    rig.push(0.9, 0.2)  # nobody looked for 1.8 s: windows ended at 3.5, 4.0 and 4.5
    for _ in range(3):
        rig.engine.step()
    predictions = rig.session.results.predictions_since(0)
    assert [prediction.stream_time for prediction in predictions] == [3.0, 4.5]
    assert predictions[-1].skipped_before == 2
    status = rig.session.status()
    assert status.skipped_windows == 2
    assert status.behind
    rig.clock.time += 6.0
    assert not rig.session.status().behind


def test_what_was_played_while_loading_is_classified_afterwards() -> None:
    classifier = LoudnessClassifier(loaded=False)
    classifier.may_load.clear()
    rig = Rig(classifier)
    rig.play(10.0, 0.9)
    assert rig.session.status().state is SessionState.LOADING
    assert rig.session.results.predictions_since(0) == []
    classifier.may_load.set()
    rig.engine.load(classifier).result(timeout=10.0)
    rig.play(0.1, 0.9)
    times = [prediction.stream_time for prediction in rig.session.results.predictions_since(0)]
    assert times == [3.0 + 0.5 * step for step in range(15)]
    assert all(prediction.caught_up for prediction in rig.session.results.predictions_since(0))
    assert rig.session.status().skipped_windows == 0
    assert rig.session.status().state is SessionState.LIVE


def test_a_network_that_cannot_be_loaded_fails_its_session_with_the_reason() -> None:
    classifier = LoudnessClassifier(loaded=False)
    classifier.load_error = BundleError("weights are damaged", next_step="Install it again")
    rig = Rig(classifier)
    with pytest.raises(BundleError):
        rig.engine.load(classifier).result(timeout=10.0)
    rig.engine.step()
    status = rig.session.status()
    assert status.state is SessionState.FAILED
    assert "weights are damaged" in status.detail


def test_one_sessions_fault_does_not_silence_the_others(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    bad = LoudnessClassifier(network=LoudnessNetwork("bad"))
    bad.network.error = RuntimeError("out of memory")
    second = rig.add("two", bad)
    for _ in range(40):
        rig.play(0.1, 0.9)
        rig.push(0.1, 0.9, second)
    assert second.status().state is SessionState.FAILED
    assert "out of memory" in second.status().detail
    assert len(rig.session.results.predictions_since(0)) == 3


def test_a_seek_begins_anew_and_the_windows_do_not_mix() -> None:
    rig = Rig()
    rig.play(4.0, 0.9)
    rig.session.inlet.begin(RATE, track=1, position_seconds=60.0)
    rig.play(2.9, 0.1)
    count = len(rig.session.results.predictions_since(0))
    rig.play(0.1, 0.1)
    after = rig.session.results.predictions_since(count)
    assert len(after) == 1
    assert after[0].restart
    assert after[0].track == 1
    assert after[0].position_seconds == pytest.approx(63.0, abs=0.01)
    np.testing.assert_allclose(after[0].probabilities, [0.1, 0.9], atol=1e-5)


def test_changing_the_model_answers_at_once_from_the_sound_already_heard() -> None:
    rig = Rig()
    rig.play(10.0, 0.9)
    before = rig.session.results
    rig.session.change(classifier=LoudnessClassifier(network=LoudnessNetwork("new")))
    rig.play(0.1, 0.9)
    assert rig.session.results is not before
    assert rig.session.results.generation == before.generation + 1
    assert rig.session.results.latest.stream_time == pytest.approx(10.0, abs=0.11)


def test_changed_settings_answer_at_once_and_keep_what_was_heard() -> None:
    rig = Rig()
    rig.play(10.0, 0.55)
    results, columns = rig.session.results, rig.session.results.next_column
    assert results.latest.verdict is Verdict.NOT_SURE
    rig.session.change(settings=replace(rig.settings, sure_from=0.5, hop_seconds=1.0))
    rig.play(2.05, 0.55)
    assert rig.session.results is results
    assert results.latest.verdict is Verdict.SURE
    times = [prediction.stream_time for prediction in results.predictions_since(0)]
    assert times == sorted(times)
    np.testing.assert_allclose(np.diff(times[-2:]), 1.0, atol=0.01)
    # The picture goes on without a second copy of the three seconds that were heard again.
    assert results.next_column - columns == pytest.approx(2.05 / rig.settings.column_seconds, abs=2)


def test_a_session_that_joins_later_has_the_same_time_axis() -> None:
    rig = Rig()
    source = HandFed()
    shared = SharedSource(source)
    first = Session("first", shared.tap(), rig.classifier, rig.settings, rig.clock)
    rig.engine.add(first)
    wave = np.full((round(0.1 * RATE), 1), 0.9, np.float32) * np.where(np.arange(100) % 2, 1.0, -1.0)[:, None]

    def play(seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            rig.clock.time += 0.1
            source.sink.push(wave.astype(np.float32), rig.clock.time)
            rig.engine.step()

    play(7.0)
    second = Session("second", shared.tap(), rig.classifier, rig.settings, rig.clock, starts_at=first.stream_time)
    rig.engine.add(second)
    play(5.0)
    assert second.stream_time == pytest.approx(first.stream_time)
    newest = first.results.latest, second.results.latest
    assert newest[0].stream_time == pytest.approx(newest[1].stream_time, abs=0.5)
    assert newest[0].position_seconds == pytest.approx(newest[0].stream_time, abs=0.01)
    assert newest[1].position_seconds == pytest.approx(newest[1].stream_time, abs=0.01)


def test_a_shared_source_runs_as_long_as_anybody_listens() -> None:
    rig = Rig()
    source = HandFed()
    shared = SharedSource(source)
    first, second = shared.tap(), shared.tap()
    first.start(Inlet(RATE, 10.0))
    second.start(Inlet(RATE, 10.0))
    first.stop()
    first.stop()
    assert not source.closed
    second.stop()
    assert source.closed
    assert rig.session.status().state is SessionState.LIVE


def test_every_answer_has_its_place_and_its_window() -> None:
    rig = Rig()
    rig.play(4.0, 0.9)
    newest = rig.session.results.latest
    assert newest.place == pytest.approx((0.8, 0.0), abs=0.01)
    assert rig.session.glimpse.prediction is newest
    assert rig.session.glimpse.window.shape == (300, 2)


def test_a_model_with_another_sample_rate_is_refused_with_what_to_do() -> None:
    rig = Rig()
    other = LoudnessClassifier()
    other.sample_rate = 2000
    with pytest.raises(BundleError, match="--model"):
        rig.session.change(classifier=other)


def test_the_waterfall_has_a_column_for_every_tenth_of_a_second() -> None:
    rig = Rig()
    rig.play(5.0, 0.5)
    columns = rig.session.results.columns_since(0)
    assert [column.number for column in columns] == list(range(len(columns)))
    assert len(columns) == 50
    assert columns[-1].stream_time == pytest.approx(5.0)
    assert columns[-1].bands[0] == round(0.25 * 255 - 0.5)


def test_a_reader_that_missed_polls_loses_nothing() -> None:
    rig = Rig()
    rig.play(4.0, 0.9)
    results = rig.session.results
    seen = [prediction.number for prediction in results.predictions_since(0)]
    rig.play(3.0, 0.9)
    seen += [prediction.number for prediction in results.predictions_since(seen[-1] + 1)]
    assert seen == list(range(results.next_prediction))
    assert results.predictions_since(results.next_prediction) == []


def test_results_stay_bounded() -> None:
    rig = Rig(history_predictions=10, history_columns=20)
    rig.play(20.0, 0.9)
    predictions = rig.session.results.predictions_since(0)
    assert len(predictions) == 10
    assert predictions[-1].number == rig.session.results.next_prediction - 1
    assert len(rig.session.results.columns_since(0)) == 20


def test_removing_a_session_closes_its_source() -> None:
    rig = Rig()
    rig.engine.remove("one")
    rig.engine.remove("one")
    assert rig.session.source.closed
    assert rig.engine.sessions() == []


def test_stopping_the_engine_closes_every_source() -> None:
    rig = Rig()
    rig.engine.start()
    rig.engine.stop()
    assert rig.session.source.closed
