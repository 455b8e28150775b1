"""The clips that come with genrescope, as choices for the page and the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
SAMPLE_FOLDER = PROJECT_FOLDER / "sample_audio"
MIX = SAMPLE_FOLDER / "mix.wav"


@dataclass(frozen=True)
class Sample:
    """A clip one can choose. `key` is what the page sends back: never a path."""

    key: str
    title: str
    path: Path


def samples() -> list[Sample]:
    """The demo mix first, then the clips by genre."""
    found = []
    if MIX.exists():
        found.append(Sample("sample:mix", "Demo mix", MIX))
    catalogue = SAMPLE_FOLDER / "clips.json"
    if catalogue.exists():
        clips = json.loads(catalogue.read_text(encoding="utf-8"))
        clips = clips["clips"] if isinstance(clips, dict) else clips
        for clip in sorted(clips, key=lambda clip: (clip["genre"], clip["title"])):
            title = f"{clip['genre'].capitalize()}: {clip['title']} ({clip['author']})"
            found.append(Sample(f"sample:{Path(clip['file']).stem}", title, SAMPLE_FOLDER / clip["file"]))
    return found
