"""`genrescope benchmark`: what the live path costs, measured on the real thing."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import statistics
import time
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from dashboard.mix_check import MixBehaviour, check_mix
from dashboard.pushed_source import PushedSource
from dashboard.samples import MIX
from dashboard.start_up import Figure, measure_start_up
from model.classifier import BundleClassifier
from model.errors import GenrescopeError
from model.library import Library
from stream.clock import SystemClock
from stream.engine import Engine
from stream.inlet import Inlet
from stream.records import Prediction
from stream.session import Session
from stream.settings import StreamSettings
from stream.sources.decoder import open_audio

LIVE_SECONDS = 30.0
CAPACITY_SECONDS = 8.0
SOAK_SECONDS = 600.0
BATCHES = (1, 8, 32)


def run_benchmark(parts: Collection[str], *, model: str, cpu: bool, json_file: Path | None, markdown: bool) -> None:
    """Measure these parts ("live", "page", "load"), print a table, and write the figures as JSON if asked."""
    console = Console(highlight=False)
    progress = Console(stderr=True, highlight=False)
    if not MIX.exists():
        raise GenrescopeError(
            f"{MIX} is missing", rule="the benchmark plays it", next_step="python -m sample_audio.make_mix"
        )
    figures: list[Figure] = []

    def measure(title: str, part: list[Figure]) -> None:
        progress.print(f"[dim]{title} done[/dim]")
        figures.extend(part)

    if "live" in parts:
        measure("start-up", measure_start_up(model, cpu))
    classifier = Library().open(model, device="cpu" if cpu else "auto")
    classifier.load()
    sound, rate = _mix_sound()
    if "live" in parts:
        # Before many sessions and large batches are tried: what they allocate would be counted too.
        measure("memory", _memory(classifier, sound, rate))
        measure("network and front end", _network(classifier, sound, rate))
        measure("latency", _latency(classifier, sound, rate))
        measure("sessions", _capacity(classifier, sound, rate))
        measure("the mix", _mix_figures(check_mix(classifier, StreamSettings())))
    if "page" in parts:
        from dashboard.page_benchmark import measure_page

        measure("the page", measure_page(model, cpu, sound, rate))
    if "load" in parts:
        from dashboard.load_benchmark import measure_load

        measure("the crowd", measure_load(model, cpu, sound, rate))
    machine = f"{_processor()}, {os.cpu_count()} cores, {classifier.network.device}, model {model}"
    _print(console, figures, machine, markdown)
    if json_file is not None:
        answer = {"machine": machine, "figures": [asdict(figure) for figure in figures]}
        json_file.write_text(json.dumps(answer, indent=1), encoding="utf-8")


def _network(classifier: BundleClassifier, sound: np.ndarray, rate: int) -> list[Figure]:
    inlet = Inlet(classifier.sample_rate, 600.0)
    inlet.begin(rate)
    inlet.push(sound[:, None], 0.0)
    samples, _ = inlet.ring.read(0, inlet.ring.capacity)
    stream = classifier.open_spectrogram(history_seconds=60.0)
    figures = []
    hop = classifier.sample_rate // 2
    times = []
    for start in range(0, len(samples) - hop, hop):
        begun = time.perf_counter()
        stream.push(samples[start : start + hop])
        times.append(time.perf_counter() - begun)
    figures.append(Figure("front end per window (0.5 s of new frames)", 1000 * statistics.median(times), "ms"))
    if classifier.context_seconds > classifier.window_seconds:
        figures.append(_rhythm(classifier, stream.frames(0, stream.frame_count)))
    ends = np.linspace(classifier.window_frames, stream.frame_count, max(BATCHES)).astype(int)
    ends = np.maximum(ends, stream.frame_count - int(50.0 * classifier.sample_rate / classifier.hop_length))
    windows = np.stack([stream.window(int(end)) for end in ends])
    fastest = 0.0
    for batch in BATCHES:
        classifier.network(windows[:batch])
        times = []
        for _ in range(max(5, 60 // batch)):
            begun = time.perf_counter()
            classifier.probabilities(classifier.network(windows[:batch]))
            times.append((time.perf_counter() - begun) / batch)
        figures.append(Figure(f"network per window, batch {batch}", 1000 * statistics.median(times), "ms"))
        fastest = max(fastest, 1.0 / statistics.median(times))
    figures.append(Figure("windows per second", fastest, "/s"))
    return figures


def _rhythm(classifier: BundleClassifier, frames: np.ndarray) -> Figure:
    """frames : the spectrogram of the mix, float32 [n, bands]."""
    length = int(classifier.context_seconds * classifier.sample_rate / classifier.hop_length)
    times = []
    for end in np.linspace(length, len(frames), 60).astype(int):
        begun = time.perf_counter()
        classifier.context_outputs(frames[end - length : end])
        times.append(time.perf_counter() - begun)
    name = f"rhythm of the last {classifier.context_seconds:.0f} s, per window"
    return Figure(name, 1000 * statistics.median(times), "ms")


def _latency(classifier: BundleClassifier, sound: np.ndarray, rate: int) -> list[Figure]:
    predictions = _run_live(classifier, sound, rate, sessions=1, seconds=LIVE_SECONDS)
    latencies = [prediction.latency_ms for prediction in predictions]
    return [
        Figure("sound to prediction, median", float(np.percentile(latencies, 50)), "ms"),
        Figure("sound to prediction, 95 % of all within", float(np.percentile(latencies, 95)), "ms"),
    ]


def _capacity(classifier: BundleClassifier, sound: np.ndarray, rate: int) -> list[Figure]:
    """The most sessions of which none skips a window: doubled until it fails, then halved in between."""

    def sustained(sessions: int) -> bool:
        predictions = _run_live(classifier, sound, rate, sessions=sessions, seconds=CAPACITY_SECONDS)
        wanted = sessions * int((CAPACITY_SECONDS - classifier.window_seconds) / StreamSettings().hop_seconds)
        return len(predictions) >= wanted and not any(prediction.skipped_before for prediction in predictions)

    good, bad = 0, 1
    while sustained(bad):
        good, bad = bad, 2 * bad
    while bad - good > max(1, good // 16):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if sustained(middle) else (good, middle)
    return [Figure("sessions sustained at 2 predictions a second", good, "")]


def _run_live(
    classifier: BundleClassifier, sound: np.ndarray, rate: int, *, sessions: int, seconds: float
) -> list[Prediction]:
    """So many sessions in real time, each at another place of the mix; all their predictions."""
    clock = SystemClock()
    engine = Engine(clock)
    feeds = []
    for number in range(sessions):
        source = PushedSource(rate)
        session = Session(str(number), source, classifier, StreamSettings(), clock)
        engine.add(session)
        feeds.append((source, session, (number * 7919 * 100) % len(sound)))
    engine.start()
    block = round(0.02 * rate)
    begun = clock.now()
    for step in range(round(seconds / 0.02)):
        while (left := begun + (step + 1) * 0.02 - clock.now()) > 0:
            time.sleep(left)
        for source, _, offset in feeds:
            start = (offset + step * block) % (len(sound) - block)
            source.inlet.push(sound[start : start + block, None], clock.now())
    time.sleep(0.5)
    engine.stop()
    return [prediction for _, session, _ in feeds for prediction in session.results.predictions_since(0)]


def _memory(classifier: BundleClassifier, sound: np.ndarray, rate: int) -> list[Figure]:
    """Ten minutes of sound through one session, as fast as it goes: nothing in it depends on the pace."""
    clock = SystemClock()
    engine = Engine(clock)
    source = PushedSource(rate)
    engine.add(Session("soak", source, classifier, StreamSettings(), clock))
    block = round(0.5 * rate)
    before = 0.0
    for step in range(round(SOAK_SECONDS / 0.5)):
        start = (step * block) % (len(sound) - block)
        source.inlet.push(sound[start : start + block, None], clock.now())
        engine.step()
        if step == round(60.0 / 0.5):
            before = _resident_megabytes()
    after = _resident_megabytes()
    engine.stop()
    # The process also holds what this command itself needs, some ten megabytes for the mix.
    return [
        Figure("memory after 10 minutes of sound", after, "MB"),
        Figure("of which grown in the last 9 minutes", after - before, "MB"),
    ]


def _mix_figures(behaviour: MixBehaviour) -> list[Figure]:
    return [
        Figure("mix: parts whose genre came up", behaviour.parts_found, f"of {behaviour.parts}"),
        Figure("mix: slowest change to the right genre", behaviour.slowest_change_seconds, "s"),
        Figure("mix: wrong flips a minute", behaviour.wrong_flips_per_minute, "/min"),
        Figure("silence called silence after", behaviour.silence_seconds, "s"),
    ]


def _mix_sound() -> tuple[np.ndarray, int]:
    decoder = open_audio(MIX)
    sound = decoder.read(10**9).mean(axis=1, dtype=np.float32)
    decoder.close()
    return sound, decoder.sample_rate


def _print(console: Console, figures: list[Figure], machine: str, markdown: bool) -> None:
    rows = [(figure.name, f"{_rounded(figure.value)} {figure.unit}".strip()) for figure in figures]
    if markdown:
        print(f"| {machine} | |\n|---|---|")
        print("\n".join(f"| {name} | {value} |" for name, value in rows))
        return
    table = Table(machine, "", header_style="bold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}"


def _resident_megabytes() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) / 1000.0
    # Elsewhere only the peak is known: bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()
