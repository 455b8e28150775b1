"""Sounds the tests make themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile


def tone(seconds: float, rate: int = 44100, *, channels: int = 2, frequency_hz: float = 440.0) -> np.ndarray:
    """A sine that grows louder, float32 [n, channels], so that every place in it is different."""
    times = np.arange(round(seconds * rate)) / rate
    wave = np.sin(2 * np.pi * frequency_hz * times) * (0.1 + 0.4 * times / max(seconds, 1e-9))
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def write_tone(path: Path, seconds: float, rate: int = 44100, *, channels: int = 2) -> Path:
    """Write `tone` in the format the file's ending names."""
    soundfile.write(path, tone(seconds, rate, channels=channels), rate)
    return path


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg; where there is none, skip the test (but not in CI, where it must be there)."""
    if shutil.which("ffmpeg") is None:
        reason = "ffmpeg is not installed: the test file cannot be made"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)
