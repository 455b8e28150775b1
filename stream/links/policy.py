"""What a link may lead to, and how much of it is fetched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LinkPolicy:
    """The limits. A link is hostile until proved otherwise."""

    allow_private: bool = False
    """Addresses of this machine and of private networks too. Those of cloud metadata stay refused."""
    max_bytes: int = 500_000_000
    """Of what is fetched whole."""
    max_seconds: float = 6 * 3600.0
    """Of sound fetched whole."""
    fetch_seconds: float = 600.0
    """How long a whole fetch may take."""
    connect_seconds: float = 10.0
    """Until there is a connection, with its encryption."""
    read_seconds: float = 15.0
    """Nothing for so long: the connection is broken. Headers must have come whole by then."""
    max_redirects: int = 5
    max_fetches: int = 8
    """Connections open at once, all links together."""
