"""How long it takes from the command to the page, and to the first prediction: measured on the real command."""

from __future__ import annotations

import json
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from dashboard.samples import MIX
from model.errors import GenrescopeError

RUNS = 3
START_LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str


def measure_start_up(model: str, cpu: bool) -> list[Figure]:
    """The real command in a process of its own: until the page answers, and until the first prediction."""
    to_page, to_prediction = [], []
    for _ in range(RUNS):
        begun = time.monotonic()
        command = [sys.executable, "-m", "dashboard.cli", "play", str(MIX), "--port", "0", "--no-browser"]
        command += ["--speaker", "none", "--model", model] + (["--cpu"] if cpu else [])
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=MIX.parent.parent)
        try:
            assert process.stderr is not None
            address = _address_in(process.stderr.readline())
            _fetch(address)
            to_page.append(time.monotonic() - begun)
            while not _fetch_json(f"{address}live")["predictions"]:
                if time.monotonic() - begun > START_LIMIT_SECONDS:
                    raise GenrescopeError("no prediction came within two minutes", next_step="Look at the page")
                time.sleep(0.02)
            to_prediction.append(time.monotonic() - begun)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20.0)
    return [
        Figure("from the command to the page", statistics.median(to_page), "s"),
        Figure("from the command to the first prediction (3 s of them music)", statistics.median(to_prediction), "s"),
    ]


def _address_in(line: str) -> str:
    found = re.search(r"http://\S+?/", line)
    if found is None:
        raise GenrescopeError(f"genrescope play did not start: {line.strip()}", next_step="Start it by hand")
    return found[0]


def _fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=20.0) as answer:
        return answer.read()


def _fetch_json(address: str) -> dict[str, Any]:
    try:
        return json.loads(_fetch(address))
    except urllib.error.HTTPError as error:
        raise GenrescopeError(f"{address} answered {error.code}", next_step="Report this") from error
