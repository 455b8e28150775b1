"""Makes the demo mix, `mix.wav` and `mix.json`, from the clips in this folder.

    python -m sample_audio.make_mix            writes both files
    python -m sample_audio.make_mix --check    writes nothing; exits 1 if the files here are not what it would make

Which clips the mix is made of is the list `PARTS`; nothing else has to be changed for another mix.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

FOLDER = Path(__file__).resolve().parent
SAMPLE_RATE = 32_000
"""Hz, mono: full enough to listen to, and small enough to live in the repository."""
CROSS_FADE_SECONDS = 1.5
TOLERANCE = 4
"""Steps of 16 bits by which `--check` lets samples differ: Opus decoders may round differently on another machine."""
TITLE = "genrescope demo mix"
LICENCE = "GPL-2.0-only"
"""SPDX. A mix is one work made of its parts: take only clips whose licences agree with this one."""


@dataclass(frozen=True)
class Part:
    """One clip's turn in the mix.

    `offset_seconds` is the place in the clip that is heard at the part's beginning, `seconds` the part's length, both
    counted between the middles of the cross-fades. So a clip must also hold half a cross-fade before and after.
    """

    clip: str
    offset_seconds: float
    seconds: float


PARTS = (
    Part("classical_brandenburg-concerto-no-2.opus", 1.0, 15.0),
    Part("metal_war-of-freedom.opus", 5.0, 15.0),
    Part("disco_relax-3.opus", 5.0, 15.0),
    Part("hiphop_underground.opus", 5.0, 15.0),
    Part("rock_rock.opus", 3.0, 10.0),
)


class MixError(Exception):
    """The mix cannot be made; the message says what, why and what next."""


def genres(folder: Path = FOLDER) -> dict[str, str]:
    """The genre of each clip's file name, from `clips.json`."""
    path = folder / "clips.json"
    try:
        return {clip["file"]: clip["genre"] for clip in json.loads(path.read_text(encoding="utf-8"))["clips"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MixError(f"{path}: not a readable list of clips ({error}); take it from the repository again") from None


def segment(path: Path, start_seconds: float, seconds: float) -> np.ndarray:
    """Mono samples at `SAMPLE_RATE` of the stretch of `path` that begins at `start_seconds` and lasts `seconds`.

    Returns:
        float64 array of exactly `seconds * SAMPLE_RATE` samples, full scale 1.
    """
    try:
        audio, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise MixError(f"{path}: cannot be read ({error}); run `python -m sample_audio.make_clips`") from None
    # The whole clip is resampled, so that the filter has no edge at the cut.
    resampled = soxr.resample(audio.mean(axis=1), rate, SAMPLE_RATE, quality="VHQ")
    first, count = round(start_seconds * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
    if first < 0 or first + count > len(resampled):
        raise MixError(
            f"{path.name}: the mix needs {start_seconds:.2f} to {start_seconds + seconds:.2f} s of a clip of "
            f"{len(resampled) / SAMPLE_RATE:.2f} s; change its entry in PARTS"
        )
    return resampled[first : first + count]


def make_mix(parts: tuple[Part, ...] = PARTS, folder: Path = FOLDER) -> tuple[np.ndarray, dict[str, object]]:
    """Joins the parts with equal-power cross-fades.

    Returns:
        int16 mono samples at `SAMPLE_RATE`, and what `mix.json` says about them (times in seconds from the mix's
        beginning; a boundary is the middle of its cross-fade).
    """
    genre_of = genres(folder)
    half = CROSS_FADE_SECONDS / 2
    fade_samples = round(CROSS_FADE_SECONDS * SAMPLE_RATE)
    # Sine and cosine: the squares add up to one, so the loudness of unrelated music stays level through the fade.
    fade_in = np.sin(np.pi / 2 * (np.arange(fade_samples) + 0.5) / fade_samples)
    mix = np.zeros(round(sum(part.seconds for part in parts) * SAMPLE_RATE))
    described, boundary = [], 0.0
    for number, part in enumerate(parts):
        if part.clip not in genre_of:
            raise MixError(f"{part.clip}: in PARTS, but not in clips.json; add it there or take another clip")
        before = half if number > 0 else 0.0
        after = half if number < len(parts) - 1 else 0.0
        audio = segment(folder / part.clip, part.offset_seconds - before, before + part.seconds + after).copy()
        if before:
            audio[:fade_samples] *= fade_in
        if after:
            audio[-fade_samples:] *= fade_in[::-1]
        first = round((boundary - before) * SAMPLE_RATE)
        audio = audio[: len(mix) - first]  # rounding may leave one sample too many
        mix[first : first + len(audio)] += audio
        end = boundary + part.seconds
        described.append(
            {
                "genre": genre_of[part.clip],
                "clip": part.clip,
                "start_seconds": round(boundary, 3),
                "end_seconds": round(end, 3),
            }
        )
        boundary = end
    samples = np.round(np.clip(mix, -1.0, 1.0) * 32767).astype(np.int16)
    description = {
        "title": TITLE,
        "file": "mix.wav",
        "sample_rate": SAMPLE_RATE,
        "licence": LICENCE,
        "cross_fade_seconds": CROSS_FADE_SECONDS,
        "parts": described,
    }
    return samples, description


def check(samples: np.ndarray, description: dict[str, object], folder: Path = FOLDER) -> None:
    """Raises `MixError` if `mix.wav` or `mix.json` in `folder` is not the given mix."""
    again = "run `python -m sample_audio.make_mix` and commit both files"
    try:
        on_disk, rate = soundfile.read(folder / "mix.wav", dtype="int16")
        described = json.loads((folder / "mix.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        raise MixError(f"mix: cannot be read ({error}); {again}") from None
    if described != description:
        raise MixError(f"mix.json: not what PARTS and clips.json say; {again}")
    if rate != SAMPLE_RATE or on_disk.shape != samples.shape:
        raise MixError(f"mix.wav: another rate, length or number of channels than the clips make; {again}")
    worst = int(np.abs(on_disk.astype(np.int32) - samples).max(initial=0))
    if worst > TOLERANCE:
        raise MixError(f"mix.wav: differs from what the clips make by up to {worst} steps of 16 bits; {again}")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sample_audio.make_mix", description="Make the demo mix.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the mix here is out of date")
    options = parser.parse_args(arguments)
    try:
        samples, description = make_mix()
        if options.check:
            check(samples, description)
        else:
            soundfile.write(FOLDER / "mix.wav", samples, SAMPLE_RATE, subtype="PCM_16")
            text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
            (FOLDER / "mix.json").write_text(text, encoding="utf-8")
    except MixError as error:
        print(f"make_mix: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"make_mix: cannot write the mix: {error}; free the disk or the file and run again", file=sys.stderr)
        return 1
    seconds = len(samples) / SAMPLE_RATE
    print(f"mix.wav {'is up to date' if options.check else 'written'}: {seconds:.1f} s, {len(PARTS)} parts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
