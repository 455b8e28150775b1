"""Temperature and thresholds are those that suit validation music."""

from pathlib import Path

import numpy as np
import pytest

from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.parts import NetworkPart
from model.training.trust import COLDEST, fit_trust
from model.training.validation import balanced_accuracy, mean_area_under_curve

LABELS = ("a", "b", "c")


def tracks(
    rng: np.random.Generator, *, overconfident: float, exclusive: bool = True, spread: float = 1.5
) -> list[TrackOutputs]:
    """Answers that are drawn from what they say, then sharpened."""
    found = []
    for number in range(300):
        logits = rng.normal(size=(1, 3)) * spread
        if exclusive:
            chances = np.exp(logits) / np.exp(logits).sum()
            labels: tuple[str, ...] = (LABELS[rng.choice(3, p=chances[0])],)
            said = np.exp(logits * overconfident) / np.exp(logits * overconfident).sum()
        else:
            labels = tuple(np.array(LABELS)[rng.random(3) < 1.0 / (1.0 + np.exp(-logits[0]))].tolist())
            said = 1.0 / (1.0 + np.exp(-logits * overconfident))
        track = LabelledTrack(Path(f"{number}.wav"), "mine", labels, f"artist {number}")
        found.append(TrackOutputs(track, np.zeros((1, 2), np.float32), said.astype(np.float32)))
    return found


@pytest.mark.parametrize("exclusive", [True, False])
def test_an_overconfident_network_is_made_modest(exclusive: bool) -> None:
    outputs = tracks(np.random.default_rng(0), overconfident=3.0, exclusive=exclusive)
    trust = fit_trust([NetworkPart(exclusive, 1.0)], outputs, LABELS, exclusive=exclusive)
    assert trust.temperature == pytest.approx(3.0, rel=0.3)


def test_a_few_right_answers_are_no_certainty() -> None:
    outputs = [
        TrackOutputs(LabelledTrack(Path(label), "mine", (label,), label), np.zeros((1, 2), np.float32), row[None])
        for label, row in zip(LABELS, np.eye(3, dtype=np.float32) * 0.7 + 0.1, strict=True)
    ]
    assert fit_trust([NetworkPart(True, 1.0)], outputs, LABELS, exclusive=True).temperature == COLDEST


def test_above_the_threshold_two_thirds_are_right() -> None:
    outputs = tracks(np.random.default_rng(1), overconfident=1.0, spread=0.8)
    trust = fit_trust([NetworkPart(True, 1.0)], outputs, LABELS, exclusive=True)
    said = np.concatenate([o.tags for o in outputs])
    truth = np.array([LABELS.index(o.track.label) for o in outputs])
    sure = said.max(axis=1) >= trust.thresholds["unsure_below"]
    assert (said.argmax(axis=1) == truth).mean() < 2 / 3 < (said.argmax(axis=1) == truth)[sure].mean() + 0.05


def test_the_area_under_the_curve_counts_pairs() -> None:
    said = np.array([[0.9], [0.4], [0.4], [0.1]])
    holds = np.array([[1.0], [1.0], [0.0], [0.0]])
    assert mean_area_under_curve(said, holds) == pytest.approx(3.5 / 4)
    assert mean_area_under_curve(said, np.ones((4, 1))) == 0.5


def test_balanced_accuracy_counts_every_label_the_same() -> None:
    said = np.eye(2)[[0, 0, 0, 0]]
    assert balanced_accuracy(said, np.eye(2)[[0, 0, 0, 1]]) == 0.5
