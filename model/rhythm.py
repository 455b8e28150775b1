"""The rhythm of the last six to twelve seconds: after which times do onsets come again, low, middle and high?

A window of three seconds holds four beats of a slow waltz; its bar hardly fits. So a bundle may look further back than
its network hears, at the onsets alone. They are the flux of the log-mel spectrogram (D. P. W. Ellis, "Beat tracking by
dynamic programming", J. New Music Research 36(1), 2007), and what is learned from is their autocorrelation, as in the
beat histograms of G. Tzanetakis and P. Cook, "Musical genre classification of audio signals", IEEE Trans. Speech and
Audio Processing 10(5), 2002, and in the work on ballroom dances since F. Gouyon, S. Dixon, E. Pampalk and G. Widmer,
"Evaluating rhythmic descriptors for musical genre classification", AES 25th Int. Conf., 2004. Lags are spaced by equal
ratios, so that another tempo moves the same shape along the axis (`retimed`).
"""

from __future__ import annotations

import math

import numpy as np

from model.front_ends.compression import LOG_10000
from model.front_ends.front_end import FrontEnd
from model.front_ends.log_mel import LogMel

SHORTEST_SECONDS = 6.0
"""With less there is no rhythm to speak of: a bar and a half of a slow waltz, and long lags lie in too few places."""
LONGEST_SECONDS = 12.0
"""More tells little more, and remembers the music before this one for longer."""

LAGS_SECONDS = np.geomspace(0.22, 4.4, 60)
"""float64 [lags]: from the eighths of a quickstep to two bars of a rumba."""
BANDS = ("low", "middle", "high", "all")
FEATURES = len(BANDS) * len(LAGS_SECONDS)
"""All lags of "low", then of "middle", "high" and "all"."""
LEAST_FRAME_RATE_HZ = 30.0
VERSION = 1
"""Raised when the same frames would give other numbers."""
LEAST_BANDS = 12

_HALF_STEP = math.sqrt(LAGS_SECONDS[1] / LAGS_SECONDS[0])
_AROUND_SECONDS = 1.0
_KERNEL = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
_GROUPS = 24
"""Neighbouring mel bands that rise together are counted once."""
_COMPRESSION = 100.0
"""Where a group of bands is as loud as on average, its level is ln(1 + this)."""
_FLOOR = 1e-4
"""Of the mean power of all groups: where there is less, as above a codec's cut-off, noise makes no onsets."""
_SILENCE = 1e-9
"""Of the variance of the onsets: below it nothing moves."""


def can_be_heard(front_end: FrontEnd) -> bool:
    """Whether a rhythm can be computed from what this front end gives."""
    return (
        isinstance(front_end, LogMel)
        and front_end.compression == LOG_10000
        and front_end.bands >= LEAST_BANDS
        and front_end.sample_rate / front_end.hop_length >= LEAST_FRAME_RATE_HZ
    )


def rhythm_before(frames: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """The rhythm at the end of what has been heard of a stretch of sound; the same code live and in training.

    frames : float32 [n, bands], all frames of the stretch up to a window's end, or at least the last 12 s of them.

    Returns float32 [FEATURES], all NaN if they are fewer than 6 s of sound give.
    """
    if len(frames) < front_end.frame_count(round(SHORTEST_SECONDS * front_end.sample_rate)):
        return np.full(FEATURES, np.nan, np.float32)
    longest = front_end.frame_count(round(LONGEST_SECONDS * front_end.sample_rate))
    return rhythm(frames[-longest:], front_end.sample_rate / front_end.hop_length)


def rhythm(frames: np.ndarray, frame_rate_hz: float) -> np.ndarray:
    """How strongly onsets repeat after each lag, in three parts of the spectrum and in all of it.

    Level-independent: the compression of the spectrogram is undone and every group of bands is compressed again against
    its own mean, so gain changes nothing and neither does a slow equaliser. Every lag is divided by the number of pairs
    of frames that are so far apart, so that 6 s and 12 s of the same music give about the same.

    frames : float32 [n, bands], log-mel, log10(10000 x + 1) (`model.front_ends.log_mel`); 6 to 12 s of them, or nearly.
    frame_rate_hz : frames a second. Said twice as high, the rhythm is that of music played twice as fast.

    Returns float32 [FEATURES], -1..1 but for chance at the longest lags; zeros where nothing moves.
    """
    frames = np.asarray(frames)
    if frames.ndim != 2 or frames.shape[1] < LEAST_BANDS:
        raise ValueError(f"frames have the shape {frames.shape}, but rhythm needs [n, {LEAST_BANDS} bands or more]")
    longest = math.ceil(LAGS_SECONDS[-1] * _HALF_STEP * frame_rate_hz) + 1
    if len(frames) < longest + 2:
        raise ValueError(f"{len(frames)} frames at {frame_rate_hz:g} a second are too short for a rhythm")
    onsets = _onsets(onset_flux(frames), frame_rate_hz)
    return _at_lags(_autocorrelation(onsets, longest), frame_rate_hz).reshape(FEATURES)


def onset_flux(frames: np.ndarray) -> np.ndarray:
    """How much gets louder from frame to frame: float32 [n, bands] -> float64 [4, n - 1]: low, middle, high and all.

    Low is the lowest third of the mel bands (below 1 kHz of 8 kHz), and so on.
    """
    powers = np.expm1(np.float32(math.log(10.0)) * frames)
    edges = np.unique(np.arange(_GROUPS + 1) * frames.shape[1] // _GROUPS)
    groups = np.add.reduceat(powers, edges[:-1], axis=1) / np.diff(edges).astype(np.float32)
    means = groups.mean(axis=0)
    reference = means + np.float32(_FLOOR) * means.mean()
    levels = np.log1p(groups * (np.float32(_COMPRESSION) / np.maximum(reference, np.float32(1e-20))))
    rises = np.maximum(np.diff(levels, axis=0), 0.0)
    third = rises.shape[1] // 3
    parts = [rises[:, :third], rises[:, third : 2 * third], rises[:, 2 * third :], rises]
    return np.stack([part.mean(axis=1, dtype=np.float64) for part in parts])


def _onsets(flux: np.ndarray, frame_rate_hz: float) -> np.ndarray:
    """What stands out from the second around it, float64 [4, n] -> [4, n].

    Slightly smoothed, so that two players who are not quite together make one onset.
    """
    padded = np.pad(flux, ((0, 0), (2, 2)), mode="edge")
    count = flux.shape[1]
    smooth = sum(weight * padded[:, start : start + count] for start, weight in enumerate(_KERNEL))
    half = round(_AROUND_SECONDS * frame_rate_hz / 2.0)
    sums = np.pad(np.cumsum(smooth, axis=1), ((0, 0), (1, 0)))
    first = np.maximum(np.arange(count) - half, 0)
    last = np.minimum(np.arange(count) + half + 1, count)
    around = (sums[:, last] - sums[:, first]) / (last - first)
    return np.maximum(smooth - around, 0.0)


def _autocorrelation(onsets: np.ndarray, longest: int) -> np.ndarray:
    """float64 [4, n] -> float64 [4, longest + 1]: the mean product of frames so far apart, by that of lag zero."""
    count = onsets.shape[1]
    onsets = onsets - onsets.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(onsets, 2 ** math.ceil(math.log2(count + longest)), axis=1)
    products = np.fft.irfft(np.square(np.abs(spectrum)), axis=1)[:, : longest + 1] / (count - np.arange(longest + 1))
    variance = products[:, :1]
    return np.where(variance > _SILENCE, products / np.maximum(variance, _SILENCE), 0.0)


def _at_lags(products: np.ndarray, frame_rate_hz: float) -> np.ndarray:
    """float64 [4, frames] -> float32 [4, lags]: the highest value nearer to a lag than to its neighbours.

    Long lags lie many frames apart, and a sharp peak between two of them must not be missed. Short ones may lie less
    than a frame apart: there it is a straight line between the frames.
    """
    places = LAGS_SECONDS * frame_rate_hz
    below = places.astype(int)
    share = places - below
    straight = (1.0 - share) * products[:, below] + share * products[:, below + 1]
    first = np.ceil(places / _HALF_STEP).astype(int)
    after = np.append(first[1:], int(places[-1] * _HALF_STEP) + 1)
    highest = np.maximum.reduceat(products[:, : after[-1]], first, axis=1)
    return np.where(after > first, np.maximum(straight, highest), straight).astype(np.float32)


def retimed(features: np.ndarray, tempo: float) -> np.ndarray:
    """The same music played `tempo` times as fast: float32 [..., FEATURES] -> the same shape.

    Everything comes again after a `tempo`-th of the time, so values move along the axis of lags, which costs nothing
    beside making the music anew. At the end they come from, the last value is repeated.
    """
    if tempo <= 0.0:
        raise ValueError(f"tempo={tempo} must be greater than zero")
    lags = len(LAGS_SECONDS)
    step = 2.0 * math.log(_HALF_STEP)
    places = np.clip(np.arange(lags) + math.log(tempo) / step, 0.0, lags - 1.0)
    below = np.minimum(places.astype(int), lags - 2)
    share = (places - below).astype(np.float32)
    shaped = features.reshape(*features.shape[:-1], len(BANDS), lags)
    moved = (1.0 - share) * shaped[..., below] + share * shaped[..., below + 1]
    return moved.reshape(features.shape).astype(np.float32)
