"""What an answer costs on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.bundle_network import network_arrays
from model.classifier import BundleClassifier
from model.networks.loading import cost_ms

ROUNDS = 20
_SEED = 7


@dataclass(frozen=True)
class Cost:
    """Medians over some rounds, one window at a time.

    network_ms, front_end_ms : for one window; the front end's is of the whole window, where a live stream computes
        each frame once only.
    device : "CPU" or "GPU", where the network ran.
    parameters : of the network, or of all its networks; size_bytes : of the whole bundle on disk.
    """

    network_ms: float
    front_end_ms: float
    device: str
    parameters: int
    size_bytes: int
    window_seconds: float


def measure_cost(classifier: BundleClassifier, *, rounds: int = ROUNDS) -> Cost:
    """Measure a loaded bundle."""
    bundle = classifier.bundle
    front_end = bundle.front_end
    noise = np.random.default_rng(_SEED).normal(0.0, 0.1, front_end.window_samples).astype(np.float32)
    return Cost(
        network_ms=cost_ms(classifier.network, front_end, rounds=rounds),
        front_end_ms=round(_median_ms(lambda: front_end.compute(noise), rounds), 2),
        device=classifier.network.device,
        parameters=sum(
            int(array.size) for arrays in network_arrays(bundle.networks).values() for array in arrays.values()
        ),
        size_bytes=bundle.size_bytes,
        window_seconds=round(front_end.window_seconds, 2),
    )


def _median_ms(work: Callable[[], object], rounds: int) -> float:
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000.0 * float(np.median(times))
