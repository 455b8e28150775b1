"""The corpus: everything decoded once, groups kept apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.errors import DataError
from model.teaching.corpus import LONGEST_SECONDS, SAMPLE_RATE, Corpus, Recording, prepare


def tone(path: Path, hertz: float, seconds: float, rate: int = 44_100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate), rate)


def labelled(folder: Path) -> Path:
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        tone(folder / label / "Someone" / "a.wav", hertz, 6.0)
    return folder


def test_data_sets_and_folders_lie_in_one_corpus_each_under_its_group(tmp_path: Path) -> None:
    labelled(tmp_path / "data")
    tone(tmp_path / "music" / "game-one" / "theme.flac", 440.0, 7.0)
    corpus = prepare(tmp_path / "corpus", [f"folder:{tmp_path / 'data'}"], [tmp_path / "music"])

    assert len(corpus.recordings) == 3
    found = corpus.recordings[-1]
    assert (found.kind, found.group) == ("music/game-one", "music/game-one")
    assert found.length == 7 * SAMPLE_RATE
    heard = corpus.samples(found, SAMPLE_RATE, SAMPLE_RATE)
    assert heard.dtype == np.float32
    assert np.argmax(np.abs(np.fft.rfft(heard))) == 440
    assert np.abs(heard).max() == pytest.approx(0.5, abs=0.01)


def test_a_recording_is_never_read_beyond_its_end(tmp_path: Path) -> None:
    labelled(tmp_path / "data")
    corpus = prepare(tmp_path / "corpus", [f"folder:{tmp_path / 'data'}"], [])
    first = corpus.recordings[0]
    assert len(corpus.samples(first, first.length - 100, 5_000)) == 100


def test_the_middle_of_a_long_recording_is_taken(tmp_path: Path) -> None:
    rate = 8_000
    samples = np.zeros(round((LONGEST_SECONDS + 20.0) * rate))
    samples[: 10 * rate] = 0.9
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "long.wav", samples, rate)
    corpus = prepare(tmp_path / "corpus", [], [tmp_path / "music"])
    assert corpus.recordings[0].length == round(LONGEST_SECONDS * SAMPLE_RATE)
    assert np.abs(corpus.samples(corpus.recordings[0], SAMPLE_RATE, corpus.recordings[0].length)).max() < 0.01


def test_broken_and_short_files_are_left_out_with_a_word(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "good.wav", 440.0, 6.0)
    tone(tmp_path / "music" / "short.wav", 440.0, 1.0)
    (tmp_path / "music" / "broken.flac").write_bytes(b"no music")
    said: list[str] = []
    corpus = prepare(tmp_path / "corpus", [], [tmp_path / "music"], warn=said.append)
    assert len(corpus.recordings) == 1
    assert any("broken.flac" in sentence for sentence in said)
    assert any("short.wav" in sentence for sentence in said)


def test_nothing_to_learn_from_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    with pytest.raises(DataError, match="no sound to learn from"):
        prepare(tmp_path / "corpus", [], [tmp_path / "music"])


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no corpus"):
        Corpus(tmp_path)


def test_about_one_group_in_eight_is_held_out_and_all_of_it() -> None:
    groups = [f"artist {number}" for number in range(800)]
    held_out = [Recording("any", group, 0, 1).held_out for group in groups]
    assert 60 < sum(held_out) < 140
    assert held_out == [Recording("other", group, 5, 9).held_out for group in groups]
