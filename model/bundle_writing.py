"""Writing bundles; `model.bundle` reads them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import DESCRIPTION, FORMAT, Bundle, read_bundle
from model.card import CARD_FILE, check_card
from model.front_ends.front_end import FrontEnd
from model.genre_map import MAP_FILE, GenreMap, describe_map
from model.networks.recipes import NetworkRecipe

WEIGHTS_FILE = "weights.npz"


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz whose bytes depend on the arrays alone, so that the same weights always have the same checksum."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(arrays[name]), allow_pickle=False)


def write_bundle(
    folder: Path,
    *,
    name: str,
    title: str,
    labels: tuple[str, ...],
    exclusive: bool,
    front_end: FrontEnd,
    network: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    parts: list[dict[str, Any]],
    temperature: float,
    thresholds: Mapping[str, float],
    metrics: Mapping[str, Any],
    licence: str,
    card: str,
    texts: Mapping[str, str],
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    training: Mapping[str, Any] | None = None,
    music: Mapping[str, Any] | None = None,
    meanings: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a bundle into `folder` and read it back.

    network : "weights" (a file name), "tags" (names of its outputs), and either "architecture": "musicnn", the
        published one, or "recipe" (see `model.networks.recipes`) and "exclusive". Or a list of several.
    texts, arrays : the other files, by name.
    training : "groups", and "recipe" where its parts were trained by one, if it was trained here.
    music : "tags", the outputs that stand for music, and "from", what the highest of them must reach for there to be
        music at all; without it nobody asks.
    meanings : labels by other names that data may have for them.
    card : Markdown, as `model.card.Card.to_markdown` gives it; BundleError, and nothing written, if it says too little.

    A map of the bundle that was there before goes: it belongs to the network and the labels it was made with.
    """
    check_card(card, owner=f"the bundle {name}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MAP_FILE).unlink(missing_ok=True)
    for file, text in {**texts, CARD_FILE: card}.items():
        (folder / file).write_text(text, encoding="utf-8")
    for file, values in arrays.items():
        write_arrays(folder / file, values)
    names = sorted({*texts, *arrays, CARD_FILE})
    described = {
        "format": FORMAT,
        "name": name,
        "title": title,
        "labels": list(labels),
        **({"meanings": dict(meanings)} if meanings else {}),
        "exclusive": exclusive,
        "front_end": front_end.to_json(),
        "network": network,
        "parts": parts,
        "temperature": temperature,
        "thresholds": dict(thresholds),
        "metrics": dict(metrics),
        "licence": licence,
        **({"training": dict(training)} if training else {}),
        **({"music": dict(music)} if music else {}),
    }
    _describe(folder, described, {file: _sha256(folder / file) for file in names})
    return read_bundle(folder)


def write_network_bundle(
    folder: Path,
    recipe: NetworkRecipe,
    weights: Mapping[str, np.ndarray],
    *,
    labels: tuple[str, ...],
    exclusive: bool,
    front_end: FrontEnd | None = None,
    texts: Mapping[str, str] | None = None,
    **described: Any,
) -> Bundle:
    """Write a bundle whose only part is a network that was trained from scratch, for just these labels.

    weights : of the network, as `model.networks.weights.read_weights` gives them.
    front_end : the recipe's own, if not given.
    described : name, title, temperature, thresholds, metrics, licence, card, training and music, as in `write_bundle`.
    """
    return write_bundle(
        folder,
        labels=labels,
        exclusive=exclusive,
        front_end=front_end or recipe.front_end,
        network={
            "recipe": recipe.name,
            "weights": WEIGHTS_FILE,
            "tags": list(labels),
            "exclusive": exclusive,
        },
        parts=[{"kind": "network", "weight": 1.0}],
        texts=texts or {},
        arrays={WEIGHTS_FILE: weights},
        **described,
    )


def add_map(folder: Path, genre_map: GenreMap) -> Bundle:
    """Write a map into the bundle in `folder`, in place of one it may have, and read the bundle back."""
    read_bundle(folder)
    described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    write_arrays(folder / MAP_FILE, genre_map.arrays())
    # The other files keep their checksums: one that was damaged meanwhile must still be noticed.
    files = dict(sorted({**described.pop("files"), MAP_FILE: _sha256(folder / MAP_FILE)}.items()))
    _describe(folder, {**described, "map": describe_map(genre_map)}, files)
    return read_bundle(folder)


def _describe(folder: Path, described: Mapping[str, Any], files: Mapping[str, str]) -> None:
    text = json.dumps({**described, "files": files}, indent=2, ensure_ascii=False) + "\n"
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
