"""Which label of a bundle a label of some data stands for: spelt otherwise, or called otherwise altogether."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from model.datasets.dataset import LabelledTrack, alike
from model.errors import BundleError

MOST_MEANINGS = 1000
LONGEST_NAME = 200


def read_meanings(described: object, labels: Sequence[str]) -> dict[str, str]:
    """The other names of a bundle's labels, from its untrusted description; BundleError if they are none.

    Returns labels by other names.
    """
    if not isinstance(described, dict) or len(described) > MOST_MEANINGS:
        raise _refusal(f"they are at most {MOST_MEANINGS} labels by other names")
    found: dict[str, str] = {}
    own = {alike(label): label for label in labels}
    for name, label in described.items():
        if not name or len(name) > LONGEST_NAME:
            raise _refusal(f"a name has 1 to {LONGEST_NAME} letters")
        if not isinstance(label, str) or label not in labels:
            raise _refusal(f"{name!r} means {label!r}, which is not one of its labels")
        if found.get(alike(name), label) != label or own.get(alike(name), label) != label:
            raise _refusal(f"{name!r} is another label too")
        found[alike(name)] = label
    return dict(described)


def spellings(labels: Sequence[str], meanings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Labels by everything that they may be called, as `alike` has it; the first of two that are alike counts."""
    others = {alike(name): label for name, label in (meanings or {}).items()}
    return others | {alike(label): label for label in reversed(labels)}


def known_tracks(
    tracks: Iterable[LabelledTrack],
    labels: Sequence[str],
    meanings: Mapping[str, str] | None = None,
    *,
    exclusive: bool = True,
) -> list[LabelledTrack]:
    """The tracks with these labels, called by them; case, spaces and hyphens do not matter.

    meanings : labels by other names.
    exclusive : whether exactly one label is right; then DataError if a track has several.
    """
    names = spellings(labels, meanings)
    found = []
    for track in tracks:
        named = (track.label,) if exclusive else track.labels
        # Two labels of a bundle may be alike; then the one that is spelt just so.
        known = (label if label in labels else names.get(alike(label)) for label in named)
        kept = tuple(dict.fromkeys(label for label in known if label is not None))
        if kept:
            found.append(replace(track, labels=kept))
    return found


def _refusal(rule: str) -> BundleError:
    return BundleError(
        "the other names of the bundle's labels cannot be used",
        rule=rule,
        next_step="Build or download the bundle again, or use another",
    )
