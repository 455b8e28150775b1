"""What `genrescope evaluate` does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from model.errors import DataError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from model.classifier import BundleClassifier
    from model.comparison import Comparison
    from model.evaluation import Evaluation
    from model.measurement import Measurement

TOO_LOW = 10
"""Exit code if a bundle scores less than `--fail-under`."""
Step = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Wanted:
    """What `genrescope evaluate` was asked for, besides the figures of the card.

    streaming : None: if there is a report or a JSON file for it to stand in.
    fail_under : the lowest score of tracks (balanced accuracy, or ROC-AUC) that is good enough; None if any is.
    """

    report: Path | None = None
    json: Path | None = None
    markdown: bool = False
    streaming: bool | None = None
    learning_curve: bool = False
    ablation: bool = False
    fail_under: float | None = None
    cpu: bool = False


def run_evaluation(bundles: Sequence[str], data: str, wanted: Wanted) -> int:
    """Measure bundles, print what was found, write what was asked for; returns the exit code."""
    _check(bundles, wanted)
    from model.comparison import CommonTracks, compare
    from model.datasets.spec import open_dataset
    from model.library import Library

    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    library = Library()
    classifiers = [library.open(name, device="cpu" if wanted.cpu else "auto") for name in bundles]
    for classifier in classifiers:
        _require_recipe(classifier, wanted)
    dataset = open_dataset(data)
    music = CommonTracks(dataset, [each.bundle for each in classifiers]) if len(classifiers) > 1 else dataset
    evaluations, measurements = [], []
    for classifier in classifiers:
        warnings: list[str] = []
        prefix = f"{classifier.name}: " if len(classifiers) > 1 else ""
        with _bars(prefix) as step:
            evaluation, measurement = _measure(classifier, music, wanted, step, warnings)
        evaluations.append(evaluation)
        measurements.append(measurement)
        for warning in warnings:
            complaints.print(f"[yellow]{escape(warning)}[/yellow]")
    comparison = None
    if len(classifiers) > 1:
        comparison = compare(evaluations, [measurement.cost for measurement in measurements])
    _print(measurements, comparison, wanted)
    _write(measurements, comparison, wanted)
    return _judge(measurements, wanted.fail_under, complaints)


def _check(bundles: Sequence[str], wanted: Wanted) -> None:
    """Everything that can be wrong is said before anything takes long."""
    if len(set(bundles)) < len(bundles):
        raise SettingError("a bundle is named twice", rule="several bundles are compared with each other")
    if wanted.fail_under is not None and not 0.0 <= wanted.fail_under <= 1.0:
        raise SettingError(f"--fail-under {wanted.fail_under:g} cannot be reached", rule="it lies between 0 and 1")
    for path in (wanted.report, wanted.json):
        if path is not None and (path.is_dir() or not os.access(path.absolute().parent, os.W_OK)):
            raise SettingError(f"{path} cannot be written", rule="it is a file in a folder that exists")
    if find_spec("sklearn") is None:
        raise DataError(
            "scikit-learn is not installed", rule="evaluation needs it", next_step="pip install -e '.[train]'"
        )


def _require_recipe(classifier: BundleClassifier, wanted: Wanted) -> None:
    bundle = classifier.bundle
    if (wanted.learning_curve or wanted.ablation) and (bundle.recipe is None or not bundle.exclusive):
        raise SettingError(
            f"{bundle.name} cannot be trained again by a recipe",
            rule="a learning curve and an ablation train it many times, which takes a recipe in the bundle",
            next_step="Leave --learning-curve and --ablation out, or choose another bundle, for example genres",
        )


def _measure(
    classifier: BundleClassifier, music: object, wanted: Wanted, step: Step, warnings: list[str]
) -> tuple[Evaluation, Measurement]:
    from dashboard.streaming_measures import measure_streaming
    from model.ablation import ablate
    from model.evaluation import examine
    from model.learning_curve import learning_curve
    from model.measurement import measure
    from model.measures.cost import measure_cost
    from model.rendering.rhythms import read_rendered

    trains = wanted.learning_curve or wanted.ablation
    evaluation = examine(classifier, music, for_training=trains, progress=step, warn=warnings.append)  # type: ignore[arg-type]
    cost = measure_cost(classifier)
    bundle, recipe = classifier.bundle, classifier.bundle.recipe
    streaming = wanted.streaming
    if streaming is None:
        streaming = wanted.report is not None or wanted.json is not None
    live = None
    if streaming:
        live = measure_streaming(classifier, evaluation, progress=partial(step, "live"))
    curve = ablation = None
    rendered = read_rendered(bundle) if trains else []
    if wanted.learning_curve and recipe is not None:
        trained = partial(step, "learning curve")
        curve = learning_curve(
            recipe, bundle.labels, bundle.network_tags, evaluation.heard, rendered=rendered, progress=trained
        )
    if wanted.ablation and recipe is not None:
        trained = partial(step, "ablation")
        ablation = ablate(
            recipe, bundle.labels, bundle.network_tags, evaluation.heard, rendered=rendered, progress=trained
        )
    return evaluation, measure(evaluation, cost, streaming=live, curve=curve, ablation=ablation)


@contextmanager
def _bars(prefix: str) -> Iterator[Step]:
    """Progress bars on the terminal, one for each step."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def step(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(f"{escape(prefix)}{name}", total=total)
        bars.update(tasks[name], completed=done)

    with bars:
        yield step


def _print(measurements: Sequence[Measurement], comparison: Comparison | None, wanted: Wanted) -> None:
    for measurement in measurements if comparison is None else ():
        print(measurement.report.to_text())
        print("\n\n".join(lines_of(measurement)))
    for measurement in measurements:
        name = f" ({measurement.name})" if comparison is not None else ""
        if measurement.curve is not None:
            print(f"\nLearning curve{name}:\n\n{measurement.curve.to_text()}", end="")
        if measurement.ablation is not None:
            print(f"\nThe recipe with one thing changed at a time{name}:\n\n{measurement.ablation.to_text()}", end="")
    if comparison is not None and wanted.markdown:
        print(comparison.to_text(), end="")
    elif comparison is not None:
        console = Console(highlight=False)
        head, *rows = comparison.rows()
        table = Table(*head, header_style="bold")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
        console.print(f"[dim]{escape(comparison.to_text().splitlines()[0])}[/dim]")


def lines_of(measurement: Measurement) -> list[str]:
    """What there is to say besides the tables, one sentence or two each."""
    from model.evaluation_report import EvaluationReport

    found = []
    report = measurement.report
    if isinstance(report, EvaluationReport):
        line = f"However labels are spread: {report.track.accuracy} of the tracks are right"
        line += f", {report.window.accuracy} of the windows."
        if measurement.roc_auc is not None and measurement.pr_auc is not None:
            line += f" Each label against the others: ROC-AUC {measurement.roc_auc}, PR-AUC {measurement.pr_auc}."
        found.append(line)
    live = measurement.streaming
    if live is not None:
        delay = "never"
        if live.delay_seconds is not None and live.slow_delay_seconds is not None:
            delay = f"{live.delay_seconds:.1f} s after a change of music (median; nine in ten of them within "
            delay += f"{live.slow_delay_seconds:.1f} s)"
        found.append(
            f"Live, {live.changes} changes in {live.seconds / 60:.0f} minutes: the right label is named {delay}, after "
            f"{live.found:.0%} of them; right {live.right} of the time, not sure {live.not_sure:.3f}, wrong "
            f"{live.wrong:.3f}; {live.flips_per_minute:.1f} flips a minute."
        )
    cost = measurement.cost
    found.append(
        f"Cost of a window on this machine: network {cost.network_ms:.1f} ms ({cost.device}), spectrogram "
        f"{cost.front_end_ms:.1f} ms; {cost.parameters / 1e6:.2f} million weights, "
        f"{cost.size_bytes / 1e6:.1f} MB on disk."
    )
    return found


def _write(measurements: Sequence[Measurement], comparison: Comparison | None, wanted: Wanted) -> None:
    if wanted.json is not None:
        values = measurements[0].to_json()
        if comparison is not None:
            values = {
                "schema": values["schema"],
                "comparison": comparison.to_json(),
                "bundles": [measurement.to_json() for measurement in measurements],
            }
        _write_whole(wanted.json, json.dumps(values, indent=1, ensure_ascii=True, allow_nan=False) + "\n")
    if wanted.report is not None:
        from dashboard.evaluation_page import evaluation_page

        _write_whole(wanted.report, evaluation_page(measurements, comparison))


def _write_whole(path: Path, content: str) -> None:
    """Write a file so that nobody ever sees a part of it."""
    draft = path.with_name(f".{path.name}.partial")
    try:
        draft.write_text(content, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise SettingError(
            f"{path} cannot be written", rule=error.strerror or "", next_step="Make room, or choose another place"
        ) from error


def _judge(measurements: Sequence[Measurement], fail_under: float | None, complaints: Console) -> int:
    code = 0
    for measurement in measurements if fail_under is not None else ():
        score = measurement.main_score
        if score is None or score.value < fail_under:  # type: ignore[operator]
            found = "nothing" if score is None else f"{score.value:.3f}"
            complaints.print(
                f"[bold red]genrescope:[/] {escape(measurement.name)} reaches {found}, not {fail_under:g}."
            )
            code = TOO_LOW
    return code
