"""`genrescope train`: from a folder of rendered music to a bundle that knows it, whatever comes in between."""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import model.training.network_training
from dashboard.cli import app
from model.bundle import read_bundle
from model.card import read_sections
from model.errors import BundleError, DataError, GenrescopeError, SettingError
from model.evaluation import group_id
from model.training.checkpoint import CheckpointFolder
from tests.commands import COMMAND, PROJECT, run
from tests.model.training.rendered import KINDS, write_music, write_song

NETWORK = "three-block-cnn"


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kinds, six artists each, two songs each."""
    return write_music(tmp_path_factory.mktemp("rendered") / "songs")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(music: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bundle of a network that was trained from scratch by the command."""
    out = tmp_path_factory.mktemp("trained") / "kinds"
    options = ["--epochs", "4", "--title", "Three kinds", "--licence", "CC0", "--intended-use", "Tests."]
    done = train(*arguments(f"folder:{music}", out, cache), *options, "--tensorboard", out.with_name("logs"))
    assert done.returncode == 0, done.stderr
    assert "Written to" in done.stderr
    out.with_name("stdout.txt").write_text(done.stdout)
    yield out


def arguments(data: str, out: Path, cache: Path) -> list[str]:
    return [
        *("train", "--data", data, "--network", NETWORK, "--out", str(out), "--cache", str(cache)),
        *("--batch-size", "16", "--workers", "1", "--cpu"),
    ]


def train(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, however busy the machine is."""
    return subprocess.run([*COMMAND, *options], cwd=PROJECT, capture_output=True, text=True, timeout=280.0, check=False)


def refusal(*options: str | Path, data: str, out: Path) -> GenrescopeError:
    """The error that the command ends with."""
    base = ["train", "--data", data, "--out", str(out), "--network", NETWORK, "--cpu", "--workers", "1"]
    result = CliRunner().invoke(app, [*base, "--cache", str(out.with_name("cache")), *map(str, options)])
    assert isinstance(result.exception, GenrescopeError), result.output
    return result.exception


def test_a_network_learns_to_tell_artists_it_never_heard(trained: Path) -> None:
    metrics = read_bundle(trained).metrics
    assert metrics["track"]["balanced_accuracy"]["value"] > 0.8  # chance: a third
    assert metrics["track"]["examples"] == 6
    assert [record["epoch"] for record in metrics["history"]] == [1, 2, 3, 4]


def test_the_bundle_classifies_new_music(trained: Path, tmp_path: Path) -> None:
    songs = [write_song(tmp_path / f"{kind}.wav", kind, 99_000, seconds=5.0) for kind in KINDS]
    done = run("classify", *songs, "--model", trained, "--cpu", "--format", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["model"] == "kinds"
    for song, track in zip(songs, answer["tracks"], strict=True):
        assert track["labels"][0]["label"] == song.stem


def test_the_card_has_the_figures_that_the_command_prints(trained: Path, music: Path) -> None:
    title, sections = read_sections((trained / "card.md").read_text())
    assert title == "Three kinds"
    assert sections["Licence"] == "CC0"
    assert sections["Intended use"] == "Tests."
    assert "6 tracks by 3 artists to test with" in sections["Trained on"]
    printed = trained.with_name("stdout.txt").read_text().strip()
    assert printed in sections["Measured"]
    measured = run("evaluate", trained, "--data", f"folder:{music}", environment={"CUDA_VISIBLE_DEVICES": "-1"})
    assert measured.returncode == 0, measured.stderr
    assert printed.splitlines()[4] in measured.stdout  # the line of tracks


def test_test_artists_are_not_among_those_trained_on(trained: Path) -> None:
    known = read_bundle(trained).training_groups
    assert len(known) == 15
    everybody = {group_id(f"{kind} artist {number}") for kind in KINDS for number in range(6)}
    assert known < everybody


def test_history_and_logs_lie_beside_it(trained: Path) -> None:
    history = json.loads((trained.with_name("kinds.training") / "history.json").read_text())
    assert len(history["epochs"]) == 4
    assert list(trained.with_name("logs").glob("events*"))


def test_a_bundle_that_is_there_is_not_replaced(trained: Path, music: Path, cache: Path) -> None:
    before = (trained / "bundle.json").read_bytes()
    done = train(*arguments(f"folder:{music}", trained, cache), "--epochs", "4")
    assert done.returncode == DataError.exit_code
    assert "is there already" in done.stderr
    assert (trained / "bundle.json").read_bytes() == before


def test_a_finished_training_makes_its_bundle_again_without_training(
    trained: Path, music: Path, cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained.with_name("kinds.training"), tmp_path / "kinds.training")
    options = ["--epochs", "4", "--title", "Three kinds", "--licence", "CC0", "--intended-use", "Tests."]
    done = train(*arguments(f"folder:{music}", tmp_path / "kinds", cache), *options)
    assert done.returncode == 0, done.stderr
    assert "epoch 1:" not in done.stderr
    assert (tmp_path / "kinds" / "weights.npz").read_bytes() == (trained / "weights.npz").read_bytes()
    changed = train(*arguments(f"folder:{music}", tmp_path / "others", cache), "--resume")
    assert changed.returncode == DataError.exit_code
    assert "to go on with" in changed.stderr


def test_ctrl_c_keeps_the_best_epoch_and_the_same_command_goes_on(
    trained: Path, music: Path, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "kinds"
    command = [*COMMAND, *arguments(f"folder:{music}", out, cache), "--epochs", "4"]
    process = subprocess.Popen(
        command, cwd=PROJECT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=dict(os.environ)
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 1:"):
            break
    process.send_signal(signal.SIGINT)
    told = process.stderr.read()
    assert process.wait(timeout=200.0) == 130, told
    assert "Stopping: what is done is kept" in told
    assert "the best epoch so far was written" in told
    assert "interrupted" in (out / "card.md").read_text()
    done = train(*arguments(f"folder:{music}", out, cache), "--epochs", "4")
    assert done.returncode == 0, done.stderr
    assert "Goes on after" in done.stderr
    # It is the training that was never interrupted.
    assert (out / "weights.npz").read_bytes() == (trained / "weights.npz").read_bytes()


def test_a_second_ctrl_c_stops_at_once_and_loses_no_checkpoint(music: Path, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "kinds"
    command = [*COMMAND, *arguments(f"folder:{music}", out, cache), "--epochs", "400"]
    process = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 2:"):
            break
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told = process.stderr.read()
    assert process.wait(timeout=200.0) == 130, told
    assert not (out / "bundle.json").exists()
    assert not list(tmp_path.glob(".*"))
    history = json.loads((tmp_path / "kinds.training" / "history.json").read_text())
    assert CheckpointFolder(tmp_path / "kinds.training", history["settings"]).read() is not None


def test_a_head_is_trained_where_no_network_is_named(music: Path, cache: Path, tmp_path: Path) -> None:
    options = ["--data", f"folder:{music}", "--out", str(tmp_path / "head"), "--cache", str(cache), "--cpu"]
    done = train("train", *options, "--alterations", "plain")
    assert done.returncode == 0, done.stderr
    bundle = read_bundle(tmp_path / "head")
    assert bundle.metrics["track"]["balanced_accuracy"]["value"] > 0.8
    assert bundle.architecture == "small"
    assert "ISC" in bundle.licence
    assert "the network of `genres`" in (tmp_path / "head" / "card.md").read_text()


def test_several_labels_at_once_are_learned_under_sigmoids(music: Path, cache: Path, tmp_path: Path) -> None:
    """Chords are "calm", bursts "noisy", clicks "noisy" and "fast"."""
    tags = {"chords": "calm", "bursts": "noisy", "clicks": "noisy;fast"}
    with (tmp_path / "tags.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "group"])
        for path in sorted(music.glob("*/*/0.wav")):
            rows.writerow([path, tags[path.parts[-3]], path.parts[-2]])
    out = tmp_path / "tags"
    done = train(*arguments(str(tmp_path / "tags.csv"), out, cache), "--epochs", "3", "--no-augment")
    assert done.returncode == 0, done.stderr
    bundle = read_bundle(out)
    assert not bundle.exclusive
    assert bundle.labels == ("calm", "fast", "noisy")
    assert set(bundle.thresholds) == {"unsure_below", "shown_from"}
    assert bundle.metrics["track"]["roc_auc"]["value"] > 0.8  # chance: a half
    refused = refusal("--network", "head", data=str(tmp_path / "tags.csv"), out=tmp_path / "head")
    assert "one label is right" in str(refused)


def test_a_few_broken_files_are_listed_and_left_out(music: Path, cache: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(music, tmp_path / "songs"))
    (folder / "chords" / "chords artist 0" / "0.wav").write_bytes(b"broken")
    done = train(*arguments(f"folder:{folder}", tmp_path / "out", cache), "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert "1 of 36 files cannot be read and are left out" in done.stderr
    assert "0.wav" in done.stderr


# What is refused, and why.


def test_many_broken_files_stop_it(music: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(music, tmp_path / "songs"))
    for path in (folder / "chords").glob("*/0.wav"):
        path.write_bytes(b"broken")
    assert "6 of 36 sound files cannot be read" in str(refusal(data=f"folder:{folder}", out=tmp_path / "out"))


def test_one_label_is_refused(music: Path, tmp_path: Path) -> None:
    assert "only the label chords" in str(refusal("--labels", "chords", data=f"folder:{music}", out=tmp_path / "out"))


def test_an_unknown_label_is_refused_with_those_there_are(music: Path, tmp_path: Path) -> None:
    error = refusal("--labels", "chords,polka", data=f"folder:{music}", out=tmp_path / "out")
    assert "polka" in str(error)
    assert "bursts, chords, clicks" in str(error)


def test_too_few_artists_are_refused(tmp_path: Path) -> None:
    folder = write_music(tmp_path / "songs", artists=2, songs=1)
    assert "too few artists (groups): bursts (2)" in str(refusal(data=f"folder:{folder}", out=tmp_path / "out"))


def test_the_same_song_under_two_artists_is_refused(music: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(music, tmp_path / "songs"))
    artists = sorted((folder / "clicks").iterdir())
    shutil.copy(artists[0] / "0.wav", artists[1] / "0.wav")
    assert "same recording in two groups" in str(refusal(data=f"folder:{folder}", out=tmp_path / "out"))


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        (["--network", "resnet"], SettingError, "there is no network 'resnet'"),
        (["--on", "genres"], SettingError, "--on is for heads"),
        (["--epochs", "0"], SettingError, "--epochs 0"),
        (["--learning-rate", "0"], SettingError, "--learning-rate"),
        (["--balance", "luck"], SettingError, "sampling, weights, off"),
        (["--alterations", "whisper"], SettingError, "plain, quiet, telephone, microphone"),
        (["--resume"], DataError, "to go on with"),
        (["--network", "head:nothing"], BundleError, "no model named 'nothing'"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    music: Path, tmp_path: Path, options: list[str], kind: type[GenrescopeError], said: str
) -> None:
    error = refusal(*options, data=f"folder:{music}", out=tmp_path / "out")
    assert isinstance(error, kind)
    assert said in str(error)
    assert not (tmp_path / "out").exists()


def test_without_tensorflow_it_says_so_before_any_work(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.training.network_training, "find_spec", lambda name: None)
    assert "TensorFlow is not installed" in str(refusal(data=f"folder:{music}", out=tmp_path / "out"))
    assert not (tmp_path / "cache").exists()
