r"""Functions of averages, with errors that know autocorrelation and weights.

For f(⟨A_1⟩, …, ⟨A_J⟩) with weights w, the series of the linear part

    φ_t = Σ_j ∂f/∂⟨A_j⟩ · w_t (A_j,t − ⟨A_j⟩) / ⟨w⟩

has the mean zero, and the error of its mean is that of f: U. Wolff, `Comput. Phys. Commun. 156, 143 (2004)
<https://arxiv.org/abs/hep-lat/0306017>`_.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_tensor, check_spins
from graphar.estimators.autocorrelation import error_of_mean
from graphar.estimators.estimate import Estimate

__all__ = ["check_chains", "check_logs", "check_weights", "derived", "weights"]


def derived(function: Callable[..., Tensor], series: Sequence[np.ndarray], weight: np.ndarray | None) -> Estimate:
    """A function of the means of series, each (chains, time); ``weight`` has their shape and the mean 1."""
    w: Any = 1.0 if weight is None else weight
    means = [float((w * each).mean()) for each in series]
    leaves = [torch.tensor(mean, dtype=torch.float64, requires_grad=True) for mean in means]
    value = function(*leaves)
    slopes = torch.autograd.grad(value, leaves)
    linear: Any = 0.0
    for each, mean, slope in zip(series, means, slopes, strict=True):
        linear = linear + float(slope) * w * (each - mean)
    finite = bool(np.isfinite(linear).all())
    return Estimate(float(value.detach()), error_of_mean(linear) if finite else math.inf)


def check_chains(spins: Any, num_spins: int, name: str = "spins") -> Tensor:
    """Spins (chains, time, N) on the CPU from (time, N) or (..., time, N), at least two configurations."""
    x = check_spins(spins, num_spins, name)
    if x.dim() < 2 or math.prod(x.shape[:-1]) < 2:
        raise ValueError(f"{name} must hold at least 2 configurations, shape (time, N), got {tuple(x.shape)}")
    return x.detach().to("cpu", torch.int8).reshape(-1, x.shape[-2], num_spins)


def check_weights(log_weights: Any, shape: tuple[int, int]) -> np.ndarray | None:
    """Weights of mean 1 from their logarithms, −∞ for none, of one per configuration; None for equal ones."""
    return None if log_weights is None else weights(check_logs(log_weights, shape))


def check_logs(log_weights: Any, shape: tuple[int, int]) -> np.ndarray:
    """Logarithms of weights, −∞ for none, of one per configuration, (chains, time)."""
    logs = as_tensor(log_weights, "log_weights").detach().cpu().double()
    if logs.numel() != math.prod(shape) or (logs.dim() > 1 and logs.shape[-1] != shape[1]):
        raise ValueError(f"log_weights must have one number per configuration, {shape}, got {tuple(logs.shape)}")
    if bool((logs.isnan() | (logs == math.inf)).any()) or bool((logs == -math.inf).all()):
        raise ValueError("log_weights must be finite, or -inf for some, got NaN, inf or no weight at all")
    return logs.reshape(shape).numpy()


def weights(logs: np.ndarray) -> np.ndarray:
    """Weights of mean 1 from their logarithms."""
    values = np.exp(logs - logs.max())
    return values / values.mean()
