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
from typing import TYPE_CHECKING, Any

from flask import Response
from rich.console import Console
from rich.markup import escape

from dashboard.access import Access
from dashboard.server import PageServer
from model.errors import DataError, ServerError
from stream.settings import StreamSettings

if TYPE_CHECKING:
    from dashboard.share import Share
    from dashboard.studio import Studio

FIRST_PAGE_SECONDS = 0.5
"""The network is loaded once the page has been fetched, or after this long: both at once would hold up the page."""


@dataclass(frozen=True)
class PageOptions:
    """Where the page is served, who may follow it, and whether a browser is opened."""

    host: str
    port: int
    open_browser: bool
    url: str = ""
    """Where others find it, if not at the server's own address: behind a proxy, in a container."""
    share: bool = False
    """Whether the audience may follow on the local network, on a page and port of its own."""
    token_file: Path | None = None
    """Where the password is from; without one, none is needed on this machine, and a random one elsewhere."""
    allow_origins: tuple[str, ...] = ()
    """Other sites whose pages may call the interface for programs."""
    allow_private_links: bool = False
    """Whether links may lead to this machine and its network."""


def _has_screen() -> bool:
    """Whether a browser would open a window. Without one Python starts a text browser, which takes the terminal."""
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def start_share(studio: Studio, page_port: int) -> Share:
    """Let the audience follow the main stage, at the port after the page's if it is free."""
    from dashboard.broadcast import broadcast
    from dashboard.share import Share

    def snapshot() -> dict[str, Any]:
        return broadcast(studio.main)

    try:
        # A port that stays the same can be opened in a firewall the day before.
        share = Share(snapshot, port=page_port + 1)
    except ServerError:
        share = Share(snapshot)
    share.start()
    return share


def _read_replay(path: Path) -> bytes:
    """A replay file, checked: what the page gets is what the check let through. Raises DataError."""
    from dashboard.replay_file import read_replay, write_replay

    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read", rule=error.strerror or "", next_step="Name a replay file") from error
    return write_replay(read_replay(content))


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
    replay: Path | None = None,
) -> None:
    """Serve the page until ctrl-C or SIGTERM. Whatever cannot work is an error before the page opens.

    replay : a recorded session to show; nothing is listened to then, and no network is loaded.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    access = Access.for_host(options.host, options.token_file, allow_origins=options.allow_origins)
    settings = StreamSettings(hop_seconds=hop_seconds)
    # The port first: the most frequent mistake is a genrescope that is already running.
    server = PageServer(options.host, options.port)
    try:
        from dashboard.app import create_app
        from dashboard.studio import Studio
        from model.library import Library
        from stream.links.policy import LinkPolicy

        studio = Studio(
            Library(),
            settings,
            model=model,
            device="cpu" if cpu else "auto",
            files=files,
            speaker=speaker,
            loop=loop,
            start_seconds=start_seconds,
            # Without a source every page chooses for itself; otherwise they all show the main session, which is also
            # what the audience follows.
            shared=bool(source) or options.share,
            links=LinkPolicy(allow_private=options.allow_private_links),
        )
        stop = _asked_to_stop()
        try:
            if replay is not None:
                studio.replay = _read_replay(replay)
            studio.listen_to(source)
            if options.share:
                studio.share = start_share(studio, server.port)
            app = create_app(studio, access).server
            fetched = threading.Event()

            @app.after_request
            def note(response: Response) -> Response:
                fetched.set()
                return response

            server.serve(app)
            url = options.url or server.url
            address = access.announcement(url)
            console.print(f"[bold]genrescope[/] is at [link={address}]{escape(address)}[/link]  (ctrl-C ends it)")
            if access.remark:
                console.print(f"[dim]{escape(access.remark)}[/dim]")
            if studio.share is not None:
                follow = studio.share.url
                console.print(f"[bold]to follow:[/] [link={follow}]{escape(follow)}[/link]  (read-only)")
                if studio.share.warning:
                    console.print(f"[yellow]{escape(studio.share.warning)}[/yellow]")
            if source and studio.sound.missing is not None:
                console.print(f"[dim]{escape(studio.sound.missing)}[/dim]")
            if options.open_browser and _has_screen():
                threading.Thread(target=webbrowser.open, args=(access.address(url),), daemon=True).start()
            # What plays meanwhile is kept in the ring, and classified when the network is there.
            if replay is None:
                fetched.wait(FIRST_PAGE_SECONDS)
                studio.start()
            stop.wait()
        finally:
            # The server first: what is being downloaded arrives whole, and streams of events get a proper end.
            server.stop()
            if studio.share is not None:
                studio.share.stop()
            studio.stop()
    finally:
        server.stop()


def _asked_to_stop() -> threading.Event:
    """Set by ctrl-C or SIGTERM. The second of them does not wait for anything."""
    stop = threading.Event()

    def ask(number: int, _frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return stop
