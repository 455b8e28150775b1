"""What all sessions together have come to: it only grows, whatever comes and goes."""

from __future__ import annotations

import threading

import pytest

from model.errors import BundleError
from stream.records import Verdict
from stream.results import Results
from stream.settings import StreamSettings
from stream.totals import LATENCY_BOUNDS_SECONDS, TotalsSnapshot
from tests.stream.fakes import LoudnessClassifier, LoudnessNetwork
from tests.stream.test_engine import Rig


def test_windows_are_counted_by_verdict() -> None:
    rig = Rig()
    rig.play(4.0, 0.9)
    rig.play(2.0, 0.0)
    totals = rig.engine.totals()
    found = rig.session.results.predictions_since(0)
    assert sum(totals.windows.values()) == len(found) > 3
    assert totals.windows[Verdict.SILENCE] == sum(entry.verdict is Verdict.SILENCE for entry in found) > 0
    assert totals.sessions == 1
    assert totals.counts.heard_seconds == pytest.approx(6.0, abs=0.01)


def test_every_live_window_is_in_one_class_of_latency() -> None:
    rig = Rig()
    rig.play(2.8, 0.9)
    rig.push(0.25, 0.9)  # the window's end lies 0.05 s before the block's
    rig.clock.time += 0.03
    rig.engine.step()
    totals = rig.engine.totals()
    assert len(totals.latency_classes) == len(LATENCY_BOUNDS_SECONDS) + 1
    assert totals.latency_classes[LATENCY_BOUNDS_SECONDS.index(0.1)] == sum(totals.latency_classes) == 1
    assert totals.latency_sum_seconds == pytest.approx(0.08, abs=0.001)


def test_windows_that_waited_for_the_network_say_nothing_about_latency() -> None:
    classifier = LoudnessClassifier(loaded=False)
    classifier.may_load.clear()
    rig = Rig(classifier)
    rig.play(5.0, 0.9)
    classifier.may_load.set()
    rig.engine.load(classifier).result(timeout=10.0)
    rig.play(0.1, 0.9)
    totals = rig.engine.totals()
    assert sum(totals.windows.values()) == 5
    assert sum(totals.latency_classes) == 0


def test_nothing_is_forgotten_when_a_session_ends() -> None:
    rig = Rig()
    rig.play(3.0, 0.9)
    rig.push(1.8, 0.9)
    rig.engine.step()
    rig.session.inlet.lost(2.5)
    before = rig.engine.totals()
    assert before.counts.skipped_windows > 0
    assert before.counts.lost_seconds == 2.5
    rig.engine.remove("one")
    assert rig.engine.totals() == before
    rig.engine.remove("one")
    assert rig.engine.totals() == before


def test_the_totals_never_go_back_while_sessions_come_and_go() -> None:
    rig = Rig()
    seen: list[TotalsSnapshot] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.append(rig.engine.totals())

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(30):
        session = rig.add(f"guest {number}", rig.classifier)
        rig.push(3.5, 0.9, session)
        rig.engine.step()
        session.inlet.lost(1.0)
        rig.engine.remove(session.identifier)
    stop.set()
    reader.join()
    heard = [snapshot.counts.heard_seconds for snapshot in seen]
    lost = [snapshot.counts.lost_seconds for snapshot in seen]
    assert heard == sorted(heard) and lost == sorted(lost)
    assert rig.engine.totals().counts.lost_seconds == 30.0


def test_a_failure_is_counted_once_and_so_are_the_calls_of_networks() -> None:
    rig = Rig()
    rig.play(3.0, 0.9)
    calls = rig.engine.totals().network_calls
    assert calls == 1
    bad = LoudnessClassifier(network=LoudnessNetwork("bad"))
    bad.network.error = RuntimeError("out of memory")
    second = rig.add("two", bad)
    rig.push(3.0, 0.9, second)
    for _ in range(5):
        rig.engine.step()
    totals = rig.engine.totals()
    assert (totals.failures, totals.network_calls) == (1, calls)


def test_a_network_that_could_not_be_loaded_is_loaded_again_for_whoever_chooses_it_again() -> None:
    classifier = LoudnessClassifier(loaded=False)
    classifier.load_error = BundleError("weights are damaged")
    rig = Rig(classifier)
    with pytest.raises(BundleError):
        rig.engine.load(classifier).result(timeout=10.0)
    rig.engine.step()
    assert rig.session.stuck
    classifier.load_error = None
    rig.session.change(classifier=classifier)
    rig.engine.step()
    rig.engine.load(classifier).result(timeout=10.0)
    rig.play(3.1, 0.9)
    assert len(rig.session.results.predictions_since(0)) == 1


def test_whoever_waits_for_a_prediction_is_woken_by_it() -> None:
    rig = Rig()
    assert not rig.session.results.wait(0, seconds=0.0)
    woken: list[bool] = []
    waiting = threading.Thread(target=lambda: woken.append(rig.session.results.wait(0, seconds=60.0)))
    waiting.start()
    rig.play(3.0, 0.9)
    waiting.join(timeout=30.0)
    assert woken == [True]
    assert rig.session.results.wait(0, seconds=0.0)
    assert not Results(("loud",), StreamSettings()).wait(0, seconds=0.0)
