"""Which instruments play when: plans of sections, in bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

GROUPS = ("kick", "drums", "bass", "layers")


@dataclass(frozen=True)
class Section:
    """kick, drums, bass, layers : how loud they are, 0..1; a number in between is how likely they are there at all.

    opening : whether a filter on the layers opens in its course; rising : a riser and a roll of the snare;
    strike : a cymbal at its beginning.
    """

    kick: float = 1.0
    drums: float = 1.0
    bass: float = 1.0
    layers: float = 1.0
    opening: bool = False
    rising: bool = False
    strike: bool = False


SECTIONS: Mapping[str, Section] = {
    "full": Section(),
    "intro": Section(bass=0.4, layers=0.3),
    "groove": Section(layers=0.5),
    "break": Section(kick=0.0, drums=0.3, bass=0.3, opening=True),
    "build": Section(kick=0.3, drums=0.2, bass=0.1, opening=True, rising=True),
    "drop": Section(strike=True),
    "bare": Section(layers=0.0, strike=True),
    "calm": Section(kick=0.0, drums=0.2, bass=0.6),
}
# Sections and the share of the time that they take.
PLANS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "steady": (("full", 1.0),),
    "hypnotic": (("groove", 0.5), ("full", 0.5)),
    "enter": (("intro", 0.3), ("full", 0.7)),
    "drop": (("break", 0.25), ("build", 0.15), ("drop", 0.6)),
    "late drop": (("break", 0.35), ("build", 0.25), ("drop", 0.4)),
    "breakdown": (("full", 0.5), ("break", 0.25), ("build", 0.25)),
    "return": (("full", 0.4), ("break", 0.15), ("build", 0.1), ("drop", 0.35)),
    "bare drop": (("break", 0.2), ("build", 0.15), ("bare", 0.65)),
    "calm": (("calm", 1.0),),
    "awakening": (("calm", 0.5), ("full", 0.5)),
}


@dataclass(frozen=True)
class Stretch:
    """A section in a song: first and end are samples."""

    section: Section
    first: int
    end: int
    gains: Mapping[str, float]


def arrange(plan: str, total: int, bar: float, rng: np.random.Generator) -> list[Stretch]:
    """Lay the plan's sections over `total` samples; they change at every second bar. `bar` : its samples."""
    sections = PLANS[plan]
    ends = np.cumsum([share for _, share in sections]) * total
    places = [0, *(int(round(end / (2 * bar)) * 2 * bar) for end in ends[:-1]), total]
    stretches = []
    for (name, _), first, end in zip(sections, places[:-1], places[1:], strict=True):
        section = SECTIONS[name]
        gains = {group: float(rng.random() < getattr(section, group)) for group in GROUPS}
        if not any(gains.values()):
            gains["layers"] = 1.0
        if first < end:
            stretches.append(Stretch(section, first, min(end, total), gains))
    return stretches


def gain_curve(stretches: list[Stretch], group: str, total: int, fade: int) -> np.ndarray:
    """float32 [total]: how loud a group is, with short fades between sections."""
    places, values = [], []
    for stretch in stretches:
        places += [stretch.first, max(stretch.first, stretch.end - fade)]
        values += [stretch.gains[group]] * 2
    return np.interp(np.arange(total), places, values).astype(np.float32)
