"""Imports point one way, and the page starts without what is heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["dashboard.cli", "dashboard.live", "dashboard.app", "dashboard.studio"])
def test_the_page_starts_without_tensorflow_librosa_or_a_sound_card(module: str) -> None:
    heavy = ("tensorflow", "keras", "librosa", "numba", "scipy", "sklearn", "sounddevice")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
