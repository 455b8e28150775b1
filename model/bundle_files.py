"""The files of a bundle: read within bounds, checked, and never executed."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from model.errors import BundleError

LARGEST_FILE_BYTES = 256 * 1024 * 1024
REBUILD = "Build or download the bundle again, or use another"


def read_arrays(content: bytes, path: Path, largest_bytes: int = LARGEST_FILE_BYTES) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; raises BundleError if it is none, too large, or holds anything but plain numbers."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # A small file may unpack to a very large one.
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
        if unpacked_bytes > largest_bytes:
            raise ValueError(f"it unpacks to {unpacked_bytes} bytes, more than {largest_bytes}")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except Exception as error:  # zip and npy readers raise many kinds; all mean the same here
        raise BundleError(f"{path} is damaged", rule=str(error), next_step=REBUILD) from error
    if not all(np.isfinite(values).all() for values in found.values() if values.dtype.kind == "f"):
        raise BundleError(f"{path} is damaged", rule="weights are finite numbers", next_step=REBUILD)
    return found


def read_checked(folder: Path, name: str, sha256: str, largest_bytes: int = LARGEST_FILE_BYTES) -> bytes:
    """The bytes of a bundle's file; raises BundleError unless their SHA-256 is the one that the bundle names."""
    path = folder / name
    try:
        if path.stat().st_size > largest_bytes:
            raise BundleError(f"{path} is too large", rule=f"at most {largest_bytes} bytes", next_step=REBUILD)
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read", rule=error.strerror or "", next_step=REBUILD) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(f"{path} is damaged", rule="its checksum is not the one in bundle.json", next_step=REBUILD)
    return content
