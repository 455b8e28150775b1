"""Figures as they are written into files."""

from __future__ import annotations

import math
from typing import Any

PLACES = 4


def rounded(value: Any) -> Any:
    """Dicts, lists and tuples with every float to four places; what is not a number becomes None, as JSON wants."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return round(value, PLACES) if math.isfinite(value) else None
    return value
