"""Every kind of front end gives librosa's numbers, and the same ones however the samples arrive."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import BundleError
from model.front_ends.compression import DECIBELS
from model.front_ends.front_end import FrontEnd
from model.front_ends.harmonic_percussive import HarmonicPercussive
from model.front_ends.kinds import KINDS, read_front_end
from model.front_ends.log_mel import LogMel
from model.front_ends.log_spectrum import LogSpectrum
from model.front_ends.mfcc import Mfcc
from model.networks.recipes import NETWORKS

FRONT_ENDS = {name: recipe.front_end for name, recipe in NETWORKS.items()}
# Short windows, so that a second of sound holds several.
SMALL = {
    "log-mel": LogMel(sample_rate=12_000, n_fft=1_024, fmax_hz=6_000.0, compression=DECIBELS, window_frames=5),
    "log-spectrum": LogSpectrum(n_fft=256, hop_length=224, window="tukey-0.25-periodic", window_frames=9),
    "mfcc": Mfcc(n_fft=512, hop_length=256, bands=40, window_frames=7),
    "mfcc-harmonic-percussive": HarmonicPercussive(
        n_fft=512, hop_length=256, bands=40, coefficients=20, kernel_frames=7, kernel_bins=9, window_frames=11
    ),
}


def music(samples: int, rate: int) -> np.ndarray:
    """Tones that come and go, strokes, and a little noise: float32 [samples]."""
    rng = np.random.default_rng(7)
    times = np.arange(samples) / rate
    tones = sum(np.sin(2 * np.pi * hz * times) * (np.sin(3 * times + hz) > 0) for hz in (110.0, 447.0, 1_870.0))
    strokes = rng.normal(0, 0.3, samples) * np.exp(-40.0 * (times % 0.37))
    return (0.1 * tones + strokes + rng.normal(0, 0.01, samples)).astype(np.float32)


def streamed(front_end: FrontEnd, samples: np.ndarray, blocks: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Every window that a stream offers, joined again, and its picture."""
    stream = front_end.open_stream(history_frames=10_000)
    start = 0
    for block in blocks:
        stream.push(samples[start : start + block])
        start += block
    ends = range(front_end.window_frames, stream.frame_count + 1, front_end.window_frames)
    windows = [stream.window(end).copy() for end in ends]
    return np.concatenate(windows), stream.frames(0, stream.frame_count).copy()


def levels(power: np.ndarray) -> np.ndarray:
    """float [bands, frames] -> librosa's decibels over a fixed floor, [frames, bands]."""
    return librosa.power_to_db(power, ref=1.0, amin=1e-5, top_db=None).T


def power_of(front_end: FrontEnd, samples: np.ndarray, taper: object = "hann") -> np.ndarray:
    spectrum = librosa.stft(
        samples, n_fft=front_end.n_fft, hop_length=front_end.hop_length, window=taper, pad_mode="constant"
    )
    return np.abs(spectrum) ** 2


def mel_of(front_end: Mfcc | LogMel, power: np.ndarray, bands: int) -> np.ndarray:
    return librosa.feature.melspectrogram(
        S=power, sr=front_end.sample_rate, n_fft=front_end.n_fft, n_mels=bands, fmax=front_end.fmax_hz
    )


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Within 1e-4 of the largest number that occurs."""
    theirs = theirs[: len(ours)]
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("name", ["electronic-cnn", "crnn"])
def test_mel_bands_in_decibels_are_librosas(name: str) -> None:
    front_end = FRONT_ENDS[name]
    assert isinstance(front_end, LogMel)
    samples = music(40_000, front_end.sample_rate)
    assert_close(front_end.compute(samples), levels(mel_of(front_end, power_of(front_end, samples), front_end.bands)))


def test_the_dance_networks_spectrogram_is_librosas() -> None:
    front_end = FRONT_ENDS["dance-cnn"]
    samples = music(40_000, front_end.sample_rate)
    power = power_of(front_end, samples, ("tukey", 0.25))
    assert_close(front_end.compute(samples), levels(power[1:129]))


def test_mfcc_are_librosas() -> None:
    front_end = FRONT_ENDS["three-block-cnn"]
    assert isinstance(front_end, Mfcc)
    samples = music(40_000, front_end.sample_rate)
    mel = levels(mel_of(front_end, power_of(front_end, samples), 128))
    assert_close(front_end.compute(samples), librosa.feature.mfcc(S=mel.T, n_mfcc=13).T)
    assert_close(front_end.picture(samples), mel)


@pytest.mark.parametrize("front_end", [FRONT_ENDS["gap-cnn"], SMALL["mfcc-harmonic-percussive"]])
def test_harmonic_and_percussive_parts_are_librosas(front_end: HarmonicPercussive) -> None:
    samples = music(60_000, front_end.sample_rate)
    spectrum = np.sqrt(power_of(front_end, samples))
    kernels = (front_end.kernel_frames, front_end.kernel_bins)
    harmonic, percussive = librosa.decompose.hpss(spectrum, kernel_size=kernels)
    ours = front_end.compute(samples)
    # Frames whose median would reach past the end are not made.
    assert len(ours) == front_end.frame_count(len(samples)) > 2 * front_end.kernel_frames
    bands = front_end.coefficients
    mel = levels(mel_of(front_end, spectrum**2, front_end.bands))
    assert_close(ours[:, :, 0], librosa.feature.mfcc(S=mel.T, n_mfcc=bands).T)
    assert_close(ours[:, :, 1], levels(mel_of(front_end, harmonic**2, bands)))
    assert_close(ours[:, :, 2], levels(mel_of(front_end, percussive**2, bands)))


def test_tones_are_harmonic_and_strokes_are_percussive() -> None:
    front_end = FRONT_ENDS["gap-cnn"]
    times = np.arange(2 * front_end.sample_rate) / front_end.sample_rate
    tone = (0.3 * np.sin(2 * np.pi * 440.0 * times)).astype(np.float32)
    clicks = (np.arange(len(times)) % 5_000 == 2_500).astype(np.float32)
    for samples, louder, softer in ((tone, 1, 2), (clicks, 2, 1)):
        loudest = front_end.compute(samples)[40:].max(axis=(0, 1))
        assert loudest[louder] > loudest[softer] + 20.0


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("block", [1, 37, 256, 5_000])
def test_streamed_equals_offline_for_every_block_size(kind: str, block: int) -> None:
    front_end = SMALL[kind]
    samples = music(9_000, front_end.sample_rate)
    windows, picture = streamed(front_end, samples, [block] * -(-len(samples) // block))
    whole = front_end.compute(samples)
    assert len(windows) >= front_end.window_frames
    np.testing.assert_allclose(windows, whole[: len(windows)], atol=1e-3, rtol=0)
    np.testing.assert_allclose(picture, front_end.picture(samples), atol=1e-3, rtol=0)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(list(SMALL)),
    st.lists(st.integers(0, 3_000), min_size=4, max_size=12).filter(lambda blocks: sum(blocks) > 6_000),
)
def test_streamed_equals_offline_for_random_blocks(kind: str, blocks: list[int]) -> None:
    front_end = SMALL[kind]
    samples = music(sum(blocks), front_end.sample_rate)
    windows, picture = streamed(front_end, samples, blocks)
    np.testing.assert_allclose(windows, front_end.compute(samples)[: len(windows)], atol=1e-3, rtol=0)
    assert len(picture) == front_end.frame_count(len(samples))


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_window_is_there_exactly_after_its_samples(name: str) -> None:
    front_end = FRONT_ENDS[name]
    assert front_end.frame_count(front_end.window_samples) == front_end.window_frames
    assert front_end.frame_count(front_end.window_samples - 1) == front_end.window_frames - 1
    stream = front_end.open_stream(history_frames=1)
    stream.push(music(front_end.window_samples - 1, front_end.sample_rate))
    assert stream.frame_count == front_end.window_frames - 1
    stream.push(np.zeros(1, np.float32))
    assert stream.window(front_end.window_frames).shape == front_end.window_shape
    assert stream.frames(0, 2).shape == (2, len(front_end.band_frequencies_hz))


@pytest.mark.parametrize("kind", SMALL)
def test_after_a_reset_a_stream_begins_anew(kind: str) -> None:
    front_end = SMALL[kind]
    samples = music(9_000, front_end.sample_rate)
    stream = front_end.open_stream(history_frames=10)
    stream.push(samples[::-1].copy())
    stream.reset()
    assert stream.frame_count == 0
    stream.push(samples)
    end = stream.frame_count
    np.testing.assert_allclose(
        stream.window(end), front_end.compute(samples)[end - front_end.window_frames : end], atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("kind", SMALL)
def test_a_bang_afterwards_changes_nothing_before_it(kind: str) -> None:
    front_end = SMALL[kind]
    quiet = 0.01 * music(9_000, front_end.sample_rate)
    with_a_bang = np.concatenate([quiet, np.ones(4_000, np.float32)])
    before = front_end.frame_count(len(quiet))
    np.testing.assert_allclose(front_end.compute(with_a_bang)[:before], front_end.compute(quiet), atol=1e-3)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_silence_and_full_scale_noise_stay_within_bounds(name: str) -> None:
    front_end = FRONT_ENDS[name]
    assert np.isfinite(front_end.silence()).all()
    noise = np.random.default_rng(0).uniform(-1, 1, front_end.n_fft * 40).astype(np.float32)
    loud, (low, high) = front_end.picture(noise), front_end.display_range
    assert low < np.median(loud) < high
    assert np.median(front_end.picture(1e-4 * noise)) < low


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_every_front_end_survives_being_written_and_read(name: str) -> None:
    assert read_front_end(FRONT_ENDS[name].to_json()) == FRONT_ENDS[name]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_cannot_reproduce_is_refused(kind: str) -> None:
    good = SMALL[kind].to_json()
    changes: list[dict[str, object]] = [
        {"kind": "scattering"},
        {"kind": None},
        {"window": "blackman"},
        {"compression": "10log10(x)"},
        {"n_fft": "512"},
        {"n_fft": None},
        {"bands": 10_000},
        {"bands": True},
        {"surprise": 1},
    ]
    changes += [{"coefficients": 41}, {"coefficients": 0}] if "coefficients" in good else []
    changes += [{"kernel_frames": 8}, {"kernel_bins": 1_001}] if "kernel_frames" in good else []
    changes += [{"first_bin": -1}, {"first_bin": 100}, {"first_bin": "1"}] if "first_bin" in good else []
    for change in changes:
        with pytest.raises(BundleError):
            read_front_end({**good, **change})


@pytest.mark.parametrize("values", [None, [], "log-mel", {"kind": "log-mel"}, {}])
def test_what_is_no_front_end_is_refused(values: object) -> None:
    with pytest.raises(BundleError):
        read_front_end(values)
