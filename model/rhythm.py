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
LEAST_BANDS = 12

_GROUPS = 24
"""Neighbouring mel bands that rise together are counted once."""
_COMPRESSION = 100.0
"""Where a group of bands is as loud as on average, its level is ln(1 + this)."""
_FLOOR = 1e-4
"""Of the mean power of all groups: where there is less, as above a codec's cut-off, noise makes no onsets."""
_SILENCE = 1e-9
"""Of the variance of the flux: below it nothing moves."""


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
    flux = onset_flux(frames)
    longest = math.ceil(LAGS_SECONDS[-1] * frame_rate_hz) + 2
    if flux.shape[1] < longest + 2:
        raise ValueError(f"{len(frames)} frames at {frame_rate_hz:g} a second are too short for a rhythm")
    return _at_lags(_autocorrelation(flux, longest), frame_rate_hz).reshape(FEATURES)


def onset_flux(frames: np.ndarray) -> np.ndarray:
    """How much gets louder from frame to frame: float32 [n, bands] -> float64 [4, n - 1]: low, middle, high and all.

    Low is the lowest third of the mel bands (below 1 kHz of 8 kHz), and so on.
    """
    powers = np.expm1(np.float32(math.log(10.0)) * frames)
    edges = np.arange(_GROUPS + 1) * frames.shape[1] // _GROUPS
    edges = np.unique(edges)
    groups = np.add.reduceat(powers, edges[:-1], axis=1) / np.diff(edges).astype(np.float32)
    means = groups.mean(axis=0)
    reference = means + np.float32(_FLOOR) * means.mean()
    levels = np.log1p(groups * (np.float32(_COMPRESSION) / np.maximum(reference, np.float32(1e-20))))
    rises = np.maximum(np.diff(levels, axis=0), 0.0)
    third = rises.shape[1] // 3
    parts = [rises[:, :third], rises[:, third : 2 * third], rises[:, 2 * third :], rises]
    return np.stack([part.mean(axis=1, dtype=np.float64) for part in parts])


def _autocorrelation(flux: np.ndarray, longest: int) -> np.ndarray:
    """float64 [4, n] -> float64 [4, longest + 1]: the mean product of frames so far apart, by that of lag zero."""
    count = flux.shape[1]
    flux = flux - flux.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(flux, 2 ** math.ceil(math.log2(count + longest)), axis=1)
    products = np.fft.irfft(np.square(np.abs(spectrum)), axis=1)[:, : longest + 1] / (count - np.arange(longest + 1))
    variance = products[:, :1]
    return np.where(variance > _SILENCE, products / np.maximum(variance, _SILENCE), 0.0)


def _at_lags(products: np.ndarray, frame_rate_hz: float) -> np.ndarray:
    """float64 [4, frames] -> float32 [4, lags], between the frames by straight lines."""
    places = LAGS_SECONDS * frame_rate_hz
    below = places.astype(int)
    share = places - below
    return ((1.0 - share) * products[:, below] + share * products[:, below + 1]).astype(np.float32)


def retimed(features: np.ndarray, tempo: float) -> np.ndarray:
    """The same music played `tempo` times as fast: float32 [..., FEATURES] -> the same shape.

    Everything comes again after a `tempo`-th of the time, so values move along the axis of lags, which costs nothing
    beside making the music anew. At the end they come from, the last value is repeated.
    """
    if tempo <= 0.0:
        raise ValueError(f"tempo={tempo} must be greater than zero")
    lags = len(LAGS_SECONDS)
    step = math.log(LAGS_SECONDS[1] / LAGS_SECONDS[0])
    places = np.clip(np.arange(lags) + math.log(tempo) / step, 0.0, lags - 1.0)
    below = np.minimum(places.astype(int), lags - 2)
    share = (places - below).astype(np.float32)
    shaped = features.reshape(*features.shape[:-1], len(BANDS), lags)
    moved = (1.0 - share) * shaped[..., below] + share * shaped[..., below + 1]
    return moved.reshape(features.shape).astype(np.float32)
