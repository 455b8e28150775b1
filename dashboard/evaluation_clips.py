"""The worst clips of an evaluation, with links to listen to them."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.markup import escaped, marked_table
from model.measures.worst import WorstClip


def worst_clips_table(clips: Sequence[WorstClip]) -> str:
    """One row for each; the link plays the file from where it sounds most like the mistake."""
    rows = []
    for clip in clips:
        answer = f"{clip.answer} missed" if clip.missed else clip.answer
        rows.append(
            [
                (_link(clip), "text"),
                (escaped(clip.source), "text"),
                (escaped(", ".join(clip.truth)), "text"),
                (escaped(answer), "text"),
                (_share(clip.probability), ""),
                (_share(clip.truth_probability), ""),
                (_clock(clip.at_seconds), ""),
            ]
        )
    head = ("file", "source", "is", "was called", "how sure", "right label", "from")
    return marked_table("The most confident mistakes, the worst first", head, rows, text_columns=(1, 2, 3))


def _link(clip: WorstClip) -> str:
    # A fragment of this form makes browsers begin there (Media Fragments, W3C 2012).
    address = f"{clip.path.resolve().as_uri()}#t={clip.at_seconds:g}"
    return f'<a href="{escaped(address)}" title="{escaped(clip.path)}">{escaped(clip.path.name)}</a>'


def _share(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
