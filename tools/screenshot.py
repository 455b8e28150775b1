"""Makes the pictures of the README: plays the demo mix, opens the page in headless Chromium, and saves what it shows.

Run it with `make screenshot`. It needs a Chromium, named by GENRESCOPE_CHROMIUM or found on the path, and ffmpeg with
libwebp for the moving picture.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "page.png"
MOVING_PICTURE = ROOT / "docs" / "page.webp"
MOVING_FROM_SECONDS = 38.0
"""A little before the third genre gives way to the fourth."""
MOVING_FRAMES = 100
FRAMES_PER_SECOND = 4
MOVING_WIDTH = 1100
# What is pressed meanwhile: why this genre, on and off, and the stage.
KEYS = {8: "w", 32: "w", 48: "s"}
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
    """Make the pictures; the exit code is 1 if the page never showed all parts."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = os.environ.get("GENRESCOPE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        print("screenshot: there is no Chromium on the path; install one, or set GENRESCOPE_CHROMIUM", file=sys.stderr)
        return 1
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        print("screenshot: the moving picture needs ffmpeg", file=sys.stderr)
        return 1
    with play_mix() as player, tempfile.TemporaryDirectory() as frames, sync_playwright() as playwright:
        try:
            address = find_address(player)
            browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1920, "height": 1080}, color_scheme="dark")
            page.goto(address)
            shown = wait_until(page, lambda newest, _: newest >= MOVING_FROM_SECONDS)
            film(page, frames)
            shown = shown and wait_until(page, lambda newest, labels: newest >= MOMENT_SECONDS and labels >= PARTS)
            page.screenshot(path=PICTURE)
            browser.close()
        finally:
            player.terminate()
        if not shown:
            print("screenshot: the page did not show all parts of the mix", file=sys.stderr)
            return 1
        shrink(PICTURE, ffmpeg)
        join(frames, ffmpeg)
    for picture in (PICTURE, MOVING_PICTURE):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1000} kB")
    return 0


def film(page: Page, folder: str) -> None:
    """Frames of the moving picture: some seconds of the desk, and of the stage."""
    begun = time.monotonic()
    for number in range(MOVING_FRAMES):
        page.wait_for_timeout(max(0.0, 1000.0 * (begun + number / FRAMES_PER_SECOND - time.monotonic())))
        if number in KEYS:
            page.keyboard.press(KEYS[number])
        page.screenshot(path=f"{folder}/{number:03d}.jpeg", type="jpeg", quality=90)
    page.keyboard.press("s")


def join(folder: str, ffmpeg: str) -> None:
    """Make the moving picture of the frames."""
    frames = ["-framerate", str(FRAMES_PER_SECOND), "-i", f"{folder}/%03d.jpeg", "-vf", f"scale={MOVING_WIDTH}:-1"]
    picture = ["-c:v", "libwebp", "-quality", "55", "-compression_level", "6", "-loop", "0", str(MOVING_PICTURE)]
    subprocess.run([ffmpeg, "-v", "error", "-y", *frames, *picture], check=True)


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


def wait_until(page: Page, holds: Callable[[float, int], bool]) -> bool:
    """Wait for the newest prediction's time and the number of labels shown to be like that.

    (Playwright's own waiting needs `eval`, which the page forbids.)
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if holds(*page.evaluate(SEEN)):
            return True
        page.wait_for_timeout(250)
    return False


def shrink(picture: Path, ffmpeg: str) -> None:
    """Store the picture with 256 colours: a third of the size, and looks the same."""
    smaller = picture.with_suffix(".small.png")
    palette = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=dither=none"
    options = ["-vf", palette, "-pred", "none", "-compression_level", "9"]
    subprocess.run([ffmpeg, "-v", "error", "-y", "-i", str(picture), *options, str(smaller)], check=True)
    smaller.replace(picture)


if __name__ == "__main__":
    raise SystemExit(main())
