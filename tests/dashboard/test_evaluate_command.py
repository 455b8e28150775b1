"""`genrescope evaluate` from the command line, with real networks on a little music."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from dashboard.cli import app
from dashboard.evaluate_command import TOO_LOW, Wanted, run_evaluation
from model.datasets.folder import COLUMNS
from model.errors import DataError, SettingError

RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight recordings of 8 s by eight artists: noise is "metal", a chord "pop"."""
    path = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(0)
    times = np.arange(8 * RATE) / RATE
    with (path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(8):
            label = ("metal", "pop")[number % 2]
            sound = rng.normal(0.0, 0.2, len(times))
            if label == "pop":
                sound = sum(0.1 * np.sin(2 * np.pi * pitch * (1 + number / 20) * times) for pitch in (220, 277, 330))
            name = f"{number} <b>.wav"
            soundfile.write(path / name, sound, RATE)
            writer.writerow([name, "own", label, f"artist {number}", 8, 8000])
    return path


@pytest.fixture(autouse=True)
def small_and_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept in the home folder, and two times four clips are enough."""
    import dashboard.streaming_measures
    import model.evaluation

    monkeypatch.setitem(model.evaluation.examine.__kwdefaults__, "cache_folder", tmp_path / "cache")
    monkeypatch.setitem(dashboard.streaming_measures.measure_streaming.__kwdefaults__, "timelines", 2)


def test_a_report_and_figures_are_written_and_the_music_is_heard_live(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = Wanted(report=tmp_path / "report.html", json=tmp_path / "report.json", cpu=True)
    assert run_evaluation(["genres"], str(folder), wanted) == 0
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["track"]["examples"] == 8
    assert sum(map(sum, values["confusion"])) == 8
    live = values["streaming"]
    assert (live["timelines"], live["changes"]) == (2, 6)
    shares = live["right"]["value"] + live["wrong"] + live["not_sure"] + live["silence"]
    assert shares == pytest.approx(1.0, abs=1e-3)
    assert values["cost"]["network_ms"] > 0.0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "While music changes" in page
    assert "<b>.wav" not in page
    printed = capsys.readouterr().out
    assert "balanced accuracy" in printed
    assert "Live, 6 changes" in printed


def test_several_bundles_are_compared_in_markdown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_evaluation(["msd_tags", "mtt_tags"], str(folder), Wanted(markdown=True, cpu=True)) == 0
    printed = capsys.readouterr().out
    # Metal is rock, too.
    assert "8 tracks by 8 artists from own, 3 labels" in printed
    assert "| bundle " in printed
    assert printed.count("ROC-AUC (95 %)") == 1
    assert "| mtt_tags | musicnn |" in printed


def test_a_score_that_is_too_low_is_an_exit_code(folder: Path) -> None:
    assert run_evaluation(["genres"], str(folder), Wanted(fail_under=0.999, cpu=True)) == TOO_LOW
    assert run_evaluation(["genres"], str(folder), Wanted(fail_under=0.0, cpu=True)) == 0


@pytest.mark.parametrize(
    ("bundles", "wanted", "message"),
    [
        (["tags"], Wanted(ablation=True), "cannot be trained again"),
        (["genres", "genres"], Wanted(), "named twice"),
        (["genres"], Wanted(fail_under=70.0), "between 0 and 1"),
        (["genres"], Wanted(report=Path("/no/such/folder/report.html")), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(folder: Path, bundles: list[str], wanted: Wanted, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        run_evaluation(bundles, str(folder), wanted)


def test_bundles_of_different_kinds_are_not_compared(folder: Path) -> None:
    with pytest.raises(DataError, match="only models of one kind"):
        run_evaluation(["genres", "mtt_tags"], str(folder), Wanted(cpu=True))


def test_help_has_examples() -> None:
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "160"}).output
    assert "genrescope evaluate genres my-bundle" in shown
    assert "--learning-curve" in shown
