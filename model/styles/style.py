"""What a style is: numbers and names that the generator draws from. `model.styles.table` lists all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Limits = tuple[float, float]


@dataclass(frozen=True)
class Layer:
    """One instrument above the bass.

    timbre : one of `model.styles.layers.TIMBRES`; playing : one of `model.styles.layers.PLAYING`.
    chance : of being there at all, drawn once for an artist.
    level_db : loudness against the kick drum, where it plays; octave : moved by so many.
    """

    timbre: str
    playing: str
    chance: float = 1.0
    level_db: float = -8.0
    octave: int = 0


@dataclass(frozen=True)
class Style:
    """How a style of electronic music is made. Two numbers are the lowest and highest of what is drawn.

    label : how it is called in `labels.csv` and on the page; slug : the same for file names.
    tempo_bpm : quarters a minute as the style's makers count them.
    swing : how late every other sixteenth comes, in sixteenths.
    grooves : what each drum plays, as in `model.styles.patterns`; one of them for a song.
    drumless : chance of a song without any drums.
    kicks, snares : kinds of `model.styles.drums`.
    basses : timbre and line, as in `model.styles.basses`.
    progressions, scales : names of `model.styles.chords`; chord_sizes : notes in a chord.
    ducking : by how much everything makes way for the kick, 0..1.
    room_seconds, room_share : how long sounds ring, and how much of what is heard is that.
    plans : how often a song follows which plan of `model.styles.arrangement`.
    drive : how hard the whole is pressed against full scale.
    """

    label: str
    slug: str
    tempo_bpm: Limits
    grooves: tuple[Mapping[str, str], ...]
    basses: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]
    kicks: tuple[str, ...] = ("punchy",)
    snares: tuple[str, ...] = ("acoustic",)
    swing: Limits = (0.0, 0.05)
    drumless: float = 0.0
    kick_db: float = 0.0
    bass_db: float = -3.0
    scales: tuple[str, ...] = ("minor",)
    progressions: tuple[str, ...] = ("pop", "epic")
    chord_sizes: tuple[int, ...] = (3,)
    ducking: Limits = (0.4, 0.9)
    room_seconds: Limits = (0.6, 2.0)
    room_share: Limits = (0.08, 0.3)
    echo_chance: float = 0.4
    fill_chance: float = 0.4
    roll_chance: float = 0.0
    plans: Mapping[str, float] = field(default_factory=lambda: {"steady": 1.0})
    drive: Limits = (0.8, 1.8)
