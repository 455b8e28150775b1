"""Music that programs play for the student: MMA's library read, pieces by chance, what is refused passed over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.errors import DataError
from model.teaching.corpus import RENDERED_FOLDER, Recording
from model.teaching.rendered import SECONDS, Accompaniment, read_library, render, write_piece

# In CI they must be there: the tests then fail with what is missing.
needs_synthesiser = pytest.mark.skipif(
    not os.environ.get("CI") and (shutil.which("mma") is None or shutil.which("fluidsynth") is None),
    reason="needs mma and fluidsynth (tools/install_test_system.sh)",
)
BOSSA_NOVA = Accompaniment("bossanova", 4, ("BossaNova", "BossaNovaSus"))


def test_a_library_is_read_without_what_is_no_tune_or_has_other_bars(tmp_path: Path) -> None:
    for name, text in {
        "sway": "Time 4\nDefGroove Sway Sways.\n  DefGroove SwaySus With strings.\nDefGroove SwayIntro1 Begins.\n",
        "three": "SeqClear\ntime 3\ndefgroove Three Turns.\n",
        "five": "Time 5\nDefGroove Five Limps.\n",
        "mixed": "Time 4\nDefGroove Mixed One.\nTime 3\nDefGroove Mixed3 Another.\n",
        "metronome": "Time 4\nDefGroove Metronome Ticks.\n",
        "onlyends": "Time 4\nDefGroove OnlyEnd Ends.\n",
    }.items():
        (tmp_path / f"{name}.mma").write_text(text, encoding="utf-8")
    assert read_library(tmp_path) == (
        Accompaniment("sway", 4, ("Sway", "SwaySus")),
        Accompaniment("three", 3, ("Three",)),
    )


def test_without_a_library_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mma"):
        read_library(tmp_path)


@needs_synthesiser
def test_debians_library_has_many_styles() -> None:
    found = {accompaniment.name: accompaniment for accompaniment in read_library()}
    assert len(found) > 80
    assert found["waltz"].beats == 3 and "Waltz" in found["waltz"].grooves
    assert found["salsa"].beats == 4


def test_the_same_numbers_give_the_same_piece_and_others_another() -> None:
    assert write_piece(BOSSA_NOVA, 0, 1) == write_piece(BOSSA_NOVA, 0, 1)
    scores = {write_piece(BOSSA_NOVA, number, seed)[0] for number, seed in ((0, 1), (1, 1), (0, 2))}
    assert len(scores) == 3


@needs_synthesiser
def test_pieces_and_songs_are_rendered_once_and_what_is_refused_is_named(tmp_path: Path) -> None:
    wrong = Accompaniment("wrong", 4, ("NoSuchGroove",))
    said: list[str] = []
    steps: list[tuple[int, int]] = []
    assert (
        render(
            tmp_path,
            pieces=1,
            songs=1,
            library=(BOSSA_NOVA, wrong),
            progress=lambda done, total: steps.append((done, total)),
            warn=said.append,
        )
        == 2
    )
    samples, rate = soundfile.read(tmp_path / "bossanova" / "000.flac")
    assert rate == 32_000 and len(samples) == SECONDS * rate
    assert np.sqrt(np.mean(np.square(samples))) > 0.01
    assert len(said) == 1 and said[0].startswith("wrong")
    assert steps[-1] == (3, 3)
    written = (tmp_path / "bossanova" / "000.flac").stat().st_mtime_ns
    render(tmp_path, pieces=1, songs=0, library=(BOSSA_NOVA,))
    assert (tmp_path / "bossanova" / "000.flac").stat().st_mtime_ns == written


def test_rendered_music_is_never_kept_for_testing() -> None:
    groups = [f"{RENDERED_FOLDER}/{number}" for number in range(100)]
    assert not any(Recording(group, group, 0, 1).held_out for group in groups)
    assert any(Recording("free-music/x", group, 0, 1).held_out for group in groups)
