"""The values in a stranger's replay, looked at one by one. Each function returns the value, or raises DataError."""

from __future__ import annotations

import base64
import math
import re
from typing import Any, NoReturn

from model.errors import DataError

MOST_CHARACTERS = 2000
MOST_NESTED = 8
NEXT_STEP = "Choose a file that genrescope has saved as a replay"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def an_object(value: Any, what: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else wrong(what, value, "it is an object")


def a_list(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        wrong(what, value, f"it is a list of at most {most} entries")
    return value


def a_text(value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
        wrong(what, value, f"it is a text of at most {MOST_CHARACTERS} characters")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        wrong(what, value, "half a character is none")
    return value


def a_flag(value: Any, what: str) -> bool:
    return value if isinstance(value, bool) else wrong(what, value, "it is true or false")


def a_number(value: Any, what: str, low: float, high: float) -> float:
    if type(value) not in (int, float) or not low <= value <= high:
        wrong(what, value, f"it is a number between {low:g} and {high:g}")
    return value


def a_whole_number(value: Any, what: str, least: int = 0, most: int = 2**31) -> int:
    if type(value) is not int or not least <= value <= most:
        wrong(what, value, f"it is a whole number between {least} and {most}")
    return value


def a_colour(value: Any, *, needed: bool = True) -> None:
    if value is None and not needed:
        return
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        wrong("colour", value, 'it looks like "#0088ff"')


def in_base64(value: Any, what: str) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except ValueError:
        wrong(what, value, "it is text in base64")


def plain(value: Any, what: str, nested: int = 0) -> Any:
    """The value, if it consists of nothing but short texts, finite numbers, and not too deeply nested containers."""
    if nested > MOST_NESTED:
        wrong(what, "...", f"it is nested {MOST_NESTED} deep at most")
    if isinstance(value, dict):
        for key, entry in value.items():
            a_text(key, f"name in the {what}")
            plain(entry, what, nested + 1)
    elif isinstance(value, list):
        for entry in value:
            plain(entry, what, nested + 1)
    elif isinstance(value, str):
        a_text(value, f"text in the {what}")
    elif isinstance(value, int | float) and not (abs(value) < 2**53 and math.isfinite(value)):
        wrong(f"number in the {what}", value, "it is finite, and not beyond what a browser can count")
    return value


def wrong(what: str, value: Any, rule: str) -> NoReturn:
    """Refuse a value of the replay."""
    refuse(f"the replay's {what} is {shown(value)}", rule)


def refuse(what: str, rule: str) -> NoReturn:
    """Refuse the file."""
    raise DataError(what, rule=rule, next_step=NEXT_STEP)


def shown(value: Any) -> str:
    """The beginning of a value. Only short ones are written out in full: a stranger's may be huge."""
    if isinstance(value, list | dict):
        return f"a list of {len(value)}" if isinstance(value, list) else f"an object of {len(value)}"
    if isinstance(value, str):
        return repr(value[:40]) + ("..." if len(value) > 40 else "")
    if isinstance(value, int) and abs(value) >= 2**53:
        return "a huge number"
    return "missing" if value is None else repr(value)
