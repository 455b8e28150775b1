"""Songs made by calculation: the same for the same numbers, in tempo, at a sane level, with the bass they need."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.styles.song import SAMPLE_RATE, Artist, Song
from model.styles.style import Style
from model.styles.table import STYLES

SECONDS = 9.0
WITH_DRUMS = [style for style in STYLES if style.drumless == 0.0]
DEEP_BASS = ("brostep", "drum-and-bass", "halftime", "trap")


def style(slug: str) -> Style:
    return next(style for style in STYLES if style.slug == slug)


def steady(slug: str, artist: int = 3, song: int = 0) -> Song:
    """Drums from beginning to end."""
    return Artist(replace(style(slug), plans={"steady": 1.0}, drumless=0.0), artist).song(song, SECONDS)


def loudness_curve(samples: np.ndarray) -> np.ndarray:
    """Rises in level, 200 a second."""
    step = SAMPLE_RATE // 200
    power = np.square(samples[: len(samples) // step * step]).reshape(-1, step).mean(axis=1)
    return np.maximum(np.diff(np.log(power + 1e-4)), 0.0)


def energy_share(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.square(np.abs(np.fft.rfft(samples)))
    frequencies_hz = np.fft.rfftfreq(len(samples), 1.0 / SAMPLE_RATE)
    return float(power[(frequencies_hz >= low_hz) & (frequencies_hz < high_hz)].sum() / power.sum())


def test_there_are_twelve_styles_with_names_of_their_own():
    assert len(STYLES) == 12
    assert len({style.label for style in STYLES}) == len({style.slug for style in STYLES}) == 12


def test_the_same_numbers_give_the_same_song():
    first, again = (Artist(style("trance"), 5).song(2, 4.0) for _ in range(2))
    assert np.array_equal(first.samples, again.samples)
    assert (first.tempo_bpm, first.plan) == (again.tempo_bpm, again.plan)


@pytest.mark.parametrize("other", [(6, 2), (5, 3)], ids=["artist", "song"])
def test_another_number_gives_another_song(other):
    artist, song = other
    a, b = Artist(style("techno"), 5).song(2, 4.0).samples, Artist(style("techno"), artist).song(song, 4.0).samples
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.5


def test_an_artists_songs_share_the_drum_kit():
    artist = Artist(style("deep-house"), 1)
    kit = {drum: sound.copy() for drum, sound in artist._kit.items()}
    artist.song(0, 3.0)
    artist.song(1, 3.0)
    assert all(np.array_equal(kit[drum], sound) for drum, sound in artist._kit.items())


@pytest.mark.parametrize("made", STYLES, ids=lambda made: made.slug)
def test_a_song_is_as_long_as_was_asked_for_and_does_not_clip(made):
    samples = Artist(made, 7).song(1, SECONDS).samples
    assert samples.dtype == np.float32 and samples.shape == (round(SECONDS * SAMPLE_RATE),)
    assert np.isfinite(samples).all()
    assert 0.3 < np.abs(samples).max() <= 1.0
    # No stretches of the same value, as clipping makes them.
    assert (np.diff(samples) == 0.0).mean() < 0.02
    assert -30.0 < 20.0 * np.log10(np.sqrt(np.mean(np.square(samples)))) < -4.0
    assert abs(samples.mean()) < 0.01


@pytest.mark.parametrize("made", WITH_DRUMS, ids=lambda made: made.slug)
def test_a_song_keeps_its_tempo(made):
    song = steady(made.slug)
    low, high = made.tempo_bpm
    assert low * 0.998 <= song.tempo_bpm <= high * 1.002
    curve = loudness_curve(song.samples)
    curve = curve - curve.mean()
    products = np.correlate(curve, curve, "full")[len(curve) - 1 :]
    # Everything comes again after a bar, more than after a little less or more.
    bar = 4 * 60.0 / song.tempo_bpm * 200.0
    around = {share: products[int(bar * share) : int(bar * share) + 2].max() for share in (0.93, 0.96, 1.0, 1.04, 1.07)}
    assert max(around, key=around.__getitem__) == 1.0, around
    assert around[1.0] > 0.1 * products[0]


@pytest.mark.parametrize("slug", DEEP_BASS)
def test_styles_with_a_sub_bass_have_one(slug):
    shares = [energy_share(steady(slug, artist).samples, 25.0, 120.0) for artist in range(3)]
    assert np.mean(shares) > 0.25, shares


def strokes_share(samples: np.ndarray) -> float:
    """Share of the moments of 40 ms that are at least 3 dB louder than the one before."""
    step = SAMPLE_RATE // 25
    power = np.square(samples[: len(samples) // step * step]).reshape(-1, step).mean(axis=1) + 1e-6
    return float((power[1:] > 2.0 * power[:-1]).mean())


def test_ambient_has_less_bass_and_fewer_strokes_than_techno():
    ambient = [Artist(style("ambient"), artist).song(0, SECONDS).samples for artist in range(4)]
    techno = [steady("techno", artist).samples for artist in range(4)]
    assert np.mean([energy_share(x, 25, 120) for x in ambient]) < np.mean([energy_share(x, 25, 120) for x in techno])
    assert np.mean([strokes_share(x) for x in ambient]) < 0.5 * np.mean([strokes_share(x) for x in techno])


def test_drums_are_heard_at_the_top_of_the_spectrum():
    for slug in ("house-disco", "techno", "trance", "drum-and-bass"):
        assert energy_share(steady(slug).samples, 4_000.0, 16_000.0) > 5e-4, slug


def test_the_filter_opens_before_the_drop():
    made = replace(style("edm-big-room"), plans={"drop": 1.0})
    samples = Artist(made, 2).song(0, 24.0).samples
    begin, drop = samples[: 3 * SAMPLE_RATE], samples[-3 * SAMPLE_RATE :]
    assert energy_share(begin, 2_000.0, 16_000.0) < 0.5 * energy_share(drop, 2_000.0, 16_000.0)
