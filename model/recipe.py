"""How the parts of a bundle are trained, so that a bundle can be trained again, on all music or on some of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from model.augmentation import ALTERATIONS
from model.calibration import fit_temperature
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs, TrackRhythm
from model.errors import BundleError
from model.folds import grouped_folds
from model.head import fit_head, label_weights, source_class_weights
from model.parts import RHYTHM, HeadPart, Part, RhythmPart, ZeroShotPart, describe_head, head_arrays
from model.rendering.moving import moved, step_to_recordings
from model.rhythm_recipe import RhythmRecipe, fit_rhythm, rhythm_of_track
from model.tag_reading import TagReading

STRETCH_WINDOWS = 3
"""Windows of 3 s that are averaged for the fit of the temperature."""
SAME_SOURCE_FOLDS = 3
"""Parts into which the artists are divided for it where there is one source only."""
ARTIST_FOLDS = 5
"""The same where the temperature is to suit unknown artists rather than unknown sources."""
_MAY_BE_MISSING = ("balance", "calibrated_on", "also_read", "moves_rendered")
BALANCES = ("source", "label", "window")
CALIBRATIONS = ("sources", "artists")

HEAD_FILE = "head.npz"
RHYTHM_FILE = "rhythm.npz"
Heard = Mapping[str, Sequence[TrackOutputs]]
"""For every alteration the same tracks in the same order."""
Rendered = Sequence[TrackRhythm] | Sequence[TrackOutputs]
"""Music made by a program: its rhythms alone, or all that the network says of it."""


@dataclass(frozen=True)
class Recipe:
    """What a set of labels is learned with.

    synonyms : for each label the tags of the network that mean it.
    zero_shot_weight : of the network's own tags among the parts; 0 leaves them out.
    alterations : how the training music is heard (see `model.augmentation`).
    rhythm : how the part on the rhythm is trained; None leaves it out.
    balance : what counts the same in training: "source" for every (source, label), "label" for every label (see
        `model.head.label_weights`), "window" for every label and every window of it: where a source has but a song or
        two.
    calibrated_on : what the temperature is fitted to: "sources" for stretches of sources left out in turn, "artists"
        for whole tracks of artists left out in turn.
    also_read : further readings of the network's own tags.
    moves_rendered : whether rendered music is moved to where recordings lie (see `model.rendering.moving`) before the
        head learns of it.
    """

    synonyms: Mapping[str, Sequence[str]]
    alterations: tuple[str, ...] = ("plain",)
    inverse_regularisation: float = 3e-4
    clip: float = 6.0
    zero_shot_weight: float = 0.5
    zero_shot_epsilon: float = 1e-4
    zero_shot_absent: float = -1.5
    rhythm: RhythmRecipe | None = None
    balance: str = "source"
    calibrated_on: str = "sources"
    also_read: tuple[TagReading, ...] = ()
    moves_rendered: bool = False

    @classmethod
    def from_json(cls, values: object) -> Recipe:
        """Read what `to_json` wrote; raises BundleError if it is something else."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names or "synonyms" not in values:
            raise BundleError("the bundle does not say how it was trained", rule=f"its recipe has {', '.join(names)}")
        alterations = values.get("alterations")
        if not isinstance(alterations, list) or not alterations or not set(map(str, alterations)) <= set(ALTERATIONS):
            raise BundleError(
                f"the bundle was trained with the alterations {alterations!r}",
                rule=f"this version has {', '.join(ALTERATIONS)}",
            )
        for name, known in (("balance", BALANCES), ("calibrated_on", CALIBRATIONS)):
            if values.get(name, known[0]) not in known:
                raise BundleError(
                    f"the bundle was trained with {name} {values[name]!r}", rule=f"this version has {', '.join(known)}"
                )
        rhythm, also_read = values.get("rhythm"), values.get("also_read", [])
        if not isinstance(also_read, list):
            raise BundleError("the bundle does not say how it was trained", rule="also_read is a list of readings")
        if not isinstance(values.get("moves_rendered", False), bool):
            raise BundleError("the bundle does not say how it was trained", rule="moves_rendered is true or false")
        return cls(
            **{
                **values,
                "alterations": tuple(alterations),
                "rhythm": None if rhythm is None else RhythmRecipe.from_json(rhythm),
                "also_read": tuple(TagReading.from_json(reading) for reading in also_read),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`."""
        values = {**asdict(self), "alterations": list(self.alterations)}
        values["also_read"] = list(values["also_read"])
        for field in fields(self):
            # Recipes that need none of these can be read by versions that have none of them.
            if field.name in _MAY_BE_MISSING and getattr(self, field.name) == field.default:
                del values[field.name]
        rhythm = values.pop("rhythm")
        return values if self.rhythm is None else {**values, "rhythm": {**rhythm, "tempos": list(self.rhythm.tempos)}}

    def zero_shots(self, labels: Sequence[str], tags: Sequence[str]) -> tuple[ZeroShotPart, ...]:
        """The parts that read the network's own tags."""
        epsilon, absent = self.zero_shot_epsilon, self.zero_shot_absent
        return tuple(reading.part(labels, tags, epsilon=epsilon, absent=absent) for reading in self._readings())

    def _readings(self) -> tuple[TagReading, ...]:
        first = (TagReading(self.synonyms, self.zero_shot_weight),) if self.zero_shot_weight else ()
        return (*first, *self.also_read)

    def describe(self, parts: Sequence[Part]) -> tuple[list[dict[str, Any]], dict[str, dict[str, np.ndarray]]]:
        """Parts that `train` made, as `model.bundle_writing.write_bundle` takes them: descriptions, and arrays by file
        name."""
        described, arrays = [], {}
        readings = iter(self._readings())
        for part in parts:
            if isinstance(part, ZeroShotPart):
                described.append(next(readings).describe(epsilon=self.zero_shot_epsilon, absent=self.zero_shot_absent))
            elif isinstance(part, HeadPart | RhythmPart):
                file = RHYTHM_FILE if isinstance(part, RhythmPart) else HEAD_FILE
                described.append(describe_head(part, file))
                arrays[file] = head_arrays(part)
        return described, arrays

    def train(
        self, heard: Heard, labels: Sequence[str], tags: Sequence[str], rendered: Rendered = ()
    ) -> tuple[Part, ...]:
        """The parts, trained on these tracks.

        rendered : music made by a program. Of rhythms only the part on the rhythm learns: a head on embeddings was
            worse for rendered dances. Where they are all outputs of the network (`model.build_electronic`), the head
            learns of them too; this music is one more source of its labels.
        """
        recordings = [outputs for alteration in self.alterations for outputs in heard[alteration]]
        tracks = [*recordings, *self.placed(heard_by_the_head(rendered), recordings, labels)]
        truth = window_truth(tracks, labels)
        sources = [outputs.track.dataset for outputs in tracks for _ in range(len(outputs.tags))]
        if self.balance == "label":
            groups = [outputs.track.group for outputs in tracks for _ in range(len(outputs.tags))]
            weights = label_weights(sources, truth, groups)
        else:
            by_source = self.balance == "source"
            weights = source_class_weights(sources if by_source else [""] * len(sources), truth)
        head = fit_head(
            np.concatenate([outputs.embedding for outputs in tracks]),
            truth,
            weights,
            label_count=len(labels),
            inverse_regularisation=self.inverse_regularisation,
            clip=self.clip,
        )
        parts: list[Part] = [head]
        if self.rhythm is not None:
            weighing = {"by_source": self.balance != "window", "by_artists": self.balance == "label"}
            parts.append(fit_rhythm(self.rhythm, recordings, rendered, labels, **weighing))
        return (*parts, *self.zero_shots(labels, tags))

    def placed(
        self,
        made: Sequence[TrackOutputs],
        recordings: Sequence[TrackOutputs],
        labels: Sequence[str],
        *,
        learned: Sequence[TrackOutputs] | None = None,
    ) -> Sequence[TrackOutputs]:
        """Rendered music as the head hears it beside these recordings; `learned` : what the step is taken from."""
        if not self.moves_rendered or not made:
            return made
        return moved(made, step_to_recordings(recordings, made if learned is None else learned, labels))

    def fit_temperature(
        self, heard: Heard, labels: Sequence[str], tags: Sequence[str], rendered: Rendered = ()
    ) -> float:
        """The temperature that suits what training never saw: each source is left out in turn.

        Where all music comes from one source, a third of its artists is left out in turn instead. The temperature is
        fitted to averages over `STRETCH_WINDOWS` windows, about what smoothing makes of them.

        With `calibrated_on` "artists" it is a fifth of the artists of all sources, and averages over whole tracks:
        these are more modest than those of stretches, so the temperature is lower.
        """
        by_artist = self.calibrated_on == "artists"
        scores, truth, weights = [], [], []
        stretches: list[np.ndarray] = []
        for number, hidden in enumerate(_hidden_in_turn([outputs.track for outputs in heard["plain"]], by_artist)):
            training = only(heard, lambda track: track not in hidden)  # noqa: B023 - used at once
            # A label that only this source has cannot be recognised then, which no temperature mends.
            known = {o.track.label for o in (*training["plain"], *heard_by_the_head(rendered))} & set(labels)
            left_out = [o for o in heard["plain"] if o.track in hidden and o.track.label in known]
            if not left_out or len(known) < 2:
                continue
            parts = self.train(training, labels, tags, rendered)
            scores.append(add_scores(parts, left_out))
            truth.append(window_truth(left_out, labels))
            for outputs in left_out:
                stretch = np.arange(len(outputs.tags)) // (len(outputs.tags) if by_artist else STRETCH_WINDOWS)
                stretches.append(stretch + (stretches[-1][-1] + 1 if stretches else 0))
            weights.append(source_class_weights([str(number)] * len(truth[-1]), truth[-1]) / len(truth[-1]))
        if not scores:
            return 1.0
        right = np.concatenate(truth)
        # Every label counts the same, as it does in the evaluation; a source left out may have but a few of them.
        weighing = _equal_labels(right, np.concatenate(stretches)) if by_artist else np.concatenate(weights)
        return fit_temperature(np.concatenate(scores), right, weighing, np.concatenate(stretches))


def _equal_labels(truth: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """float64 [windows]: the same for every stretch of a label, and in all the same for every label."""
    _, first, place, lengths = np.unique(stretches, return_index=True, return_inverse=True, return_counts=True)
    labels = np.bincount(truth[first])
    return np.asarray(1.0 / (lengths[place] * labels[truth]))


def _hidden_in_turn(tracks: Sequence[LabelledTrack], by_artist: bool) -> list[set[LabelledTrack]]:
    """What to leave out of training in turn: every source, or a part of the artists where there is but one source."""
    sources = sorted({track.dataset for track in tracks})
    if len(sources) > 1 and not by_artist:
        return [{track for track in tracks if track.dataset == source} for source in sources]
    folds = ARTIST_FOLDS if by_artist else SAME_SOURCE_FOLDS
    if len({track.group for track in tracks}) < folds:
        return []
    fold_of = grouped_folds(tracks, folds=folds)
    return [{track for track, at in zip(tracks, fold_of, strict=True) if at == fold} for fold in range(folds)]


def heard_by_the_head(rendered: Rendered) -> list[TrackOutputs]:
    """The rendered music of which a head on embeddings learns too."""
    return [outputs for outputs in rendered if isinstance(outputs, TrackOutputs)]


def add_scores(parts: Sequence[Part], tracks: Sequence[TrackOutputs]) -> np.ndarray:
    """Summed scores of the parts for every window of the tracks, float32 [windows, labels]."""
    outputs = {
        "embedding": np.concatenate([track.embedding for track in tracks]),
        "tags": np.concatenate([track.tags for track in tracks]),
    }
    if any(isinstance(part, RhythmPart) for part in parts):
        outputs[RHYTHM] = np.concatenate([rhythm_of_track(track) for track in tracks])
    return np.asarray(sum(part.scores(outputs) for part in parts))


def window_truth(tracks: Sequence[TrackOutputs], labels: Sequence[str]) -> np.ndarray:
    """int [windows]: the index of the right label of every window."""
    indices = {label: index for index, label in enumerate(labels)}
    return np.concatenate([np.full(len(track.tags), indices[track.track.label]) for track in tracks])


def only(heard: Heard, wanted: Callable[[LabelledTrack], bool]) -> Heard:
    """The tracks for which `wanted(track)` is true, under every alteration."""
    return {
        alteration: [outputs for outputs in tracks if wanted(outputs.track)] for alteration, tracks in heard.items()
    }
