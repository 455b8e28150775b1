"""Reading labels from the tags that a network has anyway, without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import BundleError
from model.parts import ZeroShotPart


@dataclass(frozen=True)
class TagReading:
    """One reading of a network's tags. A network that learned from several teachers has "jazz" from each of them, with
    probabilities on different scales; then there is one reading for each teacher, and they are added.

    synonyms : for each label the tags that mean it.
    weight : of this reading among the parts of the bundle.
    """

    synonyms: Mapping[str, Sequence[str]]
    weight: float

    @classmethod
    def from_json(cls, values: object) -> TagReading:
        """Read what `dataclasses.asdict` made of one; raises BundleError if it is something else."""
        if not isinstance(values, dict) or set(values) != {"synonyms", "weight"}:
            raise _refusal("a reading of tags has synonyms and weight")
        synonyms, weight = values["synonyms"], values["weight"]
        if not isinstance(synonyms, dict) or not all(isinstance(names, list) for names in synonyms.values()):
            raise _refusal("synonyms are a list of tags for each label")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise _refusal(f"the weight of a reading is a number, {weight!r} is not")
        return cls(synonyms, float(weight))

    def part(self, labels: Sequence[str], tags: Sequence[str], *, epsilon: float, absent: float) -> ZeroShotPart:
        """The part of a bundle; see `model.parts.ZeroShotPart` for epsilon and absent."""
        columns = tuple(tuple(tags.index(tag) for tag in self.synonyms.get(label, ())) for label in labels)
        return ZeroShotPart(columns, self.weight, epsilon, absent)

    def describe(self, *, epsilon: float, absent: float) -> dict[str, Any]:
        """The same part as `bundle.json` describes it."""
        return {
            "kind": "zero_shot",
            "weight": self.weight,
            "epsilon": epsilon,
            "absent_log_probability": absent,
            "synonyms": {label: list(names) for label, names in self.synonyms.items()},
        }


def known_synonyms(
    synonyms: Mapping[str, Sequence[str]], tags: Sequence[str], prefix: str = ""
) -> dict[str, list[str]]:
    """The synonyms that are among the tags, where they are called `prefix` and their name; labels without any are left
    out. Spelling counts: AudioSet says "Jazz", the Million Song Dataset "jazz"."""
    found: dict[str, list[str]] = {}
    for label, names in synonyms.items():
        if known := [f"{prefix}{name}" for name in names if f"{prefix}{name}" in tags]:
            found[label] = known
    return found


def _refusal(rule: str) -> BundleError:
    return BundleError("the bundle does not say how it was trained", rule=rule)
