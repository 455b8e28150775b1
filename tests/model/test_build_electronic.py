"""The builder of the electronic bundle, on numbers made up for the purpose."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from model.build_electronic import MEANINGS, RENDERED_PREFIX, SYNONYMS, card, recipe_for, recordings
from model.card import check_card
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.errors import DataError
from model.recipe import Recipe
from model.results import MAIN_TEST, Results
from model.rhythm import FEATURES
from model.styles.measures import RENDERED, UNSEEN_SOURCE, StyleReport, measure, style_report
from model.styles.table import LABELS

TAGS = ("ambient", "House", "electro")
STYLES_HEARD = ("Trance", "Techno/Tech House", "Drum & Bass")


def outputs(label: str, source: str, group: str, rng: np.random.Generator, *, windows: int = 3) -> TrackOutputs:
    """A track whose embedding and rhythm say its style, with some noise."""
    place = LABELS.index(label.removeprefix(RENDERED_PREFIX))
    embedding = rng.normal(size=(windows, 24)).astype(np.float32)
    embedding[:, place] += 8.0
    rhythm = rng.normal(0.0, 0.3, size=(windows, FEATURES)).astype(np.float32)
    rhythm[:, 5 * place : 5 * place + 5] += 2.0
    rhythm[0] = np.nan
    track = LabelledTrack(Path(f"{source}-{group}-{label}-{rng.integers(10**9)}.wav"), source, (label,), group)
    return TrackOutputs(track, embedding, np.full((windows, len(TAGS)), 0.1, np.float32), rhythm)


@pytest.fixture(scope="module")
def heard() -> dict[str, list[TrackOutputs]]:
    rng = np.random.default_rng(4)
    real = [
        outputs(style, source, f"{source}:{style}:{artist}", rng)
        for source in ("one", "two")
        for style in STYLES_HEARD
        for artist in range(5)
    ]
    songs = [
        outputs(RENDERED_PREFIX + style, "rendered-styles", f"rendered-styles:{style}:{artist}", rng)
        for style in LABELS
        for artist in range(4)
    ]
    return {"plain": [*real, *songs]}


class Watched(Recipe):
    """A recipe that remembers what it was trained on; one tempo is enough here."""

    trained: ClassVar[list[set[LabelledTrack]]] = []

    def train(self, heard, labels, tags, rendered=()):
        self.trained.append({outputs.track for outputs in heard["plain"]})
        return super().train(heard, labels, tags, rendered)


@pytest.fixture(scope="module")
def results(heard) -> Results:
    made = recipe_for(TAGS)
    return measure(
        Watched(**{field.name: getattr(made, field.name) for field in fields(made)}), LABELS, TAGS, heard, 1.0
    )


@pytest.fixture(scope="module")
def report(results) -> StyleReport:
    return style_report(results, 0.3)


def test_styles_that_can_be_told_are_told_in_every_test(report):
    assert set(report.tests) == {MAIN_TEST, UNSEEN_SOURCE, RENDERED}
    for name, scores in report.tests.items():
        # Chance is one in twelve.
        assert scores.precision_at[0] > (0.5 if name == RENDERED else 0.8), name
        assert scores.precision_at[0] <= scores.precision_at[1] <= scores.precision_at[2]


def test_the_report_says_style_by_style_what_stands_on_recordings(report):
    lines = {line.style: line for line in report.lines}
    assert tuple(lines) == LABELS
    assert (lines["Trance"].tracks, lines["Trance"].artists, lines["Trance"].sources) == (10, 10, 2)
    assert lines["Halftime"].tracks == 0 and lines["Halftime"].apart is None and lines["Halftime"].unseen is None
    assert lines["Halftime"].rendered is not None
    assert "none" in report.to_text() and "Halftime" in report.to_text()


def test_rendered_songs_are_never_tested_as_recordings(report):
    assert report.tests[MAIN_TEST].examples == report.tests[UNSEEN_SOURCE].examples == 30
    assert report.tests[RENDERED].examples == 24


def test_nothing_is_tested_on_artists_or_sources_it_was_trained_on(results):
    models = [(name, model) for name in (MAIN_TEST, UNSEEN_SOURCE, RENDERED) for model in results.models(name)]
    assert len(models) == len(Watched.trained) == 8
    for (name, model), training in zip(models, Watched.trained, strict=True):
        tested = [o.track for o in model.tested]
        assert not {t.group for t in tested} & {t.group for t in training}
        if name == UNSEEN_SOURCE:
            assert not {t.dataset for t in tested} & {t.dataset for t in training}


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
    real = [o.track for o in heard["plain"] if o.track.label in LABELS]
    text = card(report, real, 48, 1.2, 0.3)
    check_card(text)
    limits = text.split("## Limits")[1]
    alone = next(line for line in limits.splitlines() if line.startswith("- Rendered songs alone"))
    assert "Halftime" in alone and "Trance" not in alone
