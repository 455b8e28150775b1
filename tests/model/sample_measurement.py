"""A measurement of made-up answers: everything that a report can hold, with names that mean harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model.ablation import Ablation, AblationRow
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackOutputs
from model.learning_curve import CurvePoint, LearningCurve
from model.measurement import Measurement, _reliability, label_scores, source_scores
from model.measures.bootstrap import Estimate
from model.measures.cost import Cost
from model.measures.streaming import StreamingScores
from model.measures.worst import worst_clips
from model.parts import NetworkPart
from model.results import Results

HOSTILE_LABEL = "</script><b>rock"
HOSTILE_FILE = '"><img src=x onerror="document.title=1">'
LABELS = ("blues", "jazz", HOSTILE_LABEL)


def results(*, exclusive: bool = True, tracks: int = 60, seed: int = 0) -> Results:
    """Answers that are right about two times in three; every third track has two labels if that is allowed."""
    rng = np.random.default_rng(seed)
    found = Results(LABELS, exclusive=exclusive)
    outputs = []
    for number in range(tracks):
        label = number % 3
        held = {label} if exclusive or number % 4 else {label, (label + 1) % 3}
        scores = rng.normal(0.0, 1.0, (4, 3)) + rng.normal(0.0, 1.2, 3) + 2.0 * np.isin(range(3), list(held))
        own = 1.0 / (1.0 + np.exp(-scores))
        if exclusive:
            own = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        track = LabelledTrack(
            Path(f"/music/{HOSTILE_FILE}-{number}.flac"),
            "ab"[number % 2],
            tuple(LABELS[at] for at in sorted(held)),
            f"artist {number // 2}",
        )
        outputs.append(TrackOutputs(track, np.zeros((4, 2), np.float32), own.astype(np.float32)))
    found.add("track", outputs, (NetworkPart(exclusive, 1.0),), 1.0)
    found.add("band-limited", outputs, (NetworkPart(exclusive, 1.0),), 3.0)
    return found


def measurement(*, exclusive: bool = True, name: str = "sample") -> Measurement:
    """Everything filled in."""
    found = results(exclusive=exclusive)
    answers = found.answers()
    estimate = Estimate(0.7, (0.6, 0.8))
    return Measurement(
        name=name,
        title="A sample <i>",
        exclusive=exclusive,
        network="small",
        licence="MIT",
        data="Music & <more>",
        citation="one's own",
        notes=("One file was left out: </style>.",),
        threshold=0.4,
        report=found.report(name, "the bundle as it is", 0.4),
        labels=label_scores(answers, exclusive=exclusive, shown_from=0.4),
        roc_auc=estimate,
        pr_auc=estimate,
        reliability=_reliability(answers, exclusive=exclusive),
        sources=source_scores(answers, exclusive=exclusive),
        worst=worst_clips(answers, exclusive=exclusive, hop_seconds=3.0),
        cost=Cost(2.1, 0.6, "CPU", 600_000, 2_500_000, 3.0),
        history=tuple(
            {"epoch": n, "loss": 2.0 / n, "validation_loss": 2.2 / n, "validation_score": 1 - 1 / n}
            for n in range(1, 9)
        ),
        card="# A card\n\n<script>document.title=2</script>",
        streaming=StreamingScores(600.0, 10, 30, 0.9, 3.4, 7.5, 3.0, estimate, 0.1, 0.15, 0.05, 1.4),
        curve=LearningCurve((CurvePoint(10.0, (0.4, 0.5)), CurvePoint(40.0, (0.6,))), 5, 2),
        ablation=Ablation((AblationRow("as it is", estimate), AblationRow("without", Estimate(0.6, (0.5, 0.7)))), 5),
    )
