"""Music under free licences that Debian packages carry, mostly soundtracks of games: fetched, unpacked, left as it is.

It is only listened to: neither the music nor anything cut from it becomes part of a bundle.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from model.datasets.sound import SOUND_SUFFIXES
from model.errors import DataError

PACKAGES = (
    "0ad-data",
    "abe-data",
    "adonthell-data",
    "amoebax-data",
    "angrydd",
    "ardentryst",
    "asc-music",
    "berusky2-data",
    "boswars-data",
    "btanks-data",
    "bumprace-data",
    "bzflag-data",
    "caveexpress-data",
    "cavepacker-data",
    "colobot-common-sounds",
    "cube2-data",
    "davegnukem-data",
    "drascula-music",
    "enigma-data",
    "extremetuxracer-data",
    "fillets-ng-data",
    "flare-game",
    "freeciv-data",
    "freecol",
    "freedroidrpg-data",
    "freeorion-data",
    "fretsonfire-songs-muldjord",
    "fretsonfire-songs-sectoid",
    "frozen-bubble-data",
    "gigalomania-data",
    "glob2-data",
    "gltron",
    "gunroar-data",
    "hedgewars-data",
    "hex-a-hop-data",
    "holotz-castle-data",
    "hyperrogue-music",
    "krank",
    "lincity-ng-data",
    "lordsawar-data",
    "lugaru-data",
    "marsshooter-data",
    "mazeofgalious-data",
    "megaglest-data",
    "miceamaze",
    "mu-cade-data",
    "naev-data",
    "neverball-common",
    "nexuiz-music",
    "noiz2sa-data",
    "openarena-081-misc",
    "openarena-088-data",
    "openarena-data",
    "openclonk-data",
    "parsec47-data",
    "pathological",
    "performous",
    "pinball-data",
    "pinball-table-gnu-data",
    "pinball-table-hurd-data",
    "planetblupi-music-ogg",
    "plee-the-bear-data",
    "powermanga-data",
    "pushover-data",
    "raincat-data",
    "redeclipse-data",
    "renpy-demo",
    "rrootage-data",
    "scorched3d-data",
    "seahorse-adventures",
    "singularity-music",
    "solarwolf",
    "sonic-pi-samples",
    "starfighter-data",
    "stormbaancoureur-data",
    "supertux-data",
    "supertuxkart-data",
    "titanion-data",
    "torus-trooper-data",
    "trackballs-data",
    "trigger-rally-data",
    "trophy-data",
    "tumiki-fighters-data",
    "tuxmath-data",
    "tuxtype-data",
    "ufoai-music",
    "unknown-horizons",
    "val-and-rick-data",
    "warmux-data",
    "warzone2100-music",
    "wesnoth-1.16-music",
    "widelands-data",
    "wizznic-data",
    "wordwarvi-sound",
    "xmoto-data",
    "zaz-data",
)
"""Packages of Debian 12; their licences are in /usr/share/doc/PACKAGE/copyright, which is unpacked beside the music."""
SMALLEST_BYTES = 300_000
"""Smaller files are noises of a game, not music."""
_LARGEST_BYTES = 200_000_000
_ARCHIVES = (".pk3", ".zip")
_DOWNLOAD_SECONDS = 1_800.0


def fetch(
    out: Path,
    packages: Sequence[str] = PACKAGES,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> int:
    """Put the music of each package into a folder of its own in `out`; returns how many files there are now.

    A package that is there already is not fetched again; one that cannot be had is passed over, with a word to `warn`.
    Needs `apt-get` and `dpkg-deb`; nothing is installed.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DataError(
            "Debian's packages cannot be fetched here",
            rule="apt-get and dpkg-deb are needed",
            next_step="Run this on Debian or Ubuntu, or give folders of other music to `prepare`",
        )
    out.mkdir(parents=True, exist_ok=True)
    for done, package in enumerate(packages, start=1):
        if not (out / package).is_dir():
            with tempfile.TemporaryDirectory(dir=out, prefix=".fetching-") as scratch:
                problem = _fetch_one(package, Path(scratch), out / package)
            if problem:
                warn(f"{package}: {problem}")
        progress(done, len(packages))
    return sum(path.suffix.lower() in SOUND_SUFFIXES for path in out.rglob("*"))


def _fetch_one(package: str, scratch: Path, target: Path) -> str:
    """Fetch a package and move its music to `target` when all of it is there; returns what went wrong, if anything."""
    for command in (["apt-get", "-q", "download", package], ["dpkg-deb", "-x", "{}", "unpacked"]):
        found = next(scratch.glob("*.deb"), None)
        filled = [str(found) if part == "{}" else part for part in command]
        try:
            done = subprocess.run(
                filled, cwd=scratch, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS
            )
        except subprocess.TimeoutExpired:
            return "the download took too long"
        if done.returncode:
            return (done.stderr.strip() or "no message").splitlines()[-1]
    unpacked = scratch / "unpacked"
    for path in sorted(unpacked.rglob("*")):
        if path.suffix.lower() in _ARCHIVES and path.is_file():
            _unpack_music(path, unpacked / "archives" / path.stem)
    music = scratch / "music"
    music.mkdir()
    kept = 0
    for path in sorted(unpacked.rglob("*")):
        sound = path.suffix.lower() in SOUND_SUFFIXES and path.is_file() and not path.is_symlink()
        if sound and path.stat().st_size >= SMALLEST_BYTES:
            kept += 1
            shutil.move(path, music / f"{kept:03d}-{path.name}")
    for copyright_file in unpacked.glob("usr/share/doc/*/copyright"):
        shutil.copy(copyright_file, music / "copyright")
    if not kept:
        return "it holds no music"
    music.rename(target)
    return ""


def _unpack_music(archive: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                name = Path(entry.filename)
                if name.suffix.lower() in SOUND_SUFFIXES and SMALLEST_BYTES <= entry.file_size <= _LARGEST_BYTES:
                    target.mkdir(parents=True, exist_ok=True)
                    # Under its plain name only: what is in an archive may call itself anything.
                    with opened.open(entry) as source, (target / name.name).open("wb") as out:
                        shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return
