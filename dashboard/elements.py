"""Small elements that several parts of the page are made of."""

from __future__ import annotations

from typing import Any

from dash import html


def attributes(**values: str) -> Any:
    """data- and aria- attributes, which Python cannot write as keywords; the components' stubs do not know them."""
    return {name.replace("_", "-"): value for name, value in values.items()}


def icon_button(identifier: str, title: str, **further: str) -> html.Button:
    """A button with a picture (the style sheet's, by its id) and a title that screen readers say."""
    # A title may end with the key that does the same, in brackets; that is not part of the name.
    name = title.partition(" (")[0]
    return html.Button(
        html.Span(className="icon"),
        id=identifier,
        className="button",
        title=title,
        **attributes(aria_label=name, **further),
    )
