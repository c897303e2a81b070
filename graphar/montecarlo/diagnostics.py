r"""How far a series of a Markov chain may be trusted: autocorrelation times, effective samples, agreement of replicas.

.. math:: \tau = \tfrac12 + \sum_{t \ge 1} \rho(t), \qquad n_\text{eff} = \frac{n}{2 \tau},

with the sum cut at the first t ≥ 5τ (A. D. Sokal, `Monte Carlo methods in statistical mechanics
<https://doi.org/10.1007/978-1-4899-0319-8_6>`_). R̂ compares the variance between the halves of all replicas with that
within them (A. Vehtari et al., `Bayesian Anal. 16, 667 (2021) <https://arxiv.org/abs/1903.08008>`_).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor

__all__ = ["autocorrelation_time", "effective_samples", "r_hat"]

_WINDOW = 5.0  # of autocorrelation times that are summed: what lies beyond is noise
_ROUNDING = 1e-20  # of the squared size of a series: variances below it are rounding errors


def autocorrelation_time(series: Any) -> float:
    """Integrated autocorrelation time τ of all replicas together, in units of the series' own steps; ½ at the least.

    Args:
        series: an observable, shape (replicas, time) or (time,). Deviations are those from the mean of all replicas, so
            that replicas that stay apart give a long time.

    Raises:
        ValueError: another shape, no entries, or entries that are not finite.

    >>> noise = torch.randn(4, 1000, generator=torch.Generator().manual_seed(0))
    >>> round(autocorrelation_time(noise), 1)
    0.5
    """
    x = _series(series)
    x = x - x.mean()
    if _none(x.square().mean(), series):
        return 0.5
    n = x.shape[1]
    spectrum = torch.fft.rfft(x, n=2 * n).abs().square()
    covariance = torch.fft.irfft(spectrum, n=2 * n)[:, :n].mean(0) / n
    rho = covariance / covariance[0]
    tau = rho.cumsum(0) - 0.5
    enough = (torch.arange(n) >= _WINDOW * tau).nonzero()
    return max(0.5, float(tau[int(enough[0]) if len(enough) else -1]))


def effective_samples(series: Any) -> float:
    """Number of independent samples that tell the mean as well, n/2τ; at most the number of entries n.

    Args:
        series: as for :func:`autocorrelation_time`.
    """
    return _series(series).numel() / (2 * autocorrelation_time(series))


def r_hat(series: Any) -> float:
    """R̂ of the halves of all replicas: near 1 where they agree, above 1.01 where they do not yet.

    ∞ where each half is constant and they differ, 1 where all are equal.

    Args:
        series: as for :func:`autocorrelation_time`, of two entries at least.
    """
    x = _series(series)
    half = x.shape[1] // 2
    if not half:
        raise ValueError(f"series must have two entries in time at least, got shape {tuple(x.shape)}")
    halves = torch.cat([x[:, :half], x[:, -half:]])
    if half == 1:  # no variance within
        return 1.0 if _none(halves.var(), series) else math.inf
    within, between = halves.var(dim=1).mean(), halves.mean(dim=1).var()
    if _none(between, series):
        return 1.0 if _none(within, series) else math.sqrt((half - 1) / half)
    return math.inf if _none(within, series) else float(((half - 1) / half + between / within).sqrt())


def _none(variance: Tensor, series: Any) -> bool:
    """Whether a variance is zero up to rounding."""
    size = float(_series(series).abs().max())
    return float(variance) <= _ROUNDING * size * size


def _series(series: Any) -> Tensor:
    x = as_float_tensor(series, "series", torch.float64).detach().cpu()
    if x.dim() == 1:
        x = x[None]
    if x.dim() != 2 or not x.numel():
        raise ValueError(f"series must have shape (replicas, time) or (time,), got {tuple(x.shape)}")
    return x
