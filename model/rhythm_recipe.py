"""How the part on the rhythm is trained: on recordings, at other tempi too, and on music made by a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from model.embeddings import TrackOutputs, TrackRhythm
from model.errors import BundleError, DataError
from model.head import fit_head, label_weights, source_class_weights
from model.parts import RhythmPart
from model.rhythm import retimed

_MOST_TEMPOS = 20
_LARGEST = 1e6


@dataclass(frozen=True)
class RhythmRecipe:
    """What the part on the rhythm is learned with.

    inverse_regularisation, clip : as of a head (see `model.head.fit_head`).
    weight : of the part among the parts of the bundle.
    rendered_weight : how much all rendered music together counts beside all recordings together.
    tempos : the music is also learned from as if it were played so many times as fast; 1 is as it is.
    """

    inverse_regularisation: float = 3e-3
    clip: float = 6.0
    weight: float = 1.0
    rendered_weight: float = 0.35
    tempos: tuple[float, ...] = (0.96, 1.0, 1.04)

    @classmethod
    def from_json(cls, values: object) -> RhythmRecipe:
        """Read what `Recipe.to_json` wrote of it; raises BundleError if it is something else."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            raise _refusal(f"that of its rhythm has {', '.join(sorted(names))}")
        tempos = values["tempos"]
        if not isinstance(tempos, list) or not 1 <= len(tempos) <= _MOST_TEMPOS:
            raise _refusal(f"its rhythm was trained at 1 to {_MOST_TEMPOS} tempos")
        for value in (*tempos, *(values[name] for name in names - {"tempos"})):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= _LARGEST:
                raise _refusal(f"all numbers of its rhythm lie between 0 and {_LARGEST:g}, {value!r} does not")
        if min(tempos) <= 0.0 or values["inverse_regularisation"] <= 0.0 or values["clip"] <= 0.0:
            raise _refusal("inverse_regularisation, clip and tempos of its rhythm are greater than zero")
        return cls(**{**values, "tempos": tuple(tempos)})


def fit_rhythm(
    recipe: RhythmRecipe,
    tracks: Sequence[TrackOutputs | TrackRhythm],
    rendered: Sequence[TrackOutputs | TrackRhythm],
    labels: Sequence[str],
    *,
    by_source: bool = True,
    by_artists: bool = False,
) -> RhythmPart:
    """Fit the part on the rhythm; deterministic. Windows with too little sound before them are left out.

    Every (source, label) counts the same among the recordings, and among what was rendered; with `by_source` off every
    label does, and every window of it. With `by_artists` every label does, over recordings and what was rendered
    together (see `model.head.label_weights`): a label that was only rendered is then no rarer than others, and
    `rendered_weight` says nothing.
    """
    indices = {label: index for index, label in enumerate(labels)}
    if by_artists:
        tracks, rendered = [*tracks, *rendered], ()
    recordings = [(o.track.dataset if by_source else "", o.track.label, rhythm_of_track(o)) for o in tracks]
    kinds = [_Rows(recordings, indices)]
    if by_artists:
        kinds[0].weights = _artist_weights(tracks, indices)
    if rendered and recipe.rendered_weight > 0.0:
        made = _Rows([(o.track.dataset, o.track.label, rhythm_of_track(o)) for o in rendered], indices)
        # However much of it there is: it must not drown the recordings, nor loosen the regularisation.
        made.weights *= recipe.rendered_weight * (len(kinds[0].truth) or len(made.truth)) / max(len(made.truth), 1)
        kinds.append(made)
    if not any(len(rows.truth) for rows in kinds):
        raise DataError(
            "there is nothing to learn rhythms from",
            rule="a rhythm needs 6 s of sound",
            next_step="Give longer recordings, or leave the rhythm out",
        )
    features = np.concatenate([retimed(rows.features, tempo) for tempo in recipe.tempos for rows in kinds])
    truth = np.concatenate([rows.truth for _ in recipe.tempos for rows in kinds])
    weights = np.concatenate([rows.weights for _ in recipe.tempos for rows in kinds])
    head = fit_head(
        features,
        truth,
        weights,
        label_count=len(labels),
        inverse_regularisation=recipe.inverse_regularisation,
        clip=recipe.clip,
        weight=recipe.weight,
    )
    return RhythmPart(head)


def _artist_weights(tracks: Sequence[TrackOutputs | TrackRhythm], indices: Mapping[str, int]) -> np.ndarray:
    """float64 [windows that have a rhythm]."""
    counts = [int(np.isfinite(rhythm_of_track(outputs)).all(axis=1).sum()) for outputs in tracks]
    truth = np.repeat([indices[outputs.track.label] for outputs in tracks], counts)
    pairs = list(zip(tracks, counts, strict=True))
    sources = [outputs.track.dataset for outputs, count in pairs for _ in range(count)]
    groups = [outputs.track.group for outputs, count in pairs for _ in range(count)]
    return label_weights(sources, truth, groups)


def rhythm_of_track(outputs: TrackOutputs | TrackRhythm) -> np.ndarray:
    """float32 [windows, features]; ValueError if nobody asked for the rhythm when the track was heard."""
    if outputs.rhythm is None:
        raise ValueError(f"{outputs.track.path.name} was heard without its rhythm, which a part of the bundle needs")
    return outputs.rhythm


def _refusal(rule: str) -> BundleError:
    return BundleError("the bundle does not say how it was trained", rule=rule)


class _Rows:
    """Windows that have a rhythm: features float32 [n, ...], truth int [n], weights float64 [n], one on average."""

    def __init__(self, tracks: list[tuple[str, str, np.ndarray]], index_of: Mapping[str, int]) -> None:
        heard = [np.isfinite(rhythm).all(axis=1) for _, _, rhythm in tracks]
        counts = [int(rows.sum()) for rows in heard]
        self.features = np.concatenate([rhythm[rows] for (_, _, rhythm), rows in zip(tracks, heard, strict=True)])
        self.truth = np.repeat([index_of[label] for _, label, _ in tracks], counts).astype(int)
        sources = [source for (source, _, _), count in zip(tracks, counts, strict=True) for _ in range(count)]
        self.weights = source_class_weights(sources, self.truth) if sources else np.empty(0)
