"""Bundles and the library: what is shipped works, what is damaged is refused."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle import read_bundle
from model.bundle_writing import write_arrays
from model.classifier import BundleClassifier
from model.errors import BundleError
from model.library import SHIPPED_BUNDLES, Library
from model.parts import TagsPart

ROOT = Path(__file__).parents[2]
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the bundle `genres` that a test may damage."""
    return Path(shutil.copytree(SHIPPED_BUNDLES / "genres", tmp_path / "genres"))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "bundle.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))


def replace_file(folder: Path, name: str, arrays: dict[str, np.ndarray]) -> None:
    """Another file with its right checksum, as somebody with bad intentions would make it."""
    write_arrays(folder / name, arrays)
    sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    rewrite(folder, lambda described: described["files"].update({name: sha256}))


def open_and_load(folder: Path) -> BundleClassifier:
    classifier = Library([]).open(folder, device="cpu")
    classifier.load()
    return classifier


def test_the_shipped_bundles_are_listed_with_the_default_first() -> None:
    assert Library().names() == ("genres", "ballroom", "electronic", "msd_tags", "mtt_tags", "tags")
    described = {summary.name: summary for summary in Library().describe()}
    assert described["genres"].labels == GENRES
    assert 0.5 < (described["genres"].accuracy or 0.0) < 1.0
    assert not any(summary.problem for summary in described.values())
    assert all("ISC" in summary.licence for summary in described.values())


def test_every_shipped_file_has_the_checksum_that_its_bundle_names() -> None:
    for name in Library().names():
        folder = SHIPPED_BUNDLES / name
        files = json.loads((folder / "bundle.json").read_text())["files"]
        assert {*files, "bundle.json"} == {path.name for path in folder.iterdir()}
        for file, sha256 in files.items():
            assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == sha256


def test_genres_gives_probabilities_that_add_up_to_one() -> None:
    classifier = open_and_load(SHIPPED_BUNDLES / "genres")
    windows = np.random.default_rng(0).uniform(0, 4, (3, 187, 96)).astype(np.float32)
    probabilities = classifier.probabilities(classifier.network(windows))
    assert probabilities.shape == (3, 10)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    assert not classifier.sure(np.full(10, 0.1, np.float32))
    assert classifier.sure(np.eye(10, dtype=np.float32)[0])


def test_tags_are_the_networks_own_on_scales_of_their_own_and_several_may_hold() -> None:
    classifier = open_and_load(SHIPPED_BUNDLES / "msd_tags")
    (part,) = classifier.bundle.parts
    assert isinstance(part, TagsPart)
    golden = np.load(ROOT / "tests" / "golden" / "musicnn_golden.npz")
    stream = classifier.open_spectrogram(history_seconds=3.0)
    stream.push(golden["chord.audio"])
    probabilities = classifier.probabilities(classifier.network(stream.window(187)[None]))
    expected = part.scores({"tags": golden["chord.MSD_musicnn.tags"][None]})
    np.testing.assert_allclose(probabilities, 1.0 / (1.0 + np.exp(-expected)), atol=2e-4)
    assert not classifier.exclusive


def test_bundles_with_the_same_weights_share_one_network() -> None:
    library = Library()
    names = ("ballroom", "msd_tags", "genres", "tags", "mtt_tags")
    ballroom, msd_tags, genres, tags, mtt_tags = opened = [library.open(name, device="cpu") for name in names]
    for classifier in opened:
        assert not classifier.loaded
        classifier.load()
        assert classifier.loaded
    assert ballroom.network is msd_tags.network
    assert ballroom.network.key == msd_tags.network.key
    assert len({classifier.network.key for classifier in (msd_tags, genres, tags, mtt_tags)}) == 4


def test_looking_at_bundles_imports_neither_tensorflow_nor_training_libraries() -> None:
    code = (
        "import sys; from model.library import Library; import model.bundle, model.networks.recipes;"
        "Library().describe(); Library().open('genres', device='cpu').open_spectrogram(history_seconds=9);"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow','keras','sklearn','scipy','librosa'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BundleError, match="genres, ballroom, electronic, msd_tags, mtt_tags, tags"):
        Library().open("gernes")


def test_a_damaged_bundle_is_listed_with_its_problem(copied: Path) -> None:
    (copied / "bundle.json").write_text("{")
    (summary,) = Library([copied.parent]).describe()
    assert "damaged" in summary.problem


def test_one_changed_byte_of_the_weights_is_noticed(copied: Path) -> None:
    content = bytearray((copied / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (copied / "weights.npz").write_bytes(content)
    with pytest.raises(BundleError, match="checksum"):
        open_and_load(copied)


def test_missing_weights_are_noticed(copied: Path) -> None:
    (copied / "weights.npz").unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        open_and_load(copied)


def test_weights_of_the_wrong_shape_are_refused(copied: Path) -> None:
    replace_file(copied, "weights.npz", {"tags/kernel": np.zeros((2, 2), np.float32)})
    with pytest.raises(BundleError, match="do not fit"):
        open_and_load(copied)


def test_weights_that_are_not_numbers_are_refused(copied: Path) -> None:
    with np.load(copied / "weights.npz") as arrays:
        weights = dict(arrays)
    weights["tags/bias"] = np.full(50, np.nan, np.float32)
    replace_file(copied, "weights.npz", weights)
    with pytest.raises(BundleError, match="finite"):
        open_and_load(copied)


def test_pickled_objects_are_never_loaded(copied: Path) -> None:
    np.savez(copied / "head.npz", mean=np.array([{"run": "me"}], dtype=object))
    sha256 = hashlib.sha256((copied / "head.npz").read_bytes()).hexdigest()
    rewrite(copied, lambda described: described["files"].update({"head.npz": sha256}))
    with pytest.raises(BundleError, match="damaged"):
        read_bundle(copied)


def test_a_head_of_the_wrong_shape_is_refused(copied: Path) -> None:
    with np.load(copied / "head.npz") as arrays:
        head = dict(arrays)
    replace_file(copied, "head.npz", {**head, "coefficients": head["coefficients"][:, :9]})
    with pytest.raises(BundleError, match="coefficients"):
        read_bundle(copied)


def _other_hop(described: dict[str, Any]) -> None:
    described["front_end"].update(kind="mfcc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format=99), "format 99"),
        (lambda d: d.pop("format"), "format None"),
        (_other_hop, "mfcc"),
        (lambda d: d["front_end"].update(bands=64), "64 bands"),
        (lambda d: d["front_end"].pop("n_fft"), "front end"),
        (lambda d: d["parts"][0].update(file="..\\head.npz"), "own folder"),
        (lambda d: d["files"].update({"../../x": "0" * 64}), "own folder"),
        (lambda d: d["files"].pop("head.npz"), "no checksum"),
        (lambda d: d["files"].update({"head.npz": 5}), "no checksum"),
        (lambda d: d.update(labels=["rock", "rock"]), "different names"),
        (lambda d: d.update(labels="rock"), "labels"),
        (lambda d: d.update(parts=[]), "no parts"),
        (lambda d: d.update(parts=[7]), "JSON object"),
        (lambda d: d["parts"][0].update(kind="magic"), "magic"),
        (lambda d: d["parts"][0].update(weight="1"), "weight"),
        (lambda d: d["parts"][1].update(epsilon=0), "epsilon"),
        (lambda d: d["parts"][1]["synonyms"].update(jazz=["bebop"]), "jazz"),
        (lambda d: d["parts"][1]["synonyms"].update(polka=["rock"]), "synonyms"),
        (lambda d: d.update(temperature=0), "temperature"),
        (lambda d: d.update(temperature=float("nan")), "temperature"),
        (lambda d: d.update(thresholds={"unsure_below": "much"}), "unsure_below"),
        (lambda d: d["training"].update(recipe={"alterations": 3}), "trained"),
        (lambda d: d["training"]["recipe"].update(alterations=["underwater"]), "underwater"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    copied: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(copied, change)
    with pytest.raises(BundleError, match=message):
        read_bundle(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["network"][0].update(architecture="transformer"), "transformer"),
        (lambda d: d["network"][0].update(tags=["a"]), "1 tags"),
        (lambda d: d["network"][0].update(weights="../genres/weights.npz"), "own folder"),
        (lambda d: d["network"][0].update(weights="/etc/passwd"), "own folder"),
        (lambda d: d["network"][1].update(tags=["a"]), "1 tags|its network"),
        (lambda d: d["network"][1].update(weights="/etc/passwd"), "own folder"),
    ],
)
def test_networks_side_by_side_that_make_no_sense_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    folder = Path(shutil.copytree(SHIPPED_BUNDLES / "tags", tmp_path / "tags"))
    rewrite(folder, change)
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)


@pytest.mark.parametrize("content", ["", "null", "[]", "[" * 100_000, "\x00", '{"format": 1}'])
def test_json_that_is_no_description_is_refused(copied: Path, content: str) -> None:
    (copied / "bundle.json").write_text(content)
    with pytest.raises(BundleError):
        read_bundle(copied)


def test_a_link_out_of_the_folder_is_refused(copied: Path, tmp_path: Path) -> None:
    (copied / "head.npz").rename(tmp_path / "head.npz")
    (copied / "head.npz").symlink_to(tmp_path / "head.npz")
    with pytest.raises(BundleError, match="own folder"):
        read_bundle(copied)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle"):
        read_bundle(tmp_path)
