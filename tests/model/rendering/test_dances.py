"""Rendered dances: written by chance, the same for the same seed, and as fast and in the metre that the dance wants."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.datasets.folder import read_labels
from model.errors import BundleError, DataError
from model.front_ends.log_mel import LogMel
from model.rendering.composition import Arrangement, compose
from model.rendering.dances import DANCES, arrange, render_dances, write_piece
from model.rendering.patterns import PATTERNS, Pattern
from model.rendering.rhythms import pack, rendered_rhythms, unpack
from model.rendering.synthesis import Sound, Synthesiser
from model.rhythm import BANDS, LAGS_SECONDS, rhythm

LABELS = tuple(DANCES)
# In CI they must be there: the tests then fail with what is missing.
needs_synthesiser = pytest.mark.skipif(
    not os.environ.get("CI") and (shutil.which("mma") is None or shutil.which("fluidsynth") is None),
    reason="needs mma and fluidsynth (tools/install_test_system.sh)",
)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a piece of eight seconds of every dance."""
    folder = tmp_path_factory.mktemp("dances") / "music"
    render_dances(folder, count=len(DANCES), seconds=8.0)
    return folder


def test_every_bar_of_our_own_accompaniments_is_as_long_as_its_metre_says() -> None:
    for label, patterns in PATTERNS.items():
        for pattern in patterns:
            assert pattern.beats == DANCES[label].beats
            bars = [bar for grid in (*pattern.drums.values(), pattern.bass, pattern.chords) for bar in grid]
            assert {len(bar) for bar in bars} == {pattern.beats * pattern.steps}, label
            assert set("".join(bars)) <= set(".oxX13568")


def test_the_same_seed_writes_the_same_piece_and_another_one_another() -> None:
    assert write_piece("tango", 3, seed=1) == write_piece("tango", 3, seed=1)
    others = {write_piece("tango", number, seed=seed).score for number, seed in ((3, 1), (4, 1), (3, 2))}
    assert len(others) == 3


@pytest.mark.parametrize("label", LABELS)
def test_tempi_lie_in_the_dance_and_a_little_beyond(label: str) -> None:
    slowest, fastest = DANCES[label].tempo
    tempi = []
    for seed in range(60):
        arrangement, name = arrange(label, np.random.default_rng(seed))
        tempi.append(arrangement.tempo / DANCES[label].speed.get(name, 1.0))
        assert arrangement.beats == (3 if "waltz" in label else 4)
    assert 0.94 * slowest < min(tempi) < max(tempi) < 1.06 * fastest
    assert min(tempi) < (slowest + fastest) / 2 < max(tempi)


@needs_synthesiser
def test_a_folder_of_rendered_dances_can_be_read_as_a_data_set(rendered: Path) -> None:
    tracks = read_labels(rendered)
    assert [track.label for track in tracks] == list(LABELS)
    for track in tracks:
        samples, rate = soundfile.read(track.path)
        assert len(samples) == round(8.0 * rate)
        assert 0.5 < np.abs(samples).max() < 1.0
        assert track.group.startswith("rendered:")


@needs_synthesiser
def test_rendering_goes_on_where_it_was_interrupted_and_keeps_what_is_there(rendered: Path) -> None:
    first = read_labels(rendered)[0].path
    before = first.stat().st_mtime_ns
    listing = (rendered / "labels.csv").read_text()
    second = read_labels(rendered)[1].path
    content = second.read_bytes()
    second.unlink()
    render_dances(rendered, count=len(DANCES), seconds=8.0)
    assert first.stat().st_mtime_ns == before
    assert second.read_bytes() == content
    assert (rendered / "labels.csv").read_text() == listing


@needs_synthesiser
def test_onsets_come_again_after_every_bar() -> None:
    four = Pattern(4, 2, {"KickDrum1": ("X.......",)}, ("1.......",), ("........",))
    three = Pattern(3, 2, {"KickDrum1": ("X.....",)}, ("1.....",), ("......",))
    for pattern, bar_seconds in ((four, 2.0), (three, 1.5)):
        arrangement = Arrangement(tempo=120.0, beats=pattern.beats, pattern=pattern, melody_voices=(0,))
        # Of one seed the drums may be silent and the tune loud; of this one they are not.
        score = compose(arrangement, 14.0, np.random.default_rng(5))
        score = "\n".join(line for line in score.splitlines() if "{" not in line or "Sequence" in line)
        samples = Synthesiser().render(score, Sound(sample_rate=16_000, reverb_level=0.0))
        heard = rhythm(LogMel().compute(samples[: 12 * 16_000]), 62.5).reshape(len(BANDS), -1)[BANDS.index("low")]
        assert heard[np.argmin(np.abs(np.log(LAGS_SECONDS / bar_seconds)))] > 0.5
        assert heard[np.argmin(np.abs(np.log(LAGS_SECONDS / (bar_seconds / 2.0))))] < 0.3


@needs_synthesiser
def test_the_rhythms_of_rendered_music_come_back_from_a_file_as_they_went_in(rendered: Path, tmp_path: Path) -> None:
    tracks = rendered_rhythms(read_labels(rendered), LogMel(), tmp_path)
    arrays = pack(tracks, LABELS)
    again = unpack(arrays, LABELS, "dances")
    assert [outputs.track.label for outputs in again] == [outputs.track.label for outputs in tracks]
    for before, after in zip(tracks, again, strict=True):
        np.testing.assert_array_equal(before.rhythm, after.rhythm)
    for damaged in (
        {**arrays, "labels": arrays["labels"] + 10},
        {**arrays, "windows": arrays["windows"] + 1},
        {**arrays, "rhythm": arrays["rhythm"][:, :-1]},
        {},
    ):
        with pytest.raises(BundleError, match="rendered music of the bundle dances"):
            unpack(damaged, LABELS, "dances")


@needs_synthesiser
def test_a_score_that_is_refused_is_an_error_with_what_was_said() -> None:
    with pytest.raises(DataError, match="mma refused a score") as refused:
        Synthesiser().render("Groove NoSuchGroove\n1 C\n", Sound())
    assert "NoSuchGroove" in refused.value.rule or "NOSUCHGROOVE" in refused.value.rule


def test_without_the_programs_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="mma and fluidsynth not found") as refused:
        render_dances(tmp_path / "music", count=10)
    assert "apt-get install" in refused.value.next_step


@needs_synthesiser
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(DataError, match="holds something else"):
        render_dances(tmp_path, count=10)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize("count", [0, -1, 100_000])
def test_a_senseless_count_is_refused(count: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="pieces"):
        render_dances(tmp_path / "music", count=count)
