"""Whether there is music at all, as a bundle's networks tell it: somebody who speaks has no genre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.bundle_files import REBUILD
from model.errors import BundleError

AUDIOSET_MUSIC = "audioset:Music"
AUDIOSET_FROM = 0.25
"""Speech stays below, with the small network, and music above; they are far apart, and this is between them."""


@dataclass(frozen=True)
class MusicTags:
    """The networks' outputs that stand for music.

    tags : their names; columns : their places among all outputs, int [tags].
    threshold : the highest of them must reach it for there to be music; above 0, below 1.
    """

    tags: tuple[str, ...]
    columns: np.ndarray
    threshold: float

    def scores(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outputs of the networks -> the highest of the tags, float32 [batch], 0..1."""
        return np.asarray(outputs["tags"][:, self.columns].max(axis=1), np.float32)

    def describe(self) -> dict[str, Any]:
        """As `bundle.json` describes it."""
        return {"tags": list(self.tags), "from": self.threshold}


def known_music(tags: Sequence[str]) -> dict[str, Any] | None:
    """The field `music` of a bundle whose networks have these outputs; None where none of them knows music."""
    return {"tags": [AUDIOSET_MUSIC], "from": AUDIOSET_FROM} if AUDIOSET_MUSIC in tags else None


def read_music_tags(described: object, *, tags: tuple[str, ...]) -> MusicTags:
    """Read the field `music` of a description, which nobody has checked yet.

    described : {"tags": [...], "from": 0.25}; tags : the outputs that the networks have.

    Raises BundleError.
    """
    if not isinstance(described, Mapping):
        raise _refused("it cannot be read", "it has tags, and from")
    named, threshold = described.get("tags"), described.get("from")
    if not isinstance(named, list) or not named or not all(isinstance(tag, str) for tag in named):
        raise _refused("its tags are not a list of names", "it has at least one")
    if len(set(named)) < len(named):
        raise _refused("it names a tag twice", "each is named once")
    unknown = [tag for tag in named if tag not in tags]
    if unknown:
        raise _refused(f"it names {unknown[0][:100]!r}", "its tags are outputs of the bundle's networks")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0.0 < threshold < 1.0:
        raise _refused("its 'from' is no number, or too high or too low", "it is above 0 and below 1")
    return MusicTags(tuple(named), np.array([tags.index(tag) for tag in named]), float(threshold))


def _refused(what: str, rule: str) -> BundleError:
    return BundleError(f"what the bundle says of music cannot be used: {what}", rule=rule, next_step=REBUILD)
