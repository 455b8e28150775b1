"""`genrescope train`: its options. What they mean stands in docs/training.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model.errors import SettingError

_NETWORKS = "small, musicnn, dance-cnn, electronic-cnn, crnn, three-block-cnn, gap-cnn"
_WHAT = "What is trained"
_HOW = "How"
_WHERE = "Where"
_CARD = "The card"

EXAMPLES = (
    "[bold]Examples[/]\n\n"
    "genrescope train --data folder:~/music --out ~/mine   [dim]# a head on the network of genres[/]\n\n"
    "genrescope train --data folder:~/music --on tags --out ~/mine\n\n"
    "genrescope train --data fma-small:~/fma --network small --out ~/fma-small   [dim]# from scratch[/]\n\n"
    "genrescope train --data fma-medium-tags:~/fma --network small --out ~/fma-tags --epochs 100 --tensorboard ~/logs"
)


def train(
    data: Annotated[
        str,
        typer.Option(
            "--data", metavar="SPEC", help="Labelled music; see `genrescope data list`.", rich_help_panel=_WHAT
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="BUNDLE", help="Folder of the new bundle.", rich_help_panel=_WHAT)
    ],
    network: Annotated[
        str,
        typer.Option(
            "--network",
            metavar="NAME",
            help=f"From scratch: {_NETWORKS}. head:BUNDLE: a head on the network of a bundle, which stays as it is. If "
            "not given, a head on that of genres: that is what works with little music.",
            rich_help_panel=_WHAT,
        ),
    ] = "",
    on: Annotated[
        str, typer.Option("--on", metavar="BUNDLE", help="The same as --network head:BUNDLE.", rich_help_panel=_WHAT)
    ] = "",
    labels: Annotated[
        str, typer.Option("--labels", metavar="A,B,...", help="Of these labels only.", rich_help_panel=_WHAT)
    ] = "",
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", help="At most.", rich_help_panel=_HOW)] = 60,
    batch_size: Annotated[
        int, typer.Option("--batch-size", metavar="N", help="Windows of a step.", rich_help_panel=_HOW)
    ] = 32,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", metavar="X", help="The highest.", rich_help_panel=_HOW)
    ] = 2e-3,
    patience: Annotated[
        int,
        typer.Option(
            "--patience", metavar="N", help="Epochs without a better one, then it ends.", rich_help_panel=_HOW
        ),
    ] = 12,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the split and of all else.", rich_help_panel=_HOW)
    ] = 0,
    balance: Annotated[
        str,
        typer.Option(
            "--balance",
            metavar="sampling|weights|off",
            help="What is rare, by source and label, comes more often, or counts more, or neither.",
            rich_help_panel=_HOW,
        ),
    ] = "sampling",
    augment: Annotated[
        bool,
        typer.Option("--augment/--no-augment", help="Other levels, bandwidths, mixtures, masks.", rich_help_panel=_HOW),
    ] = True,
    alterations: Annotated[
        str,
        typer.Option(
            "--alterations",
            metavar="A,B,...",
            help="The music is heard plain, quiet, telephone, microphone. If not given: plain; for a head, "
            "plain,microphone,telephone.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    mixed_precision: Annotated[
        bool | None,
        typer.Option(
            "--mixed-precision/--no-mixed-precision",
            help="Half precision. If not given: on GPUs that gain by it.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--fresh",
            help="Go on with an interrupted training, or begin anew. If not given: go on where there is one.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    distribute: Annotated[
        str, typer.Option("--distribute", metavar="auto|off", help="On all GPUs, or on one.", rich_help_panel=_WHERE)
    ] = "auto",
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave GPUs alone.", rich_help_panel=_WHERE)] = False,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", metavar="N", help="Processes that prepare music; 0: all cores.", rich_help_panel=_WHERE
        ),
    ] = 0,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", metavar="FOLDER", help="Of prepared music; else ~/.cache/genrescope.", rich_help_panel=_WHERE
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option("--tensorboard", metavar="FOLDER", help="Logs for it.", rich_help_panel=_WHERE)
    ] = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Of the bundle.", rich_help_panel=_CARD)] = "",
    licence: Annotated[
        str, typer.Option("--licence", metavar="TEXT", help="Of the weights.", rich_help_panel=_CARD)
    ] = "",
    intended_use: Annotated[
        str, typer.Option("--intended-use", metavar="TEXT", help="What it is for.", rich_help_panel=_CARD)
    ] = "",
) -> None:
    """Train a bundle on labelled music: a network from scratch, or a head on one that there is.

    Artists are kept apart; ctrl-C keeps what is done, and the same command goes on.
    """
    from dashboard.train_command import run_training
    from model.training.settings import TrainingSettings

    caches = {} if cache is None else {"features": cache / "features", "embeddings": cache / "embeddings"}
    settings = TrainingSettings(
        data=data,
        out=out.expanduser(),
        network=_network(network, on),
        labels=labels,
        title=title,
        licence=licence,
        intended_use=intended_use,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        seed=seed,
        balance=balance,
        augment=augment,
        alterations=tuple(name.strip() for name in alterations.split(",") if name.strip()) or None,
        mixed_precision=mixed_precision,
        resume=resume,
        distribute=distribute,
        tensorboard=tensorboard,
        cpu=cpu,
        workers=workers or None,
        **caches,
    )
    raise typer.Exit(run_training(settings))


def _network(network: str, on: str) -> str:
    if on and network not in ("", "head", f"head:{on}"):
        raise SettingError(f"--network {network} and --on {on}", rule="--on is for heads", next_step="Leave one out")
    return f"head:{on}" if on else network or "head"
