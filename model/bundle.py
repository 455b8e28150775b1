"""A bundle: a trained model on disk, whole and checked, or refused.

    genres/
        bundle.json     what it says, how it hears, which parts it has, what was measured
        weights.npz     the network: float32 arrays by "layer/variable"; where there are several, each has a file
        head.npz        the arrays of its head, where it has one
        rhythm.npz      those of the head on the rhythm, where it has one
        map.npz         its training music on a map, where it has one
        card.md         for people
        LICENSE-...     the licences of what it is made from

`bundle.json` names the SHA-256 of every other file. Bundles may come from strangers: nothing in them is executed
(arrays are read with `allow_pickle=False`), and no name in them may point outside the folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle_files import LARGEST_FILE_BYTES, REBUILD, read_arrays, read_checked
from model.bundle_network import MOST_NETWORKS, BundleNetwork
from model.errors import BundleError
from model.front_ends.front_end import FrontEnd
from model.front_ends.kinds import read_front_end
from model.genre_map import LARGEST_MAP_BYTES, GenreMap, read_map
from model.label_meanings import read_meanings
from model.music_tags import MusicTags, read_music_tags
from model.networks import musicnn
from model.networks.recipes import MOST_LABELS, NETWORKS, NetworkRecipe
from model.parts import Part, RhythmPart, read_part
from model.recipe import Recipe
from model.rhythm import LONGEST_SECONDS, can_be_heard

FORMAT = 1
DESCRIPTION = "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """A bundle as it lies on disk: read and checked, its network not yet built.

    front_end : how it hears; part of every bundle, so that training and use cannot differ.
    networks : what it hears with: one network, or several side by side.
    thresholds : "unsure_below": a highest probability under it is "not sure"; bundles of tags also have "shown_from".
    metrics : what was measured when it was built, as `model.evaluation` reports it.
    recipe : how its parts were trained, None if nothing was trained here.
    training_groups : the artists it was trained on, as `model.evaluation.group_id` has them.
    meanings : its labels by other names that data may have for them.
    genre_map : where music lies among its labels, None if it has no map.
    music : what tells whether there is music at all, None if it does not ask.
    """

    folder: Path
    name: str
    title: str
    labels: tuple[str, ...]
    exclusive: bool
    front_end: FrontEnd
    networks: tuple[BundleNetwork, ...]
    parts: tuple[Part, ...]
    temperature: float
    thresholds: Mapping[str, float]
    metrics: Mapping[str, Any]
    licence: str
    size_bytes: int
    recipe: Recipe | None = None
    training_groups: frozenset[str] = field(repr=False, default=frozenset())
    meanings: Mapping[str, str] = field(repr=False, default_factory=dict)
    genre_map: GenreMap | None = field(repr=False, default=None)
    music: MusicTags | None = None
    checksums: Mapping[str, str] = field(repr=False, default_factory=dict)

    @property
    def hears_rhythm(self) -> bool:
        """Whether one of its parts asks for the rhythm."""
        return any(isinstance(part, RhythmPart) for part in self.parts)

    @property
    def embedding_size(self) -> int:
        """How many numbers its networks' embeddings have together."""
        return sum(network.embedding_size for network in self.networks)

    @property
    def context_seconds(self) -> float:
        """Sound before a window's end that it makes use of: that of the window, and more for the rhythm."""
        seconds = self.front_end.window_seconds
        return max(seconds, LONGEST_SECONDS) if self.hears_rhythm else seconds

    @property
    def architecture(self) -> str:
        """What kind of network it has, or kinds."""
        return " + ".join(network.name for network in self.networks)

    @property
    def network_tags(self) -> tuple[str, ...]:
        """Names of the networks' own outputs."""
        return tuple(tag for network in self.networks for tag in network.tags)

    @property
    def network_id(self) -> str:
        """The same for two bundles exactly when they share their networks and the weights of these."""
        return " + ".join(network.network_id for network in self.networks)

    def read_file(self, name: str, *, largest_bytes: int = LARGEST_FILE_BYTES) -> dict[str, np.ndarray] | None:
        """The arrays of one of its other files, checked against the checksum; None if it has no such file."""
        if name not in self.checksums:
            return None
        content = read_checked(self.folder, name, self.checksums[name], largest_bytes)
        return read_arrays(content, self.folder / name, largest_bytes)


def read_bundle(folder: Path) -> Bundle:
    """Read and check the bundle in `folder`; raises BundleError saying what is wrong with it.

    The network's weights are checked when they are read, so that listing bundles is quick.
    """
    folder = Path(folder)
    path = folder / DESCRIPTION
    if not path.is_file():
        raise BundleError(
            f"there is no bundle in {folder}",
            rule=f"a bundle is a folder with a {DESCRIPTION}",
            next_step="`genrescope models` lists the bundles there are",
        )
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise BundleError(f"{path} is damaged", rule=str(error), next_step=REBUILD) from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        found = described.get("format") if isinstance(described, dict) else None
        raise BundleError(
            f"{path} has the format {found!r}",
            rule=f"this version reads format {FORMAT}",
            next_step="Use a bundle made for this version, or update genrescope",
        )
    return _Reader(folder, described).bundle()


class _Reader:
    """Takes values out of an untrusted description, each checked for its kind."""

    def __init__(self, folder: Path, described: dict[str, Any]) -> None:
        self._folder = folder
        self._described = described

    def bundle(self) -> Bundle:
        labels = self._names(self._described, "labels")
        front_end = read_front_end(self._described.get("front_end"))
        files = self._take(self._described, "files", dict)
        for file in files:
            self._check_name(file)
        networks = self._networks(files, front_end)
        tags = tuple(tag for network in networks for tag in network.tags)
        if len(set(tags)) < len(tags):
            self._refuse("two of its networks have a tag of the same name", "each output has a name of its own")
        embedding_size = sum(network.embedding_size for network in networks)
        temperature = self._number(self._described, "temperature")
        if temperature <= 0.0:
            self._refuse(f"its temperature is {temperature}", "a temperature is greater than zero")
        thresholds = self._take(self._described, "thresholds", dict)
        parts = [
            read_part(
                part,
                labels=labels,
                tags=tags,
                tags_exclusive=len(networks) == 1 and networks[0].exclusive,
                embedding_size=embedding_size,
                hears_rhythm=can_be_heard(front_end),
                read_file=lambda name: self._read(files, name),
            )
            for part in self._take(self._described, "parts", list)
        ]
        if not parts:
            self._refuse("it has no parts", "a bundle has at least one")
        training = self._described.get("training")
        if training is not None and not isinstance(training, dict):
            self._refuse("what it says of its training cannot be read", "training has a recipe and groups")
        genre_map = None
        if "map" in self._described:
            genre_map = read_map(
                self._described["map"],
                labels=labels,
                read_file=lambda name: self._read(files, name, largest_bytes=LARGEST_MAP_BYTES),
                embedding_size=embedding_size,
            )
        return Bundle(
            folder=self._folder,
            name=self._take(self._described, "name", str),
            title=self._take(self._described, "title", str),
            labels=labels,
            exclusive=self._take(self._described, "exclusive", bool),
            front_end=front_end,
            networks=networks,
            parts=tuple(parts),
            temperature=temperature,
            thresholds={name: self._number(thresholds, name) for name in thresholds},
            metrics=self._take(self._described, "metrics", dict),
            licence=self._take(self._described, "licence", str),
            size_bytes=sum(path.stat().st_size for path in self._folder.iterdir() if path.is_file()),
            recipe=Recipe.from_json(training["recipe"]) if training and "recipe" in training else None,
            training_groups=frozenset(self._names(training, "groups")) if training else frozenset(),
            meanings=read_meanings(self._described.get("meanings", {}), labels),
            genre_map=genre_map,
            music=read_music_tags(self._described["music"], tags=tags) if "music" in self._described else None,
            checksums={name: self._sha256(files, name) for name in files},
        )

    def _networks(self, files: Mapping[str, Any], front_end: FrontEnd) -> tuple[BundleNetwork, ...]:
        network = self._described.get("network")
        listed = network if isinstance(network, list) else [network]
        if not 1 <= len(listed) <= MOST_NETWORKS:
            self._refuse(f"it has {len(listed)} networks", f"a bundle has 1 to {MOST_NETWORKS}")
        return tuple(self._network(one, files, front_end) for one in listed)

    def _network(self, described: object, files: Mapping[str, Any], front_end: FrontEnd) -> BundleNetwork:
        network = self._take({"network": described}, "network", dict)
        recipe = self._network_recipe(network)
        weights_file = self._take(network, "weights", str)
        found = BundleNetwork(
            folder=self._folder,
            recipe=recipe,
            weights_file=weights_file,
            tags=self._names(network, "tags"),
            exclusive=recipe is not None and self._take(network, "exclusive", bool),
            sha256=self._sha256(files, weights_file),
        )
        if front_end.window_shape != found.window_shape:
            self._refuse(
                f"its front end gives {_in_words(front_end.window_shape)}",
                f"{found.name} hears {_in_words(found.window_shape)}",
            )
        if recipe is None and len(found.tags) != musicnn.TAGS:
            self._refuse(f"it names {len(found.tags)} tags of its network", f"{found.name} has {musicnn.TAGS}")
        if len(found.tags) > MOST_LABELS:
            self._refuse(f"it names {len(found.tags)} tags of its network", f"a network has at most {MOST_LABELS}")
        return found

    def _network_recipe(self, network: Mapping[str, Any]) -> NetworkRecipe | None:
        """What makes the network; None for the published musicnn, which is named by its architecture."""
        if "recipe" not in network:
            architecture = self._take(network, "architecture", str)
            if architecture != musicnn.ARCHITECTURE:
                self._refuse(f"it needs the network {architecture!r}", f"this version has {musicnn.ARCHITECTURE}")
            return None
        name = self._take(network, "recipe", str)
        if name not in NETWORKS:
            self._refuse(f"its network is made by the recipe {name!r}", f"this version has {', '.join(NETWORKS)}")
        return NETWORKS[name]

    def _read(
        self, files: Mapping[str, Any], name: str, *, largest_bytes: int = LARGEST_FILE_BYTES
    ) -> dict[str, np.ndarray]:
        content = read_checked(self._folder, name, self._sha256(files, name), largest_bytes)
        return read_arrays(content, self._folder / name, largest_bytes)

    def _sha256(self, files: Mapping[str, Any], name: str) -> str:
        self._check_name(name)
        value = files.get(name)
        if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
            self._refuse(f"it names no checksum for {name}", "every file of a bundle has one")
        return str(value)

    def _check_name(self, name: str) -> None:
        # One plain file name: no folders, no drive letters, nothing hidden, so nothing outside the bundle.
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name) or (self._folder / name).is_symlink():
            self._refuse(f"it names the file {name!r}", "files of a bundle lie in its own folder")

    def _take(self, values: Mapping[str, Any], name: str, kind: type) -> Any:
        value = values.get(name)
        if not isinstance(value, kind):
            self._refuse(f"{name!r} in {DESCRIPTION} is missing or of the wrong kind", f"it is a {kind.__name__}")
        return value

    def _number(self, values: Mapping[str, Any], name: str) -> float:
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            self._refuse(f"{name!r} in {DESCRIPTION} is {value!r}", "it is a number")
        return float(value)  # type: ignore[arg-type]

    def _names(self, values: Mapping[str, Any], name: str) -> tuple[str, ...]:
        found = self._take(values, name, list)
        if not found or not all(isinstance(value, str) and value for value in found) or len(set(found)) < len(found):
            self._refuse(f"{name!r} in {DESCRIPTION} is not a list of different names", "it has at least one")
        return tuple(found)

    def _refuse(self, what: str, rule: str) -> None:
        raise BundleError(f"the bundle in {self._folder} cannot be used: {what}", rule=rule, next_step=REBUILD)


def _in_words(window_shape: tuple[int, ...]) -> str:
    frames, bands, *channels = window_shape
    return f"{frames} frames of {bands} bands" + "".join(f" in {count} channels" for count in channels)
