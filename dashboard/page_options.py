"""The options that every command with a page has: where it is served, and who may use it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dashboard.live import PageOptions

Host = Annotated[str, typer.Option("--host", help="Address to listen on; others than 127.0.0.1 demand a password.")]
Port = Annotated[int, typer.Option("--port", help="Port of the page; 0 takes any free one.", min=0, max=65535)]
Url = Annotated[
    str,
    typer.Option("--url", metavar="URL", help="Where others find it, if not at its own address: container, proxy."),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open the page in a browser.")]
Share = Annotated[bool, typer.Option("--share", help="Show a QR code: phones in the same network follow, read-only.")]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="Demand the password in this file, on every address."),
]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option("--allow-origin", metavar="ORIGIN", help="Let pages of this site call the interface for programs."),
]
PrivateLinks = Annotated[
    bool, typer.Option("--allow-private-links", help="Let links lead to this machine and its network.")
]
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8050


def page_options(
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    url: Url = "",
    no_browser: NoBrowser = False,
    share: Share = False,
    token_file: TokenFile = None,
    allow_origin: AllowOrigin = None,
    allow_private_links: PrivateLinks = False,
) -> PageOptions:
    """What these options say, in one piece."""
    from dashboard.live import PageOptions

    return PageOptions(
        host=host,
        port=port,
        url=url,
        open_browser=not no_browser,
        share=share,
        token_file=token_file,
        allow_origins=tuple(allow_origin or ()),
        allow_private_links=allow_private_links,
    )


def with_page_options(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options; they reach it together, as `page`.

    without : the names of those that make no sense for it.
    """
    page_parameters = signature(page_options, eval_str=True, locals={"PageOptions": Any}).parameters.values()
    shared = [each for each in page_parameters if each.name not in without]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own_parameters = signature(command, eval_str=True, locals={"PageOptions": Any}).parameters.values()
        own = [each for each in own_parameters if each.name != "page"]

        @wraps(command)
        def run(**values: Any) -> None:
            options = {each.name: values.pop(each.name) for each in shared}
            command(page=page_options(**options), **values)

        # What typer reads: the parameters, and their types.
        run.__signature__ = Signature([*own, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
        return run

    return decorate
