"""Spectrograms as pictures to look at, and many of them on one sheet. Needs matplotlib and librosa."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from model.datasets.dataset import LabelledTrack
from model.errors import DataError
from model.front_ends.front_end import FrontEnd
from model.front_ends.log_mel import MelFrontEnd
from model.whole_files import written_whole

MOST_COLUMNS = 1_000
"""Longer recordings are drawn in so many: frames that would share a column are averaged."""
_INCHES = (8.0, 3.2)
_ACROSS = 3


def draw(path: Path, picture: np.ndarray, front_end: FrontEnd, track: LabelledTrack) -> None:
    """A PNG with seconds to the right, Hz upwards, and the labels and the file's name above.

    picture : float32 [frames, bands], as `FrontEnd.picture` gives it.

    Raises DataError if it cannot be written, or there is no matplotlib or librosa.
    """
    with _drawing() as (figure_kind, display):
        figure = figure_kind(figsize=_INCHES, dpi=100, layout="constrained")
        axes = figure.add_subplot()
        columns, seconds_per_column = _in_columns(picture, front_end.hop_length / front_end.sample_rate)
        lowest, highest = front_end.display_range
        drawn = display.specshow(
            columns.T,
            x_coords=np.arange(len(columns)) * seconds_per_column,
            y_coords=np.asarray(front_end.band_frequencies_hz, np.float64),
            x_axis="s",
            y_axis="mel" if isinstance(front_end, MelFrontEnd) else "linear",
            vmin=lowest,
            vmax=highest,
            cmap="magma",
            ax=axes,
        )
        figure.colorbar(drawn, ax=axes, label="level")
        axes.set(xlabel="seconds", ylabel="Hz")
        labels = ", ".join(track.labels) or "no label"
        axes.set_title(_printable(f"{labels}: {track.path.name}"), parse_math=False, fontsize=10)
        with written_whole(path) as file:
            figure.savefig(file, format="png")


def draw_sheet(path: Path, label: str, pictures: Sequence[Path], count: int) -> None:
    """One PNG with several that `draw` made. count : how many there are in all."""
    with _drawing() as (figure_kind, _):
        import matplotlib.image

        rows = math.ceil(len(pictures) / _ACROSS)
        figure = figure_kind(figsize=(_ACROSS * 5.0, rows * 2.0 + 0.5), dpi=100, layout="constrained")
        shown = f"{label}: {count} tracks" + (f", the first {len(pictures)}" if count > len(pictures) else "")
        figure.suptitle(_printable(shown), parse_math=False)
        for number, picture in enumerate(pictures, start=1):
            axes = figure.add_subplot(rows, _ACROSS, number)
            axes.imshow(matplotlib.image.imread(picture), aspect="auto")
            axes.set_axis_off()
        with written_whole(path) as file:
            figure.savefig(file, format="png")


@contextmanager
def _drawing() -> Iterator[tuple[Any, Any]]:
    """matplotlib's Figure, which draws without a screen, and librosa.display."""
    try:
        import librosa.display
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DataError(
            f"pictures need {error.name}",
            rule="it is not installed",
            next_step="Install what training needs (pip install -e '.[train]'), or leave out --png",
        ) from error
    with warnings.catch_warnings():
        # Names of files may hold letters that no font here has; a box stands for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield Figure, librosa.display


def _in_columns(picture: np.ndarray, seconds: float) -> tuple[np.ndarray, float]:
    """At most `MOST_COLUMNS` columns, float32 [columns, bands], and the seconds of each."""
    each = math.ceil(len(picture) / MOST_COLUMNS)
    if each <= 1:
        return np.asarray(picture), seconds
    starts = np.arange(0, len(picture), each)
    counts = np.minimum(each, len(picture) - starts)
    return np.add.reduceat(picture, starts, axis=0, dtype=np.float64) / counts[:, None], seconds * each


def _printable(text: str) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= 100 else f"{shown[:99]}…"
