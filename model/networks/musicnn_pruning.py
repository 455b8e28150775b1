"""musicnn without the filters that say nothing: the same answers in a fraction of the time.

The published networks were trained with a penalty on their weights, and many filters of the front end lost to it: their
kernels are zero but for rounding, so they give the same whatever is played. Of MSD_musicnn's 561 filters all but 73 are
like that, of MTT_musicnn's 176. What they give is added up once, here.

Reference: H. Li et al., "Pruning filters for efficient ConvNets", ICLR 2017, arXiv 1608.08710, where small filters are
left out at some cost; these are so small that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model.networks.musicnn import FRONT_LAYERS, NORM_EPSILON

SMALLEST_FILTER = 1e-8
"""Filters whose absolute weights add up to less are left out. Spectrograms stay below ten after their normalisation,
so what such a filter hears is lost in the rounding of its bias."""


def prune(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of `build_musicnn()` -> those of `build_musicnn(filters)`, float32.

    Filters of the front end that are constant are left out, with what is made of them: in their place the first
    convolution behind them has one more input, which is always one, and the dense layer another bias.
    """
    pruned = dict(weights)
    constants, lasting = [], []
    for name in FRONT_LAYERS:
        kernel = weights[f"{name}/kernel"]
        loud = np.abs(kernel).reshape(-1, kernel.shape[-1]).sum(axis=0) >= SMALLEST_FILTER
        lasting.append(loud)
        constants.append(_normalised(weights, f"{name}_norm", np.maximum(weights[f"{name}/bias"], 0.0)))
        for layer in (name, f"{name}_norm"):
            for path in [path for path in weights if path.startswith(f"{layer}/")]:
                pruned[path] = weights[path][..., loud]
    kept, constant = np.concatenate(lasting), np.concatenate(constants).astype(np.float64)

    kernel = weights["middle_1/kernel"]
    always = np.einsum("c,kcf->kf", constant[~kept], kernel[:, ~kept].astype(np.float64))[:, None]
    pruned["middle_1/kernel"] = np.concatenate([kernel[:, kept], always.astype(np.float32)], axis=1)

    # Maximum and mean of a channel stand side by side; of a constant both are the constant.
    later = np.ones(len(weights["pooled_norm/gamma"]) // 2 - len(kept), bool)
    pooled = np.repeat(np.concatenate([kept, later]), 2)
    for path in [path for path in weights if path.startswith("pooled_norm/")]:
        pruned[path] = weights[path][pooled]
    values = np.repeat(np.concatenate([constant, np.zeros(len(later))]), 2)
    told = _normalised(weights, "pooled_norm", values)[~pooled] @ weights["penultimate/kernel"][~pooled].astype(
        np.float64
    )
    pruned["penultimate/kernel"] = weights["penultimate/kernel"][pooled]
    pruned["penultimate/bias"] = (weights["penultimate/bias"] + told).astype(np.float32)
    return pruned


def _normalised(weights: Mapping[str, np.ndarray], norm: str, values: np.ndarray) -> np.ndarray:
    """float64: what a batch normalisation makes of one value per channel."""
    gamma, beta, mean, variance = (
        weights[f"{norm}/{name}"].astype(np.float64) for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return np.asarray((values - mean) / np.sqrt(variance + NORM_EPSILON) * gamma + beta)


def front_filters(weights: Mapping[str, np.ndarray]) -> dict[str, int]:
    """How many filters each layer of the front end has, by its name."""
    return {name: weights[f"{name}/kernel"].shape[-1] for name in FRONT_LAYERS}
