"""The page with something playing: `play`, `listen` and `serve`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Response
from rich.console import Console
from rich.markup import escape

from dashboard.access import Access
from dashboard.server import PageServer
from stream.settings import StreamSettings

FIRST_PAGE_SECONDS = 0.5
"""The network is loaded once the page has been fetched, or after this long: both at once would hold up the page."""


@dataclass(frozen=True)
class PageOptions:
    """Where the page is served, and whether a browser is opened."""

    host: str
    port: int
    open_browser: bool


def _has_screen() -> bool:
    """Whether a browser would open a window. Without one Python starts a text browser, which takes the terminal."""
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def run_page(
    options: PageOptions,
    *,
    source: str,
    model: str,
    cpu: bool,
    hop_seconds: float,
    files: Sequence[Path] = (),
    speaker: str = "auto",
    loop: bool = False,
    start_seconds: float = 0.0,
) -> None:
    """Serve the page until ctrl-C or SIGTERM. Whatever cannot work is an error before the page opens."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    access = Access.for_host(options.host)
    settings = StreamSettings(hop_seconds=hop_seconds)
    # The port first: the most frequent mistake is a genrescope that is already running.
    server = PageServer(options.host, options.port)
    try:
        from dashboard.app import create_app
        from dashboard.studio import Studio
        from model.library import Library

        studio = Studio(
            Library(),
            settings,
            model=model,
            device="cpu" if cpu else "auto",
            files=files,
            speaker=speaker,
            loop=loop,
            start_seconds=start_seconds,
        )
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            studio.listen_to(source)
            app = create_app(studio, access).server
            fetched = threading.Event()

            @app.after_request
            def note(response: Response) -> Response:
                fetched.set()
                return response

            server.serve(app)
            address = access.address(server.url)
            console.print(f"[bold]genrescope[/] is at [link={address}]{escape(address)}[/link]  (ctrl-C ends it)")
            if source and studio.sound.missing is not None:
                console.print(f"[dim]{escape(studio.sound.missing)}[/dim]")
            if options.open_browser and _has_screen():
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            # What plays meanwhile is kept in the ring, and classified when the network is there.
            fetched.wait(FIRST_PAGE_SECONDS)
            studio.start()
            stop.wait()
        finally:
            studio.stop()
    finally:
        server.stop()
