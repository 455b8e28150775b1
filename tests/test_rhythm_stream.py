"""A bundle with a part on the rhythm listens live as it does to files, and forgets what it should."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.classifier import BundleClassifier
from stream.engine import Engine
from stream.inlet import Inlet
from stream.offline import hear_file
from stream.pipeline import Outcome, Pipeline
from stream.records import Verdict
from stream.session import Session
from stream.settings import StreamSettings
from tests.rhythm_bundle import RATE, PlainNetwork, add_rhythm, beats, open_plain
from tests.stream.fakes import ManualClock
from tests.stream.test_engine import HandFed

SETTINGS = StreamSettings(smoothing_seconds=0.0)
Cut = Callable[[np.ndarray], list[np.ndarray]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_rhythm(tmp_path_factory.mktemp("bundles") / "dances")


@pytest.fixture
def dances(folder: Path) -> BundleClassifier:
    return open_plain(folder)


@pytest.fixture(scope="module")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bundle without the rhythm."""
    from model.library import SHIPPED_BUNDLES

    return SHIPPED_BUNDLES / "genres"


def into(size: int) -> Cut:
    return lambda samples: [samples[start : start + size] for start in range(0, len(samples), size)]


def at_random(samples: np.ndarray) -> list[np.ndarray]:
    return np.split(samples, np.sort(np.random.default_rng(7).integers(0, len(samples), 300)))


def listen(
    classifier: BundleClassifier, blocks: list[np.ndarray], *, history_seconds: float = 30.0
) -> list[tuple[float, Outcome]]:
    """Push blocks one by one; every window is classified when it is due."""
    pipeline = Pipeline(classifier, SETTINGS, history_seconds=history_seconds)
    return [settled for block in blocks for settled in push(pipeline, block)]


def push(pipeline: Pipeline, block: np.ndarray) -> list[tuple[float, Outcome]]:
    heard = []
    classifier = pipeline.classifier
    for due in pipeline.push(block):
        raw = None
        if not due.silent:
            outputs = {**classifier.network(pipeline.window(due)[None]), **pipeline.context_outputs(due)}
            raw = classifier.probabilities(outputs)[0]
        heard.append((due.end_sample / RATE, pipeline.settle(due, raw)))
    return heard


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Music, a short silence, a long one, and other music in between and after."""
    silence = np.zeros(RATE, np.float32)
    return np.concatenate([beats(14.0), silence, beats(4.0, 0.7), silence, silence, silence, silence, beats(8.0, 0.4)])


@pytest.fixture(scope="module")
def sound_file(sound: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "dances.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    "cut", [into(37), into(160), into(1024), into(16_000), into(200_000), at_random],
    ids=["37", "160", "1024", "16000", "200000", "random"],
)  # fmt: skip
def test_the_stream_gives_the_answers_of_the_whole_file(
    dances: BundleClassifier, sound: np.ndarray, sound_file: Path, cut: Cut
) -> None:
    offline = hear_file(sound_file, dances, SETTINGS).windows
    live = listen(dances, cut(sound))
    assert [seconds for seconds, _ in live] == [window.end_seconds for window in offline]
    for (_, outcome), window in zip(live, offline, strict=True):
        assert outcome.verdict is window.verdict
        np.testing.assert_allclose(outcome.raw, window.raw, atol=1e-4)
        np.testing.assert_allclose(outcome.probabilities, window.probabilities, atol=1e-4)


def test_the_first_answer_comes_after_three_seconds_and_the_rhythm_counts_from_six(
    dances: BundleClassifier, plain_folder: Path
) -> None:
    without = open_plain(plain_folder)
    samples = beats(8.0)
    with_rhythm, plain = listen(dances, [samples]), listen(without, [samples])
    assert with_rhythm[0][0] == plain[0][0] == 3.0
    for (seconds, outcome), (_, same) in zip(with_rhythm, plain, strict=True):
        difference = np.abs(outcome.raw - same.raw).max()
        assert (difference < 1e-6) == (seconds < 6.0), seconds


def test_what_lies_more_than_twelve_seconds_back_does_not_count(dances: BundleClassifier) -> None:
    end = beats(12.5, 0.55, seed=3)
    after_this = listen(dances, [np.concatenate([beats(10.0, 0.4, seed=4), end])])[-1][1]
    after_that = listen(dances, [np.concatenate([beats(10.0, 0.9, seed=5), end])])[-1][1]
    np.testing.assert_allclose(after_this.raw, after_that.raw, atol=1e-6)


def test_a_new_stretch_knows_nothing_of_the_music_before(dances: BundleClassifier) -> None:
    pipeline = Pipeline(dances, SETTINGS)
    push(pipeline, beats(15.0, 0.4))
    pipeline.reset()
    again = push(pipeline, beats(9.0, 0.7))
    for (_, outcome), (_, fresh) in zip(again, listen(dances, [beats(9.0, 0.7)]), strict=True):
        np.testing.assert_array_equal(outcome.raw, fresh.raw)


def test_after_a_long_silence_the_old_rhythm_is_forgotten_and_after_a_short_one_it_is_not(
    dances: BundleClassifier,
) -> None:
    def answers(old_period: float, silence_seconds: float) -> dict[float, np.ndarray]:
        silence = np.zeros(round(silence_seconds * RATE), np.float32)
        samples = np.concatenate([beats(10.0, old_period), silence, beats(8.0, 0.6)])
        found = listen(dances, [samples])
        return {seconds: o.raw for seconds, o in found if seconds >= 14.0 and o.verdict is not Verdict.SILENCE}

    long, other_long = answers(0.4, 6.0), answers(0.8, 6.0)
    assert len(long) > 8
    # Not where the window still hears the end of the old music itself.
    for seconds in long:
        np.testing.assert_allclose(long[seconds], other_long[seconds], atol=1e-6)
    short, other_short = answers(0.4, 0.5), answers(0.8, 0.5)
    assert max(np.abs(short[seconds] - other_short[seconds]).max() for seconds in short) > 0.01


def test_what_is_remembered_is_bounded_and_without_rhythm_no_more_than_before(
    dances: BundleClassifier, plain_folder: Path
) -> None:
    for classifier, seconds in ((dances, 5.0 + 12.0), (open_plain(plain_folder), 5.0 + 3.0)):
        pipeline = Pipeline(classifier, SETTINGS, history_seconds=5.0)
        for _ in range(8):
            pipeline.push(beats(5.0))
        held = pipeline.frames(0, pipeline.frame_count)
        assert len(held) == pytest.approx(seconds * RATE / 256, abs=2)


def test_windows_that_are_caught_up_late_have_their_whole_context(dances: BundleClassifier) -> None:
    samples = beats(40.0, 0.5)
    in_time = dict(listen(dances, into(4_000)(samples)))
    pipeline = Pipeline(dances, SETTINGS, history_seconds=25.0)
    late = [due for due in pipeline.push(samples) if pipeline.holds(due)]
    assert late[0].end_sample / RATE == pytest.approx(15.0, abs=0.6)
    for due in late:
        outputs = {**dances.network(pipeline.window(due)[None]), **pipeline.context_outputs(due)}
        np.testing.assert_allclose(
            dances.probabilities(outputs)[0], in_time[due.end_sample / RATE].raw, atol=1e-4
        )  # fmt: skip


# ---- through the engine ------------------------------------------------------------------------------------------


class Hall:
    """An engine whose sessions are fed by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.engine = Engine(self.clock)

    def add(self, name: str, classifier: BundleClassifier) -> Session:
        session = Session(name, Source16(), classifier, SETTINGS, self.clock)
        self.engine.add(session)
        return session

    def play(self, samples: np.ndarray, *sessions: Session) -> None:
        for block in into(1_600)(samples):
            self.clock.time += len(block) / RATE
            for session in sessions:
                session.inlet.push(block[:, None], self.clock.time)
            self.engine.step()


class Source16(HandFed):
    """At the rate of the bundles."""

    def start(self, inlet: Inlet) -> None:  # type: ignore[override]
        self.sink = inlet
        inlet.begin(RATE)


def answers(session: Session) -> dict[float, np.ndarray]:
    return {round(p.stream_time, 3): p.raw for p in session.results.predictions_since(0)}


def test_two_bundles_that_share_a_network_still_share_its_calls(folder: Path, plain_folder: Path) -> None:
    network = PlainNetwork()
    hall, samples = Hall(), beats(9.0)
    with_rhythm = hall.add("with", open_plain(folder, network))
    without = hall.add("without", open_plain(plain_folder, network))
    hall.play(samples, with_rhythm, without)
    assert network.batches == [2] * 13
    for session in (with_rhythm, without):
        expected = {seconds: o.raw for seconds, o in listen(session.classifier, [samples])}  # type: ignore[arg-type]
        assert answers(session).keys() == expected.keys()
        for seconds, raw in answers(session).items():
            np.testing.assert_allclose(raw, expected[seconds], atol=1e-4)


def test_a_seek_begins_the_rhythm_anew(dances: BundleClassifier) -> None:
    hall = Hall()
    session = hall.add("one", dances)
    hall.play(beats(14.0, 0.4), session)
    session.inlet.begin(RATE, position_seconds=60.0)
    before = session.results.next_prediction
    hall.play(beats(8.0, 0.7), session)
    found = [prediction.raw for prediction in session.results.predictions_since(before)]
    fresh = [outcome.raw for _, outcome in listen(dances, [beats(8.0, 0.7)])]
    assert len(found) == len(fresh) > 5
    for raw, expected in zip(found, fresh, strict=True):
        np.testing.assert_allclose(raw, expected, atol=1e-4)


def test_changing_to_it_answers_at_once_with_the_rhythm_of_the_sound_already_heard(
    dances: BundleClassifier, plain_folder: Path
) -> None:
    hall, samples = Hall(), beats(20.0)
    session = hall.add("one", open_plain(plain_folder))
    hall.play(samples, session)
    session.change(classifier=dances)
    hall.engine.step()
    (only,) = session.results.predictions_since(0)
    assert only.stream_time == pytest.approx(20.0)
    np.testing.assert_allclose(only.raw, listen(dances, [samples])[-1][1].raw, atol=1e-4)
    # And a change of settings right after repeats nothing either.
    session.change(settings=StreamSettings(hop_seconds=0.7, smoothing_seconds=0.0))
    hall.engine.step()
    newest = session.results.latest
    assert newest is not None
    assert newest.stream_time == pytest.approx(20.0)
    assert len(session.results.predictions_since(0)) == 2
    assert np.isfinite(session.glimpse.context_outputs["rhythm"]).all()  # type: ignore[union-attr]


def test_the_newest_window_can_be_explained_with_its_rhythm_and_has_its_place(dances: BundleClassifier) -> None:
    hall = Hall()
    session = hall.add("one", dances)
    hall.play(beats(8.0), session)
    glimpse = session.glimpse
    assert glimpse is not None
    assert glimpse.context_outputs["rhythm"].shape == (1, 240)
    assert glimpse.prediction.place is not None
    relevance = dances.explain(glimpse.window, 3, glimpse.context_outputs)
    assert relevance.shape == (187, 96)
    assert relevance.max() == 1.0
