"""`genrescope classify`: whole files through the live pipeline, as tables, JSON or CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from dashboard.track import ranked, segments_of, track_answer
from model.classifier import BundleClassifier
from model.errors import AudioFileError
from model.library import Library
from stream.offline import HeardFile, hear_file
from stream.settings import StreamSettings

if TYPE_CHECKING:
    from _csv import Writer


def classify_files(files: Sequence[Path], output: str, *, model: str, hop_seconds: float, cpu: bool) -> int:
    """Classify each file and print the result. A bad file is reported, the others are still done.

    output : "table", "json" or "csv".
    Returns the exit code: 0, or that of AudioFileError if any file was bad or ended early.
    """
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    classifier = Library().open(model, device="cpu" if cpu else "auto")
    settings = StreamSettings(hop_seconds=hop_seconds)
    missing = [path for path in files if not path.exists()]
    if len(missing) == len(files):
        # Before seconds are spent on loading the network.
        raise AudioFileError(f"{missing[0]} does not exist", next_step="Check the name")
    classifier.load()
    printer = _PRINTERS[output](classifier)
    bad = 0
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} s of music"),
        TimeRemainingColumn(),
        console=complaints,
        transient=True,
        disable=not complaints.is_terminal,
    ) as progress:
        for path in files:
            task = progress.add_task(escape(path.name), total=None)
            try:
                heard = hear_file(path, classifier, settings, progress=partial(_advance, progress, task))
            except AudioFileError as error:
                bad += 1
                complaints.print(f"[bold red]genrescope:[/] {escape(str(error))}")
                continue
            finally:
                progress.remove_task(task)
            if heard.problem:
                bad += 1
                complaints.print(f"[bold red]genrescope:[/] {escape(heard.problem)}")
            printer.file(heard)
    printer.end()
    return AudioFileError.exit_code if bad else 0


def _advance(progress: Progress, task: TaskID, seconds: float) -> None:
    progress.update(task, completed=seconds)


class _Printer(Protocol):
    def file(self, heard: HeardFile) -> None: ...

    def end(self) -> None: ...


class _TablePrinter:
    """For people: one table of tracks, with their segments."""

    def __init__(self, classifier: BundleClassifier) -> None:
        self._classifier = classifier
        self._table = Table("Track", "Length", "Genres", "Segments", header_style="bold", show_lines=True)
        self._rows = 0

    def file(self, heard: HeardFile) -> None:
        best = ranked(heard.mean_probabilities(), self._classifier.labels, 3)
        genres = "\n".join(f"{label} {probability:.0%}" for label, probability in best) or "silence"
        segments = "\n".join(str(segment) for segment in segments_of(heard, self._classifier))
        self._table.add_row(escape(heard.title), _clock(heard.seconds), genres, segments)
        self._rows += 1

    def end(self) -> None:
        if self._rows:
            Console(highlight=False).print(self._table)


class _JsonPrinter:
    """For programs: one object with everything."""

    def __init__(self, classifier: BundleClassifier) -> None:
        self._classifier = classifier
        self._tracks: list[dict[str, Any]] = []

    def file(self, heard: HeardFile) -> None:
        self._tracks.append({"file": str(heard.path), **track_answer(heard, self._classifier)})

    def end(self) -> None:
        classifier = self._classifier
        answer = {"model": classifier.name, "labels": list(classifier.labels), "tracks": self._tracks}
        json.dump(answer, sys.stdout, indent=1, ensure_ascii=False)
        print()


class _CsvPrinter:
    """For spreadsheets: one line per window, smoothed probabilities."""

    def __init__(self, classifier: BundleClassifier) -> None:
        self._writer: Writer = csv.writer(sys.stdout)
        self._writer.writerow(["file", "end_seconds", "verdict", *classifier.labels])

    def file(self, heard: HeardFile) -> None:
        for window in heard.windows:
            values = [f"{value:.4f}" for value in window.probabilities]
            self._writer.writerow([heard.path, f"{window.end_seconds:.3f}", window.verdict.value, *values])

    def end(self) -> None:
        sys.stdout.flush()


_PRINTERS: dict[str, Callable[[BundleClassifier], _Printer]] = {
    "table": _TablePrinter,
    "json": _JsonPrinter,
    "csv": _CsvPrinter,
}


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
