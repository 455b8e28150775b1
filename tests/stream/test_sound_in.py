"""From blocks to the ring: whatever the blocks are, the same samples stand there."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.dc_offset import DcOffsetRemover
from stream.inlet import Inlet
from stream.level import LevelMeter, measure
from stream.resampler import StreamResampler
from stream.ring_buffer import RingBuffer

BLOCK_SIZES = [1, 7, 160, 1024, 48000]


def cut(samples: np.ndarray, size: int) -> list[np.ndarray]:
    return [samples[start : start + size] for start in range(0, len(samples), size)]


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32)


@pytest.mark.parametrize("size", BLOCK_SIZES)
def test_ring_gives_back_what_was_written_in_any_blocks(size: int) -> None:
    samples = noise(5000)
    ring = RingBuffer(7000)
    read = np.empty(0, dtype=np.float32)
    for block in cut(samples, size):
        ring.write(block)
        got, first = ring.read(len(read), 10_000)
        assert first == len(read)
        read = np.concatenate((read, got))
    np.testing.assert_array_equal(read, samples)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 40)), max_size=40), st.integers(1, 30))
def test_ring_keeps_the_newest_and_counts_what_it_lost(steps: list[tuple[int, int]], capacity: int) -> None:
    ring, written, at = RingBuffer(capacity), np.empty(0, dtype=np.float32), 0
    for count, limit in steps:
        block = np.arange(len(written), len(written) + count, dtype=np.float32)
        ring.write(block)
        written = np.concatenate((written, block))
        got, first = ring.read(at, limit)
        assert first == max(at, len(written) - capacity)
        np.testing.assert_array_equal(got, written[first : first + limit])
        at = first + len(got)


def test_ring_keeps_channels_apart() -> None:
    ring = RingBuffer(4, channels=2)
    ring.write(np.array([[1, -1], [2, -2], [3, -3]], dtype=np.float32))
    ring.write(np.array([[4, -4], [5, -5]], dtype=np.float32))
    got, first = ring.read(0, 10)
    assert first == 1
    np.testing.assert_array_equal(got, [[2, -2], [3, -3], [4, -4], [5, -5]])


@pytest.mark.parametrize("size", BLOCK_SIZES)
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_resampled_stream_equals_one_shot(size: int, rate: int) -> None:
    samples = noise(rate if size > 1 else rate // 8)
    stream = StreamResampler(rate, 16000)
    pieces = [stream.push(block) for block in cut(samples, size)] + [stream.flush()]
    np.testing.assert_allclose(np.concatenate(pieces), soxr.resample(samples, rate, 16000, quality="HQ"), atol=2e-6)


def test_resampler_begins_anew_after_flush() -> None:
    samples, stream = noise(4410), StreamResampler(44100, 16000)
    first = np.concatenate((stream.push(samples), stream.flush()))
    again = np.concatenate((stream.push(samples), stream.flush()))
    np.testing.assert_array_equal(first, again)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=12))
@settings(deadline=None, max_examples=25)
def test_offset_removal_does_not_depend_on_blocks(sizes: list[int]) -> None:
    samples = noise(sum(sizes), seed=len(sizes)) + np.float32(0.2)
    whole = DcOffsetRemover(16000).push(samples)
    remover, at, pieces = DcOffsetRemover(16000), 0, []
    for size in sizes:
        pieces.append(remover.push(samples[at : at + size]))
        at += size
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_a_constant_offset_is_found_and_removed() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(80000) / 16000).astype(np.float32)
    remover = DcOffsetRemover(16000)
    cleaned = remover.push(tone + np.float32(0.25))
    assert remover.offset == pytest.approx(0.25, abs=0.005)
    assert abs(cleaned[-16000:].mean()) < 0.005


def test_clean_sound_passes_bit_for_bit() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(80000) / 16000).astype(np.float32)
    np.testing.assert_array_equal(DcOffsetRemover(16000).push(tone), tone)


def test_level_of_a_full_scale_sine_is_minus_three_dbfs() -> None:
    sine = np.sin(2 * np.pi * 100 * np.arange(16000) / 16000).astype(np.float32)[:, None]
    level = measure(sine * 0.999)
    assert level.rms_dbfs == pytest.approx(-3.02, abs=0.02)
    assert level.peak_dbfs == pytest.approx(0.0, abs=0.02)
    assert not level.clipped


def test_three_full_scale_samples_in_a_row_are_clipping_and_two_are_not() -> None:
    block = np.zeros((10, 2), dtype=np.float32)
    block[3:5, 1] = -1.0
    assert not measure(block).clipped
    block[5, 1] = -1.0
    assert measure(block).clipped
    assert measure(np.ones((3, 1), dtype=np.float32)).clipped
    assert not measure(np.ones((2, 1), dtype=np.float32)).clipped


def test_a_peak_and_clipping_are_held_long_enough_to_be_seen_and_no_longer() -> None:
    meter = LevelMeter()
    loud, quiet = np.ones((10, 1), dtype=np.float32), np.full((10, 1), 0.01, dtype=np.float32)
    meter.push(loud, 0.02)
    for _ in range(10):
        level = meter.push(quiet, 0.02)
    assert level.clipped
    assert level.peak_dbfs == 0.0
    assert level.rms_dbfs == pytest.approx(-40.0, abs=0.01)
    for _ in range(10):
        level = meter.push(quiet, 0.02)
    assert not level.clipped
    assert level.peak_dbfs == pytest.approx(-40.0, abs=0.01)


def test_silence_is_at_the_floor() -> None:
    assert measure(np.zeros((100, 2), dtype=np.float32)).rms_dbfs == -120.0
    assert measure(np.zeros((0, 2), dtype=np.float32)).peak_dbfs == -120.0


@pytest.mark.parametrize("size", BLOCK_SIZES)
def test_inlet_mixes_down_and_resamples_the_same_for_any_blocks(size: int) -> None:
    stereo = noise(2 * 44100).reshape(-1, 2)
    inlet = Inlet(16000, 10.0)
    inlet.begin(44100)
    for block in cut(stereo, size):
        inlet.push(block, 0.0)
    inlet.finish()
    got, _ = inlet.ring.read(0, 100_000)
    # The offset remover is not part of what soxr does: run it on the reference as well.
    expected = DcOffsetRemover(16000).push(soxr.resample(stereo.mean(axis=1), 44100, 16000, quality="HQ"))
    np.testing.assert_allclose(got, expected, atol=3e-6)


def test_what_is_no_number_becomes_silence_and_is_counted() -> None:
    inlet = Inlet(16000, 5.0)
    inlet.begin(16000)
    block = np.full((100, 2), 0.25, dtype=np.float32)
    block[10, 0], block[20, 1], block[30] = np.nan, np.inf, -np.inf
    inlet.push(block, 0.0)
    assert inlet.status().invalid_samples == 4
    assert np.isfinite(inlet.ring.read(0, 200)[0]).all()


def test_marks_tell_when_and_where_a_sample_was_heard() -> None:
    inlet = Inlet(16000, 5.0)
    inlet.begin(48000, track=2, position_seconds=30.0)
    inlet.push(np.zeros((4800, 1), dtype=np.float32), 7.5)
    mark = inlet.marks[-1]
    assert (mark.sample, mark.captured_at, mark.track) == (1600, 7.5, 2)
    assert mark.position_seconds == pytest.approx(30.1)


def test_pushing_before_the_rate_is_known_is_refused() -> None:
    with pytest.raises(RuntimeError, match="begin"):
        Inlet(16000, 5.0).push(np.zeros((10, 1), dtype=np.float32), 0.0)
