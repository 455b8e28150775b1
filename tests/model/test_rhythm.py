"""The rhythm of the last seconds: peaks where the beats come again, whatever the level and the blocks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from model.front_ends.log_mel import LogMel
from model.rhythm import BANDS, FEATURES, LAGS_SECONDS, LONGEST_SECONDS, SHORTEST_SECONDS, retimed, rhythm

FRONT_END = LogMel()
FRAME_RATE_HZ = FRONT_END.sample_rate / FRONT_END.hop_length
RNG = np.random.default_rng(3)


def clicks(seconds: float, period_seconds: float, *, offset_seconds: float = 0.1) -> np.ndarray:
    """Short bursts of noise on a faint hiss, float32 at 16 kHz."""
    samples = 1e-4 * RNG.standard_normal(round(seconds * 16_000))
    burst = RNG.standard_normal(800) * np.exp(-np.arange(800) / 150.0)
    for start in np.arange(offset_seconds, seconds - 0.1, period_seconds):
        place = round(start * 16_000)
        samples[place : place + 800] += 0.3 * burst
    return samples.astype(np.float32)


def heard(samples: np.ndarray) -> np.ndarray:
    """float32 [4, lags]."""
    return rhythm(FRONT_END.compute(samples), FRAME_RATE_HZ).reshape(len(BANDS), len(LAGS_SECONDS))


@pytest.mark.parametrize("period_seconds", [0.35, 0.5, 0.72, 1.1])
def test_the_strongest_lag_of_a_click_track_is_a_multiple_of_its_period(period_seconds: float) -> None:
    for row in heard(clicks(12.0, period_seconds)):
        near = np.argmin(np.abs(np.log(LAGS_SECONDS / period_seconds)))
        assert row[near - 1 : near + 2].max() > 0.5
        strongest = LAGS_SECONDS[row.argmax()] / period_seconds
        # Half the distance of two lags is 2.6 % of a lag.
        assert abs(strongest - round(strongest)) < 0.03 * max(1.0, strongest)
        between = np.argmin(np.abs(np.log(LAGS_SECONDS / (1.5 * period_seconds))))
        assert row[between] < 0.1


def test_its_shape_is_one_value_for_every_part_of_the_spectrum_and_lag() -> None:
    found = rhythm(FRONT_END.compute(clicks(7.0, 0.5)), FRAME_RATE_HZ)
    assert found.shape == (FEATURES,) == (4 * 60,)
    assert found.dtype == np.float32
    assert np.abs(found).max() <= 1.5


def test_another_level_changes_nothing() -> None:
    samples = clicks(8.0, 0.5) + 0.05 * np.sin(np.arange(128_000) / 8.0).astype(np.float32)
    loud = heard(samples)
    for gain_db in (-30.0, -12.0, 9.0):
        np.testing.assert_allclose(heard(samples * np.float32(10.0 ** (gain_db / 20.0))), loud, atol=0.02)


def test_low_beats_and_high_beats_are_told_apart() -> None:
    times = np.arange(12 * 16_000) / 16_000
    # Not at once, as a jump would be heard everywhere.
    low = np.sin(2 * np.pi * 100 * times) * np.exp(-(times % 0.8) / 0.05) * np.minimum(1.0, (times % 0.8) / 0.02)
    high = np.sin(2 * np.pi * 5_000 * times) * np.exp(-(times % 0.3) / 0.03) * np.minimum(1.0, (times % 0.3) / 0.01)
    rows = heard((0.2 * (low + high) + 1e-4 * RNG.standard_normal(len(times))).astype(np.float32))

    def at(row: np.ndarray, seconds: float) -> float:
        near = np.argmin(np.abs(np.log(LAGS_SECONDS / seconds)))
        return float(row[near - 1 : near + 2].max())

    assert at(rows[0], 0.8) > 0.5
    assert at(rows[0], 0.8) > at(rows[0], 0.3) + 0.2
    assert at(rows[2], 0.3) > 0.5
    assert at(rows[2], 0.3) > at(rows[2], 0.8) + 0.2


def test_six_and_twelve_seconds_of_the_same_music_give_about_the_same() -> None:
    frames = FRONT_END.compute(clicks(12.0, 0.55))
    six = rhythm(frames[: round(SHORTEST_SECONDS * FRAME_RATE_HZ)], FRAME_RATE_HZ)
    twelve = rhythm(frames[: round(LONGEST_SECONDS * FRAME_RATE_HZ)], FRAME_RATE_HZ)
    assert np.corrcoef(six, twelve)[0, 1] > 0.95
    assert np.abs(six - twelve).mean() < 0.08


def test_streamed_frames_give_what_those_of_the_whole_recording_give() -> None:
    samples = clicks(9.0, 0.45)
    whole = FRONT_END.compute(samples)
    stream = FRONT_END.open_stream(history_frames=1_000)
    for block in np.split(samples, np.sort(RNG.integers(0, len(samples), 60))):
        stream.push(block)
    np.testing.assert_allclose(
        rhythm(stream.frames(0, stream.frame_count), FRAME_RATE_HZ), rhythm(whole, FRAME_RATE_HZ), atol=1e-4
    )


def test_silence_and_a_steady_tone_have_no_rhythm() -> None:
    assert not heard(np.zeros(8 * 16_000, np.float32)).any()
    assert np.isfinite(heard(np.full(8 * 16_000, 0.5, np.float32))).all()


def test_another_tempo_is_a_shift_along_the_lags() -> None:
    """The same frames said to come faster are faster music: moving the features says nearly the same."""
    frames = FRONT_END.compute(clicks(12.0, 0.6))
    slow = rhythm(frames, FRAME_RATE_HZ)
    for tempo in (0.94, 1.06):
        fast = rhythm(frames, FRAME_RATE_HZ * tempo)
        moved = retimed(slow, tempo)
        assert np.corrcoef(moved, fast)[0, 1] > 0.8
        assert np.corrcoef(moved, fast)[0, 1] > np.corrcoef(slow, fast)[0, 1]
    np.testing.assert_array_equal(retimed(slow, 1.0), slow)


def test_what_is_too_short_or_has_too_few_bands_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        rhythm(np.zeros((200, 96), np.float32), FRAME_RATE_HZ)
    with pytest.raises(ValueError, match="bands"):
        rhythm(np.zeros((700, 2), np.float32), FRAME_RATE_HZ)
    with pytest.raises(ValueError, match="tempo"):
        retimed(np.zeros(FEATURES, np.float32), 0.0)


def test_it_is_cheap_enough_for_every_hop_of_every_session() -> None:
    frames = FRONT_END.compute(clicks(12.0, 0.5))
    rhythm(frames, FRAME_RATE_HZ)
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        rhythm(frames, FRAME_RATE_HZ)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.002
