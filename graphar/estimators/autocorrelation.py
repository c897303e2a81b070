r"""How many independent samples a Markov chain is worth, and the error of its means.

For a series a_t with autocorrelation ρ(t),

    τ = 1 + 2 Σ_{t ≥ 1} ρ(t),   var(mean) = var(a) τ / n,   n_eff = n / τ

τ counts sweeps per independent sample: 1 for independent ones. (Where τ_int = ½ + Σ ρ is used, τ = 2 τ_int.) The sum
ends at the first lag W ≥ 3 τ(W), the window of A. D. Sokal,
`NATO ASI B 361, 131 (1997) <https://doi.org/10.1007/978-1-4899-0319-8_6>`_. Errors of derived numbers follow from the
series of their linear parts, as by U. Wolff,
`Comput. Phys. Commun. 156, 143 (2004) <https://arxiv.org/abs/hep-lat/0306017>`_: each number has the τ of its own.

Chains share one mean here. Where they do not mix, each about a value of its own, ρ does not decay: τ then is about the
length of a chain, and the samples are worth as many as there are chains.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from graphar._support.checks import as_float_tensor
from graphar.estimators.estimate import Estimate

__all__ = [
    "as_chains",
    "autocorrelation_time",
    "effective_samples",
    "error_of_mean",
    "gelman_rubin",
    "mean_of_chains",
]

WINDOW = 3.0
"""Times τ that the sum over lags goes, Sokal's 6 τ_int."""

FEW_CHAINS = 4
"""From this many chains on, their means alone say an error that is worth comparing with."""


def autocorrelation_time(series: Any) -> float:
    r"""Integrated autocorrelation time of a series, in steps per independent sample.

    .. math:: \tau = 1 + 2 \sum_{t=1}^{W} \rho(t), \quad W \ge 3 \tau(W)

    At least 1: what anticorrelation might gain is not claimed. An estimate from fewer than some 50 τ steps of a single
    chain may be far too small; several chains from different starts find that out.

    Reference: `Sokal 1997 <https://doi.org/10.1007/978-1-4899-0319-8_6>`_.

    Args:
        series: real numbers, such as energies, shape (time,) or (chains, time).

    Returns:
        τ, without unit if a step is 1.

    Raises:
        ValueError: fewer than 2 numbers, or numbers that are not finite.

    >>> import torch
    >>> noise = torch.randn(4, 20000, generator=torch.Generator().manual_seed(0))
    >>> smooth = (noise[:, 1:] + noise[:, :-1]) / 2  # ρ(1) = 1/2
    >>> round(autocorrelation_time(noise), 1), round(autocorrelation_time(smooth), 1)
    (1.0, 2.0)
    """
    return _time(as_chains(series))


def effective_samples(series: Any) -> float:
    """Number of independent samples that a series is worth, n / τ; shape (time,) or (chains, time).

    >>> effective_samples([1.0, 2.0, 1.0, 2.0])
    4.0
    """
    chains = as_chains(series)
    return chains.size / _time(chains)


def gelman_rubin(series: Any) -> float:
    r"""R̂ of chains, each cut in two halves: 1 where they agree, above 1.01 where they have not mixed.

    .. math:: \hat R^2 = \frac{n - 1}{n} + \frac{B}{n W}

    with W the variance within the 2m halves of n steps, n⁻¹B the variance of their means; the larger of that of
    normalised ranks, and that of normalised ranks of distances from the median, which compares spreads.

    Reference: `Vehtari et al. 2021 <https://arxiv.org/abs/1903.08008>`_.

    Args:
        series: real numbers, shape (time,) or (chains, time), at least 4 steps.

    Raises:
        ValueError: fewer than 4 steps, or numbers that are not finite.

    >>> import torch
    >>> apart = torch.randn(4, 500, generator=torch.Generator().manual_seed(0)) + torch.tensor([[0.0], [0], [0], [9]])
    >>> bool(gelman_rubin(apart) > 1.5)
    True
    """
    chains = as_chains(series)
    steps = chains.shape[1] // 2
    if steps < 2:
        raise ValueError(f"series must have at least 4 steps for R̂, got shape {chains.shape}")
    halves = np.concatenate([chains[:, :steps], chains[:, -steps:]])
    return max(_ratio(_normal_ranks(halves)), _ratio(_normal_ranks(abs(halves - np.median(halves)))))


def mean_of_chains(series: Any) -> Estimate:
    """Mean of a series of shape (time,) or (chains, time), with an error that knows its autocorrelation.

    >>> mean_of_chains([0.0, 1.0, 0.0, 1.0])
    0.50 ± 0.29
    """
    chains = as_chains(series)
    return Estimate(float(chains.mean()), error_of_mean(chains))


def as_chains(series: Any, name: str = "series") -> np.ndarray:
    """Finite numbers (chains, time), float64, at least two of them."""
    values = as_float_tensor(series, name, torch.float64).detach().cpu().numpy()
    if values.ndim not in (1, 2) or values.size < 2:
        raise ValueError(f"{name} must have shape (time,) or (chains, time), at least 2 numbers, got {values.shape}")
    return values[None] if values.ndim == 1 else values


def error_of_mean(chains: np.ndarray) -> float:
    """Standard error of the mean over chains (C, T); of four chains or more, not below that of their own means."""
    spread = float(chains.std(ddof=1))
    error = spread * math.sqrt(_time(chains) / chains.size)
    if chains.shape[0] < FEW_CHAINS or chains.shape[1] == 1:
        return error
    return max(error, float(chains.mean(1).std(ddof=1)) / math.sqrt(chains.shape[0]))


def _time(chains: np.ndarray) -> float:
    steps = chains.shape[1]
    # no numbers differ by rounding alone
    deviation = chains - chains.mean()
    scale = float(abs(chains).max())
    if steps == 1 or float(abs(deviation).max()) <= 1e-14 * scale:
        return 1.0
    length = 1 << (2 * steps - 1).bit_length()
    power = sum(abs(np.fft.rfft(row / scale, length)) ** 2 for row in deviation)
    # divided by the number of all steps, not of those that the lag leaves: (1 − t/T) ρ(t), as in the variance of a mean
    rho = np.fft.irfft(power, length)[:steps]
    times = 2 * np.cumsum(rho / rho[0]) - 1
    within = np.flatnonzero(np.arange(steps) >= WINDOW * times)
    window = int(within[0]) if len(within) else steps - 1
    # the mean that is subtracted takes part of every covariance with it (Wolff, eq. 49)
    return max(1.0, float(times[window]) * (1 + (2 * window + 1) / chains.size))


def _ratio(halves: np.ndarray) -> float:
    within = float(halves.var(1, ddof=1).mean())
    between = float(halves.mean(1).var(ddof=1))
    if within == 0:
        return 1.0 if between == 0 else math.inf
    steps = halves.shape[1]
    return math.sqrt((steps - 1) / steps + between / within)


def _normal_ranks(values: np.ndarray) -> np.ndarray:
    """Φ⁻¹((r − 3/8) / (n + 1/4)) of the ranks r = 1 … n, equal numbers sharing their mean rank."""
    from scipy.special import ndtri

    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[where]
    return ndtri((rank - 0.375) / (values.size + 0.25)).reshape(values.shape)
