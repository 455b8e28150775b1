"""A bundle that knows music from speech names nothing while somebody speaks: live as in files."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dashboard.classify import classify_tracks
from model.classifier import BundleClassifier
from stream.engine import Engine
from stream.links.policy import LinkPolicy
from stream.offline import hear_file
from stream.pipeline import DueWindow, Outcome, Pipeline
from stream.records import Verdict
from stream.session import Session
from stream.settings import StreamSettings
from tests.music_bundle import add_music, music, open_humming, speech
from tests.rhythm_bundle import RATE
from tests.stream.fakes import ManualClock
from tests.test_rhythm_stream import Cut, Source16, at_random, into

SETTINGS = StreamSettings(sure_from=0.0)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> BundleClassifier:
    return open_humming(add_music(tmp_path_factory.mktemp("bundles") / "asking"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> BundleClassifier:
    """The same bundle, which does not ask whether there is music."""
    return open_humming(add_music(tmp_path_factory.mktemp("bundles") / "plain", asks=False))


def listen(
    classifier: BundleClassifier, *sounds: np.ndarray, cut: Cut | None = None, settings: StreamSettings = SETTINGS
) -> dict[float, Outcome]:
    """Push the sounds; every window is classified when it is due. Outcomes by the time at the window's end."""
    pipeline = Pipeline(classifier, settings)
    samples = np.concatenate(sounds)
    heard: dict[float, Outcome] = {}
    for block in [samples] if cut is None else cut(samples):
        for due in pipeline.push(block):
            heard[due.end_sample / RATE] = settle(pipeline, due)
    return heard


def settle(pipeline: Pipeline, due: DueWindow) -> Outcome:
    if due.silent:
        return pipeline.settle(due, None)
    classifier = pipeline.classifier
    outputs = {**classifier.network(pipeline.window(due)[None]), **pipeline.context_outputs(due)}
    there = classifier.music(outputs)
    return pipeline.settle(due, classifier.probabilities(outputs)[0], music=None if there is None else float(there[0]))


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def changes(heard: dict[float, Outcome]) -> list[tuple[float, Verdict]]:
    """When the verdict became what."""
    found: list[tuple[float, Verdict]] = []
    for seconds, outcome in heard.items():
        if not found or found[-1][1] is not outcome.verdict:
            found.append((seconds, outcome.verdict))
    return found


SHOW = (
    music(12.0),
    speech(9.0),
    music(7.0, 0.7),
    silence(1.5),
    speech(5.0),
    silence(4.0),
    speech(5.0),
    music(9.0, 0.4),
)


@pytest.mark.parametrize(
    "cut",
    [into(160), into(1024), into(16_000), into(200_000), at_random],
    ids=["160", "1024", "16000", "200000", "random"],
)
def test_the_stream_gives_the_answers_of_the_whole_file(asking: BundleClassifier, tmp_path: Path, cut: Cut) -> None:
    path = tmp_path / "show.wav"
    soundfile.write(path, np.concatenate(SHOW), RATE, subtype="FLOAT")
    offline = hear_file(path, asking, SETTINGS).windows
    live = listen(asking, *SHOW, cut=cut)
    assert {window.verdict for window in offline} == set(Verdict)
    assert list(live) == [window.end_seconds for window in offline]
    for outcome, window in zip(live.values(), offline, strict=True):
        assert outcome.verdict is window.verdict
        np.testing.assert_allclose(outcome.raw, window.raw, atol=1e-4)
        np.testing.assert_allclose(outcome.probabilities, window.probabilities, atol=1e-4)


def test_speech_is_no_music_within_four_seconds_and_music_is_music_again_within_three(
    asking: BundleClassifier,
) -> None:
    heard = listen(asking, music(10.0), speech(10.0), music(10.0))
    (first, sure), (spoken, no_music), (again, once_more) = changes(heard)
    assert (first, sure) == (3.0, Verdict.SURE)
    assert no_music is Verdict.NO_MUSIC and 10.5 <= spoken <= 14.0
    assert once_more is Verdict.SURE and 20.5 <= again <= 23.0
    for seconds, outcome in heard.items():
        if spoken <= seconds < again:
            assert not outcome.probabilities.any() and not outcome.raw.any()


def test_a_bundle_that_does_not_ask_takes_speech_for_music(plain: BundleClassifier) -> None:
    heard = listen(plain, music(6.0), speech(8.0))
    assert {outcome.verdict for outcome in heard.values()} == {Verdict.SURE}
    assert plain.music_from is None and plain.music({"tags": np.ones((1, 50), np.float32)}) is None


def test_where_there_is_music_throughout_asking_changes_nothing(
    asking: BundleClassifier, plain: BundleClassifier
) -> None:
    sounds = music(9.0), silence(1.0), music(5.0), silence(5.0), music(8.0, 0.7)
    with_gate, without = listen(asking, *sounds), listen(plain, *sounds)
    for outcome, same in zip(with_gate.values(), without.values(), strict=True):
        assert outcome.verdict is same.verdict
        np.testing.assert_array_equal(outcome.probabilities, same.probabilities)


class ByHand:
    """Windows whose answers are made up, one every half second; a label has 1.0 or 0.0."""

    def __init__(self, classifier: BundleClassifier, settings: StreamSettings = SETTINGS) -> None:
        self.pipeline = Pipeline(classifier, settings)
        self.labels = len(classifier.labels)
        self.count = 0

    def hear(self, music: float, label: int = 0, *, sounding_seconds: float = 60.0, hops: int = 1) -> Outcome:
        self.count += hops
        due = DueWindow(RATE * self.count, 60 * self.count, 0, False, sounding_seconds)
        return self.pipeline.settle(due, np.eye(self.labels, dtype=np.float32)[label], music=music, hops=hops)

    def verdicts(self, *music: float) -> list[Verdict]:
        return [self.hear(share).verdict for share in music]


def test_a_single_odd_window_changes_nothing(asking: BundleClassifier) -> None:
    for usual, odd, verdict in ((0.8, 0.0, Verdict.SURE), (0.06, 1.0, Verdict.NO_MUSIC)):
        windows = ByHand(asking)
        assert set(windows.verdicts(*[usual] * 6, odd, *[usual] * 6, odd, odd, *[usual] * 6)) == {verdict}


def test_what_wavers_about_the_threshold_does_not_flutter(asking: BundleClassifier) -> None:
    shares = np.random.default_rng(5).normal(0.25, 0.01, 400).clip(0.0, 1.0)
    found = ByHand(asking).verdicts(*shares)
    assert sum(before is not after for before, after in itertools.pairwise(found)) <= 2


def test_windows_that_were_skipped_count(asking: BundleClassifier) -> None:
    windows = ByHand(asking)
    assert windows.hear(0.9).verdict is Verdict.SURE
    assert windows.hear(0.02, hops=6).verdict is Verdict.NO_MUSIC


def test_until_it_is_clear_that_the_music_is_over_the_last_answer_to_music_stands(asking: BundleClassifier) -> None:
    windows = ByHand(asking)
    for _ in range(8):
        windows.hear(0.9, 4)
    spoken = windows.hear(0.05, 7)
    assert spoken.verdict is Verdict.SURE
    assert spoken.probabilities[4] == 1.0 and spoken.probabilities[7] == 0.0


def test_after_a_few_words_the_labels_go_on_and_after_a_speech_they_begin_anew(asking: BundleClassifier) -> None:
    def first_after(words: int) -> Outcome:
        windows = ByHand(asking)
        for _ in range(8):
            windows.hear(0.9, 4)
        said = [windows.hear(0.05, 7).verdict for _ in range(3 + words)]
        assert said.count(Verdict.NO_MUSIC) in (words, words + 1)
        while (outcome := windows.hear(0.9, 2)).verdict is Verdict.NO_MUSIC:
            pass
        return outcome

    few, many = first_after(1), first_after(8)
    assert few.probabilities[4] > 0.5 and few.probabilities[7] == 0.0
    assert many.probabilities[2] == 1.0 and many.probabilities.sum() == 1.0


def test_after_a_speech_the_rhythm_of_the_music_before_is_forgotten(asking: BundleClassifier) -> None:
    def after(before: np.ndarray, between: np.ndarray) -> list[np.ndarray]:
        heard = listen(asking, before, between, music(9.0, 0.6))
        return [outcome.raw for seconds, outcome in heard.items() if seconds > 8.0 + 7.0 and outcome.verdict.of_music]

    one, other = after(music(8.0, 0.4), speech(7.0)), after(music(8.0, 0.9), speech(7.0))
    assert len(one) > 12
    # The first of them was classified while it was not yet known that there is music again.
    for raw, same in zip(one, other, strict=True):
        np.testing.assert_allclose(raw, same, atol=1e-6)
    short, other_short = (
        after(music(8.0, period), np.concatenate((speech(1.0), music(6.0, 0.6)))) for period in (0.4, 0.9)
    )
    assert max(np.abs(raw - same).max() for raw, same in zip(short, other_short, strict=True)) > 0.01


def test_after_silence_music_is_named_as_soon_as_ever_and_speech_never(
    asking: BundleClassifier, plain: BundleClassifier
) -> None:
    music_after = silence(6.2), music(6.0)
    assert changes(listen(asking, *music_after)) == changes(listen(plain, *music_after))
    (_, quiet), *between, (spoken, no_music) = changes(listen(asking, silence(6.2), speech(6.0)))
    assert quiet is Verdict.SILENCE and no_music is Verdict.NO_MUSIC
    assert [verdict for _, verdict in between] == [Verdict.NOT_SURE]
    assert spoken <= 6.2 + 3.0


def test_whoever_pauses_often_is_not_taken_for_music(asking: BundleClassifier) -> None:
    sentences = [part for _ in range(6) for part in (speech(1.2), silence(0.9))]
    heard = listen(asking, silence(5.0), *sentences, speech(1.0))
    late = {outcome.verdict for seconds, outcome in heard.items() if seconds > 9.0}
    assert late <= {Verdict.NO_MUSIC, Verdict.SILENCE} and Verdict.NO_MUSIC in late


def test_what_is_no_music_has_no_place_and_cannot_be_explained(asking: BundleClassifier) -> None:
    clock = ManualClock()
    engine = Engine(clock)
    session = Session("one", Source16(), asking, SETTINGS, clock)
    engine.add(session)
    for block in into(8_000)(np.concatenate((music(5.0), speech(8.0)))):
        clock.time += len(block) / RATE
        session.inlet.push(block[:, None], clock.time)
        engine.step()
        newest = session.results.latest
        assert newest is None or (session.glimpse is None) == (newest.verdict is Verdict.NO_MUSIC)
    assert newest is not None and newest.verdict is Verdict.NO_MUSIC
    assert newest.place is None and not newest.probabilities.any()
    assert engine.totals().windows[Verdict.NO_MUSIC] > 3
    expected = listen(asking, music(5.0), speech(8.0))
    for prediction in session.results.predictions_since(0):
        assert prediction.verdict is expected[round(prediction.stream_time, 3)].verdict


def test_a_file_of_speech_is_no_music(
    asking: BundleClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "speech.wav"
    soundfile.write(path, np.concatenate((silence(1.0), speech(8.0))), RATE)
    heard = hear_file(path, asking, SETTINGS)
    assert heard.mean_probabilities() is None and heard.without_music is Verdict.NO_MUSIC
    monkeypatch.setattr("dashboard.classify.Library.open", lambda *_args, **_options: asking)
    said = {}
    for output in ("table", "csv", "json"):
        code = classify_tracks([str(path)], output, model="x", hop_seconds=0.5, cpu=True, links=LinkPolicy())
        assert code == 0
        said[output] = capsys.readouterr().out
    assert "no music" in said["table"] and "silence" not in said["table"]
    assert f"{path},9.000,no music,0.0000," in said["csv"]
    (track,) = json.loads(said["json"])["tracks"]
    assert track["labels"] == [] and [segment["label"] for segment in track["segments"]] == ["no music"]
