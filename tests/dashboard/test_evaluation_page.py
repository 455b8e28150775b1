"""The evaluation's report opens by itself, shows everything, and does nothing that a file name wants."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from dashboard.evaluation_page import evaluation_page
from model.measurement import Measurement
from tests.model.sample_measurement import HOSTILE_FILE, HOSTILE_LABEL, measurement


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(evaluation_page([measurement()]), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_every_figure_without_complaint_or_request(chromium: Any, page_file: Path, scheme: str) -> None:
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    noted: list[str] = []
    page.on("console", lambda message: noted.append(message.text))
    page.on("pageerror", lambda error: noted.append(str(error)))
    page.on("request", lambda request: noted.append(request.url))
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-drawn]")
    plots = page.locator(".plot")
    assert plots.count() == 9
    assert page.locator(".plot .main-svg").count() >= 9
    assert noted == [page_file.as_uri()]
    assert page.title() == "How good sample is"
    assert page.locator("img").count() == 0
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(10, 12, 18)"}[scheme]
    # Labels are shown letter by letter, in the table and in the plot.
    assert HOSTILE_LABEL in page.locator("section table").nth(1).inner_text()
    assert page.locator("[data-figure=labels] text", has_text=HOSTILE_LABEL).count() >= 1
    link = page.locator("section a[href^='file:']").first
    assert link.get_attribute("href").startswith("file:///music/%22%3E%3Cimg")
    context.close()


def test_the_page_is_one_file_of_bounded_size(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    assert len(text) < 6_000_000
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", own)
    assert HOSTILE_FILE not in text
    assert "default-src 'none'" in html.unescape(text)


@pytest.mark.parametrize("found", [measurement(exclusive=False)])
def test_several_labels_have_areas_instead_of_a_confusion(found: Measurement) -> None:
    text = re.sub(r"<script>.*?</script>", "", evaluation_page([found]), flags=re.DOTALL)
    assert "ROC-AUC, mean over the labels" in text
    assert "What is taken for what" not in text


def test_several_bundles_have_parts_of_their_own() -> None:
    text = evaluation_page([measurement(name="one"), measurement(name="two")])
    anchors = re.findall(r'<h2 id="([^"]+)"', text)
    assert len(anchors) == len(set(anchors))
    assert {"b1-summary", "b2-summary"} <= set(anchors)
