"""axe-core, run in a page: the accessibility rules of WCAG that a program can check."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python

from tests.dashboard.conftest import Viewer

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
SERIOUS = ("serious", "critical")


def serious_problems(viewer: Viewer) -> list[str]:
    """What axe-core calls serious or critical, one line each."""
    viewer.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = viewer.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {violation['help']} ({'; '.join(str(node['target']) for node in violation['nodes'])})"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
    ]
