"""`python -m model.rendering.dances --out FOLDER --count N`: rendered dances, as a data set with a labels.csv.

Ten competition dances, in their tempi and a little beyond, over MMA's accompaniments and some of our own
(`model.rendering.patterns`). Seeded: the same command gives the same scores. Needs mma, fluidsynth and its sounds.
"""

from __future__ import annotations

import argparse
import csv
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from model.datasets.folder import COLUMNS, LABELS_FILE
from model.errors import DataError, GenrescopeError
from model.rendering.composition import Arrangement, compose
from model.rendering.patterns import PATTERNS
from model.rendering.synthesis import Sound, Synthesiser, save_flac

DATASET = "rendered"
SECONDS = 20.0
MOST_TRACKS = 20_000
TEMPO_MARGIN = 0.05
"""Beyond a dance's slowest and fastest tempo; bands and DJs take such liberties."""
_OWN_SHARE = 0.5
"""Of the pieces of a dance that have an accompaniment of our own."""
_BANDWIDTH_HZ = 11_000

_BAND = (0, 40, 56, 59, 65, 66, 71, 73)
_LATIN = (0, 11, 24, 56, 57, 65, 73, 75)
_SALON = (0, 21, 23, 40, 48, 71, 73)


@dataclass(frozen=True)
class Dance:
    """How a dance is rendered.

    tempo : slowest and fastest in quarters a minute, from what competitions allow to what is played socially.
    library : groups of MMA's grooves that belong together.
    speed : where MMA writes a beat as two quarters, by the first groove of the group.
    """

    tempo: tuple[float, float]
    library: tuple[tuple[str, ...], ...]
    speed: Mapping[str, float] = field(default_factory=dict)
    beats: int = 4
    melody_voices: tuple[int, ...] = _BAND
    swing: bool = False
    minor: float = 0.3
    syncopated: float = 0.0


DANCES: dict[str, Dance] = {
    "chacha": Dance(
        (112, 130),
        (
            ("ChaCha", "ChaCha1", "ChaChaSus", "ChaChaFill"),
            ("Mambo", "Mambo1", "Mambo2", "MamboSus"),
        ),
        melody_voices=_LATIN,
        syncopated=0.5,
        minor=0.5,
    ),
    "rumba": Dance(
        (96, 116),
        (
            ("Rhumba", "Rhumba1", "Rhumba2", "Rhumba3", "RhumbaSus"),
            ("Beguine", "Beguine1", "BeguineSus"),
            ("Bolero", "BoleroAlt", "Bolero1"),
            ("Son", "SonSus", "SonPlus"),
            ("CubanGuitar", "CubanGuitarSus"),
        ),
        melody_voices=_LATIN,
        syncopated=0.3,
        minor=0.5,
    ),
    "samba": Dance(
        (94, 108),
        (("Samba", "SambaPlus", "SambaSus", "SambaFill"), ("zoom:SAMBA01", "zoom:SAMBA02")),
        speed={"Samba": 2.0},
        melody_voices=_LATIN,
        syncopated=0.7,
    ),
    "tango": Dance(
        (116, 134),
        (("Tango", "Tango1", "TangoClean", "TangoCleanPlus"), ("LightTango", "LightTango1", "LightTangoSus")),
        melody_voices=_SALON,
        minor=0.8,
        syncopated=0.2,
    ),
    "waltz": Dance(
        (82, 98),
        (
            ("Waltz", "Waltz1", "WaltzWalk", "WaltzSus"),
            ("CountryWaltz", "CountryWaltz1", "CountryWaltz2"),
            ("RockWaltz", "RockWaltz1", "RockWaltzSus"),
            ("ArpeggioWaltz", "ArpeggioWaltz8", "ArpeggioWaltzSus"),
            ("JazzWaltz", "JazzWaltz1", "JazzWaltz2"),
            ("BroadwayWaltz", "BroadwayWaltz1", "BroadwayWaltz2"),
            ("casio:PopWaltz",),
            ("LatinWaltz", "LatinWaltzSus"),
        ),
        beats=3,
        melody_voices=_SALON,
    ),
    "viennese_waltz": Dance(
        (160, 186),
        (
            ("VieneseWaltz", "VieneseWaltz1", "VieneseWaltz2", "VieneseWaltzSus"),
            ("FastWaltz", "FastWaltzSus", "FastWaltzPlus", "FastWaltzWalk"),
            ("FrenchWaltz", "FrenchWaltz1", "FrenchWaltz2", "FrenchWaltz3"),
            ("FastJazzWaltz", "FastJazzWaltz1"),
            ("Waltz", "Waltz1", "WaltzSus"),
            ("RockWaltz", "RockWaltz1"),
            ("BroadwayWaltz", "BroadwayWaltz1"),
        ),
        beats=3,
        melody_voices=_SALON,
    ),
    "foxtrot": Dance(
        (108, 128),
        (
            ("Foxtrot", "Foxtrot1", "FoxtrotSus", "FoxTrotPlus"),
            ("EasySwing", "EasySwingWalk", "EasySwing1", "EasySwing2"),
            ("Swing", "SwingWalk", "Swing1", "Swing2"),
            ("SoftShoe", "SoftShoeSus", "SoftShoePlus"),
            ("casio:Foxtrot",),
            ("casio:SlowSwing",),
            ("casio:MiddleBigBand",),
            ("Strut", "Strut2", "StrutSus"),
            ("yamaha:JazzSwingMainA", "yamaha:JazzSwingMainB"),
        ),
        swing=True,
    ),
    "quickstep": Dance(
        (188, 212),
        (
            ("QuickStep", "QuickStepSus", "QuickStepDuh", "QuickStepWalk"),
            ("casio:QuickStep",),
            ("FastSwing", "FastSwingWalk", "FastSwingSus"),
            ("Charleston", "Charleston1", "CharlestonWalk"),
            ("BigBand", "BigBand1", "BigBandSus"),
            ("Dixie", "Dixie1", "Dixie2"),
            ("ShowTune", "ShowTune1", "ShowTune2"),
            ("casio:FastBigBand",),
        ),
        swing=True,
    ),
    "jive": Dance(
        (150, 180),
        (
            ("Jive", "JiveClap", "Jive1", "JiveSus"),
            ("BoggieWoggie", "BoggieWoggie1", "BoggieWoggie2"),
            ("50sRock", "50sRock1", "50sRockSus"),
            ("Twist", "Twist4", "TwistSus"),
            ("kara:fasttwistA", "kara:fasttwistB"),
            ("casio:Twist",),
            ("casio:ShuffleBoogie",),
            ("ShuffleBoggie", "ShuffleBoggie1"),
        ),
        swing=True,
    ),
    "paso_doble": Dance(
        (114, 128),
        (
            ("March", "March1", "March2", "March3"),
            ("BWMarch", "BWMarchSus", "BWMarchPlus"),
        ),
        speed={"March": 2.0, "BWMarch": 2.0},
        melody_voices=(24, 40, 56, 57, 60, 61),
        minor=0.8,
    ),
}


def arrange(label: str, rng: np.random.Generator) -> tuple[Arrangement, str]:
    """An arrangement of a dance, by chance, and what it is called: MMA's or our own accompaniment."""
    dance = DANCES[label]
    slowest, fastest = dance.tempo
    tempo = float(np.exp(rng.uniform(np.log(slowest * (1 - TEMPO_MARGIN)), np.log(fastest * (1 + TEMPO_MARGIN)))))
    own = rng.random() < _OWN_SHARE
    number = int(rng.integers(len(PATTERNS[label] if own else dance.library)))
    arrangement = Arrangement(
        tempo=tempo * (1.0 if own else dance.speed.get(dance.library[number][0], 1.0)),
        beats=dance.beats,
        grooves=() if own else dance.library[number],
        pattern=PATTERNS[label][number] if own else None,
        melody_voices=dance.melody_voices,
        swing=dance.swing if not own else PATTERNS[label][number].steps == 3,
        minor=dance.minor,
        syncopated=dance.syncopated,
    )
    return arrangement, f"{label}-{number}" if own else dance.library[number][0]


@dataclass(frozen=True)
class Piece:
    """A piece that can be rendered: its score, how it sounds, and the name of its accompaniment."""

    score: str
    sound: Sound
    accompaniment: str


def write_piece(label: str, number: int, *, seed: int, seconds: float = SECONDS) -> Piece:
    """The same arguments give the same piece."""
    rng = np.random.default_rng([seed, number, zlib.crc32(label.encode())])
    arrangement, name = arrange(label, rng)
    sound = Sound(reverb_level=float(rng.uniform(0.0, 0.9)), reverb_room=float(rng.uniform(0.1, 0.9)))
    return Piece(compose(arrangement, seconds, rng), sound, name)


def render_dances(
    folder: Path,
    *,
    count: int,
    seed: int = 1,
    seconds: float = SECONDS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Render so many pieces, all dances in turn, into a folder; returns its labels.csv.

    Pieces that are there already (of the same seed) are kept, so an interrupted call can be repeated. The group of a
    piece is its accompaniment.

    Raises DataError if a program is missing, if nothing can be written, or if the folder holds something else.
    """
    if not 1 <= count <= MOST_TRACKS or not 1.0 <= seconds <= 120.0:
        raise DataError(
            f"{count} pieces of {seconds:g} s are not rendered", rule=f"1 to {MOST_TRACKS} pieces, of 1 to 120 s"
        )
    synthesiser = Synthesiser()
    listing = folder / LABELS_FILE
    rows = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not listing.is_file() and not (folder / ".rendered").is_file():
            raise DataError(f"{folder} holds something else", rule="dances are rendered into a folder of their own")
        (folder / ".rendered").touch()
        labels = list(DANCES)
        for number in range(count):
            label = labels[number % len(labels)]
            path = Path(label) / f"{label}_{seed}_{number // len(labels):04d}.flac"
            piece = write_piece(label, number // len(labels), seed=seed, seconds=seconds)
            if not (folder / path).is_file():
                save_flac(folder / path, synthesiser.render(piece.score, piece.sound), piece.sound.sample_rate, seconds)
            group = f"{DATASET}:{piece.accompaniment}"
            rows.append((path.as_posix(), DATASET, label, group, f"{seconds:.1f}", _BANDWIDTH_HZ))
            progress(number + 1, count)
        with listing.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows)
    except OSError as error:
        raise DataError(f"{folder} cannot be written", rule=error.strerror or str(error)) from error
    return listing


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.rendering.dances", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a folder of its own for the music and its labels.csv")
    parser.add_argument("--count", type=int, default=1000, help="pieces, of all dances together (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other music (%(default)s)")
    arguments = parser.parse_args()
    try:
        with Console(stderr=True).status("rendering") as status:
            listing = render_dances(
                arguments.out,
                count=arguments.count,
                seed=arguments.seed,
                progress=lambda done, total: status.update(f"rendering: {done} of {total} pieces"),
            )
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{arguments.count} pieces of {SECONDS:g} s are listed in {listing}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
