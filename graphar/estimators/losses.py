"""L = log q(x) + βE(x) of samples of a model, and of spins that are given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_spins
from graphar.estimators.autocorrelation import error_of_mean
from graphar.estimators.estimate import Estimate
from graphar.models.distribution import Distribution

__all__ = ["check_beta_of", "check_reference", "losses_of_samples", "losses_of_spins", "mean_loss"]


def check_beta_of(q: Distribution) -> None:
    """A model at β > 0."""
    if q.beta == 0:
        raise ValueError("beta must be positive for a free energy (at beta = 0, log Z = N log 2), got 0")


def losses_of_samples(q: Distribution, count: int, key: int) -> tuple[Tensor, Tensor]:
    """L and E of samples of a model, float64, shape (count,)."""
    offset = q.beta * float(q.graph.offset)
    losses, energies = [], []
    with torch.no_grad():
        for part in q.draw(count, key):
            losses.append(part.log_prob.cpu() + q.beta * part.energy.cpu() + offset)
            energies.append(q.graph.energy(part.spins).double().cpu())
    loss = torch.cat(losses)
    if not bool(torch.isfinite(loss).all()):
        raise ValueError("log q and energies must be finite, got NaN or inf: the model's weights or couplings are not")
    return loss, torch.cat(energies)


def check_reference(q: Distribution, spins: Any, name: str = "spins") -> Tensor:
    """Spins (..., N) of at least two configurations."""
    checked = check_spins(spins, q.graph.num_spins, name)
    found = math.prod(checked.shape[:-1])
    if found < 2 or checked.dim() < 2:
        raise ValueError(f"{name} must hold at least 2 configurations, got {found}")
    return checked


def losses_of_spins(q: Distribution, spins: Tensor) -> tuple[Tensor, Tensor]:
    """L and E of spins (..., N), float64, shape (...); L is −∞ where the model gives them no probability."""
    with torch.no_grad():
        energy = q.graph.energy(spins).double().cpu()
        loss = q.log_prob(spins).double().cpu() + q.beta * energy
    if bool((loss.isnan() | (loss == math.inf)).any()):
        raise ValueError("log q of spins must be a number, got NaN or inf: the model's weights or couplings are not")
    return loss, energy


def mean_loss(chains: np.ndarray) -> Estimate:
    """⟨L⟩ over chains (C, T), and its standard error; −∞, with an error that knows no limit, if one L is."""
    if (chains == -math.inf).any():
        return Estimate(-math.inf, math.inf)
    return Estimate(float(chains.mean()), error_of_mean(chains))
