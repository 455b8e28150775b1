"""`python -m model.styles --out FOLDER --count N`: songs in twelve electronic styles, with a `labels.csv`.

They are made by calculation, from patterns and synthesis, and belong to nobody. The same numbers give the same sound.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from model.errors import GenrescopeError
from model.styles.writing import write_dataset


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m model.styles", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that the songs are written to")
    parser.add_argument("--count", type=int, default=360, help="how many songs (360)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each is (30)")
    parser.add_argument(
        "--first-artist", type=int, default=0, help="number of the first artist: others sound otherwise"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    arguments = parser.parse_args()
    columns = (TextColumn("rendering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("rendering", total=arguments.count)
            listing = write_dataset(
                arguments.out,
                arguments.count,
                seconds=arguments.seconds,
                first_artist=arguments.first_artist,
                workers=arguments.workers,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    except GenrescopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    print(f"{arguments.count} songs are listed in {listing}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
