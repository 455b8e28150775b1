"""Tags get scales from labelled music; what collections say about tags; and what FMA's genres are called."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.build_tags import TAG_SETS, card, thresholds_text
from model.card import check_card
from model.classifier import to_probabilities
from model.convert_musicnn import MSD_TAGS, MTT_TAGS
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.errors import BundleError, DataError
from model.evaluation import measure_tags as cross_validate
from model.library import Library
from model.parts import TagsPart, describe_tags, read_part
from model.tag_calibration import FEWEST_ARTISTS, calibrate
from model.tag_coverage import FMA_GENRES, STYLES, coverage, readings
from model.tag_meanings import KINDS, MEANINGS, in_tags, kind_of

GENRES = ("jazz", "rock", "country", "classical")
SCALES = {"jazz": 0.5, "rock": 0.3, "country": 0.06, "beautiful": 0.1}
TAGS = tuple(SCALES)
WINDOWS = 6


def music(*, artists: int = 10) -> list[LabelledTrack]:
    return [
        LabelledTrack(Path(f"{label}-{artist}-{number}.flac"), f"set {artist % 2}", (label,), f"{label} {artist}")
        for label in GENRES
        for artist in range(artists)
        for number in range(2)
    ]


def heard(tracks: list[LabelledTrack], *, seed: int = 0) -> tuple[list[TrackOutputs], dict[Path, str]]:
    """A network that gives every tag a scale of its own: about that high where it holds, a tenth of it elsewhere."""
    rng = np.random.default_rng(seed)
    kinds = {track.path: kind_of(track.label) for track in tracks}
    outputs = []
    for track in in_tags(tracks, TAGS):
        level = np.array([scale if tag in track.labels else scale / 10.0 for tag, scale in SCALES.items()])
        said = level * np.exp(rng.normal(0.0, 0.4, (WINDOWS, len(TAGS))))
        outputs.append(TrackOutputs(track, np.zeros((WINDOWS, 1)), np.clip(said, 0.0, 0.99).astype(np.float32)))
    return outputs, kinds


def said(part: TagsPart, outputs: list[TrackOutputs]) -> np.ndarray:
    return np.stack(
        [to_probabilities(part.scores({"tags": o.tags}), 1.0, exclusive=False).mean(axis=0) >= 0.5 for o in outputs]
    )


def test_common_and_rare_tags_are_said_from_the_same_probability_on() -> None:
    outputs, kinds = heard(music())
    part, scales = calibrate(TagsPart.plain(len(TAGS)), TAGS, outputs, kinds)
    found = said(part, outputs)
    for column, tag in enumerate(TAGS[:3]):
        known = np.array([tag not in o.track.perhaps for o in outputs])
        holds = np.array([tag in o.track.labels for o in outputs])
        assert (found[:, column] == holds)[known].mean() > 0.95
    by_tag = {scale.label: scale for scale in scales}
    assert by_tag["country"].said_from < 0.06 < by_tag["rock"].said_from < 0.3
    assert [scale.measured for scale in scales] == [True, True, True, False]


def test_of_a_tag_that_the_data_says_nothing_about_as_much_is_said_as_the_network_expects() -> None:
    tracks = music(artists=30)
    outputs, kinds = heard(tracks)
    rng = np.random.default_rng(4)
    # It is high for a tenth of the music, but by its own account it holds for a twentieth: as much short as the others.
    high = [rng.random() < 0.1 for _ in outputs]
    outputs = [
        replace(o, tags=np.column_stack([o.tags[:, :3], np.full(WINDOWS, 0.3 if is_high else 0.01, np.float32)]))
        for o, is_high in zip(outputs, high, strict=True)
    ]
    part, _ = calibrate(TagsPart.plain(len(TAGS)), TAGS, outputs, kinds)
    assert said(part, outputs)[:, 3].mean() == pytest.approx(0.1, abs=0.06)


def test_a_tag_of_too_few_artists_is_not_measured() -> None:
    tracks = [track for track in music() if track.label != "jazz" or track.group in {"jazz 0", "jazz 1"}]
    outputs, kinds = heard(tracks)
    _, scales = calibrate(TagsPart.plain(len(TAGS)), TAGS, outputs, kinds)
    assert FEWEST_ARTISTS > 2
    assert (scales[0].label, scales[0].artists, scales[0].measured) == ("jazz", 2, False)
    text = thresholds_text(scales)
    assert "| rock " in text
    assert "Not measured: jazz " in text


def test_music_without_any_tag_is_refused() -> None:
    outputs, kinds = heard([track for track in music() if track.label == "classical"])
    with pytest.raises(DataError, match="there is no music to choose thresholds by"):
        calibrate(TagsPart.plain(len(TAGS)), TAGS, outputs, kinds)


def test_scales_are_tested_on_artists_and_sources_that_had_no_say_in_them() -> None:
    plain, kinds = heard(music())
    bundle = Library().open("msd_tags").bundle
    results = cross_validate(
        TagsPart.plain(len(TAGS)), bundle, TAGS, {"plain": plain, "telephone": plain, "microphone": plain}, kinds
    )
    for model in results.models("unseen source"):
        assert len({outputs.track.dataset for outputs in model.tested}) == 1
    assert sum(len(model.tested) for model in results.models("track")) == len(plain)
    report = results.report("tags", "in folds", 0.5)
    assert {line.label for line in report.tags} == {"jazz", "rock", "country"}  # type: ignore[union-attr]
    assert report.track.macro_f1 > 0.9
    assert report.unseen_source is not None


def test_chance_is_not_measured_as_more_than_chance() -> None:
    outputs, kinds = heard(music(artists=20))
    rng = np.random.default_rng(3)
    outputs = [replace(o, tags=rng.uniform(0.01, 0.99, o.tags.shape).astype(np.float32)) for o in outputs]
    bundle = Library().open("msd_tags").bundle
    same = {"plain": outputs, "telephone": outputs, "microphone": outputs}
    report = cross_validate(TagsPart.plain(len(TAGS)), bundle, TAGS, same, kinds).report("tags", "in folds", 0.5)
    assert report.track.macro_f1 < 0.3


def test_a_track_of_one_genre_says_of_which_tags_it_knows_nothing() -> None:
    (metal, rock) = in_tags(
        [LabelledTrack(Path(f"{label}.flac"), "set", (label,), label) for label in ("metal", "rock")],
        ("rock", "heavy metal", "blues", "msd:metal", "beautiful"),
    )
    assert metal.labels == ("rock", "heavy metal", "msd:metal")
    assert metal.perhaps == ()
    assert rock.labels == ("rock",)
    assert rock.perhaps == ("heavy metal", "blues", "msd:metal")


def test_music_of_a_known_kind_stays_without_tags_and_dances_go() -> None:
    tracks = [LabelledTrack(Path(f"{label}.flac"), "set", (label,), label) for label in ("classical", "waltz", "Folk")]
    found = in_tags(tracks, ("rock", "folk"))
    assert [track.labels for track in found] == [(), ("folk",)]


def test_labels_of_meanings_are_known_kinds_of_music() -> None:
    for meaning in MEANINGS.values():
        assert meaning.holds | meaning.perhaps <= set(KINDS)
        assert not meaning.holds & meaning.perhaps


def described(**changes: Any) -> dict[str, Any]:
    part = TagsPart(((0,), (1, 2)), np.array([2.0, 0.5], np.float32), np.array([1.0, -3.0], np.float32))
    return describe_tags(part, ("rock", "Soul-RnB"), ("rock", "soul", "rnb")) | changes


def test_a_label_is_the_best_of_its_tags_on_its_own_scale() -> None:
    part = read_part(described(), labels=("rock", "Soul-RnB"), tags=("rock", "soul", "rnb"), read_file=lambda name: {})
    scores = part.scores({"tags": np.array([[0.5, 0.1, 0.9], [0.9, 0.9, 0.1]], np.float32)})
    logit = np.log(9.0)
    np.testing.assert_allclose(scores, [[1.0, 0.5 * logit - 3.0], [2.0 * logit + 1.0, 0.5 * logit - 3.0]], atol=1e-5)
    assert isinstance(part, TagsPart)
    assert part.calibrated
    assert not TagsPart.plain(3).calibrated


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        ([], "each has one"),
        ({"rock": {"tags": ["rock"], "slope": 1.0, "offset": 0.0}}, "each has one"),
        ({"Soul-RnB": 3}, "does not name tags"),
        ({"Soul-RnB": {"tags": [], "slope": 1.0, "offset": 0.0}}, "does not name tags"),
        ({"Soul-RnB": {"tags": ["polka"], "slope": 1.0, "offset": 0.0}}, "does not name tags"),
        ({"Soul-RnB": {"tags": [["soul"]], "slope": 1.0, "offset": 0.0}}, "does not name tags"),
        ({"Soul-RnB": {"tags": ["soul"], "offset": 0.0}}, "slope is None"),
        ({"Soul-RnB": {"tags": ["soul"], "slope": float("nan"), "offset": 0.0}}, "slope is nan"),
        ({"Soul-RnB": {"tags": ["soul"], "slope": 0.0, "offset": 0.0}}, "a slope is above 0"),
        ({"Soul-RnB": {"tags": ["soul"], "slope": 1e9, "offset": 0.0}}, "a slope is above 0"),
        ({"Soul-RnB": {"tags": ["soul"], "slope": 1.0, "offset": -1e9}}, "an offset within"),
    ],
)
def test_readings_that_make_no_sense_are_refused(readings: Any, message: str) -> None:
    plain = {"rock": {"tags": ["rock"], "slope": 1.0, "offset": 0.0}}
    found = plain | readings if isinstance(readings, dict) and "rock" not in readings else readings
    with pytest.raises(BundleError, match=message):
        read_part(
            described(readings=found),
            labels=("rock", "Soul-RnB"),
            tags=("rock", "soul", "rnb"),
            read_file=lambda name: {},
        )


def test_tags_as_labels_do_not_exclude_each_other() -> None:
    for part in ({"kind": "tags"}, described()):
        with pytest.raises(BundleError, match="exclude each other"):
            read_part(part, labels=("a",), tags=("a",), tags_exclusive=True, read_file=lambda name: {})
    with pytest.raises(BundleError, match="not the tags of its network"):
        read_part({"kind": "tags"}, labels=("a",), tags=("a", "b"), read_file=lambda name: {})


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


def test_a_genre_that_is_called_like_a_tag_is_that_tag_and_the_others_follow() -> None:
    msd = MSD_TAGS.split("|")
    found = readings(msd)
    assert list(found) == [*msd, "Soul-RnB"]
    assert found["rock"] == ("rock",)
    assert found["Hip-Hop"] == ("Hip-Hop",)
    assert found["Soul-RnB"] == ("soul", "rnb")


def test_the_shipped_tags_name_twelve_of_the_sixteen_and_say_all_of_them_from_one_probability_on() -> None:
    bundle = Library().open("msd_tags").bundle
    (part,) = bundle.parts
    assert isinstance(part, TagsPart)
    assert part.calibrated
    assert bundle.labels == tuple(readings(bundle.network_tags))
    assert bundle.thresholds == {"unsure_below": 0.5, "shown_from": 0.5}
    text = (bundle.folder / "card.md").read_text(encoding="utf-8")
    assert "Of FMA's 16 genres 12 are covered" in text
    assert "No tag means International, Classical, Old-Time / Historic or Spoken." in text
    for label in bundle.labels:
        assert label in text


def test_the_widest_shipped_tags_name_fifteen_of_the_sixteen_and_styles_that_only_audioset_knows() -> None:
    bundle = Library().open("tags").bundle
    (part,) = bundle.parts
    assert isinstance(part, TagsPart)
    assert part.calibrated
    assert bundle.labels[:50] == tuple(MSD_TAGS.split("|"))
    assert {*STYLES, "Classical", "International", "Spoken"} <= set(bundle.labels)
    read = {
        label: {bundle.network_tags[column] for column in columns}
        for label, columns in zip(bundle.labels, part.columns, strict=True)
    }
    assert read["jazz"] == {"jazz"} and read["grunge"] == {"audioset:Grunge"} and read["Spoken"] == {"audioset:Speech"}
    text = (bundle.folder / "card.md").read_text(encoding="utf-8")
    assert "Of FMA's 16 genres 15 are covered" in text
    assert "No tag means Old-Time / Historic." in text


def test_the_card_of_a_bundle_of_tags_says_what_was_measured() -> None:
    outputs, kinds = heard(music())
    bundle = Library().open("msd_tags").bundle
    same = {"plain": outputs, "telephone": outputs, "microphone": outputs}
    report = cross_validate(TagsPart.plain(len(TAGS)), bundle, TAGS, same, kinds).report("tags", "in folds", 0.5)
    _, scales = calibrate(TagsPart.plain(len(TAGS)), TAGS, outputs, kinds)
    text = card(TAG_SETS[0], readings(TAG_SETS[0].own), report, thresholds_text(scales))
    check_card(text)
    assert report.to_text() in text
    assert thresholds_text(scales).splitlines()[0] in text
