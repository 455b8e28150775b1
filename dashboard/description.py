"""A sentence about the part that plays now: "jazz, with elements of progressive rock and a bit of grunge"."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from dashboard.figures import display_names
from model.segments import NO_MUSIC, NOT_SURE, SILENCE
from stream.records import Verdict

ELEMENT_FROM = 0.15
ELEMENT_SHARE = 0.2
MOST_ELEMENTS = 2
"""Where one label is right at a time, another is an element if it has this much mean probability, and this share of the
main one's, over half a minute. On the sample clips that are plainly of one genre the second label gets 0.13 at most;
what keeps 0.15 for half a minute is a genre the network comes back to again and again. The share matters only beside a
main label above 0.75. More than two is a list and no longer a description."""
MOST_TAGS = 4
"""In a sentence about several labels at once, the main one among them."""
A_BIT_SHARE = 0.2
"""Where several labels may be right, one that is not said of the half minute as a whole is "a bit of" it if it was said
for this share of the time."""
_NO_STYLES = (
    "female vocalists|female vocalist|male vocalists|guitar|beautiful|mellow|sad|happy|sexy|catchy|oldies|party|"
    "acoustic|instrumental|00s|60s|70s|80s|90s|chill|slow|fast|strings|drums|piano|beat|beats|violin|vocal|vocals|"
    "female vocal|male vocal|female voice|male voice|voice|female|male|woman|man|singing|no vocals|no vocal|"
    "no voice|harpsichord|loud|quiet|soft|flute|sitar|solo|choir|choral|synth|harp|cello|weird"
)
NO_STYLES = frozenset(name.replace(" ", "") for name in _NO_STYLES.split("|"))
"""Tags that say how music sounds and not what kind it is: it has no "elements of" female vocalists."""


@dataclass(frozen=True)
class Description:
    """What a part of the music sounds like, in names as people write them.

    main : the label; for several labels at once the strongest; "silence", "no music" or "not sure"; ""
        before anything was heard.
    sounds : tags that also hold and are no kinds of music: "guitar". The strongest first, as in all of these.
    elements : kinds of music that are also in it; of "not sure", what it may be.
    bits : kinds of music that were in it some of the time.
    """

    main: str = ""
    elements: tuple[str, ...] = ()
    verdict: Verdict | None = None
    sounds: tuple[str, ...] = ()
    bits: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        if self.verdict is Verdict.NOT_SURE and self.elements:
            return f"{self.main}: perhaps {_listed(self.elements, 'or')}"
        said = [*self.sounds]
        if self.elements:
            said.append(f"elements of {_listed(self.elements, 'and')}")
        if self.bits:
            said.append(f"a bit of {_listed(self.bits, 'and')}")
        return f"{self.main}, with {_listed(tuple(said), 'and')}" if said else self.main


def describe(
    label: str,
    mean: np.ndarray | None,
    labels: tuple[str, ...],
    shown_from: float | None = None,
    said_share: np.ndarray | None = None,
) -> Description:
    """Description of a segment.

    Parameters
    ----------
    label : the segment's: one of the labels, "not sure", "no music" or "silence".
    mean : probabilities, float [labels], over what is to be described; None if there was no music.
    shown_from : where several labels may be right at once: the probability that each needs to be named.
    said_share : then, for how much of the time each label had it, float [labels], 0..1.
    """
    names = display_names(labels)
    if label in (SILENCE, NO_MUSIC):
        return Description(label, verdict=Verdict(label))
    shares = np.zeros(len(labels)) if mean is None else mean
    order = [int(index) for index in np.argsort(-shares, kind="stable")]
    if label == NOT_SURE:
        enough = ELEMENT_FROM if shown_from is None else shown_from / 2.0
        perhaps = [names[index] for index in order if shares[index] >= enough]
        return Description(NOT_SURE, tuple(perhaps[:MOST_ELEMENTS]), Verdict.NOT_SURE)
    if shown_from is not None:
        part_time = np.zeros(len(labels)) if said_share is None else said_share
        return _of_tags(label, order, shares >= shown_from, part_time >= A_BIT_SHARE, labels)
    main_place = labels.index(label)
    enough = max(ELEMENT_FROM, ELEMENT_SHARE * shares[main_place])
    elements = [names[index] for index in order if index != main_place and shares[index] >= enough]
    return Description(names[main_place], tuple(elements[:MOST_ELEMENTS]), Verdict.SURE)


def _of_tags(
    label: str, order: list[int], shown: np.ndarray, at_times: np.ndarray, labels: tuple[str, ...]
) -> Description:
    names = display_names(labels)
    main = next((index for index in order if shown[index]), labels.index(label))
    chosen: list[int] = []
    for index in [*(i for i in order if shown[i]), *(i for i in order if at_times[i] and not shown[i])]:
        words = _words(labels[index])
        # "metal" says nothing new after "heavy metal", and a sentence is no place for "vocalist" and "vocalists".
        if index != main and not any(words <= _words(labels[other]) for other in (main, *chosen)):
            chosen = [other for other in chosen if not _words(labels[other]) <= words] + [index]
    chosen = [index for index in chosen if shown[index] or _is_style(labels[index])][: MOST_TAGS - 1]
    return Description(
        names[main],
        tuple(names[index] for index in chosen if shown[index] and _is_style(labels[index])),
        Verdict.SURE,
        sounds=tuple(names[index] for index in chosen if not _is_style(labels[index])),
        bits=tuple(names[index] for index in chosen if not shown[index]),
    )


def _is_style(label: str) -> bool:
    return re.sub(r"[^a-z0-9]", "", label.casefold()) not in NO_STYLES


def _words(label: str) -> frozenset[str]:
    """ "Soul-RnB" -> soul, rnb; without the s of a plural."""
    return frozenset(word.removesuffix("s") for word in re.findall(r"[a-z0-9]+", label.casefold()))


def _listed(names: tuple[str, ...], last: str) -> str:
    """ "blues", "blues and rock", "blues, rock and pop"."""
    *some, end = names
    return f"{', '.join(some)} {last} {end}" if some else end
