"""Imports point one way, and the page starts without what is heavy."""

from __future__ import annotations

import ast
import os
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


def test_products_of_matrices_stay_on_one_thread_in_every_command() -> None:
    # On a busy machine threads that wait for each other cost a hundred times the product itself.
    code = (
        "import os, sys, dashboard.cli\n"
        "assert 'numpy' not in sys.modules\n"
        "sys.argv = ['genrescope', 'models']\n"
        "try:\n    dashboard.cli.main()\n"
        "except SystemExit:\n    pass\n"
        "from threadpoolctl import threadpool_info\n"
        "blas = [pool['num_threads'] for pool in threadpool_info() if pool['user_api'] == 'blas']\n"
        "print('threads', blas)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    counts = ast.literal_eval(done.stdout.splitlines()[-1].removeprefix("threads "))
    assert counts and set(counts) == {1}
