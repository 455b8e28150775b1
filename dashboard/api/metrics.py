"""Numbers for Prometheus (`GET /metrics`), gathered when they are asked for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import accumulate

from flask import Flask, Response
from flask_openapi import APIBlueprint
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from dashboard.api.events import EventHub
from dashboard.api.schemas import content
from dashboard.api.session_schemas import State
from dashboard.studio import Studio
from stream.totals import LATENCY_BOUNDS_SECONDS, TotalsSnapshot

NAMESPACE = "genrescope"


class StudioCollector(Collector):
    """Reads the totals and the studio."""

    def __init__(self, studio: Studio, hub: EventHub) -> None:
        self._studio = studio
        self._hub = hub
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()

    def count(self, status: int) -> None:
        """A program was answered."""
        with self._lock:
            self._answers[str(status)] += 1

    def collect(self) -> Iterable[Metric]:
        yield from _heard(self._studio.engine.totals())
        yield from self._present()

    def _present(self) -> Iterator[Metric]:
        studio = self._studio
        stages = studio.stages()
        states = Counter("idle" if stage.session is None else stage.session.status().state.value for stage in stages)
        yield _by("sessions", "Sessions, also those of single pages, by what they do.", "state", _all_states(states))
        waiting = sum(session.waiting_windows for session in studio.engine.sessions())
        yield _gauge("waiting_windows", "Windows that are due and not classified yet.", waiting)
        uploads = sum(len(studio.uploads.of(owner)) for owner in {stage.owner for stage in stages})
        yield _gauge("uploads", "Uploaded files that are kept.", uploads)
        yield _gauge("event_listeners", "Programs that listen to events.", self._hub.listeners)
        yield _gauge("ready", "1 once the network is loaded.", studio.ready)
        yield _gauge("alive", "1 while what listens is running.", studio.engine.alive)
        with self._lock:
            answers = dict(self._answers)
        yield _by("api_answers", "Answers to programs, by status.", "status", answers, total=True)
        info = GaugeMetricFamily(f"{NAMESPACE}_info", "Which genrescope this is.", labels=["version"])
        info.add_metric([version("genrescope")], 1)
        yield info


def register_metrics(api: APIBlueprint, server: Flask, studio: Studio, hub: EventHub) -> None:
    """Add `GET /metrics`, and count the server's answers for it."""
    collector, registry = StudioCollector(studio, hub), CollectorRegistry()
    registry.register(collector)

    @server.after_request
    def count(response: Response) -> Response:
        collector.count(response.status_code)
        return response

    @api.get(
        "/metrics",
        operation_id="get_metrics",
        responses={200: content("text/plain", "Prometheus's text format.")},
    )
    def get_metrics() -> Response:
        """Numbers for Prometheus: latency, windows, what was skipped or lost, sessions, errors."""
        response = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
        response.headers["Cache-Control"] = "no-store"
        return response


def _heard(totals: TotalsSnapshot) -> Iterator[Metric]:
    yield _by("windows", "Windows judged.", "verdict", {str(name): n for name, n in totals.windows.items()}, total=True)
    sums = accumulate(totals.latency_classes)
    names = [*(floatToGoString(bound) for bound in LATENCY_BOUNDS_SECONDS), "+Inf"]
    yield HistogramMetricFamily(
        f"{NAMESPACE}_latency_seconds",
        "From sound to prediction; not of windows that waited for the network to load.",
        buckets=list(zip(names, sums, strict=True)),
        sum_value=totals.latency_sum_seconds,
    )
    counts = totals.counts
    yield _counter("skipped_windows", "Windows left out because the machine was behind.", counts.skipped_windows)
    lost = {"source": counts.lost_seconds, "ring": counts.overrun_seconds}
    yield _by("lost_seconds", "Sound that never arrived, or was overwritten unheard.", "where", lost, total=True)
    yield _counter("heard_seconds", "Sound that came in.", counts.heard_seconds)
    yield _counter("invalid_samples", "Samples that were not numbers.", counts.invalid_samples)
    yield _counter("network_calls", "Calls of networks.", totals.network_calls)
    yield _counter("network_seconds", "Time these took.", totals.network_seconds)
    yield _counter("sessions_started", "Sessions that were begun.", totals.sessions)
    yield _counter("session_failures", "Sessions that could not go on.", totals.failures)


def _all_states(found: Counter[str]) -> dict[str, int]:
    # Also those that nothing is in: a series that comes and goes is hard to watch.
    return {state.value: found[state.value] for state in State}


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(f"{NAMESPACE}_{name}", what, value=value)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{NAMESPACE}_{name}", what, value=float(value))


def _by(name: str, what: str, label: str, values: dict[str, float] | dict[str, int], *, total: bool = False) -> Metric:
    family = (CounterMetricFamily if total else GaugeMetricFamily)(f"{NAMESPACE}_{name}", what, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
