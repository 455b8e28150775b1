"""A folder of songs in the twelve styles, with a `labels.csv`: a data set like any other."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from model.datasets.folder import COLUMNS, LABELS_FILE
from model.errors import DataError, SettingError
from model.styles.song import SAMPLE_RATE, Artist
from model.styles.style import Style
from model.styles.table import STYLES

DATASET = "rendered-styles"
SONGS_OF_AN_ARTIST = 3
"""Songs with the same drums, instruments and mastering: they stay on one side of a test, as an artist's songs do."""
MOST_SONGS = 100_000
LONGEST_SECONDS = 600.0


@dataclass(frozen=True)
class SongOrder:
    """One song to be rendered: `style` is an index into `STYLES`; artist and song number it."""

    style: int
    artist: int
    song: int

    @property
    def file(self) -> str:
        slug = STYLES[self.style].slug
        return f"{slug}/{slug}_{self.artist:04d}_{self.song}.flac"

    @property
    def group(self) -> str:
        return f"{DATASET}:{STYLES[self.style].slug}:{self.artist}"


def song_orders(count: int, *, first_artist: int = 0, styles: Sequence[Style] = STYLES) -> list[SongOrder]:
    """`count` songs, the same number of every style as far as possible; artists from `first_artist` on."""
    places = [STYLES.index(style) for style in styles]
    orders = []
    for number in range(count):
        round_, place = divmod(number, len(places))
        artist, song = divmod(round_, SONGS_OF_AN_ARTIST)
        orders.append(SongOrder(places[place], first_artist + artist, song))
    return orders


def write_dataset(
    folder: Path,
    count: int,
    *,
    seconds: float = 30.0,
    first_artist: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Render `count` songs into `folder`, which need not exist, and list them; returns the path of `labels.csv`.

    The same count, seconds and first artist give the same sound. Files that are there already are kept, so that a run
    that was interrupted goes on. The listing is written last: a folder without one is not finished.
    """
    if not 1 <= count <= MOST_SONGS:
        raise SettingError(f"--count {count} is outside the range", rule=f"1 to {MOST_SONGS:,} songs")
    if not 1.0 <= seconds <= LONGEST_SECONDS:
        raise SettingError(f"--seconds {seconds} is outside the range", rule=f"1 to {LONGEST_SECONDS:.0f} s")
    orders = song_orders(count, first_artist=first_artist)
    try:
        for style in STYLES:
            (folder / style.slug).mkdir(parents=True, exist_ok=True)
        waiting = [(str(folder), order, seconds) for order in orders if not (folder / order.file).is_file()]
        done = len(orders) - len(waiting)
        progress(done, len(orders))
        if workers > 1 and len(waiting) > 1:
            with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
                for _ in pool.map(_write_song, waiting, chunksize=4):
                    done += 1
                    progress(done, len(orders))
        else:
            for job in waiting:
                _write_song(job)
                done += 1
                progress(done, len(orders))
        return _write_listing(folder, orders, seconds)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written",
            rule=error.strerror or str(error),
            next_step="Choose another folder, or make room",
        ) from error


def _write_song(job: tuple[str, SongOrder, float]) -> None:
    import soundfile

    folder, order, seconds = job
    song = Artist(STYLES[order.style], order.artist).song(order.song, seconds)
    path = Path(folder) / order.file
    partial = path.with_suffix(".partial")
    try:
        soundfile.write(partial, song.samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        raise OSError(str(error)) from error
    partial.replace(path)


def _write_listing(folder: Path, orders: Sequence[SongOrder], seconds: float) -> Path:
    listing = folder / LABELS_FILE
    partial = listing.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for order in orders:
            label = STYLES[order.style].label
            writer.writerow([order.file, DATASET, label, order.group, f"{seconds:.1f}", SAMPLE_RATE // 2])
    partial.replace(listing)
    return listing
