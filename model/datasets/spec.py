"""SPEC: what data sets are called on the command line.

gtzan:FOLDER               fma-small:FOLDER            extended-ballroom:FOLDER
folder:FOLDER              fma-medium-tags:FOLDER      extended-ballroom-13:FOLDER
FILE.csv                   FOLDER (with a labels.csv)  several joined with "+"
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from model.datasets.dataset import Dataset
from model.datasets.extended_ballroom import ExtendedBallroom
from model.datasets.fma import Fma
from model.datasets.folder import COLUMNS, LABELS_FILE, LabelledFolder
from model.datasets.folder_of_folders import FolderOfFolders
from model.datasets.gtzan import Gtzan
from model.datasets.joined import ChosenLabels, JoinedDataset
from model.datasets.labels_csv import NEEDED, LabelsCsv
from model.errors import DataError

PUBLISHED: Mapping[str, Callable[[Path], Dataset]] = {
    "gtzan": Gtzan,
    "fma-small": Fma,
    "fma-small-tags": partial(Fma, labels_of="tags"),
    "fma-small-styles": partial(Fma, labels_of="styles"),
    "fma-medium": partial(Fma, size="medium"),
    "fma-medium-tags": partial(Fma, size="medium", labels_of="tags"),
    "fma-medium-styles": partial(Fma, size="medium", labels_of="styles"),
    "extended-ballroom": ExtendedBallroom,
    "extended-ballroom-13": partial(ExtendedBallroom, all_dances=True),
}
"""What others have published, by the name in SPEC."""
OWN = "folder"
FORMS = (
    f"a SPEC is {', '.join(f'{name}:FOLDER' for name in (*PUBLISHED, OWN))}, FILE.csv, or a FOLDER with {LABELS_FILE}"
)
_JOINT = "+"


def open_dataset(spec: str, *, labels: str = "") -> Dataset:
    """The data set that SPEC names.

    spec : see above. A "+" may be part of the path of a single data set.
    labels : of these only, separated by commas; all if empty.

    Raises DataError if SPEC names none, or what it names is not there or makes no sense.
    """
    opened = _open(spec)
    return ChosenLabels(opened, labels.split(",")) if labels else opened


def _open(spec: str) -> Dataset:
    if _JOINT not in spec or _path(spec).exists():
        return _open_single(spec)
    return JoinedDataset([_open_single(part) for part in _parts(spec)])


def _parts(spec: str) -> list[str]:
    """The single specs; a "+" that no known beginning or existing path follows belongs to the path before it."""
    parts: list[str] = []
    for piece in spec.split(_JOINT):
        if parts and not _path(parts[-1]).exists() and _path(f"{parts[-1]}{_JOINT}{piece}").exists():
            parts[-1] = f"{parts[-1]}{_JOINT}{piece}"
        else:
            parts.append(piece)
    return parts


def _path(spec: str) -> Path:
    kind, colon, path = spec.partition(":")
    return Path(path if colon and (kind in PUBLISHED or kind == OWN) else spec).expanduser()


def _open_single(spec: str) -> Dataset:
    spec = spec.strip()
    kind, colon, _ = spec.partition(":")
    path = _path(spec)
    if colon and (kind in PUBLISHED or kind == OWN):
        if str(path) in ("", ".") and not spec.endswith("."):
            raise DataError(f"{spec} names no folder", rule=FORMS)
        if not path.is_dir():
            raise DataError(
                f"{path} is no folder",
                rule=f"{kind}:FOLDER names one",
                next_step=f"Fetch it: genrescope data download {kind} {path}"
                if kind in PUBLISHED
                else "Check the path",
            )
        return PUBLISHED[kind](path) if kind in PUBLISHED else FolderOfFolders(path)
    if path.is_file() and path.suffix.lower() == ".csv":
        return _open_listing(path)
    if spec and path.is_dir():
        return _open_listing(path / LABELS_FILE)
    if colon and not path.exists() and "/" not in kind:
        raise DataError(f"{kind!r} is no data set", rule=FORMS)
    raise DataError(f"{spec or 'nothing'} is no data set", rule=FORMS, next_step="Check the path given with --data")


def _open_listing(listing: Path) -> Dataset:
    """Folders that say everything are read strictly; other listings may leave things out."""
    if listing.name == LABELS_FILE:
        try:
            with listing.open(newline="", encoding="utf-8-sig") as file:
                header = {name.strip().lower() for name in next(csv.reader(file), [])}
        except (OSError, UnicodeDecodeError, csv.Error):
            header = set()  # the reader finds words for it
        if set(COLUMNS) <= header or not set(NEEDED) <= header:
            return LabelledFolder(listing.parent)
    return LabelsCsv(listing)
