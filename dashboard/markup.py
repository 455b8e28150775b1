"""Pieces of HTML, made of text that may contain anything."""

from __future__ import annotations

import html
from collections.abc import Sequence


def escaped(text: object) -> str:
    """Text as it is, whatever is in it; for elements and for attributes in double quotes."""
    # Lone surrogates stand for bytes in file names that are no text; they cannot be written as UTF-8.
    return html.escape(str(text).encode("utf-8", "replace").decode("utf-8"), quote=True)


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{escaped(text)}</p>' if kind else f"<p>{escaped(text)}</p>"


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    text_columns: Sequence[int] = (),
    kind: str = "",
) -> str:
    """A table of plain text; the first column names the row.

    text_columns : which others are words, not figures.
    """
    plain = [
        [(escaped(cell), "text" if column in text_columns else "") for column, cell in enumerate(row)] for row in rows
    ]
    return marked_table(caption, head, plain, text_columns=text_columns, kind=kind)


def marked_table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[tuple[str, str]]],
    *,
    text_columns: Sequence[int] = (),
    kind: str = "",
) -> str:
    """A table of cells that are HTML already, each with its class."""
    heads = "".join(
        f'<th scope="col"{_class("text" if column in text_columns else "")}>{escaped(name)}</th>'
        for column, name in enumerate(head)
    )
    lines = []
    for row in rows:
        first, *others = row
        cells = "".join(f"<td{_class(name)}>{cell}</td>" for cell, name in others)
        lines.append(f'<tr><th scope="row">{first[0]}</th>{cells}</tr>')
    # What can be scrolled must be reachable with the keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(caption)}"><table{_class(kind)}>'
        f"<caption>{escaped(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody>"
        "</table></div>"
    )


def key_figures(figures: Sequence[tuple[str, str]]) -> str:
    """Large numbers, each with what it means."""
    items = "".join(
        f"<li><strong>{escaped(number)}</strong><span>{escaped(words)}</span></li>" for number, words in figures
    )
    return f'<ul class="figures">{items}</ul>'


def plot(name: str, description: str, height_px: int = 340) -> str:
    """The place of a figure; `description` is what a screen reader says of it."""
    return (
        f'<figure role="img" aria-label="{escaped(description)}"><div class="plot" data-figure="{escaped(name)}" '
        f'style="--height: {height_px}px" aria-hidden="true"></div></figure>'
    )


def beside(left: str, right: str) -> str:
    """A plot with its table."""
    return f'<div class="beside"><div>{left}</div><div>{right}</div></div>'


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
