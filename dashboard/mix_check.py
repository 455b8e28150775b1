"""How the display behaves on the demo mix: how soon the right genre is on top, how often a wrong one flips in."""

from __future__ import annotations

import itertools
import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dashboard.samples import MIX
from stream.classifier import Classifier
from stream.offline import HeardWindow, hear_file
from stream.records import Verdict
from stream.settings import StreamSettings

CHANGE_SECONDS = 4.0
"""So soon after a boundary the right genre is to be on top."""
SILENT_TAIL_SECONDS = 6.0


@dataclass(frozen=True)
class MixBehaviour:
    """What the display did on the mix.

    change_seconds : for each part, how long after its beginning its genre came on top to stay for a second; infinite
        if it never did. The first window needs three seconds of sound, so the first part cannot do better.
    wrong_flips_per_minute : changes to a wrong genre within parts, after the right one had been on top.
    silence_seconds : how long after the sound's end "silence" was shown.
    """

    change_seconds: tuple[float, ...]
    wrong_flips_per_minute: float
    silence_seconds: float

    @property
    def parts(self) -> int:
        return len(self.change_seconds)

    @property
    def parts_found(self) -> int:
        return sum(math.isfinite(seconds) for seconds in self.change_seconds)

    @property
    def slowest_change_seconds(self) -> float:
        return max(self.change_seconds)


def check_mix(classifier: Classifier, settings: StreamSettings, mix: Path = MIX) -> MixBehaviour:
    """Play the mix, followed by silence, through the pipeline (as fast as it goes; the answers are those of live)."""
    parts = json.loads(mix.with_suffix(".json").read_text(encoding="utf-8"))["parts"]
    sound, rate = soundfile.read(mix, dtype="float32", always_2d=True)
    silence = np.zeros((round(SILENT_TAIL_SECONDS * rate), sound.shape[1]), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mix-and-silence.wav"
        soundfile.write(path, np.concatenate((sound, silence)), rate)
        windows = hear_file(path, classifier, settings).windows
    changes, flips, minutes = [], 0, 0.0
    for part in parts:
        start, end = float(part["start_seconds"]), float(part["end_seconds"])
        right = [
            (window.end_seconds, _shown(window, classifier) == part["genre"])
            for window in windows
            if start <= window.end_seconds <= end
        ]
        changes.append(_first_right(right) - start)
        flips += _flips_after(right, start + changes[-1])
        minutes += (end - start) / 60.0
    end = len(sound) / rate
    silent = [
        window.end_seconds for window in windows if window.verdict is Verdict.SILENCE and window.end_seconds > end
    ]
    return MixBehaviour(tuple(changes), flips / minutes, min(silent, default=float("inf")) - end)


def _shown(window: HeardWindow, classifier: Classifier) -> str:
    """What stands on top in the page: the best label, whether it is sure or not; the verdict without music."""
    if not window.verdict.of_music:
        return window.verdict.value
    return classifier.labels[int(np.argmax(window.probabilities))]


def _first_right(right: list[tuple[float, bool]]) -> float:
    """When the right genre came on top and stayed for two predictions more; infinite if never."""
    for index, (time, is_right) in enumerate(right):
        if is_right and all(later for _, later in right[index : index + 3]):
            return time
    return float("inf")


def _flips_after(right: list[tuple[float, bool]], since: float) -> int:
    """Changes from right to wrong after that time."""
    later = [is_right for time, is_right in right if time >= since]
    return sum(before and not after for before, after in itertools.pairwise(later))
