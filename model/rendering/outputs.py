"""What the network says of rendered music, in a file of a bundle: whoever has the bundle can train its recipe again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.augmentation import ALTERATIONS
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.errors import BundleError
from model.rhythm import FEATURES

MOST_WINDOWS = 20_000
SOURCE = "rendered"
PLAIN = "plain"
_GROUP_DIGITS = 12


@dataclass(frozen=True)
class RenderedOutputs(TrackOutputs):
    """The network's outputs for music made by a program; alteration : how it was heard.

    Its track's group is a hash (`model.evaluation.group_id`): a file of a bundle names nobody.
    """

    alteration: str = PLAIN


def pack_outputs(made: Sequence[RenderedOutputs], labels: Sequence[str]) -> dict[str, np.ndarray]:
    """What `unpack_outputs` takes.

    embedding, tags, rhythm : float16 [windows, ...]; the rhythm is zero where too little was heard for one, and `heard`
        (uint8 [windows]) says where that is not so.
    windows, labels : int32 [tracks]; groups : int64 [tracks]; alterations : text [tracks].
    """
    rhythms = [_rhythm(outputs) for outputs in made]
    heard = np.concatenate([np.isfinite(rhythm).all(axis=1) for rhythm in rhythms])
    return {
        "embedding": np.concatenate([outputs.embedding for outputs in made]).astype(np.float16),
        "tags": np.concatenate([outputs.tags for outputs in made]).astype(np.float16),
        "rhythm": np.where(heard[:, None], np.concatenate(rhythms), 0.0).astype(np.float16),
        "heard": heard.astype(np.uint8),
        "windows": np.array([len(outputs.embedding) for outputs in made], np.int32),
        "labels": np.array([list(labels).index(outputs.track.label) for outputs in made], np.int32),
        "groups": np.array([int(outputs.track.group, 16) for outputs in made], np.int64),
        "alterations": np.array([outputs.alteration for outputs in made]),
    }


def unpack_outputs(
    arrays: Mapping[str, np.ndarray], labels: Sequence[str], name: str, *, embedding_size: int, tags: int
) -> list[RenderedOutputs]:
    """The outputs of which `pack_outputs` made `arrays`, with half the digits.

    name : of the bundle, for the BundleError if `pack_outputs` did not make them.
    embedding_size, tags : how many numbers the network gives of each.
    """
    kinds = {
        "embedding": "f2", "tags": "f2", "rhythm": "f2", "heard": "u1", "windows": "i4", "labels": "i4", "groups": "i8"
    }  # fmt: skip
    columns = {"embedding": embedding_size, "tags": tags, "rhythm": FEATURES}
    found = {key: arrays.get(key, np.empty(0)) for key in (*kinds, "alterations")}
    windows, tracks = len(found["heard"]), len(found["windows"])
    fits = (
        all(found[key].dtype == np.dtype(kind) for key, kind in kinds.items())
        and found["alterations"].dtype.kind == "U"
        and all(found[key].shape == (windows, count) for key, count in columns.items())
        and found["heard"].shape == (windows,)
        and all(found[key].shape == (tracks,) for key in ("windows", "labels", "groups", "alterations"))
        and 0 < windows <= MOST_WINDOWS
        and (found["windows"] > 0).all()
        and found["windows"].sum() == windows
        and ((found["labels"] >= 0) & (found["labels"] < len(labels))).all()
        and ((found["groups"] >= 0) & (found["groups"] < 16**_GROUP_DIGITS)).all()
        and set(found["alterations"].tolist()) <= set(ALTERATIONS)
        and all(np.isfinite(found[key]).all() for key in columns)
    )
    if not fits:
        raise BundleError(
            f"the rendered music of the bundle {name} cannot be used",
            rule=f"it is what its network says of at most {MOST_WINDOWS} windows, with labels of the bundle",
            next_step="Build the bundle again, or use another",
        )
    single = {key: found[key].astype(np.float32) for key in columns}
    single["rhythm"][found["heard"] == 0] = np.nan
    made, first = [], 0
    for number, count in enumerate(found["windows"].tolist()):
        here = slice(first, first + count)
        alteration = str(found["alterations"][number])
        track = LabelledTrack(
            Path(f"rendered/{alteration}/{number}"),
            SOURCE,
            (labels[found["labels"][number]],),
            f"{int(found['groups'][number]):0{_GROUP_DIGITS}x}",
        )
        embedding, tag_values, rhythm = (single[key][here] for key in columns)
        made.append(RenderedOutputs(track, embedding, tag_values, rhythm, alteration))
        first += count
    return made


def _rhythm(outputs: TrackOutputs) -> np.ndarray:
    if outputs.rhythm is None:
        raise ValueError(f"{outputs.track.path.name} was heard without its rhythm")
    return outputs.rhythm
