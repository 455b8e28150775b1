"""The shipped bundle on the shipped music: right, and the same live as offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dashboard.mix_check import CHANGE_SECONDS, check_mix
from dashboard.samples import MIX, SAMPLE_FOLDER
from model.classifier import BundleClassifier
from model.library import Library
from stream.inlet import Inlet
from stream.offline import HeardFile, hear_file
from stream.pipeline import Pipeline
from stream.records import Verdict
from stream.settings import StreamSettings

CLIPS = json.loads((SAMPLE_FOLDER / "clips.json").read_text())["clips"]
SETTINGS = StreamSettings()


@pytest.fixture(scope="module")
def genres() -> BundleClassifier:
    classifier = Library().open("genres", device="cpu")
    classifier.load()
    return classifier


@pytest.fixture(scope="module")
def named_clips(genres: BundleClassifier) -> list[dict]:
    """The clips of a genre that the default bundle has a name for."""
    return [clip for clip in CLIPS if clip["genre"] in genres.labels]


def test_every_shipped_clip_of_a_known_genre_is_called_by_it(genres: BundleClassifier, named_clips: list[dict]) -> None:
    assert len(named_clips) >= 10
    wrong = {}
    for clip in named_clips:
        mean = hear_file(SAMPLE_FOLDER / clip["file"], genres, SETTINGS).mean_probabilities()
        assert mean is not None
        if genres.labels[int(np.argmax(mean))] != clip["genre"]:
            wrong[clip["file"]] = dict(zip(genres.labels, mean.round(2).tolist(), strict=True))
    assert wrong == {}


def test_on_the_mix_each_genre_comes_up_in_time_and_stays(genres: BundleClassifier) -> None:
    behaviour = check_mix(genres, SETTINGS)
    assert behaviour.parts >= 4
    assert behaviour.slowest_change_seconds <= CHANGE_SECONDS
    assert behaviour.wrong_flips_per_minute <= 1.0
    assert behaviour.silence_seconds <= 1.5


Cut = Callable[[np.ndarray], list[np.ndarray]]


def into(size: int) -> Cut:
    return lambda samples: [samples[start : start + size] for start in range(0, len(samples), size)]


def at_random(samples: np.ndarray) -> list[np.ndarray]:
    places = np.sort(np.random.default_rng(7).integers(0, len(samples), 400))
    return np.split(samples, places)


@pytest.mark.parametrize(
    ("cut", "seconds"),
    [(into(1), 4.0), (into(7), 5.0), (into(160), 12.0), (into(1024), 12.0), (into(48000), 12.0), (at_random, 12.0)],
    ids=["1", "7", "160", "1024", "48000", "random"],
)
def test_the_stream_gives_the_answers_of_the_whole_file(
    genres: BundleClassifier, tmp_path: Path, cut: Cut, seconds: float
) -> None:
    samples, rate = soundfile.read(MIX, dtype="float32", always_2d=True, frames=round(32000 * seconds))
    samples = np.concatenate((samples, np.zeros_like(samples[: 2 * rate])))  # and the gate has something to do
    path = tmp_path / "part.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    offline = hear_file(path, genres, SETTINGS)
    assert any(window.verdict is Verdict.SILENCE for window in offline.windows)
    live = stream(genres, cut(samples), rate)
    assert [end for end, _, _ in live] == [window.end_seconds for window in offline.windows]
    for (_, verdict, probabilities), window in zip(live, offline.windows, strict=True):
        assert verdict is window.verdict
        np.testing.assert_allclose(probabilities, window.probabilities, atol=1e-4)


def stream(
    classifier: BundleClassifier, blocks: list[np.ndarray], rate: int
) -> list[tuple[float, Verdict, np.ndarray]]:
    """Push blocks one by one; windows are classified one by one, as the live engine does."""
    inlet, pipeline = Inlet(classifier.sample_rate, 60.0), Pipeline(classifier, SETTINGS)
    heard: list[tuple[float, Verdict, np.ndarray]] = []
    read = 0

    def take() -> None:
        nonlocal read
        samples, read = inlet.ring.read(read, inlet.ring.capacity)
        read += len(samples)
        for due in pipeline.push(samples):
            raw = None
            if not due.silent:
                raw = classifier.probabilities(classifier.network(pipeline.window(due)[None]))[0]
            outcome = pipeline.settle(due, raw)
            heard.append((due.end_sample / classifier.sample_rate, outcome.verdict, outcome.probabilities))

    inlet.begin(rate)
    for block in blocks:
        inlet.push(block, 0.0)
        take()
    inlet.finish()
    take()
    return heard


def test_bad_sound_is_survived_and_does_not_change_what_is_heard(genres: BundleClassifier, tmp_path: Path) -> None:
    """Clipped, offset, full of NaN: the genre stays, and nothing that is no number comes out."""
    samples, rate = soundfile.read(SAMPLE_FOLDER / "metal_war-of-freedom.opus", dtype="float32", frames=10 * 48000)
    broken = samples.copy()
    broken[::5000] = np.nan
    spoilt = {"clipped": np.clip(4.0 * samples, -1, 1), "offset": 0.5 * samples + 0.4, "nan": broken}
    for name, sound in spoilt.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, sound, rate, subtype="FLOAT")
        heard: HeardFile = hear_file(path, genres, SETTINGS)
        mean = heard.mean_probabilities()
        assert mean is not None
        assert np.isfinite(mean).all()
        assert genres.labels[int(np.argmax(mean))] == "metal", name
