"""What collections with one genre for each track say about tags, of which several hold: a metal track is rock, too.

A collection's label says of some tags that they hold and of others that they do not; of the rest it says nothing. A
track called "jazz" may well be blues, so that a network that says so is not wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from model.datasets.dataset import LabelledTrack, alike

_STYLES = ("techno", "trance", "drum_bass", "dubstep", "edm", "trap", "ambient", "psytrance")
KINDS = {
    **{kind: kind for kind in ("blues", "classical", "country", "disco", "hiphop", "house", "jazz", "metal", "pop")},
    **{kind: kind for kind in ("reggae", "rock")},
    **dict.fromkeys(("electronic", *_STYLES), "electronic"),
}
"""Labels of the data that say what music is, and the kind of music that each belongs to. Others, such as dances, do not
say whether it is pop or jazz."""


@dataclass(frozen=True)
class Meaning:
    """What a tag means in labels: those of which it holds, and those of which it may or may not."""

    holds: frozenset[str]
    perhaps: frozenset[str] = frozenset()


def _means(holds: str, perhaps: str = "") -> Meaning:
    return Meaning(frozenset(holds.split()), frozenset(perhaps.split()))


MEANINGS = {
    "blues": _means("blues", "jazz rock"),
    **dict.fromkeys(("classical", "classicalmusic"), _means("classical")),
    "country": _means("country", "rock"),
    "disco": _means("disco", "pop house"),
    **dict.fromkeys(("hiphop", "hiphopmusic"), _means("hiphop", "trap")),
    "jazz": _means("jazz", "blues"),
    **dict.fromkeys(("metal", "heavymetal"), _means("metal", "rock")),
    **dict.fromkeys(("pop", "popmusic"), _means("pop", "rock disco country reggae")),
    "reggae": _means("reggae"),
    **dict.fromkeys(("rock", "rockmusic"), _means("rock metal", "pop blues country")),
    **dict.fromkeys(
        ("electronic", "electronicmusic"), _means(f"electronic house {' '.join(_STYLES)}", "hiphop disco pop")
    ),
    **dict.fromkeys(("house", "housemusic"), _means("house", "electronic edm techno trance disco")),
    "techno": _means("techno", "electronic edm house trance psytrance"),
    "trancemusic": _means("trance psytrance", "electronic edm house techno"),
}
"""By the tag's name as `alike` writes it, without its teacher's."""


def in_tags(tracks: Iterable[LabelledTrack], tags: Sequence[str]) -> list[LabelledTrack]:
    """Tracks of one genre each, with the tags that hold as their labels, and beside them those that perhaps do.

    Tracks of kinds that are known here stay even if none of the tags holds: a tag that is said of them may be wrong. Of
    tags without a meaning here they say nothing. Other tracks stay if a tag is called like their label.
    """
    names = {tag: alike(tag.rsplit(":", 1)[-1]) for tag in tags}
    kinds = {alike(label): label for label in KINDS}
    found = []
    for track in tracks:
        label = kinds.get(alike(track.label), track.label)
        holds, perhaps = [], []
        for tag, name in names.items():
            meaning = MEANINGS.get(name, _means(""))
            if label in meaning.holds or (label not in KINDS and name == alike(label)):
                holds.append(tag)
            elif label in meaning.perhaps:
                perhaps.append(tag)
        if holds or label in KINDS:
            found.append(replace(track, labels=tuple(holds), perhaps=tuple(perhaps)))
    return found


def kind_of(label: str) -> str:
    """The kind of music that a label of the data stands for; the label itself if it is not among `KINDS`."""
    return {alike(known): kind for known, kind in KINDS.items()}.get(alike(label), label)
