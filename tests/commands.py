"""Runs the real command, as a person would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "dashboard.cli"]
PATIENCE_SECONDS = 60.0


def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `genrescope` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120.0,
        check=False,
    )


class LivePage:
    """A running `genrescope play`, `listen` or `serve`; `url` is its page."""

    def __init__(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> None:
        cpu = [] if arguments[0] == "replay" else ["--cpu"]  # a replay loads no network
        self._process = subprocess.Popen(
            [*COMMAND, *map(str, arguments), "--port", "0", "--no-browser", *cpu],
            cwd=PROJECT,
            env={**os.environ, **(environment or {})},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        found = re.search(r"http://\S+?/", line)
        assert found, f"the command did not start: {line}{self._process.stderr.read()}"
        self.url = found[0]
        self.follow_url = ""
        if "--share" in arguments:
            line = self._process.stderr.readline()
            found = re.search(r"http://\S+", line)
            assert found, line
            self.follow_url = found[0]

    def __enter__(self) -> LivePage:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def feed(self) -> dict[str, Any]:
        """What a page that has just been opened gets."""
        with urllib.request.urlopen(f"{self.url}live", timeout=20.0) as answer:
            return json.loads(answer.read())

    def until(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until the feed is like that."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(feed := self.feed()):
            assert time.monotonic() < deadline, f"{what} did not happen; status: {feed.get('status')}"
            time.sleep(0.1)
        return feed

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=30.0)
        return self._process.returncode
