"""The builder of the electronic bundle, on numbers made up for the purpose."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from model.build_electronic import MEANINGS, SYNONYMS, WINDOWS_OF_A_SONG, card, recipe_for, recordings, songs_heard
from model.card import check_card
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.errors import DataError
from model.evaluation import cross_validate
from model.evaluation_report import EvaluationReport
from model.group_ids import group_id
from model.library import Library
from model.recipe import Recipe
from model.rendering.outputs import RenderedOutputs, pack_outputs, unpack_outputs
from model.results import MAIN_TEST, RENDERED_ONLY_TEST, RENDERED_TEST, UNSEEN_SOURCE, Results
from model.rhythm import FEATURES
from model.styles.table import LABELS

TAGS = ("ambient", "House", "electro")
STYLES_HEARD = ("Trance", "Techno/Tech House", "Drum & Bass")
EMBEDDING = 24


def outputs(label: str, source: str, group: str, rng: np.random.Generator, *, windows: int = 3) -> TrackOutputs:
    """A track whose embedding and rhythm say its style, with some noise."""
    place = LABELS.index(label)
    embedding = rng.normal(size=(windows, EMBEDDING)).astype(np.float32)
    embedding[:, place] += 8.0
    rhythm = rng.normal(0.0, 0.3, size=(windows, FEATURES)).astype(np.float32)
    rhythm[:, 5 * place : 5 * place + 5] += 2.0
    rhythm[0] = np.nan
    track = LabelledTrack(Path(f"{source}-{group}-{label}-{rng.integers(10**9)}.wav"), source, (label,), group)
    return TrackOutputs(track, embedding, np.full((windows, len(TAGS)), 0.1, np.float32), rhythm)


@pytest.fixture(scope="module")
def heard() -> dict[str, list[TrackOutputs]]:
    rng = np.random.default_rng(4)
    return {
        "plain": [
            outputs(style, source, f"{source}:{style}:{artist}", rng)
            for source in ("one", "two")
            for style in STYLES_HEARD
            for artist in range(5)
        ]
    }


@pytest.fixture(scope="module")
def songs() -> list[TrackOutputs]:
    rng = np.random.default_rng(5)
    return [
        outputs(style, "rendered-styles", f"rendered-styles:{style}:{artist}", rng, windows=10)
        for style in LABELS
        for artist in range(4)
    ]


@pytest.fixture(scope="module")
def rendered(songs) -> list[RenderedOutputs]:
    """As the bundle keeps them."""
    packed = pack_outputs(songs_heard({"plain": songs}), LABELS)
    return unpack_outputs(packed, LABELS, "electronic", embedding_size=EMBEDDING, tags=len(TAGS))


class Watched(Recipe):
    """A recipe that remembers what it was trained on; the temperature takes no training here."""

    trained: ClassVar[list[tuple[set[LabelledTrack], set[LabelledTrack]]]] = []

    def train(self, heard, labels, tags, rendered=()):
        self.trained.append(({o.track for o in heard["plain"]}, {o.track for o in rendered}))
        return super().train(heard, labels, tags, rendered)

    def fit_temperature(self, heard, labels, tags, rendered=()):
        return 1.0


@pytest.fixture(scope="module")
def results(heard, rendered) -> Results:
    made = recipe_for(TAGS)
    recipe = Watched(**{field.name: getattr(made, field.name) for field in fields(made)})
    return cross_validate(recipe, LABELS, TAGS, heard, rendered=rendered)


@pytest.fixture(scope="module")
def report(results) -> EvaluationReport:
    return results.report("electronic", "test", 0.3)


def test_styles_that_can_be_told_are_told_in_every_test(report):
    assert report.unseen_source and report.rendered_only and report.rendered
    tests = (report.track, report.unseen_source, report.rendered_only, report.rendered)
    for scores in tests:
        # Chance is one in twelve.
        assert scores.precision_at[0] > 0.5
        assert scores.precision_at[0] <= scores.precision_at[1] <= scores.precision_at[2]


def test_the_report_says_style_by_style_what_stands_on_recordings(report):
    lines = {line.label: line for line in report.lines}
    assert tuple(lines) == LABELS
    assert (lines["Trance"].tracks, lines["Trance"].artists, lines["Trance"].sources) == (10, 10, 2)
    assert lines["Halftime"].tracks == 0 and lines["Halftime"].apart is None and lines["Halftime"].unseen_source is None
    assert lines["Halftime"].rendered is not None and lines["Halftime"].rendered_only is None
    assert lines["Trance"].rendered_only is not None
    row = next(line for line in report.to_text().splitlines() if line.startswith("| Halftime") and "none" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")][1:7] == ["0", "0", "0", "none", "none", "none"]


def test_rendered_songs_are_never_tested_as_recordings(report):
    assert report.track.examples == report.unseen_source.examples == report.rendered_only.examples == 30
    assert report.rendered.examples == 24


def test_nothing_is_tested_on_artists_sources_or_styles_it_was_trained_on(results):
    names = (MAIN_TEST, UNSEEN_SOURCE, RENDERED_ONLY_TEST, RENDERED_TEST)
    models = [(name, model) for name in names for model in results.models(name)]
    assert len(models) == len(Watched.trained) == 5 + 2 + 3 + 1
    for (name, model), (recordings_heard, songs_learned) in zip(models, Watched.trained, strict=True):
        tested = [o.track for o in model.tested]
        assert not {t.group for t in tested} & {t.group for t in recordings_heard | songs_learned}
        if name == UNSEEN_SOURCE:
            assert not {t.dataset for t in tested} & {t.dataset for t in recordings_heard}
        if name == RENDERED_ONLY_TEST:
            assert not {t.label for t in tested} & {t.label for t in recordings_heard}
            assert {t.label for t in tested} <= {t.label for t in songs_learned}


def test_songs_that_are_tested_as_data_are_not_trained_on(heard, songs, rendered):
    made = recipe_for(TAGS)
    recipe = Watched(**{field.name: getattr(made, field.name) for field in fields(made)})
    Watched.trained.clear()
    everything = [*heard["plain"], *(song for song in songs if song.track.label in STYLES_HEARD)]
    results = cross_validate(recipe, LABELS, TAGS, {"plain": everything}, rendered=rendered)
    for model, (_, songs_learned) in zip(results.models(MAIN_TEST), Watched.trained, strict=False):
        hidden = {group_id(o.track.group) for o in model.tested}
        assert not hidden & {track.group for track in songs_learned}


def test_of_a_song_a_few_windows_with_a_rhythm_are_kept(songs):
    kept = songs_heard({"plain": songs})
    assert len(kept) == len(songs)
    for outputs_ in kept:
        assert len(outputs_.embedding) == len(outputs_.tags) == WINDOWS_OF_A_SONG
        assert np.isfinite(outputs_.rhythm).all()


def test_the_recipe_survives_being_written():
    recipe = recipe_for(TAGS)
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_tags_are_read_where_the_network_knows_styles_by_name():
    assert recipe_for(TAGS).zero_shot_weight == 0.0
    rich = [tag for names in SYNONYMS.values() for tag in names]
    assert recipe_for(rich).zero_shot_weight > 0.0
    assert recipe_for(rich).synonyms["Drum & Bass"] == ["Drum and bass"]


def test_every_meaning_is_a_style():
    assert set(MEANINGS.values()) | set(SYNONYMS) <= set(LABELS)


def test_recordings_are_called_by_their_style_and_others_left_out(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.wav").write_bytes(name.encode())
    rows = ["a.wav,x,dubstep,1,10,8000", "b.wav,x,Halftime,2,10,8000", "c.wav,x,jazz,3,10,8000"]
    (tmp_path / "labels.csv").write_text("path,dataset,label,group,seconds,bandwidth_hz\n" + "\n".join(rows))
    assert [track.label for track in recordings(tmp_path)] == ["Brostep", "Halftime"]


def test_data_without_electronic_music_is_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"a")
    (tmp_path / "labels.csv").write_text("path,dataset,label,group,seconds,bandwidth_hz\na.wav,x,jazz,1,10,8000\n")
    with pytest.raises(DataError, match="electronic style"):
        recordings(tmp_path)


def test_the_card_says_what_stands_on_rendered_songs_alone(report, heard):
    source = Library().open("msd_tags").bundle
    text = card(source.networks, source.licence, report, [o.track for o in heard["plain"]], 48, 1.2, 0.3)
    check_card(text)
    limits = text.split("## Limits")[1]
    alone = next(line for line in limits.splitlines() if line.startswith("- Rendered songs alone"))
    assert "Halftime" in alone and "Trance" not in alone
    assert report.to_text().strip() in text
