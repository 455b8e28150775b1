"""Makes the picture of the README: plays the demo mix, opens the page in headless Chromium, and saves what it shows.

Run it with `make screenshot`. It needs a Chromium: named by GENRESCOPE_CHROMIUM, or found on the path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "page.png"
PARTS = 5
"""Parts of the mix; each is to be seen in the chart."""
MOMENT_SECONDS = 65.0
"""Not earlier than this: the last part has then been heard for five seconds."""
PATIENCE_SECONDS = 150.0
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]

# The time of the newest prediction, and how many different labels were named within the last minute.
SEEN = """() => {
    const heard = (window.genrescope || {}).heard;
    if (!heard || !heard.predictions.length) return [0, 0];
    const named = heard.predictions.filter((p) => p.verdict === "sure")
        .map((p) => p.probabilities.indexOf(Math.max(...p.probabilities)));
    return [heard.predictions[heard.predictions.length - 1].time, new Set(named).size];
}"""


def main() -> int:
    """Make the picture; the exit code is 1 if the page never showed all parts."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = os.environ.get("GENRESCOPE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        print("screenshot: there is no Chromium on the path; install one, or set GENRESCOPE_CHROMIUM", file=sys.stderr)
        return 1
    with play_mix() as player, sync_playwright() as playwright:
        try:
            address = find_address(player)
            browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1920, "height": 1080}, color_scheme="dark")
            page.goto(address)
            shown = wait_for_all_parts(page)
            if shown:
                page.screenshot(path=PICTURE)
                shrink(PICTURE)
            browser.close()
        finally:
            player.terminate()
    if not shown:
        print("screenshot: the page did not show all parts of the mix", file=sys.stderr)
        return 1
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")
    return 0


def play_mix() -> subprocess.Popen[str]:
    """`genrescope play` on the demo mix, without a browser of its own and without a speaker."""
    command = [str(Path(sys.executable).with_name("genrescope")), "play", str(ROOT / "sample_audio" / "mix.wav")]
    options = ["--port", "0", "--no-browser", "--speaker", "none"]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT)


def find_address(player: subprocess.Popen[str]) -> str:
    """The address the command prints once the page is up."""
    assert player.stderr is not None
    for line in player.stderr:
        if found := re.search(r"http://\S+", line):
            return found.group()
    raise SystemExit("screenshot: genrescope ended before its page was up")


def wait_for_all_parts(page: Page) -> bool:
    """Wait until the chart shows all parts. (Playwright's own waiting needs `eval`, which the page forbids.)"""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        newest, labels = page.evaluate(SEEN)
        if newest >= MOMENT_SECONDS and labels >= PARTS:
            return True
        page.wait_for_timeout(250)
    return False


def shrink(picture: Path) -> None:
    """Store the picture with 256 colours: a third of the size, and looks the same. Without ffmpeg it stays as it is."""
    if (ffmpeg := shutil.which("ffmpeg")) is None:
        return
    smaller = picture.with_suffix(".small.png")
    palette = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=dither=none"
    options = ["-vf", palette, "-pred", "none", "-compression_level", "9"]
    subprocess.run([ffmpeg, "-v", "error", "-y", "-i", str(picture), *options, str(smaller)], check=True)
    smaller.replace(picture)


if __name__ == "__main__":
    raise SystemExit(main())
