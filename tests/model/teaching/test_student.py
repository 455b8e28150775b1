"""The student learns what its teachers say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from model.bundle_writing import write_arrays
from model.errors import DataError
from model.library import Library
from model.networks.weights import read_weights
from model.teaching.agreement import correlate
from model.teaching.examples import NAMES_FILE
from model.teaching.report import agreement_table, agreements, history_chart, history_table
from model.teaching.shards import Shards
from model.teaching.student import DESCRIPTION_FILE, LessonPlan, TeachingLoss, build, lessons, read_student, train
from model.teaching.student_bundle import write_student
from model.training.interruption import Interruption
from model.training.loop import LoopSettings

NAMES = {"audioset": ["Low", "High"], "msd": ["low"], "mtt": ["both"]}


class Silent:
    def step(self, epoch: int, step: int, steps: int, loss: float) -> None: ...

    def epoch(self, record: object, best: bool) -> None: ...


def shard(folder: Path, side: str, number: int, count: int) -> None:
    """Windows with two bands that are on or off: the teachers say which."""
    rng = np.random.default_rng([number, *side.encode()])
    on = rng.random((count, 2))
    windows = 0.3 * rng.random((count, 187, 96))
    windows[:, :, 5:20] += 2.0 * on[:, 0, None, None]
    windows[:, :, 60:80] += 2.0 * on[:, 1, None, None]
    np.save(folder / f"{side}-{number:04d}.windows.npy", windows.astype(np.float16))
    targets = {
        "audioset": on,
        "msd": on[:, :1],
        "mtt": on.mean(axis=1, keepdims=True),
        "embedding": np.concatenate([on, 1.0 - on], axis=1),
    }
    if side == "train":
        # Most of the time the third teacher was not asked.
        targets["mtt"][count // 4 :] = np.nan
    write_arrays(
        folder / f"{side}-{number:04d}.targets.npz",
        {name: values.astype(np.float16) for name, values in targets.items()},
    )
    (folder / NAMES_FILE).write_text(json.dumps(NAMES))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    for number in range(4):
        shard(folder, "train", number, 128)
    shard(folder, "plain", 0, 96)
    shard(folder, "altered", 0, 96)
    return folder


def plan(epochs: int) -> LessonPlan:
    return LessonPlan(batch_size=16, loop=LoopSettings(epochs=epochs, patience=epochs))


def test_a_student_agrees_with_its_teachers_on_examples_it_never_saw(examples: Path, tmp_path: Path) -> None:
    _, outcome = train(examples, tmp_path, plan(4), interruption=Interruption(), watcher=Silent())
    assert outcome.finished
    described = json.loads((tmp_path / DESCRIPTION_FILE).read_text())
    assert described["tags"] == ["audioset:Low", "audioset:High", "msd:low", "mtt:both"]
    assert described["examples"] == 512
    best = max(record["validation_score"] for record in described["history"])
    assert best > 0.9

    student = read_student(tmp_path)
    rows = [line.split("|") for line in agreement_table(agreements(examples, student)).splitlines()[2:]]
    assert len(history_table(student).splitlines()) == 2 + len(described["history"])
    assert len(rows) == 6
    assert all(float(row[4]) > 0.85 for row in rows)


def test_the_student_becomes_a_bundle_that_others_can_be_built_on(examples: Path, tmp_path: Path) -> None:
    train(examples, tmp_path / "student", plan(1), interruption=Interruption(), watcher=Silent())
    bundle = write_student(examples, tmp_path / "student", tmp_path / "bundle")
    assert bundle.labels == ("audioset:Low", "audioset:High", "msd:low", "mtt:both")
    assert not bundle.exclusive
    assert len(bundle.metrics["agreement"]) == 6
    weights = bundle.networks[0].read_weights()
    assert weights and not any("imitated" in name for name in weights)


def test_what_a_teacher_was_not_asked_counts_for_nothing(examples: Path) -> None:
    loss = TeachingLoss(Shards(examples, "train"), plan(1))
    outputs = {"scores": np.array([[0.3, -1.0, 2.0, 0.5]], np.float32), "imitated": np.zeros((1, 4), np.float32)}
    embedding = np.full((1, 4), 0.5, np.float32)
    whole = np.array([[0.9, 0.2, 0.6, 0.4]], np.float32)
    unasked = np.array([[0.9, 0.2, 0.6, np.nan]], np.float32)
    found = float(loss({"tags": unasked, "embedding": embedding}, outputs)[0])
    assert np.isfinite(found)
    assert found != pytest.approx(float(loss({"tags": whole, "embedding": embedding}, outputs)[0]))
    # Whatever the student says there.
    outputs["scores"][0, 3] = -7.0
    assert float(loss({"tags": unasked, "embedding": embedding}, outputs)[0]) == pytest.approx(found)


def test_the_student_can_stand_beside_a_teacher(examples: Path, tmp_path: Path) -> None:
    train(examples, tmp_path / "student", plan(1), interruption=Interruption(), watcher=Silent())
    tags = Library().open("msd_tags").bundle
    bundle = write_student(examples, tmp_path / "student", tmp_path / "bundle", beside=tags)
    assert bundle.labels == (*tags.network_tags, "audioset:Low", "audioset:High", "msd:low", "mtt:both")
    assert bundle.architecture == "musicnn + small"
    classifier = Library([]).open(tmp_path / "bundle", device="cpu")
    classifier.load()
    window = np.random.default_rng(1).uniform(0.0, 3.0, (1, 187, 96)).astype(np.float32)
    said = classifier.probabilities(classifier.network(window))
    assert said.shape == (1, len(bundle.labels)) and ((said > 0.0) & (said < 1.0)).all()
    assert (tmp_path / "bundle" / "LICENSE-musicnn").is_file()


def test_a_student_starts_from_an_earlier_one(examples: Path, tmp_path: Path) -> None:
    earlier, later = tmp_path / "earlier", tmp_path / "later"
    train(examples, earlier, plan(2), interruption=Interruption(), watcher=Silent())
    left = read_student(earlier)
    started = read_weights(build(plan(1), len(left.described["tags"]), 4, left.weights))
    assert all(np.array_equal(values, started[path]) for path, values in left.weights.items())
    train(examples, later, plan(1), start=earlier, interruption=Interruption(), watcher=Silent())

    written = write_student(examples, later, tmp_path / "bundle")
    later_student = read_student(later)
    assert [lesson["examples"] for lesson in lessons(later_student.described)] == [512, 512]
    assert len(history_table(later_student).splitlines()) == 2 + 3
    curves = [line for line in history_chart(later_student).splitlines() if "line [" in line]
    assert len(curves) == 3 and all(len(curve.split(",")) == 3 for curve in curves)
    assert "512 examples in 2 rounds, then 512 in 1" in (written.folder / "card.md").read_text(encoding="utf-8")


def test_a_student_of_other_teachers_is_no_start(examples: Path, tmp_path: Path) -> None:
    train(examples, tmp_path / "earlier", plan(1), interruption=Interruption(), watcher=Silent())
    described = tmp_path / "earlier" / DESCRIPTION_FILE
    described.write_text(described.read_text().replace("mtt:both", "mtt:neither"))
    with pytest.raises(DataError, match="same teachers"):
        train(
            examples,
            tmp_path / "later",
            plan(1),
            start=tmp_path / "earlier",
            interruption=Interruption(),
            watcher=Silent(),
        )


def test_a_student_that_was_not_trained_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.teaching train"):
        read_student(tmp_path)


def test_an_interrupted_student_goes_on_where_it_was(examples: Path, tmp_path: Path) -> None:
    asked = Interruption()
    asked.request()
    _, outcome = train(examples, tmp_path, plan(2), interruption=asked, watcher=Silent())
    assert not outcome.finished
    _, outcome = train(examples, tmp_path, plan(2), interruption=Interruption(), watcher=Silent())
    assert outcome.finished
    assert [record["epoch"] for record in outcome.history] == [1, 2]


def test_a_training_with_other_settings_is_not_mixed_in(examples: Path, tmp_path: Path) -> None:
    asked = Interruption()
    asked.request()

    class AfterOneEpoch(Silent):
        def epoch(self, record: object, best: bool) -> None:
            interruption.request()

    interruption = Interruption()
    train(examples, tmp_path, plan(2), interruption=interruption, watcher=AfterOneEpoch())
    with pytest.raises(DataError, match="begun with another loop"):
        train(examples, tmp_path, plan(3), interruption=Interruption(), watcher=Silent())


def test_correlation_is_by_tag_and_tags_that_do_not_vary_are_left_out() -> None:
    teacher = np.array([[0.1, 0.5, 0.3], [0.9, 0.5, 0.6], [0.4, 0.5, 0.1]])
    student = np.array([[0.2, 0.1, 0.6], [0.8, 0.9, 0.3], [0.45, 0.4, 0.8]])
    found = correlate("plain", "msd", ("up", "still", "down"), student, teacher)
    assert found.by_tag["up"] == pytest.approx(np.corrcoef(student[:, 0], teacher[:, 0])[0, 1])
    assert found.by_tag["still"] is None
    assert found.by_tag["down"] is not None and found.by_tag["down"] < -0.9
    assert len(found.compared) == 2
    assert found.pooled == pytest.approx(np.corrcoef(student.ravel(), teacher.ravel())[0, 1])
