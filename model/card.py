"""A bundle's card: what people must know before they trust it. No bundle is written without one.

After M. Mitchell et al.: "Model cards for model reporting", 2019, arXiv 1810.03993. A card is Markdown: one title
(`# ...`), and under headings of the second level (`## ...`), in any order and beside others, the `SECTIONS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.bundle_files import read_checked
from model.errors import BundleError

SECTIONS: Mapping[str, str] = {
    "Trained on": "which music and whose labels, and how many tracks and artists",
    "Measured": "figures, and on what",
    "Limits": "where it is wrong, and on which music it was never tested",
    "Intended use": "what it is for, and what it should not be used for",
    "Licence": "of its weights, and of what they were made from",
}
"""The sections that every card has, by their headings, and what stands in them."""
CARD_FILE = "card.md"
LARGEST_CARD_BYTES = 200_000
_PLACEHOLDERS = {"", "todo", "tbd", "tba", "fixme", "xxx", "na", "none", "unknown", "nothing", "to do", "to be done"}


@dataclass(frozen=True)
class Card:
    """A card in its parts, each Markdown without headings of the first two levels; a tuple becomes a list.

    summary : what the bundle says about music, in a sentence or two.
    trained_on, measured, limits, intended_use, licence : see `SECTIONS`.
    """

    title: str
    summary: str
    trained_on: str | tuple[str, ...]
    measured: str | tuple[str, ...]
    limits: str | tuple[str, ...]
    intended_use: str | tuple[str, ...]
    licence: str | tuple[str, ...]

    def to_markdown(self) -> str:
        """The text of the card, which `check_card` accepts; raises BundleError if a part says nothing."""
        texts = (self.trained_on, self.measured, self.limits, self.intended_use, self.licence)
        sections = [f"## {heading}\n\n{_as_markdown(text)}" for heading, text in zip(SECTIONS, texts, strict=True)]
        text = "\n\n".join([f"# {self.title.strip()}", self.summary.strip(), *sections]) + "\n"
        check_card(text)
        return text


def check_card(text: str, *, owner: str = "the bundle") -> None:
    """Raises BundleError, naming `owner`, unless the card has a title and says something in each of the `SECTIONS`.

    Figures must be given where it says what was measured. Whether they are true, no check can tell.
    """
    if len(text.encode("utf-8", errors="replace")) > LARGEST_CARD_BYTES:
        raise _refusal(f"the card of {owner} is too long", f"at most {LARGEST_CARD_BYTES} bytes")
    title, sections = read_sections(text)
    if not title:
        raise _refusal(f"the card of {owner} has no title", "it begins with a line `# TITLE`")
    missing = [heading for heading in SECTIONS if heading not in sections]
    if missing:
        raise _refusal(
            f"the card of {owner} does not say {_listed(missing)}",
            f"a card has the sections {', '.join(f'`## {heading}`' for heading in SECTIONS)}",
        )
    for heading, wanted in SECTIONS.items():
        if _plain(sections[heading]) in _PLACEHOLDERS:
            raise _refusal(f"the card of {owner} says nothing under {heading!r}", f"there it says {wanted}")
    if not re.search(r"\d", sections["Measured"]):
        raise _refusal(f"the card of {owner} has no figure under 'Measured'", f"there it says {SECTIONS['Measured']}")


def read_card(folder: Path) -> str:
    """The text of the card of the bundle in `folder`; raises BundleError if it has none, or another than it had."""
    try:
        files = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["files"]
        sha256 = str(files[CARD_FILE])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"the bundle in {folder} has no card", rule=f"it stands in {CARD_FILE}") from error
    return read_checked(folder, CARD_FILE, sha256, LARGEST_CARD_BYTES).decode("utf-8", "replace")


def read_sections(text: str) -> tuple[str, dict[str, str]]:
    """The title of a card, "" if it has none, and what stands under its headings of the second level.

    What stands between fences of code is no heading. Where a heading comes twice, both belong to it.
    """
    title, heading, fence = "", "", ""
    sections: dict[str, str] = {}
    for line in text.splitlines():
        fences = re.match(r" {0,3}(```+|~~~+)", line)
        found = None if fence else re.match(r"(##?)\s+(.*?)[\s#]*$", line)
        if fences and (not fence or fences[1].startswith(fence)):
            fence = "" if fence else fences[1]
        if found and found[1] == "#":
            title = title or found[2]
        elif found:
            heading = found[2]
            sections.setdefault(heading, "")
        elif heading:
            sections[heading] += f"{line}\n"
    return title, {name: said.strip() for name, said in sections.items()}


def _plain(text: str) -> str:
    """Lower-case words only, so that "- TODO ..." is seen to say nothing."""
    return re.sub(r"\s+", " ", "".join(c for c in text.casefold() if c.isalnum() or c.isspace())).strip()


def _as_markdown(text: str | tuple[str, ...]) -> str:
    if isinstance(text, str):
        return text.strip()
    return "\n".join("- " + item.strip().replace("\n", "\n  ") for item in text)


def _listed(headings: list[str]) -> str:
    quoted = [f"{heading!r}" for heading in headings]
    return " and ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)


def _refusal(what: str, rule: str) -> BundleError:
    return BundleError(what, rule=rule, next_step="Complete the card; docs/bundles.md has an example")
