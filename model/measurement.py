"""Everything that was measured of a bundle on labelled music: what the report shows, and its JSON holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.ablation import Ablation
from model.embeddings import HOP_SECONDS
from model.evaluation import Evaluation
from model.evaluation_report import EvaluationReport, Report
from model.learning_curve import LearningCurve
from model.measures.answers import Answers
from model.measures.bootstrap import Estimate, draw_artists, interval
from model.measures.cost import Cost
from model.measures.ranking import areas, macro, macro_intervals
from model.measures.reliability import Bin, reliability
from model.measures.rounding import rounded
from model.measures.streaming import StreamingScores
from model.measures.worst import WorstClip, worst_clips
from model.scores import balanced_rounds, label_weights
from model.tag_report import TagReport
from model.tag_scores import f1_by_tag

SCHEMA = 2
"""Of the JSON. 1 was the report alone, whose fields are still there under the same names."""
CARD_FILE = "card.md"


@dataclass(frozen=True)
class LabelScores:
    """One label. precision, recall, f1 : of the label on top, or of those shown where several hold; 0..1.

    roc_auc, pr_auc : against all other labels; None where all tracks of the test have it, or none.
    """

    label: str
    tracks: int
    groups: int
    precision: float
    recall: float
    f1: float
    roc_auc: float | None
    pr_auc: float | None


@dataclass(frozen=True)
class SourceScores:
    """The tracks of one source. score : balanced accuracy over the labels that it has; where several labels hold, the
    share of tracks whose likeliest label holds."""

    source: str
    tracks: int
    groups: int
    labels: int
    score: Estimate


@dataclass(frozen=True)
class Measurement:
    """See `measure`.

    threshold : below it is "not sure"; where several labels hold, a label is shown from it on.
    roc_auc, pr_auc : means over the labels, each against all others.
    history : a record for every epoch of its training, if the bundle has them.
    """

    name: str
    title: str
    exclusive: bool
    network: str
    licence: str
    data: str
    citation: str
    notes: tuple[str, ...]
    threshold: float
    report: Report
    labels: tuple[LabelScores, ...]
    roc_auc: Estimate | None
    pr_auc: Estimate | None
    reliability: tuple[Bin, ...]
    sources: tuple[SourceScores, ...]
    worst: tuple[WorstClip, ...]
    cost: Cost
    history: tuple[Mapping[str, float], ...]
    card: str
    streaming: StreamingScores | None = None
    curve: LearningCurve | None = None
    ablation: Ablation | None = None

    @property
    def main_score(self) -> Estimate | None:
        """What counts most: balanced accuracy of tracks, or mean ROC-AUC where several labels hold."""
        return self.report.track.balanced_accuracy if isinstance(self.report, EvaluationReport) else self.roc_auc

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`; numbers to four places. docs/evaluation.md says what is in it."""
        values = {name: value for name, value in vars(self).items() if name not in ("report", "labels", "card")}
        plain = {name: _plain(value) for name, value in values.items()}
        per_label = [asdict(label) for label in self.labels]
        return {"schema": SCHEMA, **self.report.to_json(), **dict(rounded({**plain, "per_label": per_label}))}


def measure(
    evaluation: Evaluation,
    cost: Cost,
    *,
    streaming: StreamingScores | None = None,
    curve: LearningCurve | None = None,
    ablation: Ablation | None = None,
) -> Measurement:
    """Compute every figure from the answers of an evaluation."""
    bundle, answers = evaluation.bundle, evaluation.results.answers()
    report = evaluation.report()
    draws = draw_artists(answers.groups)
    mean = macro(areas(answers.truth, answers.probabilities, answers.known))
    roc = pr = None
    if isinstance(report, TagReport):
        roc, pr = report.track.roc_auc, report.track.pr_auc
    elif mean is not None:
        of_roc, of_pr = macro_intervals(answers.truth, answers.probabilities, draws)
        roc, pr = Estimate(mean.roc, of_roc), Estimate(mean.pr, of_pr)
    return Measurement(
        name=bundle.name,
        title=bundle.title,
        exclusive=bundle.exclusive,
        network=bundle.architecture,
        licence=bundle.licence,
        data=_data_title(evaluation),
        citation=evaluation.dataset.citation,
        notes=(*(f"{note.rstrip('.')}." for note in evaluation.dataset.notes), *evaluation.left_out),
        threshold=evaluation.threshold,
        report=report,
        labels=label_scores(answers, exclusive=bundle.exclusive, shown_from=evaluation.threshold),
        roc_auc=roc,
        pr_auc=pr,
        reliability=_reliability(answers, exclusive=bundle.exclusive),
        sources=source_scores(answers, exclusive=bundle.exclusive),
        worst=worst_clips(answers, exclusive=bundle.exclusive, hop_seconds=HOP_SECONDS),
        cost=cost,
        history=read_history(bundle.metrics),
        card=_read_card(bundle.folder),
        streaming=streaming,
        curve=curve,
        ablation=ablation,
    )


def _data_title(evaluation: Evaluation) -> str:
    dataset = evaluation.dataset
    return (
        f"{dataset.name} ({dataset.title[0].lower()}{dataset.title[1:]})"
        if dataset.title[:2] == "A "
        else dataset.title
    )


def label_scores(answers: Answers, *, exclusive: bool, shown_from: float) -> tuple[LabelScores, ...]:
    """Every label for itself.

    shown_from : used where several labels hold.
    """
    probabilities, truth = answers.probabilities, answers.truth
    if exclusive:
        shown = np.arange(len(answers.labels)) == probabilities.argmax(axis=1)[:, None]
    else:
        shown = (probabilities >= shown_from) & answers.known
    both = (shown & truth).sum(axis=0)
    precision = both / np.maximum(shown.sum(axis=0), 1)
    recall = both / np.maximum(truth.sum(axis=0), 1)
    f1 = f1_by_tag(shown, truth)
    groups = np.array(answers.groups)
    return tuple(
        LabelScores(
            label=label,
            tracks=int(truth[:, index].sum()),
            groups=len(set(groups[truth[:, index]])),
            precision=float(precision[index]),
            recall=float(recall[index]),
            f1=float(f1[index]),
            roc_auc=area.roc if area else None,
            pr_auc=area.pr if area else None,
        )
        for index, (label, area) in enumerate(
            zip(answers.labels, areas(truth, probabilities, answers.known), strict=True)
        )
    )


def source_scores(answers: Answers, *, exclusive: bool) -> tuple[SourceScores, ...]:
    """Every source for itself, by name."""
    sources = np.array([track.dataset for track in answers.tracks])
    groups = np.array(answers.groups)
    ranked = np.where(answers.known, answers.probabilities, -1.0)
    right = answers.truth[np.arange(len(answers.truth)), ranked.argmax(axis=1)]
    truth = answers.truth.argmax(axis=1)
    found = []
    for source in sorted(set(sources.tolist())):
        here = sources == source
        draws = draw_artists(groups[here].tolist())
        estimate = draws.mean(right[here])
        if exclusive:
            value = float((label_weights(truth[here]) * right[here]).sum())
            estimate = Estimate(value, interval(balanced_rounds(right[here], truth[here], draws)))
        labels = int(answers.truth[here].any(axis=0).sum())
        found.append(SourceScores(source, int(here.sum()), len(set(groups[here].tolist())), labels, estimate))
    return tuple(found)


def read_history(metrics: Mapping[str, Any]) -> tuple[Mapping[str, float], ...]:
    """The records of `metrics["history"]`, as far as they are numbers by name: bundles may come from strangers."""
    found = metrics.get("history")
    if not isinstance(found, list) or len(found) > _MOST_EPOCHS:
        return ()
    records = []
    for record in found:
        if isinstance(record, dict):
            numbers = {str(name): float(value) for name, value in list(record.items())[:50] if _is_number(value)}
            if numbers:
                records.append(numbers)
    return tuple(records)


_MOST_EPOCHS = 10_000
_LONGEST_CARD = 200_000


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _read_card(folder: Path) -> str:
    try:
        with (folder / CARD_FILE).open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST_CARD)
    except OSError:
        return ""


def _reliability(answers: Answers, *, exclusive: bool) -> tuple[Bin, ...]:
    if not exclusive:
        return reliability(answers.probabilities[answers.known], answers.truth[answers.known])
    named = answers.probabilities.argmax(axis=1)
    truth = answers.truth.argmax(axis=1)
    return reliability(answers.probabilities.max(axis=1), named == truth, weights=label_weights(truth))


def _plain(value: Any) -> Any:
    """Records, and tuples of them, as what JSON knows."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(item) for name, item in vars(value).items()}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
