"""Tables for the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

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
