"""The bundles there are, and the networks they share."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.bundle import DESCRIPTION, Bundle, read_bundle
from model.bundle_network import BundleNetwork
from model.classifier import BundleClassifier
from model.errors import BundleError
from model.networks.loading import Device, Network, load_musicnn, load_recipe
from model.networks.side_by_side import NetworksSideBySide

SHIPPED_BUNDLES = Path(__file__).parent / "bundles"
DEFAULT_BUNDLE = "genres"


@dataclass(frozen=True)
class BundleSummary:
    """One line of `genrescope models`.

    accuracy : balanced accuracy per track of music by unseen artists, 0..1, or None if it was not measured.
    accuracy_interval : its 95 % interval.
    cost_ms : time of the network for one window on two cores of the machine that built the bundle.
    window_seconds : sound that one answer needs; so long does a live listener wait for the first.
    context_seconds : sound that it makes use of where so much has been heard; more than the window with a rhythm part.
    problem : why the bundle cannot be used; "" if it can.
    """

    name: str
    title: str
    folder: Path
    labels: tuple[str, ...] = ()
    exclusive: bool = True
    window_seconds: float | None = None
    context_seconds: float | None = None
    accuracy: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    cost_ms: float | None = None
    size_bytes: int = 0
    licence: str = ""
    problem: str = ""


class Library:
    """Finds bundles in folders, opens them, and loads every network once, however many bundles use it.

    May be used from several threads. Opening a bundle is quick; loading a network is not, and is left to
    `classifier.load()`.
    """

    def __init__(self, folders: Iterable[Path] = (SHIPPED_BUNDLES,)) -> None:
        self.folders: Sequence[Path] = tuple(Path(folder) for folder in folders)
        self._lock = threading.Lock()
        self._networks: dict[tuple[str, Device], Network] = {}

    def names(self) -> tuple[str, ...]:
        """The bundles there are, the default first, then by name."""
        return tuple(sorted(self._found(), key=lambda name: (name != DEFAULT_BUNDLE, name)))

    def open(self, name_or_path: str | Path, *, device: Device = "auto") -> BundleClassifier:
        """The bundle of that name, or in that folder.

        Raises BundleError if there is none, or if it is damaged or not for this version.
        """
        folder = self._found().get(str(name_or_path))
        if folder is None:
            folder = Path(name_or_path)
            if not (folder / DESCRIPTION).is_file():
                raise BundleError(
                    f"there is no model named {str(name_or_path)!r}",
                    rule=f"there are: {', '.join(self.names()) or 'none'}",
                    next_step="Choose one of them, or give the folder of a bundle",
                )
        return BundleClassifier(read_bundle(folder), lambda bundle: self._network(bundle, device))

    def describe(self) -> tuple[BundleSummary, ...]:
        """What there is to say about each bundle, also about those that cannot be used."""
        found = self._found()
        return tuple(_summary(name, found[name]) for name in self.names())

    def _found(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self.folders:
            if folder.is_dir():
                for path in sorted(folder.iterdir()):
                    if (path / DESCRIPTION).is_file():
                        found.setdefault(path.name, path)
        return found

    def _network(self, bundle: Bundle, device: Device) -> Network:
        found = [self._one_network(network, device, owner=f"the bundle {bundle.name}") for network in bundle.networks]
        if len(found) == 1:
            return found[0]
        return NetworksSideBySide(
            found,
            embedding_sizes=[network.embedding_size for network in bundle.networks],
            tag_counts=[len(network.tags) for network in bundle.networks],
        )

    def _one_network(self, network: BundleNetwork, device: Device, *, owner: str) -> Network:
        # Two sessions asking at once wait for each other, so that the network is loaded once.
        with self._lock:
            key = (network.network_id, device)
            if key not in self._networks:
                self._networks[key] = _load(network, device, owner=owner)
            return self._networks[key]


def _load(network: BundleNetwork, device: Device, *, owner: str) -> Network:
    weights = network.read_weights()
    if network.recipe is None:
        return load_musicnn(weights, network_id=network.network_id, device=device)
    return load_recipe(
        network.recipe,
        weights,
        labels=len(network.tags),
        exclusive=network.exclusive,
        network_id=network.network_id,
        owner=owner,
        device=device,
    )


def _summary(name: str, folder: Path) -> BundleSummary:
    try:
        bundle = read_bundle(folder)
    except BundleError as error:
        return BundleSummary(name=name, title=name, folder=folder, problem=str(error))
    track: dict[str, Any] = bundle.metrics.get("track", {}).get("balanced_accuracy", {})
    interval = track.get("interval")
    return BundleSummary(
        name=name,
        title=bundle.title,
        folder=folder,
        labels=bundle.labels,
        exclusive=bundle.exclusive,
        window_seconds=bundle.front_end.window_seconds,
        context_seconds=bundle.context_seconds,
        accuracy=track.get("value"),
        accuracy_interval=(interval[0], interval[1]) if interval else None,
        cost_ms=bundle.metrics.get("cost_ms"),
        size_bytes=bundle.size_bytes,
        licence=bundle.licence,
    )
