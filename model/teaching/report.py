"""What a student learned, as tables for people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from model.errors import DataError
from model.networks.recipes import NETWORKS as RECIPES
from model.networks.weights import put_weights
from model.teaching.agreement import answers, compare
from model.teaching.shards import Shards
from model.teaching.student import DESCRIPTION_FILE, WEIGHTS_FILE

_TEACHERS = {"audioset": "mn04_as, music classes", "msd": "MSD_musicnn", "mtt": "MTT_musicnn"}
_SIDES = {"plain": "as recorded", "altered": "altered and mixed"}


def agreement_table(examples: Path, student: Path) -> str:
    """Markdown: the mean correlation over the tags of each teacher, and the best and worst of them."""
    import keras

    try:
        described = json.loads((student / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        with np.load(student / WEIGHTS_FILE, allow_pickle=False) as arrays:
            weights = dict(arrays)
    except (OSError, ValueError) as error:
        raise DataError(
            f"there is no student in {student}", rule=str(error), next_step="`python -m model.teaching train`"
        ) from error
    network: keras.Model = RECIPES[described["plan"]["recipe"]].build(len(described["tags"]), exclusive=False)
    put_weights(network, weights, owner="the student")
    lines = [
        "| sound of unseen artists | teacher | tags compared | mean r | pooled r | lowest |",
        "|---|---|---|---|---|---|",
    ]
    for side in _SIDES:
        shards = Shards(examples, side)
        for one in compare(side, shards, *answers(network, shards)):
            lowest = sorted((value, tag) for tag, value in one.by_tag.items() if value is not None)[:3]
            lines.append(
                f"| {_SIDES[side]} | {_TEACHERS[one.teacher]} | {len(one.compared)} of {len(one.by_tag)} | "
                f"{one.mean:.3f} | {one.pooled:.3f} | {', '.join(f'{tag} {value:.2f}' for value, tag in lowest)} |"
            )
    return "\n".join(lines)
