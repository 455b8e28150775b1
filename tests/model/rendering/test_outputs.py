"""What a bundle keeps of rendered music: read as it was written, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.datasets.dataset import LabelledTrack
from model.errors import BundleError
from model.rendering.outputs import MOST_WINDOWS, RenderedOutputs, pack_outputs, unpack_outputs
from model.rhythm import FEATURES

LABELS = ("house", "trap")
EMBEDDING, TAGS = 5, 3


def piece(label: str, group: str, windows: int, alteration: str = "plain") -> RenderedOutputs:
    rng = np.random.default_rng(windows)
    rhythm = rng.normal(size=(windows, FEATURES)).astype(np.float32)
    rhythm[0] = np.nan
    track = LabelledTrack(Path("x.flac"), "songs", (label,), group)
    embedding, tags = (rng.normal(size=(windows, size)).astype(np.float32) for size in (EMBEDDING, TAGS))
    return RenderedOutputs(track, embedding, tags, rhythm, alteration)


PIECES = [piece("trap", "00000000000a", 2), piece("house", "ffffffffffff", 3, "telephone")]


def read(arrays: dict[str, np.ndarray]) -> list[RenderedOutputs]:
    return unpack_outputs(arrays, LABELS, "mine", embedding_size=EMBEDDING, tags=TAGS)


def test_what_is_read_is_what_was_written_with_half_the_digits() -> None:
    found = read(pack_outputs(PIECES, LABELS))
    for before, after in zip(PIECES, found, strict=True):
        assert (after.track.label, after.track.group) == (before.track.label, before.track.group)
        assert after.alteration == before.alteration
        for name in ("embedding", "tags", "rhythm"):
            was, is_ = getattr(before, name), getattr(after, name)
            assert is_.dtype == np.float32
            np.testing.assert_allclose(is_, was, rtol=1e-3, atol=1e-4)
    assert np.isnan(found[0].rhythm[0]).all() and np.isfinite(found[0].rhythm[1:]).all()


def test_reading_again_gives_the_very_same_numbers() -> None:
    once = read(pack_outputs(PIECES, LABELS))
    twice = read(pack_outputs(once, LABELS))
    for first, second in zip(once, twice, strict=True):
        np.testing.assert_array_equal(first.embedding, second.embedding)
        np.testing.assert_array_equal(first.rhythm, second.rhythm)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("embedding", np.zeros((5, EMBEDDING + 1), np.float16)),
        ("embedding", np.zeros((5, EMBEDDING), np.float32)),
        ("tags", np.full((5, TAGS), np.inf, np.float16)),
        ("rhythm", np.zeros((4, FEATURES), np.float16)),
        ("heard", np.ones((5, 1), np.uint8)),
        ("windows", np.array([2, 4], np.int32)),
        ("windows", np.array([6, -1], np.int32)),
        ("labels", np.array([0, 2], np.int32)),
        ("labels", np.array([-1, 0], np.int32)),
        ("groups", np.array([-1, 0], np.int64)),
        ("groups", np.array([16**12, 0], np.int64)),
        ("alterations", np.array(["plain", "under water"])),
        ("alterations", np.array([1, 2])),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: np.ndarray) -> None:
    with pytest.raises(BundleError, match="rendered music of the bundle mine"):
        read({**pack_outputs(PIECES, LABELS), name: value})


def test_what_is_missing_is_refused() -> None:
    packed = pack_outputs(PIECES, LABELS)
    for name in packed:
        with pytest.raises(BundleError):
            read({key: value for key, value in packed.items() if key != name})


def test_nothing_and_too_much_are_refused() -> None:
    with pytest.raises(BundleError):
        read({key: value[:0] for key, value in pack_outputs(PIECES, LABELS).items()})
    with pytest.raises(BundleError, match=str(MOST_WINDOWS)):
        read(pack_outputs([piece("trap", "00000000000a", MOST_WINDOWS + 1)], LABELS))
