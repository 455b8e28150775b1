"""`python -m model.convert_musicnn WHEEL`: the published musicnn networks as bundles.

The wheel is `musicnn==0.1.0` from PyPI (`pip download --no-deps musicnn==0.1.0`); it holds TF1 checkpoints. The bundles
`msd_tags` (trained on the Million Song Dataset) and `mtt_tags` (on MagnaTagATune) come out, checked against known
outputs.
Needs TensorFlow, to read the checkpoints.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle_writing import write_bundle
from model.errors import BundleError, GenrescopeError
from model.front_ends.log_mel import LogMel
from model.library import SHIPPED_BUNDLES
from model.networks.loading import Network, cost_ms
from model.networks.musicnn import ARCHITECTURE, CHECKPOINT_LAYERS, weight_shapes
from model.networks.musicnn_tensorflow import MusicnnOnTensorFlow
from model.networks.tensorflow_device import import_tensorflow

WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "musicnn_golden.npz"
TOLERANCE = 2e-5
LICENCE_FILE = "LICENSE-musicnn"
WEIGHTS_FILE = "weights.npz"
LICENCE = "ISC (weights: Copyright (c) Music Technology Group, Universitat Pompeu Fabra 2019)"

MSD_TAGS = (
    "rock|pop|alternative|indie|electronic|female vocalists|dance|00s|alternative rock|jazz|beautiful|metal|chillout|"
    "male vocalists|classic rock|soul|indie rock|Mellow|electronica|80s|folk|90s|chill|instrumental|punk|oldies|blues|"
    "hard rock|ambient|acoustic|experimental|female vocalist|guitar|Hip-Hop|70s|party|country|easy listening|sexy|"
    "catchy|funk|electro|heavy metal|Progressive rock|60s|rnb|indie pop|sad|House|happy"
)
MTT_TAGS = (
    "guitar|classical|slow|techno|strings|drums|electronic|rock|fast|piano|ambient|beat|violin|vocal|synth|female|"
    "indian|opera|male|singing|vocals|no vocals|harpsichord|loud|quiet|flute|woman|male vocal|no vocal|pop|soft|sitar|"
    "solo|man|classic|choir|voice|new age|dance|male voice|female vocal|beats|harp|cello|no voice|weird|country|metal|"
    "female voice|choral"
)


@dataclass(frozen=True)
class Checkpoint:
    """One of the published networks.

    data : what its authors trained it on; published : how good it is by their own account.
    """

    bundle: str
    name: str
    title: str
    tags: tuple[str, ...]
    data: str
    published: str


CHECKPOINTS = (
    Checkpoint(
        "msd_tags",
        "MSD_musicnn",
        "Tags (Million Song Dataset)",
        tuple(MSD_TAGS.split("|")),
        "the Million Song Dataset with tags of Last.fm listeners",
        "ROC-AUC .880, PR-AUC .289",
    ),
    Checkpoint(
        "mtt_tags",
        "MTT_musicnn",
        "Tags (MagnaTagATune)",
        tuple(MTT_TAGS.split("|")),
        "MagnaTagATune, with tags from a game",
        "ROC-AUC .907, PR-AUC .383",
    ),
)
CARD = """# {title}

{name} is the network {checkpoint} of Jordi Pons and Xavier Serra (2019, arXiv 1909.06654), converted without changing a
number: it gives 50 tags, each a probability of its own, so that several may hold at once.

It hears 3 s of mono sound at 16 kHz, 187 frames of 96 mel bands.

## Trained on

By its authors on {data}. Nothing was trained here.

## Measured

The authors report {published}, on recordings of the same collection that they had kept apart.
That the numbers of the original come out is checked when it is converted.

## Limits

- Tags are what listeners wrote, not facts. "00s" or "beautiful" are guesses by sound; rare tags get low probabilities.
- Music unlike anything in that collection gets tags all the same.
- Tags have probabilities on scales of their own; `python -m model.build_tags` brings them to one.

## Intended use

Describing music to people who listen along, and as the ears of other bundles. Not for decisions about people or money,
and not for telling who plays.

## Licence

ISC, see LICENSE-musicnn.
"""


def convert(wheel: Path, out: Path) -> None:
    """Write both bundles into `out`; raises BundleError if the wheel is another or the numbers come out differently."""
    try:
        content = wheel.read_bytes()
    except OSError as error:
        raise BundleError(f"{wheel} cannot be read", rule=error.strerror or "") from error
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise BundleError(
            f"{wheel} is not the file this was written for",
            rule=f"its SHA-256 must be {WHEEL_SHA256}",
            next_step="Run `pip download --no-deps musicnn==0.1.0` and give the file it fetched",
        )
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        unpacked = Path(folder)
        archive.extractall(unpacked)
        licence = (unpacked / "musicnn-0.1.0.dist-info" / "LICENSE.md").read_text(encoding="utf-8").strip() + "\n"
        for checkpoint in CHECKPOINTS:
            weights = read_checkpoint(unpacked / "musicnn" / checkpoint.name)
            network = check(weights, checkpoint.name)
            write_bundle(
                out / checkpoint.bundle,
                name=checkpoint.bundle,
                title=checkpoint.title,
                labels=checkpoint.tags,
                exclusive=False,
                front_end=LogMel(),
                network={"architecture": ARCHITECTURE, "weights": WEIGHTS_FILE, "tags": list(checkpoint.tags)},
                parts=[{"kind": "tags"}],
                temperature=1.0,
                thresholds={"unsure_below": 0.15, "shown_from": 0.1},
                metrics={"published_by_authors": checkpoint.published, "cost_ms": cost_ms(network, LogMel())},
                licence=LICENCE,
                card=CARD.format(
                    title=checkpoint.title,
                    name=checkpoint.bundle,
                    checkpoint=checkpoint.name,
                    data=checkpoint.data,
                    published=checkpoint.published,
                ),
                texts={LICENCE_FILE: licence},
                arrays={WEIGHTS_FILE: weights},
            )
            print(f"wrote {out / checkpoint.bundle}")


def read_checkpoint(folder: Path) -> dict[str, np.ndarray]:
    """The network's arrays under our names: float32."""
    tensorflow: Any = import_tensorflow()
    # The prefix of these checkpoints is empty: the files are called ".index" and ".data-00000-of-00001".
    reader = tensorflow.compat.v1.train.NewCheckpointReader(f"{folder}/")
    weights = {}
    for name, shape in weight_shapes().items():
        layer, variable = name.split("/")
        values = reader.get_tensor(f"{CHECKPOINT_LAYERS[layer]}/{variable}")
        # The middle layers were 2-D convolutions over the whole width, which is what a 1-D convolution is.
        weights[name] = np.ascontiguousarray(values.reshape(shape), np.float32)
    return weights


def check(weights: dict[str, np.ndarray], checkpoint: str) -> Network:
    """The network, its outputs compared with the known ones; raises BundleError beyond `TOLERANCE`."""
    golden = np.load(GOLDEN, allow_pickle=False)
    signals = ("chirp", "chord", "noise")
    windows = np.stack([golden[f"{signal}.logmel"] for signal in signals])
    network = MusicnnOnTensorFlow(weights, key="check", cpu=True)
    for output, values in network(windows).items():
        expected = np.stack([golden[f"{signal}.{checkpoint}.{output}"] for signal in signals])
        difference = float(np.abs(values - expected).max())
        print(f"{checkpoint} {output}: largest difference {difference:.1e}")
        if not difference <= TOLERANCE:
            raise BundleError(f"{checkpoint} gives other {output} than the original", rule=f"within {TOLERANCE}")
    return network


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.convert_musicnn", description=__doc__)
    parser.add_argument("wheel", type=Path, help="musicnn-0.1.0-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=SHIPPED_BUNDLES, help="folder to write the bundles into")
    arguments = parser.parse_args()
    try:
        convert(arguments.wheel, arguments.out)
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
