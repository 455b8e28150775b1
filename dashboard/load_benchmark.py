"""`genrescope benchmark --load`: what a crowd of programs and pages costs the session that they all look at."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.api.mount import PREFIX
from dashboard.app import create_app
from dashboard.live_play import LivePlay
from dashboard.server import PageServer
from dashboard.start_up import Figure
from model.errors import GenrescopeError

LISTENERS = 100
PAGES = 50
ROUNDS = 3
"""With and without the crowd in turn: what else the machine does falls on both."""
ROUND_SECONDS = 20.0
ARRIVAL_SECONDS = 3.0
"""By then the crowd has come in; what it costs to come in is not what it costs to be there."""
EVENTS = f"{PREFIX}/sessions/main/events"


def measure_load(model: str, cpu: bool, sound: np.ndarray, rate: int) -> list[Figure]:
    """One live session with a hundred event listeners and fifty polling pages, and without.

    sound : float32 [n], at `rate` Hz.
    """
    play = LivePlay(model, cpu, sound, rate)
    server = PageServer("127.0.0.1", 0)
    server.serve(create_app(play.studio).server)
    play.studio.start()
    alone, beside, delays, missed, polls = [], [], [], 0, 0
    try:
        play.live(ARRIVAL_SECONDS)
        for _ in range(ROUNDS):
            alone += play.live(ROUND_SECONDS)
            latencies, seen = _with_crowd(play, server)
            beside += latencies
            delays += seen["delays"]
            missed += seen["missed"]
            polls += seen["polls"]
    finally:
        server.stop()
        play.studio.stop()
    crowd = f"{LISTENERS} event listeners and {PAGES} pages"
    return [
        Figure("sound to prediction alone, median", statistics.median(alone), "ms"),
        Figure("sound to prediction alone, 95 % of all within", float(np.percentile(alone, 95)), "ms"),
        Figure(f"sound to prediction beside {crowd}, median", statistics.median(beside), "ms"),
        Figure(f"sound to prediction beside {crowd}, 95 % of all within", float(np.percentile(beside, 95)), "ms"),
        Figure("prediction to event at a listener, median", statistics.median(delays), "ms"),
        Figure("prediction to event at a listener, 95 % of all within", float(np.percentile(delays, 95)), "ms"),
        Figure("results that a listener missed", float(missed), ""),
        Figure("polls of the pages", polls / (ROUNDS * (ROUND_SECONDS + ARRIVAL_SECONDS)), "/s"),
    ]


def _with_crowd(play: LivePlay, server: PageServer) -> tuple[list[float], dict[str, Any]]:
    seconds = ARRIVAL_SECONDS + ROUND_SECONDS + 1.0
    command = [sys.executable, "-m", "dashboard.crowd", server.url, EVENTS, str(LISTENERS), str(PAGES), str(seconds)]
    crowd = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parent.parent)
    try:
        play.live(ARRIVAL_SECONDS)
        first = play.session.results.next_prediction
        latencies = play.live(ROUND_SECONDS)
        output, _ = crowd.communicate(timeout=60.0)
    finally:
        crowd.kill()
    if crowd.returncode:
        raise GenrescopeError("the crowd could not listen", next_step="Look at what was printed above")
    answer = json.loads(output)
    made = {each.number: each.predicted_at for each in play.session.results.predictions_since(first)}
    delays, missed = [], 0
    for arrivals in answer["arrivals"]:
        got = {int(number): at for number, at in arrivals.items()}
        missed += len(made.keys() - got.keys())
        delays += [1000.0 * (got[number] - made[number]) for number in made.keys() & got.keys()]
    return latencies, {"delays": delays, "missed": missed, "polls": answer["polls"]}
