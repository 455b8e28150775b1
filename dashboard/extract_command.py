"""What `genrescope data extract` does."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from dashboard.data_command import tracks_progress
from model.datasets.requirements import check_labels
from model.datasets.spec import open_dataset
from model.errors import DataError, SettingError
from model.extraction import INDEX, Extraction, extract
from model.front_ends.front_end import FrontEnd
from model.library import DEFAULT_BUNDLE, Library
from model.networks.recipes import NETWORKS

INTERRUPTED = 130
_NAMED = 20


def extract_spectrograms(
    spec: str, folder: Path, *, network: str = "", model: str = "", png: bool = False, jobs: int = 0, labels: str = ""
) -> int:
    """Write the spectrograms of a data set into a folder; returns the exit code."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    front_end = chosen_front_end(network, model)
    folder = folder.expanduser()
    _refuse_within_music(spec, folder)
    dataset = open_dataset(spec, labels=labels)
    try:
        with tracks_progress("making spectrograms") as progress:
            made = extract(dataset, front_end, folder, jobs=jobs, pictures=png, progress=progress)
    except KeyboardInterrupt:
        console.print("Stopped. What is there is kept: the same command goes on from here.")
        return INTERRUPTED
    _print(made, console, png=png)
    try:
        check_labels(made.name, made.labels, [extracted.track for extracted in made.tracks])
    except DataError as error:
        console.print(f"[yellow]Beware:[/yellow] training would refuse it. {escape(str(error))}")
    return 0


def chosen_front_end(network: str, model: str) -> FrontEnd:
    """How a network or a bundle hears; the default bundle's if neither is named."""
    if network and model:
        raise SettingError("--network and --model", rule="one of them says how to hear", next_step="Leave one out")
    if not network:
        return Library().open(model or DEFAULT_BUNDLE).bundle.front_end
    if network not in NETWORKS:
        raise SettingError(f"there is no network {network!r}", rule=f"there are: {', '.join(NETWORKS)}")
    return NETWORKS[network].front_end


def _refuse_within_music(spec: str, folder: Path) -> None:
    """In a folder of folders every folder is a label."""
    for part in spec.split("+"):
        kind, _, music = part.strip().partition(":")
        if kind == "folder" and folder.resolve().is_relative_to(Path(music).expanduser().resolve()):
            raise SettingError(
                f"{folder} is inside {music}",
                rule="every folder there is a label",
                next_step="Choose a folder beside the music",
            )


def _print(made: Extraction, console: Console, *, png: bool) -> None:
    shape = " x ".join(map(str, ("frames", *made.front_end.frame_shape)))
    seconds = sum(extracted.seconds for extracted in made.tracks)
    new = len(made.tracks) - made.there_before
    console.print(f"{new} spectrograms made, {made.there_before} were there: {seconds / 3600:.2f} hours, {shape} each.")
    if made.broken:
        console.print(f"[yellow]{len(made.broken)} broken files were left out:[/yellow]")
        for reason in list(made.broken.values())[:_NAMED]:
            console.print(f"  {escape(reason)}")
        if len(made.broken) > _NAMED:
            console.print(f"  and {len(made.broken) - _NAMED} more")
    console.print(f"They are listed in {escape(str(made.folder / INDEX))}.")
    if png:
        console.print(f"Pictures to look at: {escape(str(made.folder / 'pictures'))}")
