"""What stands for an artist where the name itself need not be told."""

from __future__ import annotations

import hashlib


def group_id(group: str) -> str:
    """What stands for an artist in a bundle: twelve hexadecimal digits."""
    return hashlib.sha256(group.encode()).hexdigest()[:12]
