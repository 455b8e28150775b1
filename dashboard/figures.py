"""A chart before the first sound, and the one colour and name each label has everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PALETTE = (
    "#88b8e8",
    "#d0b810",
    "#a070e8",
    "#40a088",
    "#d07010",
    "#a0e8e8",
    "#b82810",
    "#e8e870",
    "#885870",
    "#5858b8",
    "#b8d098",
    "#b008e8",
    "#a86850",
    "#c888b8",
    "#7078a8",
    "#98b070",
)
"""Sixteen colours. The first ten were chosen by a search for the largest smallest distance (in Oklab) between any two
of them as seen with normal sight and with full protanopia, deuteranopia and tritanopia; each of the others is far from
all before it, so that few labels are told apart most easily. All stand out from the dark charts."""

COLOUR_OF = {
    "blues": "#5858b8",
    "classical": "#a0e8e8",
    "country": "#d07010",
    "disco": "#a070e8",
    "hiphop": "#e8e870",
    "jazz": "#d0b810",
    "metal": "#b82810",
    "pop": "#885870",
    "reggae": "#40a088",
    "rock": "#88b8e8",
}
"""The ten genres keep their colour whichever bundle names them, and in whatever order."""

NAME_OF = {
    "hiphop": "hip-hop",
    "hip-hop": "hip-hop",
    "house": "house",
    "mellow": "mellow",
    "progressive rock": "progressive rock",
    "rnb": "R&B",
    "rhythmandblues": "R&B",
}


def label_colours(labels: Sequence[str]) -> list[str]:
    """One colour per label. More than sixteen labels share them; their names then tell them apart."""
    return [COLOUR_OF.get(label.lower(), PALETTE[index % len(PALETTE)]) for index, label in enumerate(labels)]


def display_names(labels: Sequence[str]) -> list[str]:
    """Labels as people write them."""
    return [NAME_OF.get(label.lower(), label.replace("_", " ")) for label in labels]


def empty_chart() -> dict[str, Any]:
    """A chart with nothing in it: what stands there before the scripts draw. The scripts own it from then on."""
    return {
        "data": [],
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"visible": False},
            "yaxis": {"visible": False},
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        },
    }
