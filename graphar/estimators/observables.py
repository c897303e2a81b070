r"""Averages over samples of the Boltzmann distribution, with errors that know how slowly a chain moves.

Samples at β are samples at β' in a further field δh with the weights

    log w = −β' (E − δh M) + βE,   M = Σ_i x_i,

as long as their effective number says so (A. M. Ferrenberg and R. H. Swendsen, `Phys. Rev. Lett. 61, 2635 (1988)
<https://doi.org/10.1103/PhysRevLett.61.2635>`_); samples of a model with log q have log w = −L.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from graphar._support.checks import check_beta, check_number
from graphar.estimators.autocorrelation import autocorrelation_time, gelman_rubin
from graphar.estimators.derived import check_chains, check_logs, derived, weights
from graphar.estimators.estimate import Estimate, is_low
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian

__all__ = ["Observables", "observables"]


@dataclass(frozen=True)
class Observables:
    """Averages at one β; extensive, M = Σ_i x_i.

    Attributes:
        beta: inverse temperature β that they hold at.
        num_spins: N.
        num_samples: configurations.
        energy: ⟨E⟩, with the field that was added.
        heat_capacity: β²(⟨E²⟩ − ⟨E⟩²), of the whole graph; the specific heat is this over N.
        magnetisation: ⟨M⟩.
        abs_magnetisation: ⟨|M|⟩.
        susceptibility: β(⟨M²⟩ − ⟨M⟩²).
        abs_susceptibility: β(⟨M²⟩ − ⟨|M|⟩²), which finite systems have below a transition.
        binder: 1 − ⟨M⁴⟩ / 3⟨M²⟩²; 0 for a normal distribution of M, 2/3 for M = ±const.
        time: autocorrelation time τ of the energy, in samples.
        rhat: R̂ of the energy, 1 where chains agree; NaN for fewer than 4 samples each.
        ess: effective number of samples, (Σw)²/Σw² over τ.
    """

    beta: float
    num_spins: int
    num_samples: int
    energy: Estimate
    heat_capacity: Estimate
    magnetisation: Estimate
    abs_magnetisation: Estimate
    susceptibility: Estimate
    abs_susceptibility: Estimate
    binder: Estimate
    time: float
    rhat: float
    ess: float

    def __repr__(self) -> str:
        rows = [
            ("energy", self.energy),
            ("heat capacity", self.heat_capacity),
            ("M", self.magnetisation),
            ("|M|", self.abs_magnetisation),
            ("susceptibility", self.susceptibility),
            ("susceptibility of |M|", self.abs_susceptibility),
            ("Binder ratio", self.binder),
        ]
        trust = f"ESS {self.ess:.4g} (tau {self.time:.3g}, R̂ {self.rhat:.3g})"
        head = f"beta = {self.beta:g}, {self.num_spins} spins, {self.num_samples} samples, {trust}"
        return "\n".join([head, *(f"  {name:<24}{value!r}" for name, value in rows)])


def observables(
    graph: IsingGraph | SpinHypergraph,
    spins: Any,
    beta: float,
    *,
    at: float | None = None,
    field: float = 0.0,
    log_weights: Any = None,
) -> Observables:
    r"""Energy, heat capacity, magnetisation, susceptibility and Binder ratio from samples.

    .. math:: \langle A \rangle_{\beta'} = \frac{\langle A w \rangle}{\langle w \rangle},
        \quad \log w = -\beta' (E - \delta h M) + \beta E

    Errors are those of each number's own linear part, with its own autocorrelation time.

    Reference: `Ferrenberg and Swendsen 1988 <https://doi.org/10.1103/PhysRevLett.61.2635>`_.

    Args:
        graph: the Hamiltonian.
        spins: samples at β, ±1, shape (time, N) or (chains, time, N), chains in their order.
        beta: their inverse temperature β ≥ 0.
        at: β' to reweight to; β itself by default.
        field: uniform field δh to add to the Hamiltonian by reweighting.
        log_weights: of samples that are not of β, such as −(log q + βE) of a model's, one per configuration.

    Warns:
        UserWarning: few effective samples after reweighting.

    Raises:
        ValueError: fewer than 2 configurations, spins that are not ±1 of shape (..., N), β negative or not finite,
            weights of another shape or that are no numbers.

    >>> import graphar as ga
    >>> graph = ga.grid((3, 4), couplings="ferromagnet")
    >>> exact = ga.exact.enumerate(graph, 0.4)
    >>> found = observables(graph, ga.exact.enumerate(graph, 0.3).sample(20000, seed=0), 0.3, at=0.4)
    >>> abs(found.energy.value - exact.energy) < 4 * found.energy.stderr
    True
    """
    check_hamiltonian(graph, alone=True)
    x = check_chains(spins, graph.num_spins)
    beta, other = check_beta(beta), check_beta(beta if at is None else at)
    extra = check_number(field, "field")
    magnetisation = x.sum(2, dtype=torch.float64).numpy()
    energy = graph.energy(x).double().cpu().numpy()
    shape = energy.shape
    logs = np.zeros(shape) if log_weights is None else check_logs(log_weights, shape)
    logs = logs + beta * energy - other * (energy - extra * magnetisation)
    moved = log_weights is not None or other != beta or extra != 0.0
    weight = weights(logs) if moved else None
    energy = energy - extra * magnetisation
    time = autocorrelation_time(energy)
    ess = energy.size / time / (1.0 if weight is None else float((weight**2).mean()))
    if weight is not None and is_low(ess, energy.size):
        warnings.warn(
            f"{energy.size} samples are worth {ess:.3g} at beta = {other:g} after reweighting: averages and "
            "their errors are unreliable",
            stacklevel=2,
        )
    zero = float(energy.mean())
    e, m = energy - zero, magnetisation / graph.num_spins
    n = float(graph.num_spins)
    mean = derived(lambda a: a, [e], weight)
    return Observables(
        beta=other,
        num_spins=graph.num_spins,
        num_samples=energy.size,
        energy=Estimate(mean.value + zero, mean.stderr),
        heat_capacity=derived(lambda a, b: other**2 * (b - a**2), [e, e**2], weight),
        magnetisation=derived(lambda a: n * a, [m], weight),
        abs_magnetisation=derived(lambda a: n * a, [abs(m)], weight),
        susceptibility=derived(lambda a, b: other * n**2 * (b - a**2), [m, m**2], weight),
        abs_susceptibility=derived(lambda a, b: other * n**2 * (b - a**2), [abs(m), m**2], weight),
        binder=derived(lambda b, d: 1 - d / (3 * b**2), [m**2, m**4], weight),
        time=time,
        rhat=gelman_rubin(energy) if shape[1] >= 4 else math.nan,
        ess=ess,
    )
