"""Links on the shelf: what can be said of an address without the network, its key, and what it is called."""

from __future__ import annotations

from model.errors import LinkError
from stream.links.address import split_link
from stream.records import SourceStatus

LINK = "link"
"""The kind of a link's key on the shelf: "link:" and the address."""
LONGEST_LINK = 2000
"""Characters. More is not for people to paste; what such an address leads to may be longer."""
LONGEST_TITLE = 300
"""Characters of a title that a page is told."""


def link_key(text: str) -> str:
    """The key on the shelf of an address as a person wrote it. Raises LinkError where it cannot be one."""
    return f"{LINK}:{checked_link(text)}"


def checked_link(text: str) -> str:
    """The address, without what surrounds it. Raises LinkError for what cannot be opened, as far as that is plain.

    The network is not asked: whether there is such a server, and whether it may be asked, turns out where the sound is
    fetched.
    """
    url = text.strip()
    if not url:
        raise LinkError("there is no address", next_step="Paste one that begins with https:// or http://")
    if len(url) > LONGEST_LINK:
        raise LinkError(
            f"the address is too long ({len(url)} characters)",
            rule=f"it has at most {LONGEST_LINK}",
            next_step="Use the site's short address of the same thing",
        )
    if not url.lower().startswith(("https://", "http://")):
        raise LinkError(
            f"“{url if len(url) <= 60 else url[:59] + '…'}” is no address of the web",
            rule="one begins with https:// or http://",
            next_step="Copy the whole address; a file of this computer can be uploaded instead",
        )
    split_link(url)
    return url


def link_title(status: SourceStatus) -> str:
    """What a link is called: "Station · Artist - Title", or the one of the two that is known."""
    station, title = status.station[:LONGEST_TITLE], status.title[:LONGEST_TITLE]
    if not station or station == title:
        return title
    return f"{station} · {title}" if title else station
