"""What examples go through."""

from __future__ import annotations

import numpy as np

from model.teaching.alteration import alter, coded

RATE = 32_000


def music(seconds: float = 1.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * times) + 0.1 * np.sin(2 * np.pi * 6_000 * times)).astype(np.float32)


def test_whatever_happens_length_range_and_kind_stay() -> None:
    for seed in range(80):
        altered = alter(music(), RATE, np.random.default_rng(seed))
        assert altered.shape == (RATE,)
        assert altered.dtype == np.float32
        assert np.isfinite(altered).all()
        assert np.abs(altered).max() <= 1.1  # a codec may overshoot a little


def test_the_same_chance_gives_the_same_sound() -> None:
    for seed in range(20):
        one, other = (alter(music(), RATE, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(one, other)


def test_alterations_differ_and_loudness_spreads_widely() -> None:
    levels = [
        20 * np.log10(np.sqrt(np.mean(np.square(alter(music(), RATE, np.random.default_rng(seed))))))
        for seed in range(60)
    ]
    assert max(levels) - min(levels) > 15.0


def test_silence_stays_quiet_and_finite() -> None:
    altered = alter(np.zeros(RATE, np.float32), RATE, np.random.default_rng(3))
    assert np.isfinite(altered).all()
    assert np.abs(altered).max() < 0.01


def test_a_codec_keeps_the_sound_in_its_place() -> None:
    samples = music()
    for seed in range(6):
        heard = coded(samples, RATE, np.random.default_rng(seed))
        assert heard.shape == samples.shape
        low = np.argmax(np.abs(np.fft.rfft(heard)))
        assert low == 440
