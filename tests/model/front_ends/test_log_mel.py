"""The spectrogram: the published numbers, and the same numbers however the samples arrive."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import BundleError
from model.front_ends.log_mel import LogMel
from model.front_ends.stream import FrontEndStream

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "musicnn_golden.npz")
SIGNALS = ("chirp", "chord", "noise")
FRONT_END = LogMel()


def streamed(samples: np.ndarray, blocks: list[int], front_end: LogMel = FRONT_END) -> np.ndarray:
    stream = FrontEndStream(front_end, history_frames=1000)
    start = 0
    for block in blocks:
        stream.push(samples[start : start + block])
        start += block
    return stream.frames(0, stream.frame_count).copy()


@pytest.mark.parametrize("signal", SIGNALS)
def test_gives_the_published_numbers(signal: str) -> None:
    np.testing.assert_allclose(FRONT_END.compute(GOLDEN[f"{signal}.audio"]), GOLDEN[f"{signal}.logmel"], atol=5e-6)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("block", [1, 7, 160, 1024, 48_000])
def test_streamed_equals_offline_for_every_block_size(signal: str, block: int) -> None:
    samples = GOLDEN[f"{signal}.audio"]
    blocks = [block] * -(-len(samples) // block)
    np.testing.assert_allclose(streamed(samples, blocks), FRONT_END.compute(samples), atol=1e-6, rtol=0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5_000), max_size=30), st.integers(0, 2**32 - 1))
def test_streamed_equals_offline_for_random_blocks(blocks: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, sum(blocks)).astype(np.float32)
    np.testing.assert_allclose(streamed(samples, blocks), FRONT_END.compute(samples), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "front_end",
    [
        FRONT_END,
        LogMel(sample_rate=22_050, n_fft=2048, hop_length=512, bands=64, fmin_hz=30.0, fmax_hz=11_025.0),
        LogMel(sample_rate=12_000, n_fft=1024, hop_length=1024, fmax_hz=6_000.0, mel_scale="htk", mel_norm="none"),
    ],
)
def test_agrees_with_librosa(front_end: LogMel) -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, 60_000).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=front_end.sample_rate,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        pad_mode="constant",
        n_mels=front_end.bands,
        fmin=front_end.fmin_hz,
        fmax=front_end.fmax_hz,
        htk=front_end.mel_scale == "htk",
        norm=None if front_end.mel_norm == "none" else front_end.mel_norm,
    )
    ours = front_end.compute(samples)
    np.testing.assert_allclose(ours, np.log10(10_000 * power + 1).T[: len(ours)], atol=2e-5)


def test_the_first_window_comes_half_a_frame_after_its_last_centre() -> None:
    stream = FrontEndStream(FRONT_END, history_frames=200)
    stream.push(np.zeros(47_871, np.float32))
    assert stream.frame_count == 186
    stream.push(np.zeros(1, np.float32))
    assert stream.frame_count == FRONT_END.window_frames == 187
    assert FRONT_END.window_samples == 47_872
    assert FRONT_END.window_seconds == 3.0


def test_a_window_is_a_view_that_survives_the_ring_wrapping_round() -> None:
    samples = np.random.default_rng(2).uniform(-1, 1, 400_000).astype(np.float32)
    whole = FRONT_END.compute(samples)
    stream = FrontEndStream(FRONT_END, history_frames=250)
    for start in range(0, len(samples), 3_000):
        stream.push(samples[start : start + 3_000])
        end = stream.frame_count
        if end >= FRONT_END.window_frames:
            window = stream.window(end)
            assert window.base is not None
            assert window.flags.c_contiguous
            np.testing.assert_allclose(window, whole[end - 187 : end], atol=1e-6, rtol=0)


def test_memory_does_not_grow_with_the_stream() -> None:
    stream = FrontEndStream(FRONT_END, history_frames=200)
    size = _bytes_of(stream)
    for _ in range(20):
        stream.push(np.zeros(16_000, np.float32))
    assert _bytes_of(stream) == size > 200 * 96 * 4


def _bytes_of(thing: object) -> int:
    """Of all arrays that it holds, also inside what it holds."""
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    return sum(_bytes_of(value) for value in vars(thing).values()) if hasattr(thing, "__dict__") else 0


def test_frames_gives_what_is_still_held_and_no_more() -> None:
    stream = FrontEndStream(FRONT_END, history_frames=200)
    stream.push(np.random.default_rng(3).uniform(-1, 1, 100_000).astype(np.float32))
    assert stream.frame_count == 390
    assert len(stream.frames(0, 390)) == 200
    assert len(stream.frames(380, 500)) == 10
    assert len(stream.frames(500, 600)) == 0
    with pytest.raises(IndexError, match="not held"):
        stream.window(300)
    with pytest.raises(IndexError, match="not held"):
        stream.window(391)


def test_after_a_reset_a_stream_begins_anew() -> None:
    samples = GOLDEN["chord.audio"]
    stream = FrontEndStream(FRONT_END, history_frames=200)
    stream.push(GOLDEN["noise.audio"][:30_001])
    stream.reset()
    stream.push(samples)
    np.testing.assert_allclose(stream.window(187), FRONT_END.compute(samples), atol=1e-6, rtol=0)


def test_the_same_sound_gives_the_same_numbers_whatever_is_loud_beside_it() -> None:
    quiet = 0.01 * GOLDEN["chord.audio"]
    with_a_bang = np.concatenate([quiet, np.ones(16_000, np.float32)])
    np.testing.assert_allclose(FRONT_END.compute(with_a_bang)[:187], FRONT_END.compute(quiet), atol=1e-6)


def test_filters_cover_the_bands_they_name() -> None:
    peaks_hz = FRONT_END.filters().argmax(axis=0) * 16_000 / 512
    assert np.abs(peaks_hz - FRONT_END.band_frequencies_hz).max() <= 16_000 / 512


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "mfcc"},
        {"window": "blackman"},
        {"compression": "ln(x+1e-5)"},
        {"sample_rate": 0},
        {"n_fft": 511},
        {"hop_length": 2.5},
        {"fmax_hz": 9_000.0},
        {"fmax_hz": float("nan")},
        {"bands": "96"},
        {"surprise": 1},
    ],
)
def test_a_front_end_that_cannot_be_reproduced_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BundleError):
        LogMel.from_json({**FRONT_END.to_json(), **change})


def test_a_front_end_survives_being_written_and_read() -> None:
    assert LogMel.from_json(FRONT_END.to_json()) == FRONT_END
