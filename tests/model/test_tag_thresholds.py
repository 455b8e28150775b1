"""Tags get thresholds of their own, from labelled music; and what FMA's genres are called."""

from pathlib import Path

import numpy as np
import pytest

from model.convert_musicnn import MSD_TAGS, MTT_TAGS
from model.datasets.dataset import LabelledTrack
from model.errors import DataError
from model.tag_coverage import FMA_GENRES, coverage
from model.tag_thresholds import KINDS, MEANINGS, UNKNOWN_SHARE, WANTED_PRECISION, choose_thresholds, to_text

GENRES = ("jazz", "rock", "country", "classical")


def tracks(*, artists: int = 10) -> list[LabelledTrack]:
    return [
        LabelledTrack(Path(f"{label}-{artist}-{number}.flac"), "set", (label,), f"{label} {artist}", 30.0, 8_000.0)
        for label in GENRES
        for artist in range(artists)
        for number in range(2)
    ]


def answers(music: list[LabelledTrack], high: dict[str, float], *, seed: int = 0) -> np.ndarray:
    """Tags that are `high` where they hold, give or take a fifth, and a tenth of it elsewhere."""
    rng = np.random.default_rng(seed)
    columns = [
        np.where([track.label == tag.lower() for track in music], level, level / 10.0)
        * rng.uniform(0.8, 1.2, len(music))
        for tag, level in high.items()
    ]
    return np.stack(columns, axis=1)


def test_a_rare_tag_is_said_from_a_lower_probability_than_a_common_one() -> None:
    music = tracks()
    rock, country = choose_thresholds(("rock", "country"), music, answers(music, {"rock": 0.6, "country": 0.06}))
    assert 0.06 < rock.threshold <= 0.5
    assert country.threshold < 0.05
    for found in (rock, country):
        assert found.precision is not None
        assert found.precision > 0.9
        assert found.recall is not None
        assert found.recall > 0.7


def test_precision_is_that_of_artists_who_had_no_say_in_the_threshold() -> None:
    music = tracks(artists=20)
    noise = np.random.default_rng(3).uniform(0.0, 1.0, (len(music), 1))
    (found,) = choose_thresholds(("jazz",), music, noise)
    assert found.precision is not None
    assert found.precision < WANTED_PRECISION  # chance has no better precision, however the threshold was chosen


def test_music_of_which_a_tag_may_or_may_not_hold_does_not_count_against_it() -> None:
    music = tracks()
    probabilities = answers(music, {"country": 0.5})
    assert "rock" in MEANINGS["country"].open
    probabilities[[track.label == "rock" for track in music], 0] = 0.5
    (found,) = choose_thresholds(("country",), music, probabilities)
    assert found.precision is not None
    assert found.precision > 0.9


def test_of_tags_that_the_data_says_nothing_about_a_twentieth_of_the_music_is_named() -> None:
    music = tracks(artists=50)
    values = np.random.default_rng(0).uniform(0.1, 0.9, (len(music), 1))
    (found,) = choose_thresholds(("beautiful",), music, values)
    assert found.precision is None
    assert (values > found.threshold).mean() == pytest.approx(UNKNOWN_SHARE, abs=0.01)


def test_a_tag_of_too_few_artists_is_not_measured() -> None:
    music = [track for track in tracks() if track.label != "jazz" or track.group == "jazz 0"]
    (found,) = choose_thresholds(("jazz",), music, answers(music, {"jazz": 0.5}))
    assert found.precision is None
    assert found.artists == 1


def test_the_name_of_a_teacher_makes_no_difference() -> None:
    music = tracks()
    plain, named = (choose_thresholds((tag,), music, answers(music, {"jazz": 0.5}))[0] for tag in ("jazz", "msd:jazz"))
    assert plain.threshold == named.threshold
    assert "| msd:jazz | " in to_text([named])


def test_dances_say_nothing_about_tags() -> None:
    dance = LabelledTrack(Path("waltz.flac"), "set", ("waltz",), "somebody", 30.0, 8_000.0)
    with pytest.raises(DataError, match="there is no music"):
        choose_thresholds(("rock",), [dance], np.ones((1, 1)))


def test_labels_of_meanings_are_known_kinds_of_music() -> None:
    for meaning in MEANINGS.values():
        assert meaning.holds | meaning.open <= set(KINDS)


def test_there_are_fma_s_sixteen_genres() -> None:
    assert len({genre.name for genre in FMA_GENRES}) == 16


def test_names_of_genres_are_tags_that_the_networks_have() -> None:
    have = {"msd": MSD_TAGS.split("|"), "mtt": MTT_TAGS.split("|")}
    for genre in FMA_GENRES:
        for teacher, names in genre.tags.items():
            assert set(names) <= set(have.get(teacher, names)), genre.name


def test_audioset_adds_what_the_million_songs_have_no_tag_for() -> None:
    msd = MSD_TAGS.split("|")
    missing = {name for name, tags in coverage(msd).items() if not tags}
    assert missing == {"International", "Classical", "Old-Time / Historic", "Spoken"}
    both = [*(f"msd:{name}" for name in msd), "audioset:Opera", "audioset:Speech", "audioset:Afrobeat"]
    assert {name for name, tags in coverage(both).items() if not tags} == {"Old-Time / Historic"}
    assert coverage(both)["Jazz"] == ("msd:jazz",)
