"""`python -m model.teaching`: the steps of teaching the student, in the order in which they are needed."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from model.errors import GenrescopeError

DEFAULT_FOLDER = Path.home() / ".cache" / "genrescope" / "teaching"
_HELD_OUT_SHARDS = 4

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
Folder = Annotated[Path, typer.Option(help="Where everything is kept, outside the project.")]
Teacher = Annotated[Path, typer.Option(help="mn04_as as a Keras model, its list of classes beside it.")]


@app.command("free-music")
def free_music(folder: Folder = DEFAULT_FOLDER) -> None:
    """Fetch freely licensed music from Debian's packages (some 8 GB)."""
    from model.teaching.free_music import fetch

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("fetching", total=None)
        count = fetch(
            folder / "free-music",
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            warn=bar.console.print,
        )
    print(f"{count} recordings in {folder / 'free-music'}")


@app.command()
def speech(folder: Folder = DEFAULT_FOLDER, count: int = 300) -> None:
    """Have sentences spoken, so that speech can be told from music."""
    from model.teaching.speech import speak

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("speaking", total=count)
        speak(folder / "speech", count, progress=lambda done, total: bar.update(task, completed=done))
    print(f"{count} recordings in {folder / 'speech'}")


@app.command("rendered")
def render_music(
    folder: Folder = DEFAULT_FOLDER,
    pieces: Annotated[int, typer.Option(help="Over each accompaniment of MMA's library.")] = 4,
    songs: Annotated[int, typer.Option(help="In twelve electronic styles, together.")] = 96,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Have music played by programs, in styles and with instruments that the recordings lack. Needs mma, fluidsynth."""
    from model.teaching.corpus import RENDERED_FOLDER
    from model.teaching.rendered import render

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("rendering", total=None)
        count = render(
            folder / RENDERED_FOLDER,
            pieces=pieces,
            songs=songs,
            workers=jobs,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            warn=bar.console.print,
        )
    print(f"{count} pieces in {folder / RENDERED_FOLDER}")


@app.command("prepare")
def prepare_corpus(
    data: Annotated[list[str], typer.Option(help="A data set's SPEC; may be given several times.")],
    music: Annotated[list[Path] | None, typer.Option(help="A folder of music without labels; likewise.")] = None,
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Decode all sound into one corpus; what `free-music`, `rendered` and `speech` left is part of it."""
    from model.teaching.corpus import RENDERED_FOLDER, SAMPLE_RATE, prepare

    own = [folder / name for name in ("free-music", RENDERED_FOLDER, "speech") if (folder / name).is_dir()]
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("decoding", total=None)
        corpus = prepare(
            folder / "corpus",
            data,
            [*own, *(music or [])],
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            warn=bar.console.print,
        )
    hours = sum(recording.length for recording in corpus.recordings) / SAMPLE_RATE / 3600.0
    held_out = sum(recording.length for recording in corpus.recordings if recording.held_out)
    print(
        f"{len(corpus.recordings)} recordings, {len({r.group for r in corpus.recordings})} groups, {hours:.1f} h, "
        f"of which {held_out / SAMPLE_RATE / 3600.0:.1f} h are kept for testing"
    )


@app.command("examples")
def make_examples(
    teacher: Teacher,
    shards: Annotated[int, typer.Option(help="Shards of 1,024 examples to teach with.")] = 200,
    jobs: Annotated[int, typer.Option(help="Processes, one core each.")] = 2,
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Make and label examples. Can be stopped and started again: what is there is not made anew."""
    from model.teaching.examples import ShardRange, write_shards
    from model.training.workers import one_thread_each

    wanted = [
        ShardRange(side, first, stop, jobs)
        for side, stop in (("plain", _HELD_OUT_SHARDS), ("altered", _HELD_OUT_SHARDS), ("train", shards))
        for first in range(jobs)
    ]
    context = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for made in [pool.submit(write_shards, folder / "corpus", folder / "examples", teacher, one) for one in wanted]:
            made.result()
    print(f"{len(list((folder / 'examples').glob('train-*.targets.npz')))} shards in {folder / 'examples'}")


@app.command("train")
def train_student(
    folder: Folder = DEFAULT_FOLDER,
    epochs: Annotated[int, typer.Option(help="How often every example is heard.")] = 10,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    seed: int = 1,
    start_from: Annotated[Path | None, typer.Option(help="The folder of a student that this one is at first.")] = None,
) -> None:
    """Train the student on the examples. Ctrl-C stops it after the step; the same command goes on."""
    from model.teaching.student import LessonPlan, train
    from model.training.interruption import Interruption
    from model.training.loop import LoopSettings

    loop = LoopSettings(epochs=epochs, patience=epochs, learning_rate=learning_rate, weight_decay=1e-3)
    plan = LessonPlan(batch_size=batch_size, seed=seed, loop=loop)
    with Interruption() as interruption:
        _, outcome = train(
            folder / "examples",
            folder / "student",
            plan,
            start=start_from,
            interruption=interruption,
            watcher=_Printed(),
        )
    print("finished" if outcome.finished else "stopped; the same command goes on", folder / "student")


@app.command("agreement")
def measure_agreement(folder: Folder = DEFAULT_FOLDER) -> None:
    """Compare the student with its teachers on artists it never heard, and show how it learned: tables, curves."""
    from model.teaching.report import agreement_table, agreements, history_chart, history_table
    from model.teaching.student import read_student

    student = read_student(folder / "student")
    print(f"{agreement_table(agreements(folder / 'examples', student))}\n\n{history_table(student)}")
    print(f"\n{history_chart(student)}")


@app.command("bundle")
def make_bundle(
    out: Annotated[Path, typer.Option(help="Folder of the new bundle.")],
    beside: Annotated[str, typer.Option(help="A bundle whose network is to stand beside the student.")] = "",
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Write the student as a bundle, for `python -m model.build_genres --base` and the like."""
    from model.library import Library
    from model.teaching.student_bundle import write_student

    other = Library().open(beside).bundle if beside else None
    written = write_student(folder / "examples", folder / "student", out, beside=other)
    print(f"{written.title} in {written.folder}, {written.size_bytes / 1e6:.1f} MB")


class _Printed:
    """Says how a training goes, a line for every epoch (a `model.training.loop.Watcher`)."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        if sys.stderr.isatty():
            print(f"epoch {epoch}: {step}/{steps}, loss {loss:.4f}", end="\r", file=sys.stderr)

    def epoch(self, record: Mapping[str, float], best: bool) -> None:
        values = ", ".join(f"{name} {value:.4g}" for name, value in record.items() if name != "epoch")
        print(f"epoch {record['epoch']:.0f}: {values}{', best so far' if best else ''}", flush=True)


def main() -> int:
    """The command; errors in words."""
    try:
        app(standalone_mode=False)
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except typer.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
