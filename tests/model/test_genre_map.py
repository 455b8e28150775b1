"""The map of labels: music falls near music like it, what is damaged is refused."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from rich.console import Console

from model.build_map import HEARINGS, build, build_map, choose_tracks
from model.bundle import Bundle, read_bundle
from model.bundle_writing import add_map, write_arrays
from model.classifier import BundleClassifier
from model.datasets.dataset import LabelledTrack
from model.datasets.folder import COLUMNS
from model.embeddings import TrackOutputs, windows_of
from model.errors import BundleError, DataError
from model.genre_map import MAP_FILE, GenreMap
from model.library import SHIPPED_BUNDLES, Library
from model.map_layout import find_anchors, push_apart

ROOT = Path(__file__).parents[2]
LIBRARY = Library()
MAX_MAP_BYTES = 300_000


def shipped_map(name: str) -> GenreMap:
    found = read_bundle(SHIPPED_BUNDLES / name).genre_map
    assert found is not None
    return found


@pytest.fixture(scope="module")
def genres() -> BundleClassifier:
    found = LIBRARY.open("genres", device="cpu")
    found.load()
    return found


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the bundle `genres` that a test may damage."""
    return Path(shutil.copytree(SHIPPED_BUNDLES / "genres", tmp_path / "genres"))


def clip_windows(classifier: BundleClassifier, name: str, *, gain_db: float = 0.0) -> np.ndarray:
    samples, rate = soundfile.read(ROOT / "sample_audio" / f"{name}.opus", dtype="float32", always_2d=True)
    samples = soxr.resample(samples.mean(axis=1), rate, classifier.sample_rate)
    return windows_of(samples * np.float32(10.0 ** (gain_db / 20.0)), classifier.bundle.front_end)


def places_of(classifier: BundleClassifier, windows: np.ndarray) -> np.ndarray:
    found = classifier.place(classifier.network(windows))
    assert found is not None
    return found


# What is shipped


@pytest.mark.parametrize("name", ["genres", "tags", "msd_tags", "mtt_tags"])
def test_every_shipped_bundle_has_a_small_map_that_a_page_can_draw(name: str) -> None:
    bundle = read_bundle(SHIPPED_BUNDLES / name)
    described = shipped_map(name).describe(bundle.labels)
    assert (SHIPPED_BUNDLES / name / MAP_FILE).stat().st_size < MAX_MAP_BYTES
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert 300 < len(described["points"]) <= 1000
    assert len(described["anchors"]) >= 10
    for x, y, label in described["points"] + described["anchors"]:
        assert -1.0 <= x <= 1.0
        assert -1.0 <= y <= 1.0
        assert isinstance(label, int)
        assert 0 <= label < len(bundle.labels)
    points = np.array(described["points"])
    assert (np.ptp(points[:, :2], axis=0) > 1.9).all()


def test_every_genre_has_its_name_on_the_map() -> None:
    assert sorted(shipped_map("genres").anchor_labels.tolist()) == list(range(10))


@pytest.mark.parametrize("name", ["genres", "tags", "msd_tags", "mtt_tags"])
def test_the_file_of_a_map_holds_nothing_but_its_numbers(name: str) -> None:
    with np.load(SHIPPED_BUNDLES / name / MAP_FILE, allow_pickle=False) as arrays:
        assert {values.dtype.kind for values in (arrays[key] for key in arrays.files)} == {"f", "i"}
        assert set(arrays.files) == set(shipped_map(name).arrays())


@pytest.mark.parametrize("name", ["genres", "tags", "msd_tags", "mtt_tags"])
def test_points_near_each_other_mostly_share_their_label(name: str) -> None:
    found = shipped_map(name)
    distances = np.square(found.points[:, None] - found.points[None]).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = found.point_labels[distances.argmin(axis=1)]
    chance = np.bincount(found.point_labels).max() / len(found.points)
    assert (nearest == found.point_labels).mean() > chance + 0.15


def test_placing_needs_no_training_library() -> None:
    code = (
        "import sys, numpy as np; from model.library import Library;"
        "c = Library().open('genres', device='cpu'); c.genre_map.describe(c.labels);"
        "c.place({'embedding': np.zeros((1, 256), np.float32)});"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow','keras','sklearn','scipy'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


# Placing music


@pytest.mark.parametrize("name", ["genres", "tags", "msd_tags", "mtt_tags"])
def test_a_track_of_the_training_music_falls_near_its_own_point(name: str) -> None:
    found = shipped_map(name)
    away = np.linalg.norm(found.place_projected(found.references[0]) - found.points, axis=1)
    # The map is 2 wide, and a point 0.7 from its middle.
    assert np.median(away) < 0.1
    assert np.percentile(away, 90) < 0.35


@pytest.mark.parametrize(
    ("clip", "genre"),
    [("metal_david05", "metal"), ("disco_relax-3", "disco"), ("hiphop_underground", "hiphop"),
     ("classical_brandenburg-concerto-no-2", "classical")],
)  # fmt: skip
def test_music_it_never_heard_falls_near_the_name_of_its_genre(genres: BundleClassifier, clip: str, genre: str) -> None:
    found = genres.genre_map
    assert found is not None
    places = places_of(genres, clip_windows(genres, clip))
    nearest = np.square(places[:, None] - found.anchors[None]).sum(axis=2).argmin(axis=1)
    named = [genres.labels[label] for label in found.anchor_labels[nearest]]
    assert named.count(genre) > 0.6 * len(named)


def test_the_same_music_played_softer_stays_where_it_was(genres: BundleClassifier) -> None:
    for clip in ("metal_david05", "disco_relax-3", "classical_brandenburg-concerto-no-2"):
        loud = places_of(genres, clip_windows(genres, clip))
        for gain_db in (-3.0, -6.0, -12.0):
            moved = np.linalg.norm(places_of(genres, clip_windows(genres, clip, gain_db=gain_db)) - loud, axis=1)
            # The map is 2 wide.
            assert np.median(moved) < 0.15


def test_a_window_has_the_same_place_alone_and_in_a_batch(genres: BundleClassifier) -> None:
    outputs = genres.network(clip_windows(genres, "rock_rock")[:4])
    together = genres.place(outputs)
    assert together is not None
    assert together.dtype == np.float32
    assert together.shape == (4, 2)
    for number in range(4):
        alone = genres.place({name: values[number : number + 1] for name, values in outputs.items()})
        np.testing.assert_allclose(alone, together[number : number + 1], atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 1e30, -1e30, 1e-30])
def test_what_is_like_no_music_still_has_a_place_on_the_map(value: float) -> None:
    place = shipped_map("genres").place({"embedding": np.full((1, 256), value, np.float32)})
    assert np.isfinite(place).all()
    assert (np.abs(place) <= 1.0).all()


def test_places_change_little_where_music_changes_little(genres: BundleClassifier) -> None:
    outputs = genres.network(clip_windows(genres, "jazz_vibe-ace")[:1])
    steps = np.linspace(1.0, 1.05, 200, dtype=np.float32)[:, None]
    found = shipped_map("genres").place({"embedding": outputs["embedding"] * steps})
    assert np.linalg.norm(np.diff(found, axis=0), axis=1).max() < 0.05


def test_a_page_that_orders_labels_otherwise_gets_its_own_numbers() -> None:
    found = shipped_map("genres")
    labels = found.labels
    described = found.describe((*reversed(labels[1:]), "polka"))
    anchors = {label: (x, y) for x, y, label in found.describe(labels)["anchors"]}
    assert len(described["anchors"]) == 9
    for x, y, label in described["anchors"]:
        assert anchors[9 - label] == (x, y)
    assert len(described["points"]) == np.count_nonzero(found.point_labels != 0)


# Bundles with and without


def test_a_bundle_without_a_map_works_and_places_nothing(copied: Path) -> None:
    rewrite(copied, lambda described: (described.pop("map"), described["files"].pop(MAP_FILE)))
    (copied / MAP_FILE).unlink()
    classifier = Library([]).open(copied, device="cpu")
    assert classifier.genre_map is None
    assert classifier.place({"embedding": np.zeros((1, 256), np.float32)}) is None
    outputs = {
        "embedding": np.zeros((1, 256), np.float32),
        "tags": np.full((1, len(classifier.bundle.network_tags)), 0.1, np.float32),
    }
    assert classifier.probabilities(outputs).shape == (1, 10)


def test_a_map_is_written_and_read_back_as_it_was(copied: Path) -> None:
    before = json.loads((copied / "bundle.json").read_text())
    bundle = add_map(copied, shipped_map("genres"))
    assert bundle.genre_map is not None
    for name, values in shipped_map("genres").arrays().items():
        np.testing.assert_array_equal(bundle.genre_map.arrays()[name], values)
    assert json.loads((copied / "bundle.json").read_text()) == before


def test_adding_a_map_does_not_hide_that_other_files_are_damaged(copied: Path) -> None:
    content = bytearray((copied / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (copied / "weights.npz").write_bytes(content)
    bundle = add_map(copied, shipped_map("genres"))
    with pytest.raises(BundleError, match="checksum"):
        bundle.networks[0].read_weights()


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "bundle.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))


def replace_map(folder: Path, content: bytes) -> None:
    """Another file with its right checksum, as somebody with bad intentions would make it."""
    (folder / MAP_FILE).write_bytes(content)
    rewrite(folder, lambda described: described["files"].update({MAP_FILE: hashlib.sha256(content).hexdigest()}))


def changed_arrays(change: Callable[[dict[str, np.ndarray]], object], tmp_path: Path) -> bytes:
    arrays = {name: values.copy() for name, values in shipped_map("genres").arrays().items()}
    change(arrays)
    write_arrays(tmp_path / "changed.npz", arrays)
    return (tmp_path / "changed.npz").read_bytes()


def put(name: str, place: Any, value: float) -> Callable[[dict[str, np.ndarray]], object]:
    return lambda arrays: arrays[name].__setitem__(place, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("references"), "references are missing"),
        (lambda a: a.update(points=a["points"].astype(np.float64)), "points are missing or not float32"),
        (lambda a: a.update(references=a["references"].astype(np.float32)), "references are missing or not float16"),
        (lambda a: a.update(point_labels=a["point_labels"].astype(np.float32)), "point_labels are missing or not"),
        (lambda a: a.update(point_labels=np.array(["a", "b"])), "point_labels are missing or not"),
        (lambda a: a.update(mean=a["mean"][:100]), "mean are"),
        (lambda a: a.update(scale=np.float32(1.0)), "scale are"),
        (lambda a: a.update(projection=a["projection"][:, :3]), "projection are"),
        (lambda a: a.update(projection=a["projection"].T), "projection are"),
        (lambda a: a.update(references=a["references"][0]), "0 ways"),
        (lambda a: a.update(references=np.zeros((9, 10, 9), np.float16)), "9 ways"),
        (lambda a: a.update(references=np.zeros((1, 5000, 9), np.float16)), "5000 points"),
        (lambda a: a.update(references=np.zeros((1, 0, 9), np.float16)), "0 points"),
        (lambda a: a.update(references=np.zeros((1, 10, 65), np.float16)), "65 axes"),
        (lambda a: a.update(points=a["points"][:-1]), "points are"),
        (lambda a: a.update(points=np.zeros((513, 3), np.float32)), "points are"),
        (lambda a: a.update(point_labels=a["point_labels"][:-1]), "point_labels are"),
        (lambda a: a.update(anchors=a["anchors"][:-1]), "anchors are"),
        (lambda a: a.update(anchor_labels=a["anchor_labels"][:, None]), "anchor_labels are"),
        (put("mean", 3, np.nan), "finite"),
        (put("projection", (3, 3), np.inf), "finite"),
        (put("references", (0, 3, 3), np.inf), "finite"),
        (put("points", (3, 0), np.nan), "finite"),
        (put("anchors", (3, 0), np.nan), "finite"),
        (put("projection", (3, 3), 1e9), "projection is not within"),
        (put("scale", 3, 0.0), "scale is not greater"),
        (put("scale", 3, -1.0), "scale is not greater"),
        (put("points", (3, 0), 1.5), "points are not within"),
        (put("anchors", (3, 1), -1.5), "anchors are not within"),
        (put("point_labels", 3, 10), "labels that the bundle has not"),
        (put("point_labels", 3, -1), "labels that the bundle has not"),
        (put("anchor_labels", 3, 10), "labels that the bundle has not"),
        (put("anchor_labels", 3, 0), "twice"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(
    copied: Path, tmp_path: Path, change: Callable[[dict[str, np.ndarray]], object], message: str
) -> None:
    replace_map(copied, changed_arrays(change, tmp_path))
    with pytest.raises(BundleError, match=message):
        read_bundle(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(map=None), "JSON object"),
        (lambda d: d.update(map=[1]), "JSON object"),
        (lambda d: d["map"].pop("clip"), "clip is None"),
        (lambda d: d["map"].update(clip=0), "clip is 0"),
        (lambda d: d["map"].update(clip=float("inf")), "clip is inf"),
        (lambda d: d["map"].update(clip=True), "clip is True"),
        (lambda d: d["map"].update(file="../map.npz"), "own folder"),
        (lambda d: d["map"].update(file=7), "no checksum"),
        (lambda d: d["map"].update(file="other.npz"), "no checksum"),
        (lambda d: d["map"].update(file="weights.npz"), "too large"),
        (lambda d: d["map"].update(file="head.npz"), "missing"),
        (lambda d: d["files"].pop(MAP_FILE), "no checksum"),
        (lambda d: d["files"].update({MAP_FILE: "0" * 64}), "checksum"),
    ],
)
def test_a_description_of_a_map_that_makes_no_sense_is_refused(
    copied: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(copied, change)
    with pytest.raises(BundleError, match=message):
        read_bundle(copied)


def zip_bomb() -> bytes:
    array = io.BytesIO()
    np.lib.format.write_array(array, np.zeros(4_000_000, np.float32))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mean.npy", array.getvalue())
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b"PK\x03\x04 no zip at all", "damaged"),
        (zip_bomb(), "unpacks to"),
        (b"\0" * 1_000_001, "too large"),
    ],
    ids=["empty", "no zip", "zip bomb", "too large"],
)
def test_a_file_that_is_no_map_is_refused(copied: Path, content: bytes, message: str) -> None:
    replace_map(copied, content)
    with pytest.raises(BundleError, match=message):
        read_bundle(copied)


def test_a_cut_or_missing_map_is_refused(copied: Path) -> None:
    content = (copied / MAP_FILE).read_bytes()
    (copied / MAP_FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match="checksum"):
        read_bundle(copied)
    replace_map(copied, content[: len(content) // 2])
    with pytest.raises(BundleError, match="damaged"):
        read_bundle(copied)
    (copied / MAP_FILE).unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        read_bundle(copied)


def test_pickled_objects_in_a_map_are_never_loaded(copied: Path) -> None:
    packed = io.BytesIO()
    np.savez(packed, mean=np.array([{"run": "me"}], dtype=object))
    replace_map(copied, packed.getvalue())
    with pytest.raises(BundleError, match="damaged"):
        read_bundle(copied)


# Making maps


def synthetic_music(bundle: Bundle, *, informative: bool) -> dict[str, list[TrackOutputs]]:
    """Three genres by eight artists each; hearing it otherwise moves every embedding in one direction."""
    rng = np.random.default_rng(0)
    centres = {label: rng.normal(0, 3, 200) for label in bundle.labels[:3]}
    towards = rng.normal(0, 3, 200)
    heard: dict[str, list[TrackOutputs]] = {hearing: [] for hearing in HEARINGS}
    for label, centre in centres.items():
        for number in range(24):
            track = LabelledTrack(Path(f"{label}-{number}"), "a", (label,), f"{label}-{number % 8}", 10.0, 8_000.0)
            own = (centre if informative else 0.0) + rng.normal(0, 1, 200)
            for hearing, shift in zip(HEARINGS, (0.0, 0.3, 0.6, 1.0), strict=True):
                embedding = own + shift * towards + rng.normal(0, 0.2, (4, 200))
                heard[hearing].append(
                    TrackOutputs(track, embedding.astype(np.float32), np.full((4, 50), 0.01, np.float32))
                )
    return heard


def test_a_map_shows_what_there_is_to_see_however_it_is_heard() -> None:
    bundle = read_bundle(SHIPPED_BUNDLES / "genres")
    made, quality = build_map(bundle, synthetic_music(bundle, informative=True), folds=4)
    assert made.points.shape == (72, 2)
    assert sorted(made.anchor_labels.tolist()) == [0, 1, 2]
    assert (quality.tracks, quality.artists) == (72, 24)
    assert set(quality.placements) == set(HEARINGS)
    for placement in quality.placements.values():
        assert placement.nearest_anchor > 0.9
        assert placement.nearest_points > 0.9
        assert placement.moved < 0.5
    assert "72 tracks by 24 artists" in quality.to_text()


def test_a_map_of_noise_is_not_praised() -> None:
    bundle = read_bundle(SHIPPED_BUNDLES / "genres")
    _, quality = build_map(bundle, synthetic_music(bundle, informative=False), folds=4)
    assert quality.placements["plain"].nearest_anchor < 0.6
    assert quality.placements["plain"].nearest_points < 0.6


def test_making_a_map_twice_gives_the_same_map() -> None:
    bundle = read_bundle(SHIPPED_BUNDLES / "genres")
    (first, _), (second, _) = (build_map(bundle, synthetic_music(bundle, informative=True), folds=2) for _ in range(2))
    for name, values in first.arrays().items():
        np.testing.assert_array_equal(values, second.arrays()[name])


def test_music_of_one_label_makes_no_map() -> None:
    bundle = read_bundle(SHIPPED_BUNDLES / "genres")
    heard = {
        hearing: [outputs for outputs in tracks if outputs.track.label == bundle.labels[0]]
        for hearing, tracks in synthetic_music(bundle, informative=True).items()
    }
    with pytest.raises(DataError, match="two of its labels"):
        build_map(bundle, heard)


@pytest.mark.parametrize("name", ["genres", "tags"])
def test_a_map_is_made_from_a_folder_and_written_into_the_bundle(name: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHIPPED_BUNDLES / name, tmp_path / name))
    rng = np.random.default_rng(0)
    rows = [",".join(COLUMNS)]
    for number in range(8):
        times = np.arange(16_000) / 16_000
        # Tones and noise: also to a bundle of tags these are not all the same.
        sound = np.sin(2 * np.pi * 200 * (number + 1) * times) if number % 2 else rng.normal(0, 1, 16_000)
        soundfile.write(tmp_path / f"{number}.wav", 0.2 * sound, 16_000)
        rows.append(f"{number}.wav,tones,{('jazz', 'rock')[number % 2]},artist {number},1,8000")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    classifier = Library([]).open(folder, device="cpu")
    quality = build(classifier, tmp_path, tmp_path / "cache", Console(quiet=True))
    assert quality.tracks == 8
    made = read_bundle(folder).genre_map
    assert made is not None
    assert made.points.shape == (8, 2)
    size = sum(network.embedding_size for network in classifier.bundle.networks)
    assert made.place({"embedding": np.zeros((1, size), np.float32)}).shape == (1, 2)


def test_music_of_labels_it_does_not_know_makes_no_map(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(",".join(COLUMNS) + "\na.wav,tones,polka,somebody,1,8000")
    with pytest.raises(DataError, match="no track"):
        build(LIBRARY.open("genres", device="cpu"), tmp_path, tmp_path / "cache", Console(quiet=True))


def test_every_artist_is_on_the_map_before_one_is_there_twice() -> None:
    tracks = [LabelledTrack(Path(f"{n}"), "a", ("jazz",), group, 1.0, 8_000.0) for n, group in enumerate("aaabbc")]
    assert [track.group for track in choose_tracks(tracks, 4)] == ["a", "a", "b", "c"]
    assert choose_tracks(tracks, 9) == tracks


def test_names_stand_in_the_middle_of_most_of_their_points() -> None:
    rng = np.random.default_rng(0)
    crowd = rng.normal((0.4, -0.3), 0.02, (30, 2))
    strays = rng.uniform(-1, 1, (12, 2))
    points = np.concatenate([crowd, strays, [[-0.8, 0.8]] * 3]).astype(np.float32)
    owners = np.array([0] * 42 + [1] * 3)
    anchors, anchor_labels = find_anchors(points, owners, ("jazz", "rare"), fewest=5)
    assert anchor_labels.tolist() == [0]
    np.testing.assert_allclose(anchors[0], (0.4, -0.3), atol=0.03)


def test_names_are_pushed_apart_until_none_overlap_and_stay_on_the_map() -> None:
    centres = np.array([[0.0, 0.0], [0.01, 0.0], [0.0, 0.01], [0.95, 0.95], [0.9, 0.93], [-1.0, 0.3]])
    widths = np.array([0.3, 0.2, 0.4, 0.3, 0.3, 0.2])
    places = push_apart(centres, widths)
    assert (np.abs(places[:, 0]) + widths / 2 <= 1.0 + 1e-6).all()
    for first in range(len(places)):
        for second in range(first):
            across, down = np.abs(places[first] - places[second])
            assert across >= (widths[first] + widths[second]) / 2 - 1e-3 or down >= 0.1 - 1e-3
    assert np.abs(places - np.clip(centres, -0.85, 0.95)).max() < 0.25
