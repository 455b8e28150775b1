"""Examples and how they are read back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.errors import DataError
from model.teaching.corpus import SAMPLE_RATE, Corpus, prepare
from model.teaching.examples import NAMES_FILE, ExampleMaker
from model.teaching.shards import Shards


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    rng = np.random.default_rng(0)
    for number in range(24):
        folder = tmp_path / "music" / f"game-{number}"
        folder.mkdir(parents=True)
        soundfile.write(folder / "a.wav", 0.1 * rng.standard_normal(6 * SAMPLE_RATE), SAMPLE_RATE)
    return prepare(tmp_path / "corpus", [], [tmp_path / "music"])


def test_plain_examples_are_cut_from_the_right_side_as_they_are(corpus: Corpus) -> None:
    everything = {
        side: [corpus.samples(one, 0, one.length) for one in corpus.recordings if one.held_out == side]
        for side in (True, False)
    }
    assert everything[True]
    for held_out in (True, False):
        rng = np.random.default_rng(5)
        maker = ExampleMaker(corpus, held_out=held_out)
        for _ in range(10):
            cut = maker.plain(rng)
            assert len(cut) == round(3.1 * SAMPLE_RATE)
            matches = [
                whole
                for whole in everything[held_out]
                if any(np.array_equal(whole[start : start + 50], cut[:50]) for start in np.flatnonzero(whole == cut[0]))
            ]
            assert len(matches) == 1


def test_the_same_seed_makes_the_same_examples_and_another_makes_others(corpus: Corpus) -> None:
    maker = ExampleMaker(corpus, held_out=False)

    def examples(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.stack([maker.example(rng) for _ in range(12)])

    np.testing.assert_array_equal(examples(1), examples(1))
    assert not np.array_equal(examples(1), examples(2))


def test_a_side_without_groups_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "only.wav", np.full(6 * SAMPLE_RATE, 0.1), SAMPLE_RATE)
    corpus = prepare(tmp_path / "corpus", [], [tmp_path / "music"])
    other_side = not corpus.recordings[0].held_out
    with pytest.raises(DataError, match="empty"):
        ExampleMaker(corpus, held_out=other_side)


def shard(folder: Path, side: str, number: int, count: int) -> None:
    rng = np.random.default_rng(number)
    windows = rng.random((count, 187, 96)).astype(np.float16)
    windows[:, 0, 0] = np.arange(count) + 100 * number
    np.save(folder / f"{side}-{number:04d}.windows.npy", windows)
    column = windows[:, 0, 0]
    np.savez(
        folder / f"{side}-{number:04d}.targets.npz",
        audioset=np.stack([column, column], axis=1),
        msd=column[:, None],
        mtt=column[:, None],
        embedding=rng.random((count, 200)).astype(np.float16),
    )
    names = {"audioset": ["Jazz", "Reggae"], "msd": ["jazz"], "mtt": ["jazz"]}
    (folder / NAMES_FILE).write_text(json.dumps(names))


def test_every_example_of_a_round_comes_once_with_its_own_targets(tmp_path: Path) -> None:
    for number in range(3):
        shard(tmp_path, "train", number, 20)
    shards = Shards(tmp_path, "train")
    assert shards.tag_names == ("audioset:Jazz", "audioset:Reggae", "msd:jazz", "mtt:jazz")
    assert shards.count == 60
    batches = list(shards.batches(10, 1))
    seen = np.concatenate([batch.windows[:, 0, 0] for batch in batches])
    np.testing.assert_array_equal(seen, np.concatenate([batch.tags[:, 0] for batch in batches]))
    assert sorted(seen) == sorted([100 * number + place for number in range(3) for place in range(20)])
    other = np.concatenate([batch.windows[:, 0, 0] for batch in shards.batches(10, 2)])
    assert sorted(other) == sorted(seen)
    assert not np.array_equal(other, seen)


def test_in_a_test_nothing_is_left_out_and_the_order_stays(tmp_path: Path) -> None:
    shard(tmp_path, "plain", 0, 25)
    sizes = [len(batch.windows) for batch in Shards(tmp_path, "plain").batches(10, None)]
    assert sizes == [10, 10, 5]


def test_missing_examples_are_an_error_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.teaching examples"):
        Shards(tmp_path, "train")
