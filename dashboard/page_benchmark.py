"""`genrescope benchmark page`: what the page costs, measured in Chromium with the real pipeline behind it."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.broadcast import broadcast
from dashboard.live_play import LivePlay
from dashboard.server import PageServer
from dashboard.share import Share
from dashboard.start_up import Figure
from model.errors import GenrescopeError

PLAY_MINUTES = 60
EARLY_MINUTES = 6
"""By then the page holds as much as it ever will: five minutes."""
POLLS = 200
PIXEL_SECONDS = 40.0
FOLLOWERS = 50
FOLLOW_SECONDS = 20.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

# Notes when each prediction was on the screen: after the drawing, at the second frame from then on.
NOTE_PIXELS = """() => {
    window.seenAt = {};
    const draw = genrescope.drawCharts;
    genrescope.drawCharts = function (force) {
        const done = draw.call(genrescope, force);
        const last = genrescope.latest();
        if (last && !(last.number in window.seenAt)) {
            window.seenAt[last.number] = 0;
            requestAnimationFrame(() => requestAnimationFrame(() => {
                window.seenAt[last.number] = (performance.timeOrigin + performance.now()) / 1000;
            }));
        }
        return done;
    };
}"""

# Asks as phones do: once a second each, spread over the second. A process of its own, as phones are.
FOLLOW = """
import sys, threading, time, urllib.request
address, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
opener.open(address).read()
now = address.split("?")[0] + "now"
def follow(number):
    time.sleep(number / count)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        opener.open(now, timeout=10).read()
        time.sleep(1.0)
threads = [threading.Thread(target=follow, args=(number,)) for number in range(count)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def measure_page(model: str, cpu: bool, sound: np.ndarray, rate: int) -> list[Figure]:
    """An hour of play as fast as it goes, the way from a prediction to the screen, explanations, fifty followers."""
    with _chromium() as browser:
        play = LivePlay(model, cpu, sound, rate)
        app = create_app(play.studio).server
        server = PageServer("127.0.0.1", 0)
        server.serve(app)
        try:
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.goto(server.url)
            figures = _long_play(play, page, app.test_client())
            play.studio.start()
            figures += _pixels(play, page)
            page.close()
            figures += _explained(play, app.test_client())
            figures += _followers(play)
        finally:
            play.studio.stop()
            server.stop()
    return figures


def _long_play(play: LivePlay, page: Any, client: FlaskClient) -> list[Figure]:
    heap, poll = [], []
    for minute in range(1, PLAY_MINUTES + 1):
        for _ in range(120):
            play.push(0.5)
            play.studio.engine.step()
        page.wait_for_timeout(50)  # the browser gets its turn
        if minute in (EARLY_MINUTES, PLAY_MINUTES):
            _catch_up(page, play.session.results.next_prediction)
            heap.append(_heap_megabytes(page))
            poll.append(_poll_ms(play, client))
    return [
        Figure(f"browser's memory after {EARLY_MINUTES} minutes of play", heap[0], "MB"),
        Figure(f"browser's memory after {PLAY_MINUTES} minutes of play", heap[1], "MB"),
        Figure(f"a poll at the server after {EARLY_MINUTES} minutes, 95 % within", poll[0], "ms"),
        Figure(f"a poll at the server after {PLAY_MINUTES} minutes, 95 % within", poll[1], "ms"),
    ]


def _catch_up(page: Any, number: int) -> None:
    end = time.monotonic() + 60.0
    while page.evaluate("genrescope.latest() ? genrescope.latest().number : -1") < number - 1:
        if time.monotonic() > end:
            raise GenrescopeError("the page does not keep up", next_step="Run the benchmark on an idle computer")
        page.wait_for_timeout(100)


def _heap_megabytes(page: Any) -> float:
    """What the page's scripts hold, garbage collected."""
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.collectGarbage")
    tools.send("Performance.enable")
    metrics = {metric["name"]: metric["value"] for metric in tools.send("Performance.getMetrics")["metrics"]}
    tools.detach()
    return metrics["JSHeapUsedSize"] / 1e6


def _poll_ms(play: LivePlay, client: FlaskClient) -> float:
    """The 95th percentile of a poll that brings one new prediction, at the server, without the network."""
    query: dict[str, Any] = {}
    times = []
    names = ("instance", "session", "generation", "since", "column")
    for _ in range(POLLS):
        play.push(0.5)
        play.studio.engine.step()
        begun = time.perf_counter()
        answer = client.get("/live", query_string=query, base_url="http://localhost")
        times.append(1000.0 * (time.perf_counter() - begun))
        content = json.loads(answer.data)
        query = {name: content[name] for name in names} | {
            "heard": content["stage"],
            "segments": content["segments_version"],
        }
    # The first ones bring the past.
    return float(np.percentile(times[10:], 95))


def _pixels(play: LivePlay, page: Any) -> list[Figure]:
    page.evaluate(NOTE_PIXELS)
    first = play.session.results.next_prediction
    player = threading.Thread(target=play.live, args=(PIXEL_SECONDS,))
    player.start()
    while player.is_alive():
        page.wait_for_timeout(200)
    seen = {int(number): at for number, at in page.evaluate("window.seenAt").items() if at}
    behind = time.time() - time.monotonic()
    waited = [
        1000.0 * (seen[prediction.number] - behind - prediction.predicted_at)
        for prediction in play.session.results.predictions_since(first)
        if prediction.number in seen
    ]
    if len(waited) < PIXEL_SECONDS:
        raise GenrescopeError(f"only {len(waited)} predictions were drawn", next_step="Run it on an idle computer")
    drawing = page.evaluate("genrescope.drawing")
    return [
        Figure("prediction to pixels, median", statistics.median(waited), "ms"),
        Figure("prediction to pixels, 95 % of all within", float(np.percentile(waited, 95)), "ms"),
        Figure("drawing the charts, in the browser", sum(drawing.values()), "ms"),
    ]


def _explained(play: LivePlay, client: FlaskClient) -> list[Figure]:
    """What the live path pays for "why this genre", asked for once a second."""
    stop = threading.Event()
    times: list[float] = []

    def ask() -> None:
        shown = -1
        while not stop.wait(1.0):
            begun = time.perf_counter()
            number = client.get("/why", base_url="http://localhost").get_json().get("number", shown)
            if number != shown:
                times.append(1000.0 * (time.perf_counter() - begun))
                shown = number

    asker = threading.Thread(target=ask)
    asker.start()
    latencies = play.live(FOLLOW_SECONDS)
    stop.set()
    asker.join()
    return [
        # The first one prepares the gradient.
        Figure("an explanation", statistics.median(times[1:]), "ms"),
        Figure("sound to prediction with explanations, median", statistics.median(latencies), "ms"),
        Figure("sound to prediction with explanations, 95 % of all within", float(np.percentile(latencies, 95)), "ms"),
    ]


def _followers(play: LivePlay) -> list[Figure]:
    alone = play.live(FOLLOW_SECONDS)
    share = Share(lambda: broadcast(play.studio.main), host="127.0.0.1")
    share.start()
    command = [sys.executable, "-c", FOLLOW, share.url, str(FOLLOWERS), str(FOLLOW_SECONDS)]
    phones = subprocess.Popen(command)
    try:
        followed = play.live(FOLLOW_SECONDS)
        phones.wait(timeout=60.0)
    finally:
        phones.kill()
        share.stop()
    if phones.returncode:
        raise GenrescopeError("the followers could not follow", next_step="Look at what was printed above")
    return [
        Figure("sound to prediction without followers, median", statistics.median(alone), "ms"),
        Figure(f"sound to prediction with {FOLLOWERS} followers, median", statistics.median(followed), "ms"),
    ]


@contextmanager
def _chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise GenrescopeError(
            "Playwright is not installed", rule="it drives the browser", next_step="pip install -e '.[test]'"
        ) from error
    executable = os.environ.get("GENRESCOPE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise GenrescopeError(
            "there is no Chromium on the path",
            rule="the page is measured in a real browser",
            next_step="Install one, or name it in GENRESCOPE_CHROMIUM",
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
