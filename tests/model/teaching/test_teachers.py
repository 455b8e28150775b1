"""How the teachers hear."""

from __future__ import annotations

import numpy as np

from model.teaching.teachers import BANDS, FRAMES, GATES, audioset_columns, audioset_windows

RATE = 32_000


def reference(samples: np.ndarray) -> np.ndarray:
    """The same written out band by band, from the description."""
    emphasised = np.concatenate([samples[:1], samples[1:] - 0.97 * samples[:-1]])
    padded = np.pad(emphasised, 512, mode="reflect")
    mel = lambda hertz: 1127.0 * np.log(1.0 + hertz / 700.0)  # noqa: E731
    edges = np.linspace(mel(0.0), mel(15_000.0), 130)
    window = np.concatenate([np.zeros(112), 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799), np.zeros(112)])
    rows = []
    for frame in range(300):
        power = np.abs(np.fft.rfft(padded[frame * 320 : frame * 320 + 1024] * window)) ** 2
        row = []
        for band in range(128):
            left, middle, right = edges[band : band + 3]
            total = 0.0
            for place in range(512):  # the Nyquist bin gets nothing
                at = mel(place * RATE / 1024)
                if left < at <= middle:
                    total += power[place] * (at - left) / (middle - left)
                elif middle < at < right:
                    total += power[place] * (right - at) / (right - middle)
            row.append((np.log(total + 1e-5) + 4.5) / 5.0)
        rows.append(row)
        if frame == 4:
            break
    return np.array(rows)


def test_the_spectrogram_of_the_audioset_teacher_is_as_described() -> None:
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal(3 * RATE)).astype(np.float32)
    heard = audioset_windows(samples[None])
    assert heard.shape == (1, FRAMES, BANDS)
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard[0, :5], reference(samples.astype(float)), atol=2e-4)


def test_a_tone_lies_in_the_band_of_its_frequency() -> None:
    tone = np.sin(2 * np.pi * 1_000 * np.arange(3 * RATE) / RATE).astype(np.float32)[None]
    loudest = audioset_windows(tone)[0, 150].argmax()
    edges = 700.0 * (np.exp(np.linspace(0.0, 1127.0 * np.log(1 + 15_000 / 700), 130) / 1127.0) - 1.0)
    assert edges[loudest] < 1_000 < edges[loudest + 2]


def test_music_and_what_is_none_are_taught_and_nothing_else() -> None:
    classes = ["Speech", "Dog", "Singing", "Music", "Guitar", "Pop music", "Jazz", "Scary music", "Wind", "Silence"]
    columns = audioset_columns(classes)
    assert [classes[column] for column in columns] == [*GATES, "Pop music", "Jazz", "Scary music"]
