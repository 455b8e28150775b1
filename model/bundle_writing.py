"""Writing bundles; `model.bundle` reads them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import DESCRIPTION, FORMAT, Bundle, read_bundle
from model.front_end import FrontEnd


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
    network: Mapping[str, Any],
    parts: list[dict[str, Any]],
    temperature: float,
    thresholds: Mapping[str, float],
    metrics: Mapping[str, Any],
    licence: str,
    card: str,
    texts: Mapping[str, str],
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    training: Mapping[str, Any] | None = None,
) -> Bundle:
    """Write a bundle into `folder` and read it back.

    network : "architecture", "weights" (file name) and "tags".
    texts, arrays : the other files, by name.
    training : "recipe" and "groups", if it was trained here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in {**texts, "card.md": card}.items():
        (folder / file).write_text(text, encoding="utf-8")
    for file, values in arrays.items():
        write_arrays(folder / file, values)
    names = sorted({*texts, *arrays, "card.md"})
    described = {
        "format": FORMAT,
        "name": name,
        "title": title,
        "labels": list(labels),
        "exclusive": exclusive,
        "front_end": front_end.to_json(),
        "network": dict(network),
        "parts": parts,
        "temperature": temperature,
        "thresholds": dict(thresholds),
        "metrics": dict(metrics),
        "licence": licence,
        **({"training": dict(training)} if training else {}),
        "files": {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in names},
    }
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return read_bundle(folder)
