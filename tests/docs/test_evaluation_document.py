"""docs/evaluation.md is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.model.sample_measurement import measurement

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("exclusive", [True, False])
def test_every_field_of_the_json_is_described(exclusive: bool) -> None:
    described = set(re.findall(r"`([a-z0-9_]+)`", DOCUMENT))
    assert set(measurement(exclusive=exclusive).to_json()) - described == set()


def test_the_fields_of_streaming_cost_and_worst_clips_are_described() -> None:
    described = set(re.findall(r"`([a-z0-9_]+)`", DOCUMENT))
    values = measurement().to_json()
    assert {*values["streaming"], *values["cost"], *values["worst"][0], *values["reliability"][0]} - described == set()
    assert set(values["per_label"][0]) - described == set()
