"""What `genrescope train` does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from model.training.interruption import INTERRUPTED_EXIT_CODE, Interruption
from model.training.settings import TrainingSettings
from model.training.training import TrainingResult, train

if TYPE_CHECKING:
    from model.training.tensorboard import TensorBoardLog

_STOPPING = "Stopping: what is done is kept, and the best epoch is written. Press ctrl-C again to stop at once."


def run_training(settings: TrainingSettings) -> int:
    """Train, say how it goes, and return the exit code: 130 if it was interrupted."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        log = _open_log(settings)
        if log is not None:
            stack.callback(log.close)
        told = stack.enter_context(_Told(console, log))
        interruption = stack.enter_context(Interruption(_STOPPING))
        try:
            result = train(settings, interruption, told)
        except KeyboardInterrupt:
            console.print("[yellow]Stopped at once.[/yellow] What was kept before is there still.")
            return INTERRUPTED_EXIT_CODE
    _print_result(console, settings, result)
    return 0 if result.finished else INTERRUPTED_EXIT_CODE


def _open_log(settings: TrainingSettings) -> TensorBoardLog | None:
    if settings.tensorboard is None:
        return None
    from model.training.tensorboard import TensorBoardLog

    return TensorBoardLog(settings.tensorboard)


def _print_result(console: Console, settings: TrainingSettings, result: TrainingResult) -> None:
    folder = escape(str(settings.out))
    if result.report is not None:
        print(result.report.to_text())
    if result.bundle is not None and not result.finished:
        console.print(f"[yellow]Interrupted:[/yellow] the best epoch so far was written to {folder}.")
    elif result.bundle is not None:
        console.print(f"[green]Written to {folder}[/green]; its card is {folder}/card.md.")
    else:
        console.print("[yellow]Interrupted[/yellow] before there was anything to write.")
    if not result.finished:
        console.print("Start it again with the same options to go on: what is done is kept.")
    else:
        console.print(f"Listen with it: genrescope play SONG --model {folder}")


class _Told:
    """Shows a bar for what is under way and a line for every epoch."""

    def __init__(self, console: Console, log: TensorBoardLog | None) -> None:
        self._console = console
        self._log = log
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[more]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Told:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def progress(self, what: str, done: int, total: int) -> None:
        self._advance(what, done, total)

    def note(self, sentence: str) -> None:
        self._console.print(f"[dim]{escape(sentence)}[/dim]")

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        self._advance(f"epoch {epoch}", step, steps, more=f"loss {loss:.3f}")

    def epoch(self, record: Mapping[str, float], best: bool) -> None:
        line = (
            f"epoch {record['epoch']}: loss {record['loss']:.3f}; validation: score {record['validation_score']:.3f}, "
            f"loss {record['validation_loss']:.3f}"
        )
        self._console.print(f"{line}  [green]best[/green]" if best else line)
        if self._log is not None:
            self._log.epoch(record)

    def _advance(self, what: str, done: int, total: int, *, more: str = "") -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(escape(what), total=total, more=more)
        self._bars.update(self._tasks[what], completed=done, more=more)
        if done >= total:
            self._bars.remove_task(self._tasks.pop(what))
