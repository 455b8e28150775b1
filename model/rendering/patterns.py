"""Accompaniments of our own, for what MMA's library of styles lacks: dances as bands of today play them.

Drums, bass and chords are written on a grid, one character a step, one string a bar:
`.` nothing, `o` soft, `x` plain, `X` accented; for the bass the degree of the chord (1, 3, 5, 6, 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_TICKS_PER_BEAT = 192
_VOLUMES = {"o": 60, "x": 90, "X": 120}
_BASS_VOLUME = 95


@dataclass(frozen=True)
class Pattern:
    """One or more bars of accompaniment.

    beats : of a bar; steps : of a beat on the grid (2 eighths, 3 triplets as in swing, 4 sixteenths).
    drums : a drum of General MIDI, as MMA calls it -> its bars.
    bass, chords : bars; held says for how many steps at most a chord sounds.
    """

    beats: int
    steps: int
    drums: Mapping[str, tuple[str, ...]]
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    held: int = 2

    def define(self, name: str, chord_voice: int, bass_voice: int, without: tuple[str, ...] = ()) -> list[str]:
        """Lines of MMA that define a groove of this name; the drums in `without` are left out."""
        bars = max(map(len, [*self.drums.values(), self.bass, self.chords]))
        lines = ["SeqClear", f"Time {self.beats}", f"TimeSig {self.beats} 4", f"SeqSize {bars}"]
        for number, (tone, grid) in enumerate(self.drums.items()):
            if tone not in without:
                hits = [[f"{beat:.4f} 0 {_VOLUMES[mark]}" for beat, mark, _ in self._marks(bar)] for bar in grid]
                lines += _track(f"Drum-Own{number}", [f"Tone {tone}"], hits)
        notes = [
            [f"{beat:.4f} {self._ticks(gap, 0.9)}t {mark} {_BASS_VOLUME}" for beat, mark, gap in self._marks(bar)]
            for bar in self.bass
        ]
        lines += _track("Bass-Own", [f"Voice {bass_voice}", "Octave 3"], notes)
        strokes = [
            [
                f"{beat:.4f} {self._ticks(min(gap, self.held), 0.85)}t {_VOLUMES[mark]}"
                for beat, mark, gap in self._marks(bar)
            ]
            for bar in self.chords
        ]
        lines += _track("Chord-Own", [f"Voice {chord_voice}", "Octave 5", "Voicing Mode=Optimal"], strokes)
        return [*lines, f"DefGroove {name}"]

    def _marks(self, bar: str) -> Iterator[tuple[float, str, int]]:
        """Beat (from 1), mark, and steps until the next mark, of every mark of a bar."""
        places = [place for place, mark in enumerate(bar) if mark != "."]
        for place, following in zip(places, [*places, len(bar)][1:], strict=True):
            yield 1.0 + place / self.steps, bar[place], following - place

    def _ticks(self, steps: int, share: float) -> int:
        return max(20, round(steps * _TICKS_PER_BEAT / self.steps * share))


def _track(name: str, settings: list[str], bars: list[list[str]]) -> list[str]:
    groups = " ".join("{" + "; ".join(events) + ";}" if events else "z" for events in bars)
    return [f"Begin {name}", *(f"  {line}" for line in settings), f"  Sequence {groups}", "End"]


def _bars(*bars: str) -> tuple[str, ...]:
    """Bars may be written with spaces between the beats."""
    return tuple(bar.replace(" ", "") for bar in bars)


_CHACHA = {
    "Cowbell": _bars("X... x... X... x..."),
    "MuteHighConga": _bars(".... X... .... ...."),
    "OpenHighConga": _bars(".... .... .... x.X."),
    "LongGuiro": _bars("x... .... x... ...."),
    "ShortGuiro": _bars(".... x.x. .... x.x."),
}
_CHACHA_BASS = _bars("1... ..5. .... 8...")

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "chacha": (
        Pattern(
            4, 4, {**_CHACHA, "KickDrum1": _bars("x... .... x... ....")}, _CHACHA_BASS, _bars(".... x... .... x.x.")
        ),
        Pattern(
            4,
            4,
            {
                "KickDrum1": _bars("X... X... X... X..."),
                "HandClap": _bars(".... x... .... X.X."),
                "OpenHiHat": _bars("..x. ..x. ..x. ..x."),
                "Cowbell": _bars("x... x... x... x.x."),
            },
            _bars("1... 1.1. 1... 5.5."),
            _bars("x... ..x. x... x.x."),
        ),
        Pattern(
            4,
            4,
            {
                "KickDrum1": _bars("X... x... X... x..."),
                "SnareDrum1": _bars(".... X... .... X..."),
                "ClosedHiHat": _bars("x.o. x.o. x.o. x.x."),
                "OpenHighConga": _bars(".... .... .... x.x."),
            },
            _bars("1..1 ..5. 1..1 ..5.", "1..1 ..5. 1... 8.5."),
            _bars("..x. ..x. ..x. x.x."),
        ),
    ),
    "rumba": (
        Pattern(
            4,
            4,
            {
                "Claves": _bars("X... ..X. .... X...", ".... X... X... ...."),
                "Maracas": _bars("x.x. x.x. x.x. x.x."),
                "HighBongo": _bars("X.o. o.o. x.o. o.o."),
                "OpenHighConga": _bars(".... .... .... x.X."),
                "LowConga": _bars(".... ..x. .... ...."),
            },
            _bars("1... .... 5... 8..."),
            _bars("x... ..x. x... x..."),
            held=3,
        ),
        Pattern(
            4,
            4,
            {
                "KickDrum1": _bars("X... ..x. X... ...."),
                "SideKick": _bars(".... ..x. .... X..."),
                "ClosedHiHat": _bars("x.o. x.o. x.o. x.o."),
                "OpenHighConga": _bars(".... .... .... x.x."),
            },
            _bars("1... ..5. 5... 8..."),
            _bars("x.x. x.x. x.x. x.x."),
        ),
        Pattern(
            4,
            4,
            {
                "KickDrum1": _bars("X... .... X... ...."),
                "SideKick": _bars("...x ..x. ...x ..x."),
                "Maracas": _bars("x.xx x.xx x.xx x.xx"),
                "LowConga": _bars(".... .... .... x.x."),
            },
            _bars("1..1 ..5. 1..1 ..5."),
            _bars("x..x ..x. x..x ..x."),
        ),
    ),
    "samba": (
        Pattern(
            4,
            4,
            {
                "LowTom2": _bars("o... X..o o... X..o"),
                "Shaker": _bars("XooX XooX XooX XooX"),
                "HighAgogo": _bars("x.x. .x.. x.x. .x..", ".x.x ..x. .x.x ..x."),
                "LowAgogo": _bars(".... x..x .... x..x", "x... .... x... ...."),
                "SnareDrum1": _bars("oooX ooXo oXoo XooX"),
            },
            _bars("1..1 5..5 1..1 5..5"),
            _bars("x.x. .x.x .x.x ..x."),
            held=1,
        ),
        Pattern(
            4,
            4,
            {
                "KickDrum1": _bars("X..x X..x X..x X..x"),
                "SideKick": _bars("x.x. .x.x .x.x ..x."),
                "ClosedHiHat": _bars("xoxo xoxo xoxo xoxo"),
                "Tambourine": _bars("xxxx xxxx xxxx xxxx"),
            },
            _bars("1..1 5..5 1..1 5..5"),
            _bars("..xx ..xx .x.x ..x."),
            held=1,
        ),
        Pattern(
            4,
            4,
            {
                "KickDrum1": _bars("X... X... X... X..."),
                "SnareDrum1": _bars("...X ..X. ...X ..X."),
                "Shaker": _bars("x.xx x.xx x.xx x.xx"),
                "LowTom2": _bars(".... x..x .... x.xx"),
            },
            _bars("1..1 ..1. 5..5 ..5."),
            _bars("...x ..x. ...x ..x."),
            held=1,
        ),
    ),
    "tango": (
        Pattern(
            4,
            4,
            {"SnareDrum1": _bars("x... .... .... ..oX"), "KickDrum1": _bars("x... x... x... x...")},
            _bars("1... 5... 1... 5..."),
            _bars("X... x... X... x.x."),
            held=1,
        ),
        Pattern(
            4,
            4,
            {"SnareDrum1": _bars("X... o... X... o.x.", "X... o... X... oooo")},
            _bars("1..1 5... 1..1 5..."),
            _bars("X... x... X... x..."),
            held=1,
        ),
        Pattern(
            4,
            4,
            {"KickDrum1": _bars("X..x x... X..x x..."), "SideKick": _bars(".... ..x. .... x.x.")},
            _bars("1..5 8.5. 1..5 8.5."),
            _bars("x..x x.x. x..x x.x."),
            held=1,
        ),
        Pattern(4, 4, {}, _bars("1... 5... 1... 5.5."), _bars("X... X... X... X.x.", "X..X ..X. X... X..."), held=1),
        # Every beat as heavy as the next, and a roll into the bar.
        Pattern(
            4,
            4,
            {"SnareDrum1": _bars("x... x... x... x.xX"), "KickDrum1": _bars("X... X... X... X...")},
            _bars("1... 1... 5... 5..."),
            _bars("X... X... X... X..."),
            held=1,
        ),
        Pattern(
            4,
            4,
            {
                "SnareDrum1": _bars(".... .... .... ..xX", ".... .... .... ...."),
                "KickDrum1": _bars("x... x... x... x..."),
            },
            _bars("1... 1... 1... 5.5."),
            _bars("X... X... X... X...", "X... X... X.x. X..."),
            held=1,
        ),
    ),
    "waltz": (
        Pattern(
            3,
            2,
            {
                "KickDrum1": _bars("X. .. .."),
                "SideKick": _bars(".. .. x.", ".. x. x."),
                "RideCymbal1": _bars("x. xo x."),
            },
            _bars("1. .. ..", "1. .. 5."),
            _bars(".. x. x."),
        ),
        Pattern(
            3,
            2,
            {
                "KickDrum1": _bars("X. .. ..", "X. .. .x"),
                "SnareDrum1": _bars(".. .. x."),
                "ClosedHiHat": _bars("xo xo xo"),
            },
            _bars("1. .. .."),
            _bars("xx xx xx"),
            held=1,
        ),
        Pattern(3, 2, {}, _bars("1. .. .."), _bars(".. x. x.", ".x xx xx"), held=2),
        Pattern(
            3,
            4,
            {
                "KickDrum1": _bars("X... .... ....", "X... .... ..x."),
                "SnareDrum1": _bars(".... .... X..."),
                "ClosedHiHat": _bars("x.x. x.x. x.x."),
            },
            _bars("1... .... 5..."),
            _bars("x... .... ...."),
            held=11,
        ),
    ),
    "viennese_waltz": (
        Pattern(
            3,
            2,
            {"KickDrum1": _bars("X. .. .."), "SnareDrum1": _bars(".. o. o.")},
            _bars("1. .. ..", "5. .. .."),
            _bars(".. x. x."),
            held=1,
        ),
        # Ballads in six eight have a backbeat on every second bar.
        Pattern(
            3,
            2,
            {
                "KickDrum1": _bars("X. .. ..", ".. .. .."),
                "SnareDrum1": _bars(".. .. ..", "X. .. .."),
                "ClosedHiHat": _bars("x. x. x."),
            },
            _bars("1. .. ..", "5. .. 5."),
            _bars("x. x. x."),
        ),
        Pattern(
            3,
            2,
            {
                "KickDrum1": _bars("X. .. x.", ".. .. x."),
                "SnareDrum1": _bars(".. .. ..", "X. .. .."),
                "RideCymbal1": _bars("x. xo x."),
            },
            _bars("1. .. 5.", "8. .. 5."),
            _bars("x. .. ..", "x. .. x."),
            held=4,
        ),
        Pattern(3, 2, {}, _bars("1. .. ..", "5. .. .."), _bars(".. X. x."), held=1),
    ),
    "foxtrot": (
        Pattern(
            4,
            3,
            {
                "RideCymbal1": _bars("x.. x.o x.. x.o"),
                "PedalHiHat": _bars("... x.. ... x.."),
                "SnareDrum2": _bars("... o.. ... o..", "... o.. ... o.x"),
                "KickDrum2": _bars("o.. ... o.. ..."),
            },
            _bars("1.. 3.. 5.. 6..", "8.. 6.. 5.. 3.."),
            _bars("x.. ..x ... ...", "..x ... x.. ..."),
        ),
        Pattern(
            4,
            3,
            {
                "ClosedHiHat": _bars("x.. X.o x.. X.o"),
                "SnareDrum1": _bars("... x.. ... x.."),
                "KickDrum1": _bars("X.. ... X.. ..."),
            },
            _bars("1.. ... 5.. ..."),
            _bars("... x.. ... x.."),
        ),
        Pattern(
            4,
            3,
            {
                "KickDrum1": _bars("X.. ..x X.. ..."),
                "SnareDrum1": _bars("... X.. ... X.."),
                "ClosedHiHat": _bars("x.x x.x x.x x.x"),
            },
            _bars("1.. 1.3 5.. 5.3"),
            _bars("x.. ... x.. ..x"),
        ),
    ),
    "quickstep": (
        Pattern(
            4,
            3,
            {
                "RideCymbal1": _bars("x.. X.o x.. X.o"),
                "PedalHiHat": _bars("... x.. ... x.."),
                "SnareDrum2": _bars("... x.. ... x..", "... x.. ..x x.."),
                "KickDrum2": _bars("x.. ... x.. ..."),
            },
            _bars("1.. ... 5.. ..."),
            _bars("... X.. ... X.."),
            held=1,
        ),
        Pattern(
            4,
            3,
            {
                "ClosedHiHat": _bars("x.. x.o x.. x.o"),
                "SnareDrum1": _bars("... X.. ... X.."),
                "KickDrum1": _bars("X.. x.. X.. x.."),
            },
            _bars("1.. 3.. 5.. 6..", "8.. 6.. 5.. 3.."),
            _bars("x.. ..x ... x..", "... x.. ..x ..."),
        ),
        Pattern(
            4,
            2,
            {
                "KickDrum1": _bars("X. .. X. .."),
                "SnareDrum1": _bars(".. X. .. X."),
                "ClosedHiHat": _bars("x. x. x. xo"),
            },
            _bars("1. .. 5. .."),
            _bars(".. x. .. x."),
            held=1,
        ),
    ),
    "jive": (
        Pattern(
            4,
            3,
            {
                "KickDrum1": _bars("X.. ... X.. ..."),
                "SnareDrum1": _bars("... X.. ... X.."),
                "RideCymbal1": _bars("x.. x.x x.. x.x"),
            },
            _bars("1.. 3.. 5.. 6..", "8.. 6.. 5.. 3.."),
            _bars("... x.. ... x.."),
        ),
        Pattern(
            4,
            2,
            {
                "KickDrum1": _bars("X. .. Xx .."),
                "SnareDrum1": _bars(".. X. .. X.", ".. X. .x X."),
                "ClosedHiHat": _bars("xx xx xx xx"),
            },
            _bars("11 33 55 66", "88 66 55 33"),
            _bars("xx xx xx xx"),
            held=1,
        ),
        Pattern(
            4,
            3,
            {
                "KickDrum1": _bars("X.. x.. X.. x.."),
                "SnareDrum1": _bars("... X.. ... X.."),
                "ClosedHiHat": _bars("x.x x.x x.x x.x"),
                "HandClap": _bars("... x.. ... x.."),
            },
            _bars("1.1 3.3 5.5 6.6"),
            _bars("..x ... ..x ..."),
        ),
    ),
    "paso_doble": (
        Pattern(
            4,
            4,
            {
                "SnareDrum1": _bars("X.oo x.oo X.oo x.oo", "X.oo xooo X.x. X..."),
                "KickDrum1": _bars("X... x... X... x..."),
                "CrashCymbal1": _bars(
                    "X... .... .... ....", ".... .... .... ....", ".... .... .... ....", ".... .... .... ...."
                ),
            },
            _bars("1... 5... 1... 5..."),
            _bars("..x. ..x. ..x. ..x."),
            held=1,
        ),
        Pattern(
            4,
            4,
            {
                "Castanets": _bars("X.xx x.x. X.xx x.x."),
                "SnareDrum1": _bars("X... x.xx X... x.x."),
                "KickDrum1": _bars("x... .... x... ...."),
            },
            _bars("1... 5... 8... 5..."),
            _bars("X.x. X.x. X.x. X.xx"),
            held=1,
        ),
        Pattern(
            4,
            3,
            {"SnareDrum1": _bars("X.. xxx X.. x..", "X.. xxx xxx x.."), "KickDrum1": _bars("X.. x.. X.. x..")},
            _bars("1.. 5.. 1.. 5.."),
            _bars("X.. x.. X.. x.."),
            held=2,
        ),
    ),
}
