"""Tables for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model.card import CARD_FILE, read_card
from model.library import BundleSummary, Library
from stream.devices import SoundSystem


def print_devices(sound: SoundSystem) -> None:
    """What there is to listen to and to play through."""
    from model.errors import DeviceError

    console = Console(highlight=False)
    found = sound.devices()
    if not found:
        raise DeviceError(
            "there is no sound device",
            rule="PortAudio is here, but the system shows it none",
            next_step="Plug one in, or start the sound server; files can be played without (the browser is heard)",
        )
    table = Table("Name", "Driver", "In", "Out", "Rate", "", header_style="bold")
    for device in found:
        marks = [
            mark
            for mark, holds in (
                ("default input", device.default_input),
                ("default output", device.default_output),
                ("loopback", device.loopback),
            )
            if holds
        ]
        table.add_row(
            device.name,
            device.driver,
            str(device.inputs or "–"),
            str(device.outputs or "–"),
            f"{device.sample_rate:g} Hz",
            ", ".join(marks),
        )
    console.print(table)
    console.print("[dim]Listen to one with: genrescope listen --device NAME[/dim]")


def print_models(library: Library) -> None:
    """The bundles: what they say, how often they are right, what they cost."""
    console = Console(highlight=False)
    table = Table("Name", "Title", "Labels", "Hears", "Accuracy", "Network", "Size", "Licence", header_style="bold")
    for bundle in library.describe():
        if bundle.problem:
            table.add_row(bundle.name, f"[red]{escape(bundle.problem)}[/red]", "", "", "", "", "", "")
            continue
        few = len(bundle.labels) <= 12
        labels = " ".join(bundle.labels) if few else f"{len(bundle.labels)}: {', '.join(bundle.labels[:6])} ..."
        accuracy = "–"
        if bundle.accuracy is not None and bundle.accuracy_interval is not None:
            low, high = bundle.accuracy_interval
            accuracy = f"{bundle.accuracy:.2f} ({low:.2f}–{high:.2f})"
        cost = f"{bundle.cost_ms:.0f} ms" if bundle.cost_ms is not None else "–"
        size = f"{bundle.size_bytes / 1e6:.1f} MB"
        licence = bundle.licence.split(" (")[0]
        table.add_row(*map(escape, (bundle.name, bundle.title, labels, _hears(bundle), accuracy, cost, size, licence)))
    console.print(table)
    console.print(
        "[dim]Hears: sound that one answer is made from. Accuracy: balanced, per track, on music by artists the bundle "
        "was not trained on, with its 95 % interval; `genrescope evaluate` measures it. Network: one window on two "
        "cores. The card of each says what it was trained on and where it fails: genrescope models --card NAME[/dim]"
    )


def print_card(library: Library, name: str) -> None:
    """The card of a bundle as it stands, and where."""
    folder = library.open(name).bundle.folder
    text = read_card(folder)
    # It may come from strangers, and a terminal obeys control characters.
    print("".join(character for character in text if character.isprintable() or character in "\n\t").rstrip())
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[dim]{escape(str(folder / CARD_FILE))}[/dim]")


def _hears(bundle: BundleSummary) -> str:
    if bundle.window_seconds is None:
        return "–"
    longest = bundle.context_seconds or 0.0
    return f"{bundle.window_seconds:g}" + (f" to {longest:g}" if longest > bundle.window_seconds else "") + " s"
