"""Why a sound file cannot be read, in words."""

from __future__ import annotations

from pathlib import Path

from model.errors import AudioFileError


def not_sound(path: Path, reason: str) -> AudioFileError:
    return AudioFileError(
        f"{path} cannot be read as sound ({reason.strip().rstrip('.')})",
        rule="wav, flac, mp3, ogg, opus, m4a and aac files can be played",
        next_step="Check that it is one, and whole",
    )


def ended_early(path: Path, read_seconds: float, expected_seconds: float) -> AudioFileError:
    return AudioFileError(
        f"{path} ends early: {read_seconds:.1f} of {expected_seconds:.1f} s could be read",
        rule="the file is cut off or damaged",
        next_step="What could be read was used; copy or download it again for the rest",
    )
