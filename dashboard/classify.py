"""`genrescope classify`: whole tracks through the live pipeline, as tables, JSON or CSV."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from dashboard.links import checked_link
from dashboard.track import ranked, said, segments_of, track_answer
from model.classifier import BundleClassifier
from model.errors import AudioFileError, LinkError
from model.library import Library
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from stream.offline import HeardFile, hear_file
from stream.settings import StreamSettings

MOST_SAID = 8
"""Tags of a track in the table, where several hold at once."""

if TYPE_CHECKING:
    from _csv import Writer


def classify_tracks(
    tracks: Sequence[str], output: str, *, model: str, hop_seconds: float, cpu: bool, links: LinkPolicy
) -> int:
    """Classify each file or link and print the result. A bad one is reported, the others are still done.

    output : "table", "json" or "csv".
    links : where links may lead, and how much is fetched.
    Returns the exit code: 0, or that of AudioFileError if any track was bad or ended early.
    """
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    classifier = Library().open(model, device="cpu" if cpu else "auto")
    settings = StreamSettings(hop_seconds=hop_seconds)
    missing = [track for track in tracks if not _is_link(track) and not Path(track).exists()]
    if len(missing) == len(tracks):
        # Before seconds are spent on loading the network.
        raise AudioFileError(f"{missing[0]} does not exist", next_step="Check the name")
    classifier.load()
    printer = _PRINTERS[output](classifier)
    web = Web(links)
    bad = 0
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(),
        console=complaints,
        transient=True,
        disable=not complaints.is_terminal,
    ) as progress:
        for track in tracks:
            task = progress.add_task(escape(track if _is_link(track) else Path(track).name), total=None, unit="")
            try:
                with _at_hand(track, web, partial(_advance, progress, task, "MB fetched", 1e-6)) as (path, title):
                    advance = partial(_advance, progress, task, "s of music", 1.0)
                    heard = hear_file(path, classifier, settings, progress=advance)
                if title is not None:
                    heard = replace(heard, title=title, problem=heard.problem.replace(str(path), track))
            except (AudioFileError, LinkError) as error:
                bad += 1
                complaints.print(f"[bold red]genrescope:[/] {escape(str(error))}")
                continue
            finally:
                progress.remove_task(task)
            if heard.problem:
                bad += 1
                complaints.print(f"[bold red]genrescope:[/] {escape(heard.problem)}")
            printer.track(track, heard)
    printer.end()
    return AudioFileError.exit_code if bad else 0


def _is_link(track: str) -> bool:
    return track.lower().startswith(("http://", "https://"))


@contextmanager
def _at_hand(track: str, web: Web, fetched: Callable[..., None]) -> Iterator[tuple[Path, str | None]]:
    """The track as a file, and what the web calls it (None for a file). What was fetched is removed afterwards."""
    if not _is_link(track):
        yield Path(track), None
        return
    # What links are made of is loaded with the first of them.
    from stream.links.fetch import fetch_whole
    from stream.links.playable import find_playable

    with tempfile.TemporaryDirectory(prefix="genrescope-link-", ignore_cleanup_errors=True) as folder:
        playable = find_playable(checked_link(track), web)
        yield fetch_whole(playable, Path(folder), web, progress=fetched), playable.title


def _advance(
    progress: Progress, task: TaskID, unit: str, factor: float, done: float, total: float | None = None
) -> None:
    progress.update(task, completed=done, total=total, unit=f"{done * factor:.0f} {unit}")


class _Printer(Protocol):
    def track(self, name: str, heard: HeardFile) -> None: ...

    def end(self) -> None: ...


class _TablePrinter:
    """For people: one table of tracks, with their segments."""

    def __init__(self, classifier: BundleClassifier) -> None:
        self._classifier = classifier
        self._table = Table("Track", "Length", "Genres", "Segments", header_style="bold", show_lines=True)
        self._rows = 0

    def track(self, name: str, heard: HeardFile) -> None:
        mean = heard.mean_probabilities()
        # Of tags that hold at once, all that are said; else the first three, of which one is right.
        named = [] if self._classifier.exclusive else said(mean, self._classifier)
        best = named[:MOST_SAID] or ranked(mean, self._classifier.labels, 3)
        genres = "\n".join(f"{label} {probability:.0%}" for label, probability in best) or heard.without_music.value
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

    def track(self, name: str, heard: HeardFile) -> None:
        self._tracks.append({"file": name, **track_answer(heard, self._classifier)})

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

    def track(self, name: str, heard: HeardFile) -> None:
        for window in heard.windows:
            values = [f"{value:.4f}" for value in window.probabilities]
            self._writer.writerow([name, f"{window.end_seconds:.3f}", window.verdict.value, *values])

    def end(self) -> None:
        sys.stdout.flush()


_PRINTERS: dict[str, Callable[[BundleClassifier], _Printer]] = {
    "table": _TablePrinter,
    "json": _JsonPrinter,
    "csv": _CsvPrinter,
}


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
