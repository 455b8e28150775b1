"""A bundle is saved with a card that says what people must know, or not at all."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.reports import _hears, print_card
from model.bundle_writing import write_bundle
from model.card import SECTIONS, Card, check_card, read_sections
from model.errors import BundleError
from model.front_ends.log_mel import LogMel
from model.library import SHIPPED_BUNDLES, BundleSummary, Library
from tests.commands import run

CARD = Card(
    title="Barks and miaows",
    summary="Tells dogs from cats.",
    trained_on=("40 recordings by 12 animals", "labelled by their keepers"),
    measured="| tracks | 0.91 |\n|---|---|",
    limits=("No foxes were heard.",),
    intended_use="Keepers who listen along. Not for vets.",
    licence="CC0",
)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SHIPPED_BUNDLES.glob("*/bundle.json")))
def test_the_shipped_bundles_have_whole_cards(name: str) -> None:
    check_card((SHIPPED_BUNDLES / name / "card.md").read_text(encoding="utf-8"))


def test_a_card_of_parts_is_whole_and_keeps_its_parts() -> None:
    title, sections = read_sections(CARD.to_markdown())
    assert title == "Barks and miaows"
    assert list(sections) == list(SECTIONS)
    assert sections["Trained on"] == "- 40 recordings by 12 animals\n- labelled by their keepers"
    assert sections["Measured"] == CARD.measured
    assert sections["Licence"] == "CC0"


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_card_without_one_of_the_sections_is_refused_with_its_name(heading: str) -> None:
    text = CARD.to_markdown().replace(f"## {heading}\n", f"### {heading}\n")
    with pytest.raises(BundleError, match=f"does not say '{heading}'"):
        check_card(text)


@pytest.mark.parametrize("text", ["", "   ", "TODO", "- to be done ...", "Unknown.", "**none**"])
def test_a_section_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match="says nothing under 'Limits'"):
        replace(CARD, limits=text).to_markdown()


def test_what_was_measured_has_figures() -> None:
    with pytest.raises(BundleError, match="no figure under 'Measured'"):
        replace(CARD, measured="It is very good.").to_markdown()


def test_a_card_has_a_title_and_an_end() -> None:
    with pytest.raises(BundleError, match="has no title"):
        check_card(CARD.to_markdown().replace("# Barks and miaows\n", "", 1))
    with pytest.raises(BundleError, match="is too long"):
        check_card(CARD.to_markdown() + "so " * 100_000)


def test_what_stands_in_a_block_of_code_is_no_heading() -> None:
    text = CARD.to_markdown().replace("## Limits\n", "```\n## Limits\n").replace("## Licence\n", "```\n## Licence\n")
    with pytest.raises(BundleError, match="does not say 'Limits' and 'Intended use'"):
        check_card(text)


def test_no_bundle_is_written_without_a_card_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    with pytest.raises(BundleError, match=r"the card of the bundle pets does not say 'Measured'.*docs/bundles\.md"):
        write_bundle(
            folder,
            name="pets",
            title="Pets",
            labels=("dog", "cat"),
            exclusive=True,
            front_end=LogMel(),
            network={},
            parts=[],
            temperature=1.0,
            thresholds={},
            metrics={},
            licence="CC0",
            card=CARD.to_markdown().replace("## Measured", "## Believed"),
            texts={},
            arrays={},
        )
    assert not folder.exists()


# To be read in the terminal


def test_the_command_prints_the_card_and_says_where_it_stands() -> None:
    done = run("models", "--card", "genres")
    assert done.returncode == 0
    check_card(done.stdout)
    assert done.stderr.replace("\n", "").endswith("genres/card.md")


def test_the_list_says_how_much_a_bundle_hears_and_how_to_read_its_card() -> None:
    done = run("models", environment={"COLUMNS": "200"})
    assert done.returncode == 0
    assert "Hears" in done.stdout
    assert " 3 s " in done.stdout
    assert "genrescope models --card NAME" in done.stdout


def test_a_bundle_with_a_rhythm_hears_up_to_its_context() -> None:
    summary = BundleSummary("dances", "Dances", Path(), window_seconds=3.0, context_seconds=12.0)
    assert _hears(summary) == "3 to 12 s"
    assert _hears(replace(summary, context_seconds=3.0)) == "3 s"


def test_a_card_from_strangers_cannot_command_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = copied(tmp_path, CARD.to_markdown() + "\x1b]0;owned\x07 [bold]as it is[/bold]\n")
    print_card(Library([]), str(folder))
    said = capfd.readouterr().out
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold]as it is[/bold]" in said


def test_a_card_that_is_gone_or_altered_is_not_printed(tmp_path: Path) -> None:
    folder = copied(tmp_path, CARD.to_markdown())
    (folder / "card.md").write_text("# Better than it is\n")
    with pytest.raises(BundleError, match=r"card\.md is damaged"):
        print_card(Library([]), str(folder))
    (folder / "card.md").unlink()
    with pytest.raises(BundleError, match=r"card\.md cannot be read"):
        print_card(Library([]), str(folder))
    described = json.loads((folder / "bundle.json").read_text())
    del described["files"]["card.md"]
    (folder / "bundle.json").write_text(json.dumps(described))
    with pytest.raises(BundleError, match="has no card"):
        print_card(Library([]), str(folder))


def copied(tmp_path: Path, card: str) -> Path:
    """A shipped bundle with another card."""
    folder = tmp_path / "copy"
    shutil.copytree(SHIPPED_BUNDLES / "tags", folder)
    (folder / "card.md").write_text(card, encoding="utf-8", newline="")
    described = json.loads((folder / "bundle.json").read_text())
    described["files"]["card.md"] = hashlib.sha256(card.encode()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(described))
    return folder
