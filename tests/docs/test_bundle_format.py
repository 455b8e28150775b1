"""docs/bundles.md says what is so: its example is run, its bundle is read, and every field that is read is named."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from dashboard.samples import SAMPLE_FOLDER
from model import bundle as bundle_module
from model import bundle_files, genre_map
from model.bundle import Bundle, read_bundle
from model.bundle_writing import write_network_bundle
from model.card import LARGEST_CARD_BYTES, SECTIONS, Card, check_card
from model.datasets.dataset import LabelledTrack
from model.embeddings import TrackRhythm
from model.front_ends.compression import COMPRESSIONS
from model.front_ends.kinds import KINDS
from model.front_ends.mel import MEL_NORMS, MEL_SCALES
from model.front_ends.power import TAPERS
from model.label_meanings import LONGEST_NAME, MOST_MEANINGS
from model.library import SHIPPED_BUNDLES, Library
from model.networks.recipes import MOST_LABELS, NETWORKS
from model.networks.weights import read_weights
from model.recipe import Recipe
from model.rendering.outputs import MOST_WINDOWS, RenderedOutputs, pack_outputs
from model.rendering.rhythms import LARGEST_RENDERED_BYTES, RENDERED_FILE, pack
from stream.offline import hear_file
from stream.settings import StreamSettings

TEXT = (Path(__file__).parents[2] / "docs" / "bundles.md").read_text(encoding="utf-8")
TRACK = LabelledTrack(Path("a.wav"), "rendered", ("a",), "a program")
EXPECTED = {
    "trance_high-frequency.opus": "dance floor",
    "drum-and-bass_ufo-theme-2.opus": "dance floor",
    "classical_to-be-in-a-rut.opus": "armchair",
    "jazz_vibe-ace.opus": "armchair",
}


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return found


def named() -> set[str]:
    """Everything that stands in the document as `this`."""
    outside = re.sub(r"^```\w+\n.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", outside))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """The bundle that the document makes by hand."""
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "docs/bundles.md", "exec"), {})
    return read_bundle(tmp_path / "places")


def test_the_example_makes_the_bundle_that_is_shown(made: Bundle) -> None:
    shown = json.loads(block("json"))
    assert json.loads((made.folder / "bundle.json").read_text(encoding="utf-8")) == shown
    check_card((made.folder / "card.md").read_text(encoding="utf-8"))


def test_the_description_that_is_shown_can_be_read(made: Bundle) -> None:
    (made.folder / "bundle.json").write_text(block("json"), encoding="utf-8")
    found = read_bundle(made.folder)
    assert found.labels == ("dance floor", "armchair")
    assert found.network_id == Library().open("msd_tags").bundle.network_id


def test_the_example_hears_what_its_card_says(made: Bundle) -> None:
    classifier = Library([]).open(made.folder, device="cpu")
    classifier.load()
    right = 0
    for clip, label in EXPECTED.items():
        heard = hear_file(SAMPLE_FOLDER / clip, classifier, StreamSettings(hop_seconds=3.0))
        probabilities = heard.mean_probabilities()
        assert probabilities is not None
        right += bool(probabilities.argmax() == made.labels.index(label))
    assert f"{len(EXPECTED)} clips of sample_audio were listened to, and {right} came out" in block("python")


class Watched(dict):
    """Remembers which of its fields were asked for."""

    asked: ClassVar[set[str]] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def test_every_field_that_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = NETWORKS["three-block-cnn"]
    write_network_bundle(
        tmp_path / "own",
        recipe,
        read_weights(recipe.build(2, True)),
        labels=("a", "b"),
        exclusive=True,
        name="own",
        title="Own",
        temperature=1.0,
        thresholds={"unsure_below": 0.5},
        metrics={},
        licence="none",
        card=Card("Own", "A test.", "Chance", "0 tracks", "Everywhere", "Tests", "As the project").to_markdown(),
    )
    bundles = [tmp_path / "own", *(path.parent for path in SHIPPED_BUNDLES.glob("*/bundle.json"))]
    values = {name for folder in bundles for name in _names_that_are_data(folder)}
    monkeypatch.setattr(Watched, "asked", set())
    read = json.loads
    monkeypatch.setattr(bundle_module.json, "loads", lambda text: read(text, object_hook=Watched))
    for folder in bundles:
        read_bundle(folder)
    assert {"format", "front_end", "parts", "kind", "weight", "files"} <= Watched.asked
    assert Watched.asked - values - named() == set()


def _names_that_are_data(folder: Path) -> set[str]:
    """Files, labels and thresholds, which a bundle is free to name."""
    described = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    return {*described["files"], *described["labels"], *described["thresholds"]}


def test_front_ends_networks_recipes_and_cards_are_named_in_full() -> None:
    wanted = {field.name for kind in KINDS.values() for field in fields(kind)}
    wanted |= {*KINDS, *NETWORKS, *TAPERS, *COMPRESSIONS, *MEL_SCALES, *MEL_NORMS}
    wanted |= {field.name for field in fields(Recipe)}
    wanted |= {f"## {heading}" for heading in SECTIONS}
    wanted |= {"unsure_below", "shown_from", "cost_ms", "balanced_accuracy", "value", "interval"}
    assert wanted - named() == set()
    for heading, meaning in SECTIONS.items():
        assert f"| `## {heading}` | {meaning} |" in TEXT


def test_every_kind_of_part_is_named_with_its_fields() -> None:
    source = Path(bundle_module.__file__).with_name("parts.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r'kind == "(\w+)"', source))
    assert {"head", "network", "tags", "zero_shot"} <= kinds
    assert kinds - named() == set()
    taken = set(re.findall(r'_number\(described, "(\w+)"', source)) | set(
        re.findall(r'described\.get\("(\w+)"', source)
    )
    assert {"weight", "clip", "file", "epsilon"} <= taken
    assert taken - named() == set()


def test_limits_are_those_of_the_program() -> None:
    for limit in (
        f"{bundle_files.LARGEST_FILE_BYTES // 2**20} MiB",
        f"{genre_map.LARGEST_MAP_BYTES // 1_000_000} MB",
        f"{genre_map.MOST_POINTS} points, {genre_map.MOST_AXES} axes or {genre_map.MOST_HEARINGS} ways",
        f"at most {genre_map.LARGEST_CLIP:g}",
        f"at most\n  {MOST_LABELS} outputs",
        f"longer than {LARGEST_CARD_BYTES} bytes",
    ):
        assert limit in TEXT, limit


def test_the_arrays_of_maps_and_rendered_rhythms_are_named() -> None:
    assert set(genre_map._KINDS) <= named()
    assert {RENDERED_FILE, *pack([TrackRhythm(TRACK, np.zeros((1, 1), np.float32))], ("a",))} <= named()
    one = np.zeros((1, 1), np.float32)
    made = RenderedOutputs(replace(TRACK, group="0" * 12), one, one, one)
    assert set(pack_outputs([made], ("a",))) <= named()
    for limit in (f"{LARGEST_RENDERED_BYTES // 1_000_000} MB", f"{MOST_WINDOWS} windows", f"{LONGEST_NAME} letters"):
        assert limit in TEXT
    assert f"at most {MOST_MEANINGS}" in TEXT
