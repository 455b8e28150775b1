"""docs/guide.ipynb leads from a folder of music to a bundle in the live page: it is executed as it stands."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

GUIDE = Path(__file__).parents[2] / "docs" / "guide.ipynb"
PATIENCE_SECONDS = 600
"""For one cell, on a machine that has much else to do."""


def text_of(cell: Any) -> str:
    """What a cell has printed."""
    return "".join(output["text"] for output in cell.outputs if output.output_type == "stream")


def pictures_of(cell: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def test_it_is_kept_without_outputs() -> None:
    guide = json.loads(GUIDE.read_text(encoding="utf-8"))
    for cell in guide["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], cell["id"]
            assert cell["execution_count"] is None, cell["id"]
        assert cell["metadata"] == {}, cell["id"]
    assert set(guide["metadata"]) == {"kernelspec", "language_info"}
    assert guide["metadata"]["language_info"] == {"name": "python"}


def test_it_names_no_place_of_a_certain_machine() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert not re.search(r"/home/|/Users/|/root/|/work/|C:\\\\", text)


@pytest.mark.timeout(2 * PATIENCE_SECONDS)
def test_it_leads_from_a_folder_of_music_to_a_bundle_that_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    monkeypatch.setenv("HOME", str(home))  # nothing that an earlier run has heard is read, and nothing is left
    monkeypatch.setenv("TMPDIR", str(scratch))
    guide = nbformat.read(GUIDE, as_version=4)
    NotebookClient(
        guide, timeout=PATIENCE_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(GUIDE.parent)}}
    ).execute()
    cells = {cell.id: cell for cell in guide.cells if cell.cell_type == "code"}
    said = {name: text_of(cell) for name, cell in cells.items()}

    assert "18 songs" in said["music"]
    assert re.search(r"18 tracks, .* 18 groups", said["look"])
    assert "Fit for training and for tests." in said["look"]
    assert "18 spectrograms made" in said["extract"]
    assert pictures_of(cells["pictures"]) == 3
    assert said["numbers"].count("frames of 96 bands") == 3
    assert "Written to" in said["train"]
    assert "\x1b[" not in "".join(said.values())
    for heading in ("Trained on", "Measured", "Limits", "Intended use", "Licence"):
        assert f"## {heading}" in said["card"]
    # Chance is a third; these three could hardly be less alike.
    assert "artists it was not trained on" in said["evaluate"]
    right = re.search(r"Right: (\d+)%", said["figures"])
    assert right is not None
    assert int(right[1]) >= 60
    heard = re.findall(r"^ *[\d.]+ s  (.+)$", said["live"], re.MULTILINE)
    assert heard[-1] == "shuffle"
    assert not list(scratch.glob("genrescope-guide-*")), "the last cell removes what was written"
