"""Waves, drums, effects, patterns and chords, one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from model.styles import grooves
from model.styles.arrangement import PLANS, arrange, gain_curve
from model.styles.basses import LINES, Bass
from model.styles.chords import choose_harmony
from model.styles.drums import DRUMS, KICKS, SNARES, make_kit
from model.styles.effects import band, ducking, echo, room, saturated, sweep
from model.styles.grid import Grid
from model.styles.layers import PLAYING, TIMBRES, Instrument
from model.styles.patterns import LOOP_BARS, STEPS, play, snare_roll
from model.styles.table import STYLES
from model.styles.waves import noise, tone

RATE = 32_000


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def peaks_hz(samples: np.ndarray, least: float = 0.01) -> np.ndarray:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.fft.rfftfreq(len(samples), 1.0 / RATE)[spectrum > least * spectrum.max()]


def test_a_high_saw_holds_its_harmonics_and_nothing_folds_back():
    found = peaks_hz(tone("saw", 3_300.0, RATE, RATE))
    distance = np.abs(found / 3_300.0 - np.round(found / 3_300.0))
    assert distance.max() < 0.002
    assert found.max() < RATE / 2


@pytest.mark.parametrize("wave", ["sine", "triangle", "square", "saw", "hollow"])
def test_waves_are_equally_loud(wave):
    assert np.sqrt(np.mean(np.square(tone(wave, 110.0, RATE, RATE)))) == pytest.approx(1.0, abs=0.05)


def test_a_gliding_tone_ends_at_its_last_pitch():
    glide = tone("sine", np.linspace(200.0, 800.0, RATE), RATE, RATE)
    crossings = np.count_nonzero(np.diff(np.signbit(glide[-3_200:])))
    assert crossings == pytest.approx(2 * 0.1 * 780, rel=0.05)


@pytest.mark.parametrize("kick", KICKS)
@pytest.mark.parametrize("snare", list(SNARES)[:2])
def test_a_kit_has_every_drum_at_full_level_and_no_click_at_its_end(kick, snare):
    kit = make_kit(rng(), RATE, kick=kick, snare=snare)
    assert tuple(kit) == DRUMS
    for sound in kit.values():
        assert np.abs(sound).max() == pytest.approx(1.0)
        assert abs(sound[-1]) < 1e-3


def test_kicks_are_low_and_hats_are_high():
    kit = make_kit(rng(), RATE, kick="punchy", snare="acoustic")
    spectra = {drum: np.square(np.abs(np.fft.rfft(kit[drum], RATE))) for drum in ("kick", "closed_hat")}
    centre = {drum: (power * np.arange(len(power))).sum() / power.sum() for drum, power in spectra.items()}
    assert centre["kick"] < 400 < 4_000 < centre["closed_hat"]


def test_a_band_keeps_what_is_inside():
    mixed = tone("sine", 100.0, RATE, RATE) + tone("sine", 5_000.0, RATE, RATE)
    assert peaks_hz(band(mixed, RATE, below_hz=800.0), 0.05).max() < 200
    assert peaks_hz(band(mixed, RATE, above_hz=800.0), 0.05).min() > 4_000


def test_an_open_sweep_changes_nothing():
    sound = noise(RATE, rng()) * 0.1
    swept = sweep(sound, RATE, np.full(4, 1e6))
    assert np.abs(swept - sound)[512:-512].max() < 1e-3


def test_a_sweep_opens():
    swept = sweep(noise(RATE, rng()), RATE, np.geomspace(200.0, 8_000.0, 32))
    first, last = (np.square(np.abs(np.fft.rfft(half))) for half in np.split(swept, 2))
    assert first[2_000:].sum() / first.sum() < 0.5 * last[2_000:].sum() / last.sum()


def test_a_room_and_echoes_go_on_at_the_loops_beginning():
    loop = np.zeros(RATE, np.float32)
    loop[-100] = 1.0
    assert np.abs(room(loop, RATE, rng(), decay_seconds=0.4, share=0.5)[: RATE // 4]).max() > 1e-3
    assert echo(loop, 1_000, feedback=0.5, share=0.3)[900] == pytest.approx(0.3)


def test_everything_makes_way_for_the_kick():
    gain = ducking(1_000, np.array([100.0]), depth=0.8, recovery=200)
    assert gain[100] == pytest.approx(0.2)
    assert gain[50] == gain[400] == 1.0


def test_saturation_stays_within_full_scale():
    assert np.abs(saturated(np.linspace(-1, 1, 99, dtype=np.float32), 5.0)).max() <= 1.0


@pytest.mark.parametrize("tempo", [60.0, 87.3, 128.0, 174.9])
def test_a_loop_keeps_the_tempo_to_a_thousandth(tempo):
    grid = Grid.at(tempo, RATE)
    assert grid.tempo_bpm == pytest.approx(tempo, rel=1e-3)


def test_what_does_not_fit_into_a_loop_goes_on_at_its_beginning():
    grid = Grid.at(128.0, RATE)
    loop = grid.silence()
    grid.put(loop, np.ones(1_000, np.float32), LOOP_BARS * STEPS - 0.01)
    assert loop[0] == 1.0 and loop.sum() == pytest.approx(1_000)


def all_grooves():
    return [groove for style in STYLES for groove in style.grooves]


def test_patterns_are_one_or_two_bars_of_known_signs_for_known_drums():
    for groove in all_grooves():
        assert set(groove) <= set(DRUMS)
        for pattern in groove.values():
            assert len(pattern) in (STEPS, 2 * STEPS) and set(pattern) <= set("Xxo-.")


@pytest.mark.parametrize("groove", [*grooves.HALFTIME[:3], *grooves.BROSTEP], ids=str)
def test_half_time_snares_come_once_a_bar_on_the_third_beat(groove):
    played = play(groove, rng(), swing=0.0, fill_chance=0.0)
    loud = sorted(hit.step % STEPS for hit in played["snare"] if hit.loudness > 0.7)
    assert loud == [8.0] * LOOP_BARS


def test_breaks_have_the_snare_on_two_and_four():
    for groove in (grooves.BREAKS[0], grooves.BREAKS[1]):
        played = play(groove, rng(), swing=0.0, fill_chance=0.0)
        assert {hit.step % STEPS for hit in played["snare"] if hit.loudness > 0.7} == {4.0, 12.0}


def test_rolls_of_the_hat_are_faster_than_sixteenths():
    played = play(grooves.TRAP[0], rng(), swing=0.0, fill_chance=0.0, roll_chance=1.0)
    steps = np.array([hit.step for hit in played["closed_hat"]])
    assert np.diff(steps).min() < 1.0 and (np.diff(steps) >= 0).all()


def test_swing_delays_every_other_sixteenth():
    groove = {"shaker": "X" * STEPS}
    steps = [hit.step for hit in play(groove, rng(), swing=0.25, fill_chance=0.0)["shaker"]]
    assert steps[:4] == [0.0, 1.25, 2.0, 3.25]


def test_a_snare_roll_gets_faster_and_louder():
    hits = snare_roll(4, rng())
    gaps = np.diff([hit.step for hit in hits])
    assert gaps[0] == 4.0 and gaps[-1] == 0.5
    assert hits[-1].loudness > 2 * hits[0].loudness


def test_chords_stand_on_their_roots_and_close_together():
    for seed in range(20):
        harmony = choose_harmony(rng(seed), scales=("minor", "major"), progressions=("pop", "epic"), size=4)
        assert len(harmony.chords) == LOOP_BARS
        for chord in harmony.chords:
            assert 36 <= chord.root < 48 and chord.root % 12 in {note % 12 for note in chord.notes}
            assert max(chord.notes) - min(chord.notes) < 12


def test_every_layer_and_bass_of_the_table_is_known_and_sounds():
    grid = Grid.at(150.0, 8_000)
    harmony = choose_harmony(rng(), scales=("minor",), progressions=("epic",), size=3)
    for timbre in TIMBRES:
        loop = Instrument(timbre, rng(), 8_000).play("held", harmony, grid, rng(), octave=0)
        assert loop.shape == (grid.length,) and np.isfinite(loop).all() and np.abs(loop).max() > 0.01, timbre
    for style in STYLES:
        assert {layer.timbre for layer in style.layers} <= set(TIMBRES)
        assert {layer.playing for layer in style.layers} <= set(PLAYING)
        assert set(style.plans) <= set(PLANS)
        for timbre, line in style.basses:
            assert line in LINES
            loop = Bass(timbre, rng(), 8_000).play(line, harmony, grid, rng(), [])
            assert np.isfinite(loop).all() and np.abs(loop).max() > 0.01, (style.slug, timbre, line)


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_fills_the_whole_song(plan):
    stretches = arrange(plan, 100_000, 3_000.0, rng())
    assert stretches[0].first == 0 and stretches[-1].end == 100_000
    assert all(a.end == b.first for a, b in pairwise(stretches))
    curve = gain_curve(stretches, "layers", 100_000, 100)
    assert curve.shape == (100_000,) and 0.0 <= curve.min() <= curve.max() <= 1.0
