"""`genrescope data ...`: what can be learned from, and whether it is fit for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(
    name="data",
    help="Labelled music to train on and to test with: what there is, what is in it, whether it is fit for use.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="A data set; see `genrescope data list`.")]
Labels = Annotated[str, typer.Option("--labels", metavar="A,B,...", help="Of these labels only.")]


@data_app.command("list")
def list_data() -> None:
    """What a SPEC can be: published data sets with licence and size, and one's own music."""
    from dashboard.data_command import print_datasets

    print_datasets()


@data_app.command(
    epilog="[bold]Examples[/]\n\ngenrescope data show folder:~/music\n\n"
    "genrescope data show gtzan:~/gtzan+songs.csv   [dim]# two joined[/]"
)
def show(spec: Spec, labels: Labels = "") -> None:
    """Tracks, hours, labels, groups (artists) and splits of a data set, and what to beware of."""
    from dashboard.data_command import print_summary

    print_summary(spec, labels=labels)


@data_app.command(
    epilog="[bold]Examples[/]\n\ngenrescope data check songs.csv   [dim]# exit code 6 if training would refuse it[/]"
)
def check(spec: Spec, labels: Labels = "") -> None:
    """Read every file to its end: broken ones, copies, altered ones, artists on both sides of a split."""
    from dashboard.data_command import print_check

    raise typer.Exit(print_check(spec, labels=labels))


@data_app.command(
    epilog="[bold]Examples[/]\n\ngenrescope data extract folder:~/music --out ~/spectrograms --png\n\n"
    "genrescope data extract songs.csv --out ~/mfcc --network three-block-cnn"
)
def extract(
    spec: Spec,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where they are to be kept.")],
    network: Annotated[str, typer.Option("--network", metavar="NAME", help="As this network hears.")] = "",
    model: Annotated[str, typer.Option("--model", metavar="BUNDLE", help="As this bundle hears.")] = "",
    png: Annotated[bool, typer.Option("--png", help="Pictures too, in folders by label.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", help="Processes; 0 for one per core.")] = 0,
    labels: Labels = "",
) -> None:
    """Write the spectrogram of every track once. Start it again to go on where it broke off."""
    from dashboard.extract_command import extract_spectrograms

    raise typer.Exit(extract_spectrograms(spec, out, network=network, model=model, png=png, jobs=jobs, labels=labels))


@data_app.command(
    epilog="[bold]Examples[/]\n\ngenrescope data download fma-small ~/fma\n\n"
    "genrescope data download gtzan ~/gtzan --from https://mirror.example/gtzan"
)
def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A published data set; see `genrescope data list`.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where it is to be kept.")],
    mirror: Annotated[str, typer.Option("--from", metavar="URL", help="Where all its files are, by their names.")] = "",
    parallel: Annotated[int, typer.Option("--parallel", metavar="N", help="Files at a time.")] = 4,
) -> None:
    """Fetch a published data set, check it, unpack it. Start it again to go on where it broke off."""
    from dashboard.data_command import download_dataset

    download_dataset(name, folder, mirror=mirror, parallel=parallel)
