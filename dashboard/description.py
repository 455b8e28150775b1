"""A sentence about the part that plays now: "jazz, with elements of blues and rock"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.figures import display_names
from model.segments import NOT_SURE, SILENCE
from stream.records import Verdict

ELEMENT_FROM = 0.15
ELEMENT_SHARE = 0.2
MOST_ELEMENTS = 2
"""Another label is an element if it has this much mean probability, and this share of the main one's, over half a
minute. On the sample clips that are plainly of one genre the second label gets 0.13 at most; what keeps 0.15 for half a
minute is a genre the network comes back to again and again. The share matters only beside a main label above 0.75. More
than two is a list and no longer a description."""
MOST_TAGS = 4


@dataclass(frozen=True)
class Description:
    """What a part of the music sounds like, in names as people write them.

    main : the label; for several labels at once the strongest; "silence" or "not sure"; "" before anything was heard.
    elements : what else is in it; of "not sure", what it may be. The strongest first.
    exclusive : whether one label is right at a time.
    """

    main: str = ""
    elements: tuple[str, ...] = ()
    verdict: Verdict | None = None
    exclusive: bool = True

    @property
    def text(self) -> str:
        if not self.elements:
            return self.main
        if self.verdict is Verdict.NOT_SURE:
            return f"{self.main}: perhaps {_listed(self.elements, 'or')}"
        return f"{self.main}, {'with elements of' if self.exclusive else 'with'} {_listed(self.elements, 'and')}"


def describe(
    label: str, mean: np.ndarray | None, labels: tuple[str, ...], shown_from: np.ndarray | None = None
) -> Description:
    """Description of a segment.

    Parameters
    ----------
    label : the segment's: one of the labels, "not sure" or "silence".
    mean : probabilities, float [labels], over what is to be described; None if there was no sound.
    shown_from : float [labels], where several labels may be right at once: what each needs to be named.
    """
    names = display_names(labels)
    exclusive = shown_from is None
    if label == SILENCE:
        return Description(SILENCE, (), Verdict.SILENCE, exclusive)
    shares = np.zeros(len(labels)) if mean is None else mean
    order = [int(index) for index in np.argsort(-shares, kind="stable")]
    if label == NOT_SURE:
        perhaps = [names[index] for index in order if shares[index] >= ELEMENT_FROM]
        return Description(NOT_SURE, tuple(perhaps[:MOST_ELEMENTS]), Verdict.NOT_SURE, exclusive)
    if shown_from is not None:
        shown = [names[index] for index in order if shares[index] >= shown_from[index]]
        main = shown[0] if shown else names[labels.index(label)]
        return Description(main, tuple(shown[1:MOST_TAGS]), Verdict.SURE, exclusive)
    main_place = labels.index(label)
    enough = max(ELEMENT_FROM, ELEMENT_SHARE * shares[main_place])
    elements = [names[index] for index in order if index != main_place and shares[index] >= enough]
    return Description(names[main_place], tuple(elements[:MOST_ELEMENTS]), Verdict.SURE, exclusive)


def _listed(names: tuple[str, ...], last: str) -> str:
    """ "blues", "blues and rock", "blues, rock and pop"."""
    *some, end = names
    return f"{', '.join(some)} {last} {end}" if some else end
