"""The whole of a session: nothing gets lost but detail, whatever its length."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.chronicle import Chronicle
from dashboard.classify import segments_of
from dashboard.description import describe
from dashboard.moments import BLOCK, FULL, THINNED, VERDICTS, MomentStore
from dashboard.overview import COLUMNS, Overview
from dashboard.stretches import MOST_SEGMENTS
from stream.offline import HeardFile, HeardWindow
from stream.records import Prediction
from stream.results import Results
from stream.settings import StreamSettings
from tests.dashboard.heard import HOP, LABELS, WINDOW, Answer, Listening


def chronicle(labels: tuple[str, ...] = LABELS, **options: object) -> Chronicle:
    return Chronicle(labels, **{"exclusive": True, "hop_seconds": HOP, **options})  # type: ignore[arg-type]


def of(listening: Listening, **options: object) -> Chronicle:
    told = chronicle(listening.results.labels, **options)
    told.update(listening.results)
    return told


def strip(told: Chronicle) -> list[tuple[float, float, str]]:
    return [(segment.start_seconds, segment.end_seconds, segment.label) for segment in told.segments()]


def offline(results: Results, seconds: float) -> list[tuple[float, float, str]]:
    """The segments `genrescope classify` would give."""
    windows = tuple(
        HeardWindow(entry.stream_time, entry.verdict, entry.probabilities, entry.raw)
        for entry in results.predictions_since(0)
    )
    classifier = SimpleNamespace(window_seconds=WINDOW, labels=results.labels)
    segments = segments_of(HeardFile(Path("x.wav"), "x", seconds, windows), classifier)  # type: ignore[arg-type]
    return [(segment.start_seconds, segment.end_seconds, segment.label) for segment in segments]


# ---- segments ------------------------------------------------------------------------------------------------------


def test_segments_begin_where_they_are_heard_and_last_up_to_now() -> None:
    told = of(Listening().hear("jazz", 31).hear("rock", 20))
    assert strip(told) == [(0.0, 29.5, "jazz"), (29.5, 51.0, "rock")]
    assert [segment.label_index for segment in told.segments()] == [2, 3]
    assert told.segments()[0].probability == pytest.approx(0.7)


answers = st.sampled_from([*LABELS, "not sure", "silence"])


@given(st.lists(st.tuples(answers, st.integers(16, 90), answers, st.integers(0, 6)), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_segments_are_those_of_classify_over_the_whole(parts: list[tuple[str, int, str, int]]) -> None:
    listening = Listening().hear(parts[0][0], 3.0)
    told = of(listening)
    for long, count, short, flicker in parts:
        listening.hear(long, count * HOP)
        told.update(listening.results)
        listening.hear(short, flicker * HOP)
    told.update(listening.results)
    assert strip(told) == offline(listening.results, listening.time)


def test_it_does_not_matter_how_often_somebody_looks() -> None:
    seldom, often = Listening(), Listening()
    watcher = chronicle()
    for answer, seconds in [("jazz", 31), ("not sure", 2), ("rock", 17), ("silence", 9), ("rock", 12)] * 5:
        for _ in range(int(seconds / HOP)):
            seldom.hear(answer, HOP)
            often.hear(answer, HOP)
            watcher.update(often.results)
    assert watcher.summary() == of(seldom).summary()


def test_a_seek_begins_a_segment_at_its_place_in_the_track() -> None:
    listening = Listening().hear("jazz", 20.2).restart(position=100.0).hear("jazz", 10)
    first, second = of(listening).segments()
    assert (first.start_seconds, first.end_seconds, first.position_seconds) == (0.0, pytest.approx(20.2), 0.0)
    assert (second.start_seconds, second.end_seconds) == (pytest.approx(20.2), pytest.approx(30.2))
    assert second.position_seconds == pytest.approx(100.0)


def test_a_place_within_a_track_is_told_for_every_segment() -> None:
    listening = Listening().hear("jazz", 20).restart(track=1, position=0.0).hear("rock", 20).hear("blues", 20)
    told = [(segment.track, segment.label, segment.position_seconds) for segment in of(listening).segments()]
    assert told == [(0, "jazz", 0.0), (1, "rock", 0.0), (1, "blues", 18.5)]


def test_the_next_track_begins_a_segment_even_if_it_is_alike_and_lost_sound_does_not() -> None:
    assert len(of(Listening().hear("jazz", 20).restart(track=1, position=0.0).hear("jazz", 20)).segments()) == 2
    assert strip(of(Listening().hear("jazz", 20).restart().hear("jazz", 20))) == [(0.0, 40.0, "jazz")]


def test_sound_too_short_for_an_answer_belongs_to_no_segment() -> None:
    listening = Listening().hear("jazz", 10).restart(position=50.0).hear("jazz", 2).restart(position=90.0)
    told = of(listening.hear("rock", 10))
    assert strip(told) == [(0.0, 10.0, "jazz"), (12.0, 22.0, "rock")]
    assert told.summary()["seconds"] == 20.0


def test_a_session_that_joins_later_begins_where_it_began() -> None:
    listening = Listening().restart()
    listening.time = 100.0
    assert strip(of(listening.restart().hear("jazz", 10))) == [(100.0, 110.0, "jazz")]


def test_the_version_grows_only_if_the_page_has_to_draw_the_strip_anew() -> None:
    listening, told = Listening(), chronicle()
    versions = []
    for answer, seconds in [("jazz", 5), ("jazz", 5), ("rock", 1), ("rock", 8), ("rock", 9)]:
        told.update(listening.hear(answer, seconds).results)
        versions.append(told.segments_version)
    assert versions[0] == versions[1] == versions[2] < versions[3] == versions[4]
    assert told.update(listening.results) and told.segments_version == versions[-1]


def test_segments_are_bounded_and_what_is_dropped_is_counted() -> None:
    listening, told = Listening(history_predictions=100), chronicle()
    count = MOST_SEGMENTS + 100
    for track in range(count):
        listening.restart(track=track, position=0.0).hear(LABELS[track % 2], 4)
        told.update(listening.results)
    kept = told.segments()
    assert len(kept) <= MOST_SEGMENTS and kept[-1].track == count - 1
    assert len(kept) + told.dropped_segments == count
    assert kept[0].track == told.dropped_segments
    # The changes are counted over the whole session.
    assert told.summary()["changes_per_minute"] == pytest.approx((count - 1) / (count * 4 / 60), abs=0.01)


# ---- shares and summary --------------------------------------------------------------------------------------------


def test_the_summary_says_how_long_what_was_heard() -> None:
    listening = Listening().hear("jazz", 30).hear("hiphop", 12).hear("not sure", 5).hear("silence", 13).hear("jazz", 10)
    summary = of(listening).summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["seconds"] == 70.0 and summary["music_seconds"] == 57.0
    assert summary["silence_seconds"] == 13.0 and summary["not_sure_seconds"] == 5.0
    assert [(share["label"], share["name"], share["seconds"]) for share in summary["shares"]] == [
        ("jazz", "jazz", 40.0),
        ("hiphop", "hip-hop", 12.0),
        ("not sure", "not sure", 5.0),
    ]
    assert sum(share["share"] for share in summary["shares"]) == pytest.approx(1.0, abs=1e-3)
    assert [segment["name"] for segment in summary["segments"]] == ["jazz", "hip-hop", "not sure", "silence", "jazz"]
    # jazz -> hip-hop, and (doubt and silence do not count) hip-hop -> jazz.
    assert summary["changes_per_minute"] == pytest.approx(2 / (57 / 60), abs=0.01)


def test_speech_is_neither_music_nor_silence() -> None:
    listening = (
        Listening().hear("jazz", 20).hear("no music", 10).hear("silence", 6).hear("no music", 6).hear("rock", 20)
    )
    told = of(listening)
    summary = told.summary()
    assert summary["seconds"] == 62.0 and summary["music_seconds"] == 40.0
    assert summary["no_music_seconds"] == 16.0 and summary["silence_seconds"] == 6.0
    assert [(share["label"], share["share"]) for share in summary["shares"]] == [("jazz", 0.5), ("rock", 0.5)]
    assert summary["changes_per_minute"] == pytest.approx(1 / (40 / 60), abs=0.01)
    names = ["jazz", "no music", "silence", "no music", "rock"]
    assert [segment["name"] for segment in summary["segments"]] == names
    assert [segment.label_index for segment in told.segments()] == [
        LABELS.index("jazz"),
        -3,
        -2,
        -3,
        LABELS.index("rock"),
    ]
    assert all(segment.probability == 0.0 for segment in told.segments() if segment.label == "no music")
    # A window of speech speaks for its middle, as one of music does; silence is said at once.
    assert [round(segment.start_seconds, 1) for segment in told.segments()] == [0.0, 18.5, 29.9, 36.0, 40.5]


def test_a_short_no_music_is_given_to_the_music_beside_it() -> None:
    told = of(Listening().hear("jazz", 20).hear("no music", 3).hear("jazz", 20))
    assert [segment.label for segment in told.segments()] == ["jazz"]


def test_nothing_heard_has_a_summary_too() -> None:
    told = of(Listening().hear("jazz", 2))
    assert told.summary()["shares"] == [] and told.summary()["changes_per_minute"] is None
    assert told.sentence() == "" and told.segments() == () and len(told.moments(10)) == 0
    assert told.overview_columns()[2].shape == (0, 0)


def test_shares_stay_exact_when_moments_are_thinned() -> None:
    listening, told = Listening(history_predictions=3000), chronicle()
    for _ in range(10):
        listening.hear("jazz", 700).hear("rock", 200).hear("silence", 100)
        told.update(listening.results)
    summary = told.summary()
    assert len(told.moments()) < 20_000 == round(listening.time / HOP)
    assert summary["seconds"] == 10_000.0 and summary["silence_seconds"] == 1000.0
    assert [(share["label"], share["seconds"]) for share in summary["shares"]] == [("jazz", 7000.0), ("rock", 2000.0)]


def test_of_several_labels_at_once_each_counts_while_it_is_above_the_threshold() -> None:
    tags = ("guitar", "drums", "female_vocal")
    listening = Listening(tags)
    listening.hear({"guitar": 0.8, "drums": 0.5}, 10).hear({"guitar": 0.4, "drums": 0.6, "female_vocal": 0.2}, 10)
    shares = {
        share["name"]: share["seconds"] for share in of(listening, exclusive=False, shown_from=0.5).summary()["shares"]
    }
    assert shares == {"drums": 20.0, "guitar": 10.0}
    assert {share["share"] for share in of(listening, exclusive=False, shown_from=0.1).summary()["shares"]} == {
        1.0,
        0.5,
    }


def test_predictions_nobody_fetched_in_time_are_not_made_up() -> None:
    listening = Listening(history_predictions=20)
    told = of(listening.hear("jazz", 10))
    told.update(listening.hear("jazz", 100).results)
    assert told.summary()["seconds"] == pytest.approx(10.0 + 20 * HOP)


def test_sound_heard_once_more_after_a_change_of_settings_is_not_counted_twice() -> None:
    listening = Listening().hear("jazz", 20)
    listening.predict("rock", restart=True)
    listening.time = 19.9
    listening.predict("rock")
    listening.time = 20.0
    told = of(listening.hear("jazz", 10))
    assert strip(told) == [(0.0, 30.0, "jazz")]
    assert told.summary()["seconds"] == 30.0 and [share["label"] for share in told.summary()["shares"]] == ["jazz"]


def test_results_of_another_model_are_not_mixed_in() -> None:
    told = of(Listening().hear("jazz", 10))
    other = Results(LABELS, StreamSettings(), generation=1)
    other.append(replace(Listening().hear("rock", 3).results.predictions_since(0)[0], number=50))
    assert not told.update(other)
    assert told.summary()["seconds"] == 10.0


def test_it_is_read_while_it_grows() -> None:
    listening, told = Listening(history_predictions=5000), chronicle()
    done, problems = threading.Event(), []

    def look() -> None:
        while not done.is_set():
            try:
                told.update(listening.results)
                moments = told.moments(50)
                assert len(moments) <= 50 and (np.diff(moments.times) > 0).all()
                ends = strip(told)
                assert all(left[1] == right[0] for left, right in pairwise(ends))
                told.sentence()
            except Exception as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        listening.hear("jazz", 20).hear("rock", 20).draw(400)
    done.set()
    for thread in threads:
        thread.join()
    told.update(listening.results)
    assert problems == [] and told.summary()["seconds"] == 800.0


# ---- moments -------------------------------------------------------------------------------------------------------


def remembered(count: int, seed: int = 0) -> tuple[MomentStore, list[Prediction], np.ndarray]:
    """A store of so many random moments; what went in; its probabilities."""
    random = np.random.default_rng(seed)
    chances = random.random((count, 3)).astype(np.float32)
    verdicts = random.choice(4, count, p=[0.7, 0.15, 0.05, 0.1])
    chances[verdicts >= 2] = 0.0
    base = Listening().hear("jazz", 3).results.predictions_since(0)[0]
    entries = [
        replace(
            base,
            number=number,
            stream_time=HOP * (number + 1),
            track=number // 1000,
            position_seconds=HOP * (number % 1000),
            verdict=VERDICTS[verdicts[number]],
            probabilities=chances[number],
            restart=number % 1000 == 0,
        )
        for number in range(count)
    ]
    store = MomentStore(3)
    for entry in entries:
        store.append(entry, HOP)
    return store, entries, chances


@pytest.mark.parametrize("count", [0, 1, FULL, FULL + BLOCK + 1, 60_000])
def test_moments_are_bounded_the_last_hour_is_untouched_and_no_time_is_lost(count: int) -> None:
    store, entries, chances = remembered(count)
    moments = store.read()
    assert len(moments) <= FULL + BLOCK + THINNED
    assert moments.seconds.sum() == pytest.approx(count * HOP)
    newest = min(count, FULL)
    assert moments.times[len(moments) - newest :].tolist() == [entry.stream_time for entry in entries[count - newest :]]
    np.testing.assert_array_equal(moments.probabilities[len(moments) - newest :], chances[count - newest :])
    np.testing.assert_allclose(np.diff(moments.times, prepend=0.0), moments.seconds)
    assert moments.restarts.sum() == -(-count // 1000) or count == 60_000
    assert moments.probabilities.dtype == np.float32 and moments.verdict_codes.dtype == np.uint8


def test_thinned_moments_are_the_means_of_what_they_stand_for() -> None:
    store, entries, chances = remembered(40_000)
    moments = store.read()
    step = round(moments.seconds[0] / HOP)
    assert step in (4, 8)
    music = np.array([entry.verdict.of_music for entry in entries])
    for place in range(0, 500, 7):
        part = slice(place * step, (place + 1) * step)
        count = max(np.sum([entry.verdict is verdict for entry in entries[part]]) for verdict in VERDICTS)
        verdict = moments.verdicts[place]
        assert np.sum([entry.verdict is verdict for entry in entries[part]]) == count
        expected = chances[part][music[part]].mean(axis=0) if verdict.of_music else np.zeros(3)
        np.testing.assert_allclose(moments.probabilities[place], expected, rtol=1e-4)
        last = entries[part][-1]
        assert (moments.tracks[place], moments.positions[place]) == (last.track, last.position_seconds)
        assert moments.restarts[place] == any(entry.restart for entry in entries[part])


@given(st.integers(1, 400), st.integers(1, 120))
@settings(max_examples=60, deadline=None)
def test_fewer_points_are_spread_evenly_over_the_time(count: int, points: int) -> None:
    store, _, _ = remembered(count, seed=count)
    moments = store.read(max_points=points)
    assert len(moments) == min(count, points)
    assert moments.seconds.sum() == pytest.approx(count * HOP)
    assert moments.seconds.max() - moments.seconds.min() <= HOP + 1e-6


def test_points_are_spread_over_time_and_not_over_how_many_there_are_of_them() -> None:
    store, _, _ = remembered(60_000)
    assert set(store.read().seconds.tolist()) > {HOP}
    moments = store.read(max_points=600)
    assert len(moments) == 600
    assert moments.seconds.max() < 1.2 * moments.seconds.min()


def test_what_is_no_number_is_no_probability() -> None:
    listening = Listening().hear({"jazz": float("nan"), "rock": 0.6}, 5)
    assert of(listening).moments().probabilities[0].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.6])


# ---- the picture of the whole --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, COLUMNS, COLUMNS + 1, 7001])
def test_the_overview_shows_the_whole_session_as_averages(count: int) -> None:
    random = np.random.default_rng(1)
    times, pictures = 0.096 * np.arange(1, count + 1), random.integers(0, 256, (count, 5), dtype=np.uint8)
    overview = Overview(0.096)
    at = 0
    while at < count:
        size = int(random.integers(1, 300))
        overview.add(times[at : at + size], pictures[at : at + size])
        at += size
    step, first, bands = overview.read()
    together = round(step / 0.096)
    assert first == pytest.approx(0.0) and together & (together - 1) == 0
    assert COLUMNS / 2 < len(bands) <= COLUMNS or together == 1
    assert len(bands) == -(-count // together)
    for place in range(len(bands)):
        expected = pictures[place * together : (place + 1) * together].mean(axis=0)
        np.testing.assert_allclose(bands[place], expected, atol=0.51)


def test_where_no_sound_came_the_overview_is_dark() -> None:
    overview = Overview(0.1)
    overview.add(np.array([0.1, 0.2, 0.6]), np.full((3, 2), 200, np.uint8))
    assert overview.read()[2][:, 0].tolist() == [200, 200, 0, 0, 0, 200]


def test_a_chronicle_fills_its_overview_from_the_results() -> None:
    listening = Listening().draw(50)
    told = of(listening)
    told.update(listening.draw(10).results)
    assert told.overview_columns()[2][:, 0].tolist() == [100 + number for number in range(60)]


# ---- sentences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard", "sentence"),
    [
        ({"jazz": 0.9, "blues": 0.1}, "jazz"),
        ({"jazz": 0.6, "blues": 0.3, "rock": 0.1}, "jazz, with elements of blues"),
        ({"jazz": 0.5, "blues": 0.2, "rock": 0.25}, "jazz, with elements of rock and blues"),
        ({"hiphop": 0.4, "blues": 0.21, "rock": 0.19, "jazz": 0.2}, "hip-hop, with elements of blues and jazz"),
        ({"jazz": 0.84, "blues": 0.16}, "jazz"),
        ("silence", "silence"),
        ("no music", "no music"),
        ("not sure", "not sure: perhaps blues or hip-hop"),
    ],
)
def test_a_sentence_about_now(heard: Answer, sentence: str) -> None:
    assert of(Listening().hear(heard, 12)).sentence() == sentence


def test_doubt_names_only_what_is_likely_enough_to_be_worth_naming() -> None:
    assert describe("not sure", np.array([0.1, 0.1, 0.4, 0.14]), LABELS).text == "not sure: perhaps jazz"
    assert describe("not sure", np.full(4, 0.1), LABELS).text == "not sure"
    assert describe("not sure", None, LABELS).text == "not sure"


def test_the_sentence_is_about_the_last_half_minute_of_this_part_only() -> None:
    listening = Listening().hear({"rock": 0.6, "blues": 0.4}, 60)
    told = of(listening)
    assert told.sentence() == "rock, with elements of blues"
    told.update(listening.hear({"jazz": 0.6, "hiphop": 0.4}, 10).results)
    assert told.sentence() == "jazz, with elements of hip-hop"
    told.update(listening.hear({"jazz": 1.0}, 40).results)
    assert told.sentence() == "jazz"


def test_an_earlier_moment_is_described_as_it_was_then() -> None:
    told = of(Listening().hear({"rock": 0.6, "blues": 0.4}, 30).hear("silence", 10).hear({"jazz": 0.9}, 10))
    assert told.sentence(20.0) == "rock, with elements of blues"
    assert told.sentence(35.0) == "silence"
    assert told.sentence(1000.0) == told.sentence() == "jazz"
    assert told.sentence(-1.0) == ""


def test_tags_are_listed_the_strongest_first() -> None:
    tags = ("guitar", "drums", "female_vocal", "slow", "piano", "loud")
    listening = Listening(tags).hear(
        {"guitar": 0.8, "drums": 0.3, "female_vocal": 0.5, "slow": 0.2, "piano": 0.15, "loud": 0.05}, 10
    )
    assert of(listening, exclusive=False).sentence() == "guitar, with female vocal, drums and slow"
    assert of(listening, exclusive=False, shown_from=0.4).sentence() == "guitar, with female vocal"
    assert of(listening, exclusive=False, shown_from=0.9).sentence() == "guitar"


def test_kinds_of_music_are_elements_and_what_comes_and_goes_is_a_bit() -> None:
    tags = ("jazz", "Progressive_rock", "grunge", "funk", "guitar")
    always = {"jazz": 0.9, "Progressive_rock": 0.7}
    listening = Listening(tags).hear({**always, "funk": 0.4}, 20).hear({**always, "grunge": 0.8, "funk": 0.4}, 10)
    told = of(listening, exclusive=False, shown_from=0.5)
    assert told.sentence() == "jazz, with elements of Progressive rock and a bit of grunge"
    told.update(listening.hear({**always, "guitar": 0.6}, 60).results)
    assert told.sentence() == "jazz, with guitar and elements of Progressive rock"


def test_a_sound_that_comes_and_goes_is_not_mentioned() -> None:
    listening = Listening(("jazz", "guitar")).hear({"jazz": 0.9}, 20).hear({"jazz": 0.9, "guitar": 0.9}, 10)
    assert of(listening, exclusive=False, shown_from=0.5).sentence() == "jazz"


def test_of_names_that_say_the_same_the_longer_one_is_kept() -> None:
    tags = ("metal", "heavy metal", "soul", "Soul-RnB", "rnb", "female vocalist", "female vocalists", "pop")
    mean = np.array([0.7, 0.6, 0.75, 0.75, 0.6, 0.8, 0.8, 0.9])
    assert describe("pop", mean, tags, 0.5).text == "pop, with female vocalist and elements of Soul-RnB and heavy metal"
    assert describe("metal", np.array([0.9, 0.6, *[0.0] * 6]), tags, 0.5).text == "metal, with elements of heavy metal"
    assert describe("heavy metal", np.array([0.6, 0.9, *[0.0] * 6]), tags, 0.5).text == "heavy metal"


def test_of_several_labels_at_once_not_sure_names_what_comes_half_way_to_its_threshold() -> None:
    assert describe("not sure", np.array([0.3, 0.2, 0.26, 0.0]), LABELS, 0.5).text.count(" or ") == 1
    assert describe("not sure", np.full(4, 0.2), LABELS, 0.5).text == "not sure"
