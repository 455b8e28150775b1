"""What `genrescope data` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from model.datasets.check import Findings, Summary, check, summarise
from model.datasets.download import Download, Outcome
from model.datasets.spec import PUBLISHED, open_dataset
from model.errors import DataError

_NAMED = 20


def print_datasets() -> None:
    """Published data sets, and how one's own music is given."""
    console = Console(highlight=False, soft_wrap=True)
    for name, opened in PUBLISHED.items():
        dataset = opened(Path())
        size = sum(file.about_bytes for file in dataset.remote if file.url)
        by_hand = f"the clips of {dataset.remote[0].path}, which comes from its homepage"
        console.print(f"[bold]{name}:FOLDER[/bold]  {dataset.title}; {f'{size / 1e9:.1f} GB' if size else by_hand}")
        console.print(f"    [dim]licence: {dataset.licence}[/dim]\n    [dim]{dataset.homepage}[/dim]")
    console.print("[bold]folder:FOLDER[/bold]  your music: FOLDER/LABEL/ARTIST/FILE or FOLDER/LABEL/FILE")
    console.print('[bold]FILE.csv[/bold]  your music: path,label\\[,group]\\[,split]; several labels as "jazz;blues"')
    console.print("[bold]FOLDER[/bold]  your music: a folder with labels.csv")
    console.print("[bold]SPEC+SPEC[/bold]  several joined; labels are matched by name")
    console.print("[dim]Fetch a published one with: genrescope data download NAME FOLDER[/dim]")


def print_summary(spec: str, *, labels: str = "") -> None:
    """What is in a data set."""
    dataset = open_dataset(spec, labels=labels)
    with tracks_progress("opening files") as progress:
        summary = summarise(dataset, progress=progress)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(summary.title)}[/bold] ({escape(summary.name)}), licence: {escape(summary.licence)}")
    if summary.citation != "one's own":
        console.print(f"[dim]{escape(summary.citation)}[/dim]")
    kind = "one label each" if summary.exclusive else "several labels at once"
    console.print(
        f"{summary.tracks} tracks, {summary.seconds / 3600:.1f} hours, {summary.groups} groups (artists), {kind}"
    )
    table = Table("Label", "Tracks", "Groups", header_style="bold")
    for count in summary.labels:
        table.add_row(escape(count.label), str(count.tracks), str(count.groups))
    console.print(table)
    console.print(_sides(summary))
    if len(summary.sources) > 1:
        console.print("Sources: " + ", ".join(f"{escape(name)} {count}" for name, count in summary.sources.items()))
    for note in summary.notes:
        console.print(f"{escape(note)}.")
    for warning in summary.warnings:
        console.print(f"[yellow]Beware:[/yellow] {escape(warning.rstrip('.'))}.")


def print_check(spec: str, *, labels: str = "") -> int:
    """Check a data set; the exit code says whether training and evaluation would accept it."""
    dataset = open_dataset(spec, labels=labels)
    with tracks_progress("reading files") as progress:
        found = check(dataset, progress=progress)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{found.files} files, {found.seconds / 3600:.2f} hours of sound could be read.")
    for heading, lines in _faults(found):
        console.print(f"[yellow]{heading}[/yellow]")
        for line in lines[:_NAMED]:
            console.print(f"  {escape(line)}")
        if len(lines) > _NAMED:
            console.print(f"  and {len(lines) - _NAMED} more")
    if found.usable:
        console.print("[green]Fit for training and for tests.[/green]")
        return 0
    console.print("[red]Not fit for training or tests as it is.[/red]")
    return DataError.exit_code


def download_dataset(name: str, folder: Path, *, mirror: str, parallel: int) -> None:
    """Fetch a published data set into a folder."""
    if name not in PUBLISHED:
        raise DataError(f"{name!r} cannot be downloaded", rule=f"published data sets are {', '.join(PUBLISHED)}")
    folder = folder.expanduser()
    console = Console(highlight=False, stderr=True, soft_wrap=True)
    with _Bars(console) as bars:
        download = Download(folder, mirror=mirror, parallel=parallel, progress=bars)
        # What is in a list can be fetched when the list is there.
        outcome = download.run(PUBLISHED[name](folder).remote)
        listed = PUBLISHED[name](folder).remote
        if {file.path for file in listed} - {*outcome.fetched, *outcome.there_before}:
            outcome = download.run(listed)
    _print_outcome(outcome, console, name, folder)


def _print_outcome(outcome: Outcome, console: Console, name: str, folder: Path) -> None:
    before = set(outcome.there_before) - set(outcome.fetched)
    console.print(f"{len(outcome.fetched)} files fetched, {len(before)} were there.")
    if outcome.missing:
        console.print(
            f"[yellow]{len(outcome.missing)} files are not there any more[/yellow]; training leaves them out."
        )
    if outcome.unchecked:
        named = escape(", ".join(outcome.unchecked[:5]))
        console.print(f"No checksum is published of {named}: theirs was written to checksums.json.")
    if outcome.unpacked:
        console.print(f"[dim]{escape(', '.join(outcome.unpacked))} may be removed now: all of it is unpacked.[/dim]")
    console.print(f"Look at it with: genrescope data show {name}:{escape(str(folder))}")


def _sides(summary: Summary) -> str:
    if set(summary.splits) == {""}:
        return "Split: none; folds are made with artists apart."
    named = ", ".join(f"{side or 'on no side'} {count}" for side, count in summary.splits.items())
    return f"Split: {named}."


def _faults(found: Findings) -> Iterator[tuple[str, list[str]]]:
    """Headings, and what belongs under each."""
    if found.broken:
        too_many = ", more than 5 %" if found.too_many_broken else ", which training leaves out"
        yield f"{len(found.broken)} broken files{too_many}:", list(found.broken.values())
    if found.altered:
        yield f"{len(found.altered)} files are not as published:", [str(path) for path in found.altered]
    within = [copies for copies in found.copies if copies not in found.split_copies]
    for kind, copies in (("within a group", within), ("in different groups", found.split_copies)):
        if copies:
            lines = [" = ".join(str(track.path) for track in same) for same in copies]
            yield f"{len(copies)} recordings are there more than once, {kind}:", lines
    if found.across:
        lines = [f"{group}: {', '.join(sides)}" for group, sides in found.across.items()]
        yield f"{len(found.across)} groups are on several sides of the split:", lines
    if found.problems:
        yield "Labels:", list(found.problems)


@contextmanager
def tracks_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work on one track after the other; yields what is told how many are done, of how many."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


class _Bars:
    """A bar for every file that is being fetched or unpacked."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, name: str, total_bytes: int, done_bytes: int = 0) -> None:
        self._tasks[name] = self._bars.add_task(escape(name), total=total_bytes, completed=done_bytes)

    def advance(self, name: str, done_bytes: int, total_bytes: int) -> None:
        self._bars.update(self._tasks[name], completed=done_bytes, total=total_bytes or None)

    def end(self, name: str) -> None:
        self._bars.remove_task(self._tasks.pop(name))
