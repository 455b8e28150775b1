"""The command line. Nothing heavy is imported here: each command imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.data_cli import data_app
from dashboard.page_options import PrivateLinks, with_page_options
from dashboard.train_cli import EXAMPLES as TRAIN_EXAMPLES
from dashboard.train_cli import train
from model.errors import GenrescopeError, SettingError

if TYPE_CHECKING:
    from dashboard.live import PageOptions

app = typer.Typer(
    name="genrescope",
    help="Listens to music and shows, live, in a web page, what genre it hears and how sure it is.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data_app)


class Format(StrEnum):
    """How `classify` prints."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Model = Annotated[str, typer.Option("--model", metavar="NAME", help="Bundle to listen with: a name or a folder.")]
Cpu = Annotated[bool, typer.Option("--cpu", help="Use the CPU even where there is a GPU.")]
Hop = Annotated[float, typer.Option("--hop", metavar="SECONDS", help="Time between two predictions.")]
DEFAULT_MODEL = "genres"


@app.command(
    epilog="[bold]Examples[/]\n\n"
    "genrescope play song.mp3\n\n"
    "genrescope play set/*.flac --loop --speaker none\n\n"
    "genrescope play long-mix.opus --start 1:30 --model tags\n\n"
    "genrescope play talk.wav --share   [dim]# the audience follows on its phones[/]"
)
@with_page_options()
def play(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="wav, flac, mp3, ogg, opus, m4a, aac.")],
    model: Model = DEFAULT_MODEL,
    speaker: Annotated[
        str, typer.Option("--speaker", metavar="auto|none|NAME", help="Where the sound is heard on this machine.")
    ] = "auto",
    loop: Annotated[bool, typer.Option("--loop", help="Begin again after the last file.")] = False,
    start: Annotated[str, typer.Option("--start", metavar="TIME", help="Where to begin: 90 or 1:30.")] = "0",
    hop: Hop = 0.5,
    cpu: Cpu = False,
    *,
    page: PageOptions,
) -> None:
    """Play files and watch their genres move with the music."""
    from dashboard.live import run_page

    run_page(
        page,
        source="file:0",
        model=model,
        cpu=cpu,
        hop_seconds=hop,
        files=files,
        speaker=speaker,
        loop=loop,
        start_seconds=parse_time(start),
    )


@app.command(
    epilog="[bold]Examples[/]\n\n"
    "genrescope listen\n\n"
    "genrescope listen --device monitor   [dim]# what the computer plays[/]\n\n"
    "genrescope listen --device 'USB Audio' --hop 0.25\n\n"
    "genrescope listen https://radio.example/live.mp3   [dim]# internet radio, a song, a page yt-dlp knows[/]"
)
@with_page_options()
def listen(
    link: Annotated[str, typer.Argument(metavar="[LINK]", help="Address of a radio station, a song, a page.")] = "",
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="Device, or part of its name; see `genrescope devices`.")
    ] = "",
    model: Model = DEFAULT_MODEL,
    hop: Hop = 0.5,
    cpu: Cpu = False,
    *,
    page: PageOptions,
) -> None:
    """Listen to the sound card (a microphone, a line input, what the computer plays), or to a link."""
    from dashboard.links import link_key
    from dashboard.live import run_page

    if link and device:
        raise SettingError("--device and a link", rule="one thing is listened to", next_step="Leave one of them out")
    run_page(
        page,
        source=link_key(link) if link else f"device:{device}",
        model=model,
        cpu=cpu,
        hop_seconds=hop,
    )


@app.command(
    epilog="[bold]Examples[/]\n\ngenrescope serve\n\n"
    "genrescope serve --host 0.0.0.0 --port 9000   [dim]# others may look, with the password it prints[/]"
)
@with_page_options()
def serve(
    model: Model = DEFAULT_MODEL,
    hop: Hop = 0.5,
    cpu: Cpu = False,
    *,
    page: PageOptions,
) -> None:
    """Open the page with nothing playing; each page that is opened chooses a source for itself."""
    from dashboard.live import run_page

    run_page(
        page,
        source="",
        model=model,
        cpu=cpu,
        hop_seconds=hop,
    )


@app.command(epilog="[bold]Examples[/]\n\ngenrescope replay talk.genrescope.json")
@with_page_options(without=("share", "allow_private_links"))
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A replay that the page saved (Summary and export).")],
    *,
    page: PageOptions,
) -> None:
    """Show a recorded session again: without network, model or sound card."""
    from dashboard.live import run_page

    run_page(
        page,
        source="",
        model=DEFAULT_MODEL,
        cpu=True,
        hop_seconds=0.5,
        replay=file,
    )


@app.command(epilog="[bold]Examples[/]\n\ngenrescope devices")
def devices() -> None:
    """List the sound devices: names, channels, rates, defaults, loopback inputs."""
    from dashboard.reports import print_devices
    from stream.devices import SoundSystem

    print_devices(SoundSystem())


@app.command(epilog="[bold]Examples[/]\n\ngenrescope models\n\ngenrescope models --card genres")
def models(
    card: Annotated[
        str, typer.Option("--card", metavar="NAME", help="Print the card of this bundle, a name or a folder.")
    ] = "",
) -> None:
    """List the bundles: labels, how much they hear, measured accuracy, cost; or print the card of one."""
    from dashboard.reports import print_card, print_models
    from model.library import Library

    if card:
        print_card(Library(), card)
    else:
        print_models(Library())


@app.command(
    epilog="[bold]Examples[/]\n\n"
    "genrescope classify song.mp3\n\n"
    "genrescope classify *.flac --format csv > windows.csv\n\n"
    "genrescope classify song.wav --format json --model tags\n\n"
    "genrescope classify https://music.example/song.mp3"
)
def classify(
    tracks: Annotated[list[str], typer.Argument(metavar="FILE|LINK...", help="wav, flac, mp3, ogg, opus, m4a, aac.")],
    output: Annotated[Format, typer.Option("--format", help="table, json or csv.")] = Format.TABLE,
    model: Model = DEFAULT_MODEL,
    hop: Hop = 0.5,
    cpu: Cpu = False,
    allow_private_links: PrivateLinks = False,
) -> None:
    """Classify whole tracks: genres of each, probabilities of each window, segments."""
    from dashboard.classify import classify_tracks
    from stream.links.policy import LinkPolicy

    links = LinkPolicy(allow_private=allow_private_links)
    raise typer.Exit(classify_tracks(tracks, output.value, model=model, hop_seconds=hop, cpu=cpu, links=links))


app.command(epilog=TRAIN_EXAMPLES)(train)


@app.command(
    epilog="[bold]Examples[/]\n\n"
    "genrescope evaluate genres --data ~/music   [dim]# a folder with labels.csv[/]\n\n"
    "genrescope evaluate genres --data gtzan:~/gtzan --report genres.html\n\n"
    "genrescope evaluate tags --data fma-small-tags:~/fma --json report.json\n\n"
    "genrescope evaluate genres --data ~/music --learning-curve --ablation\n\n"
    "genrescope evaluate genres my-bundle --data ~/music --markdown   [dim]# side by side[/]\n\n"
    "genrescope evaluate my-bundle --data ~/music --fail-under 0.7   [dim]# exit code 10 if it is worse[/]"
)
def evaluate(
    bundles: Annotated[
        list[str], typer.Argument(metavar="BUNDLE...", help="Name or folder of a bundle; several are compared.")
    ],
    data: Annotated[
        str,
        typer.Option("--data", metavar="SPEC", help="Labelled music: a folder with labels.csv, or see `data list`."),
    ],
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write a page with plots and the worst clips.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the comparison in Markdown.")] = False,
    streaming: Annotated[
        bool | None,
        typer.Option(
            "--streaming/--no-streaming",
            help="Join clips and hear them as the live page does; if not said: where there is a report or JSON.",
        ),
    ] = None,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Train the bundle's recipe on ever more artists (takes minutes).")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Train the recipe with one thing left out at a time (takes minutes).")
    ] = False,
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", metavar="X", help="Exit with 10 if the score of tracks (0 to 1) is lower."),
    ] = None,
    cpu: Cpu = False,
) -> None:
    """Measure bundles with artists kept apart: the figures of the card, and a report to look at.

    The score is balanced accuracy, or the mean ROC-AUC where several labels hold at once.
    """
    from dashboard.evaluate_command import Wanted, run_evaluation

    wanted = Wanted(report, json_file, markdown, streaming, learning_curve, ablation, fail_under, cpu)
    raise typer.Exit(run_evaluation(bundles, data, wanted))


class Part(StrEnum):
    """What `benchmark` measures."""

    LIVE = "live"
    PAGE = "page"
    LOAD = "load"


@app.command(
    epilog="[bold]Examples[/]\n\ngenrescope benchmark\n\ngenrescope benchmark --cpu --json benchmark.json\n\n"
    "genrescope benchmark live page load --markdown   [dim]# the tables of the README[/]"
)
def benchmark(
    parts: Annotated[
        list[Part] | None,
        typer.Argument(
            metavar="[live] [page] [load]",
            help="The live path (the default); the page (needs Chromium, Playwright); a crowd that looks on.",
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
    model: Model = DEFAULT_MODEL,
    cpu: Cpu = False,
) -> None:
    """Measure latency, speed, start-up, memory, and behaviour on the demo mix (some minutes)."""
    from dashboard.benchmark import run_benchmark

    names = {part.value for part in parts or [Part.LIVE]}
    run_benchmark(names, model=model, cpu=cpu, json_file=json_file, markdown=markdown)


def parse_time(text: str) -> float:
    """Seconds from "90", "1:30" or "1:02:03.5"; SettingError for anything else."""
    seconds = 0.0
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(not 0 <= part < float("inf") for part in parts):
        raise SettingError(f"{text!r} is no time", rule="a time is written 90, 1:30 or 1:02:03")
    for part in parts:
        seconds = 60.0 * seconds + part
    return seconds


def main() -> None:
    """Entry point of `genrescope`: one clear line instead of a traceback, and an exit code that says what kind."""
    # Read when NumPy is first imported, which no command has done yet. A window's products of matrices are too small to
    # be shared among threads: where other programs keep the cores busy, threads wait for each other, and a spectrogram
    # that takes less than a tenth of a millisecond alone takes many.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except GenrescopeError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:  # `genrescope classify ... | head`
        # The interpreter flushes on its way out, and must not meet the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]genrescope:[/] {escape(message)}")


if __name__ == "__main__":
    main()
