"""GTZAN: 1,000 clips of 30 s, ten genres."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.datasets.dataset import SPLITS, LabelledTrack
from model.datasets.remote import RemoteFile
from model.datasets.sound import SOUND_SUFFIXES
from model.errors import DataError

CITATION = (
    "G. Tzanetakis and P. Cook: Musical genre classification of audio signals. IEEE Transactions on Speech and Audio "
    "Processing 10(5), 2002. Split: C. Kereliuk, B. L. Sturm and J. Larsen: Deep learning and music adversaries. IEEE "
    "Transactions on Multimedia 17(11), 2015 (arXiv 1507.04761)"
)

LICENCE = "none known: for research only"

# The server has been away for years; mirrors have the same archive. No checksums of the lists are published.
_LISTS_URL = "https://raw.githubusercontent.com/jongpillee/music_dataset_split/master/GTZAN_split"
LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}
ARTISTS_FILE = "GTZANindex.txt"
REMOTE = (
    *(RemoteFile(name, f"{_LISTS_URL}/{name}", about_bytes=20_000) for name in LISTS.values()),
    RemoteFile(
        "genres.tar.gz",
        "http://opihi.cs.uvic.ca/sound/genres.tar.gz",
        about_bytes=1_230_000_000,
        checksum="md5:5b3d6dddb579ab49814ab86dba69e7c7",
        unpacked_bytes=1_330_000_000,
    ),
)

LABELS = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
_CLIP = re.compile(rf"(?P<genre>{'|'.join(LABELS)})\.(?P<number>\d{{5}})")
_PLACES = ("genres", "genres_original", "gtzan_genre/genres", "Data/genres_original", ".")


class Gtzan:
    """The official fault-filtered split: 443 clips to train, 197 to validate, 290 to test; 70 faulty ones left out.

    The lists of the split lie in the folder. Where `GTZANindex.txt` (Sturm) lies there too, groups are artists.
    Where mirdata is installed and has its index, that says which clips there are, and their checksums.
    """

    name = "gtzan"
    title = "GTZAN, fault-filtered"
    citation = CITATION
    licence = LICENCE
    homepage = "http://marsyas.info/downloads/datasets.html"
    labels = LABELS
    exclusive = True
    remote = REMOTE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = _mirdata_index(folder)
        self._artists = _read_artists(folder / ARTISTS_FILE)

    @property
    def notes(self) -> tuple[str, ...]:
        if self._artists:
            groups = f"Groups: artists of {ARTISTS_FILE}"
        else:
            groups = (
                "Groups: ten neighbouring clips each, as neighbours often share an artist; the three sides of the "
                f"split have no artist in common, but folds within one may. {ARTISTS_FILE} in the folder mends that"
            )
        known = "Clips and checksums: mirdata's index" if self._index else "No checksums: mirdata's index is not here"
        return groups, known

    def tracks(self) -> tuple[LabelledTrack, ...]:
        root = _root(self._folder)
        found: dict[str, LabelledTrack] = {}
        for split in SPLITS:
            for clip in _read_list(self._folder / LISTS[split]):
                if clip in found:
                    raise DataError(
                        f"{clip} is in {found[clip].split} and in {split}",
                        rule="a clip is on one side of the split",
                        next_step="Download the lists again",
                    )
                if self._index and clip not in self._index:
                    raise DataError(f"{clip} is in {LISTS[split]}", rule="mirdata's index of GTZAN does not have it")
                genre = clip.partition(".")[0]
                artist = self._artists.get(clip, "")
                group = f"gtzan:{artist or f'{clip[:-1]}x in {split}'}"
                found[clip] = LabelledTrack(_file(root / genre, clip), self.name, (genre,), group, split=split)
        return tuple(found.values())

    def checksums(self) -> Mapping[Path, str]:
        root = _root(self._folder)
        return {_file(root / clip.partition(".")[0], clip): f"md5:{known}" for clip, known in self._index.items()}


def _root(folder: Path) -> Path:
    """Where the ten folders of genres are."""
    for place in _PLACES:
        if all((folder / place / genre).is_dir() for genre in LABELS):
            return folder / place
    raise DataError(
        f"{folder} does not hold GTZAN",
        rule=f"it has the folders {', '.join(LABELS)}, or genres with these in it",
        next_step="Fetch it: genrescope data download gtzan FOLDER",
    )


def _file(folder: Path, clip: str) -> Path:
    """The clip as .wav, .au or whatever it was converted to; .wav if it is not there."""
    for suffix in (".wav", ".au", *sorted(SOUND_SUFFIXES)):
        if (path := folder / f"{clip}{suffix}").is_file():
            return path
    return folder / f"{clip}.wav"


def _read_list(path: Path) -> list[str]:
    """Clips like "blues.00029", from lines like "blues/blues.00029.wav"."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read",
            rule=f"the fault-filtered split is in {', '.join(LISTS.values())}",
            next_step="Fetch them: genrescope data download gtzan FOLDER. To do without, write folder:FOLDER",
        ) from error
    clips = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _CLIP.match(line.strip().rpartition("/")[2])
        if match is None:
            raise DataError(
                f"{path}, line {number}, names {line.strip()[:80]!r}", rule="a clip is like blues.00029.wav"
            )
        clips.append(match[0])
    if not clips:
        raise DataError(f"{path} is empty", rule="it lists the clips of one side of the split")
    return clips


def _read_artists(path: Path) -> dict[str, str]:
    """Artists by clip, from lines like "blues.00002.wav ::: John Lee Hooker ::: Think Twice Before You Go"."""
    if not path.is_file():
        return {}
    artists = {}
    # Sturm's file has been saved in both encodings; artists need only be told apart.
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = [field.strip() for field in line.split(":::")]
        match = _CLIP.match(fields[0])
        if match is not None and len(fields) > 1 and fields[1]:
            artists[match[0]] = fields[1].casefold()
    return artists


def _mirdata_index(folder: Path) -> dict[str, str]:
    """MD5 of every clip by mirdata; empty where it is not installed, or has not fetched its index."""
    try:
        import mirdata
    except ImportError:
        return {}
    try:
        index: dict[str, Any] = json.loads(
            Path(mirdata.initialize("gtzan_genre", data_home=str(folder)).index_path).read_text(encoding="utf-8")
        )
        return {clip: str(files["audio"][1]) for clip, files in index["tracks"].items() if files["audio"][1]}
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return {}
