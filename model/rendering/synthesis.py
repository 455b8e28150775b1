"""Scores for MMA (Musical MIDI Accompaniment) made into sound, by the programs `mma` and `fluidsynth`.

Both are Debian packages, and are needed for training only. Every call has a folder of its own, which is gone
afterwards, and a limit of time.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from model.errors import DataError

SOUND_FONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/soundfonts/FluidR3_GM.sf2"),
    Path("/usr/share/soundfonts/default.sf2"),
)
"""Where distributions put the FluidR3 General MIDI sounds (MIT licence)."""
_LIMIT_SECONDS = 600.0
_INSTALL = "apt-get install mma fluidsynth fluid-soundfont-gm"


@dataclass(frozen=True)
class Sound:
    """How a score is played: gain of the synthesiser, and how much its room is heard, 0..1."""

    gain: float = 0.5
    reverb_level: float = 0.3
    reverb_room: float = 0.4
    sample_rate: int = 22_050


class Synthesiser:
    """Turns scores into sound. DataError if one of the programs or the sounds is not there."""

    def __init__(self) -> None:
        missing = [program for program in ("mma", "fluidsynth") if shutil.which(program) is None]
        font = next((path for path in SOUND_FONTS if path.is_file()), None)
        if missing or font is None:
            raise DataError(
                f"dances cannot be rendered: {' and '.join(missing) or 'the sounds FluidR3_GM.sf2'} not found",
                rule="music is rendered by the programs mma and fluidsynth, with the FluidR3 sounds",
                next_step=f"Install them ({_INSTALL})",
            )
        self._font = font

    def render(self, score: str, sound: Sound) -> np.ndarray:
        """A score in MMA's language -> float32 [n], mono, at `sound.sample_rate`; loudest sample at 0.9.

        Raises DataError with what the programs said if they refuse it or take too long.
        """
        with tempfile.TemporaryDirectory(prefix="genrescope-") as folder:
            written, midi, wave = (Path(folder) / name for name in ("score.mma", "score.mid", "score.wav"))
            written.write_text(score, encoding="utf-8")
            # -II would let the score run plugins; without it, none is run unless its user agreed to it.
            _run(["mma", "-w", "-f", midi.name, written.name], folder, midi)
            options = {
                "synth.gain": sound.gain,
                "synth.reverb.level": sound.reverb_level,
                "synth.reverb.room-size": sound.reverb_room,
                "audio.file.name": wave.name,
                "audio.file.type": "wav",
            }
            settings = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
            command = ["fluidsynth", "-n", "-i", "-q", *settings, "-r", str(sound.sample_rate)]
            _run([*command, "-F", wave.name, str(self._font), midi.name], folder, wave)
            samples, _ = soundfile.read(wave, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1)
        loudest = float(np.abs(mono).max(initial=0.0))
        if loudest <= 1e-4:
            raise DataError("a rendered score is silent", rule="something must be heard", next_step="Report it")
        return mono * np.float32(0.9 / loudest)


def save_flac(path: Path, samples: np.ndarray, sample_rate: int, seconds: float) -> None:
    """Write float32 [n] samples, no more than so many seconds, as FLAC of 16 bits; whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    soundfile.write(partial, samples[: round(seconds * sample_rate)], sample_rate, format="FLAC", subtype="PCM_16")
    partial.replace(path)


def _run(command: list[str], folder: str, wanted: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{command[0]} did not render a score", rule=str(error)) from error
    if done.returncode != 0 or not wanted.is_file():
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and "PLUGIN" not in line]
        raise DataError(
            f"{command[0]} refused a score",
            rule="; ".join(said[-3:])[:300] or f"it ended with {done.returncode}",
            next_step=f"Check that this is the version of a current distribution ({_INSTALL})",
        )
