"""Several data sets as one, and some of the labels of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from model.datasets.dataset import Dataset, LabelledTrack, alike
from model.datasets.listed import refuse_repeats, refuse_too_many
from model.datasets.remote import RemoteFile
from model.errors import DataError


class JoinedDataset:
    """Several data sets, one after the other.

    Labels are matched by name; case, spaces and hyphens do not count, and the first data set's spelling stays. Groups
    of published data sets carry its name and stay apart. Artists whom one's own folders and lists call by the same name
    are the same artist: if that is wrong it costs little, and the opposite would put an artist on both sides of a test.
    """

    def __init__(self, parts: Sequence[Dataset]) -> None:
        self._parts = tuple(parts)
        self.name = "+".join(part.name for part in parts)
        self.title = " + ".join(part.title for part in parts)
        self.citation = "; ".join(dict.fromkeys(part.citation for part in parts))
        self.licence = "; ".join(dict.fromkeys(part.licence for part in parts))
        self.homepage = " ".join(dict.fromkeys(part.homepage for part in parts if part.homepage))
        self._spelling: dict[str, str] = {}
        for part in parts:
            for label in part.labels:
                self._spelling.setdefault(alike(label), label)
        self.labels = tuple(sorted(self._spelling.values()))
        self.exclusive = all(part.exclusive for part in parts)

    @property
    def remote(self) -> tuple[RemoteFile, ...]:
        return ()  # each part has a folder of its own

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(f"{part.name}: {note}" for part in self._parts for note in part.notes)

    def tracks(self) -> tuple[LabelledTrack, ...]:
        found = []
        for part in self._parts:
            for track in part.tracks():
                labels = tuple(dict.fromkeys(self._spelling[alike(label)] for label in track.labels))
                found.append((replace(track, labels=labels), part.name))
        refuse_too_many(len(found), self.name)
        refuse_repeats(found)
        return tuple(track for track, _ in found)

    def checksums(self) -> Mapping[Path, str]:
        return {path: known for part in self._parts for path, known in part.checksums().items()}


class ChosenLabels:
    """A data set without all but some of its labels. Tracks that have none of these are left out."""

    def __init__(self, whole: Dataset, chosen: Iterable[str]) -> None:
        self._whole = whole
        known = {alike(label): label for label in whole.labels}
        wanted = [label.strip() for label in chosen if label.strip()]
        unknown = [label for label in wanted if alike(label) not in known]
        if unknown or not wanted:
            raise DataError(
                f"{whole.name} does not have the label {unknown[0]}" if unknown else "no label is chosen",
                rule=f"it has {', '.join(whole.labels)}",
                next_step="Name some of these, separated by commas",
            )
        self.labels = tuple(dict.fromkeys(known[alike(label)] for label in wanted))
        self.name, self.title, self.citation = whole.name, whole.title, whole.citation
        self.licence, self.homepage, self.exclusive = whole.licence, whole.homepage, whole.exclusive

    @property
    def remote(self) -> tuple[RemoteFile, ...]:
        return self._whole.remote

    @property
    def notes(self) -> tuple[str, ...]:
        return self._whole.notes

    def tracks(self) -> tuple[LabelledTrack, ...]:
        kept = (
            replace(track, labels=tuple(label for label in track.labels if label in self.labels))
            for track in self._whole.tracks()
        )
        return tuple(track for track in kept if track.labels)

    def checksums(self) -> Mapping[Path, str]:
        return self._whole.checksums()
