"""What was said of the tracks of a test, beside what is right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.datasets.dataset import LabelledTrack


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to a test; every track was asked once.

    labels : what could be said.
    windows : for each track the probabilities of its windows, float32 [windows, labels] each.
    """

    labels: tuple[str, ...]
    tracks: tuple[LabelledTrack, ...]
    windows: tuple[np.ndarray, ...]

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float32 [tracks, labels]: the mean over each track's windows."""
        return np.stack([windows.mean(axis=0) for windows in self.windows])

    @cached_property
    def truth(self) -> np.ndarray:
        """bool [tracks, labels]: which labels hold."""
        return np.array([[label in track.labels for label in self.labels] for track in self.tracks])

    @cached_property
    def known(self) -> np.ndarray:
        """bool [tracks, labels]: of which labels it is known whether they hold."""
        return np.array([[label not in track.perhaps for label in self.labels] for track in self.tracks])

    @property
    def groups(self) -> list[str]:
        """The artist of each track."""
        return [track.group for track in self.tracks]

    @cached_property
    def track_of_window(self) -> np.ndarray:
        """int [windows of all tracks]."""
        return np.repeat(np.arange(len(self.tracks)), [len(windows) for windows in self.windows])

    @property
    def window_probabilities(self) -> np.ndarray:
        """float32 [windows of all tracks, labels]."""
        return np.concatenate(self.windows)

    def only_labels(self, labels: tuple[str, ...]) -> Answers:
        """The same answers, as far as they are about these labels."""
        columns = [self.labels.index(label) for label in labels]
        return Answers(labels, self.tracks, tuple(windows[:, columns] for windows in self.windows))
