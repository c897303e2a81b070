r"""Energies in a transverse field, from samples of the square of a wave function.

    H = H_cl − Σ_i Γ_i σ^x_i,   ψ(x) = √q(x),   E_loc(x) = H_cl(x) − Σ_i Γ_i √(q(x^i) / q(x)),   ⟨H⟩ = ⟨E_loc⟩_q ≥ E_0

with x^i being x with spin i turned over. No matrix element off the diagonal is positive, so the ground state has no
signs to lose (Perron and Frobenius), and a positive ψ can be exact. Then E_loc(x) = E_0 for every x: its variance tells
how far from an eigenstate ψ is. M. Hibat-Allah et al., `Nat. Mach. Intell. 3, 952 (2021)
<https://arxiv.org/abs/2101.10154>`_.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar._support.group import LONE, Group
from graphar._support.processes import joined
from graphar._support.seeds import choose_key
from graphar.estimators.partition import Estimate
from graphar.exact.transverse import check_transverse_field
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.agreement import agree_on_model
from graphar.models.distribution import Distribution, check_distribution

__all__ = ["QuantumEnergy", "evaluate_quantum", "quantum_energy", "spin_flip_energy"]


@dataclass(frozen=True, eq=False)
class QuantumEnergy:
    """What samples of q = ψ² say of ψ in a transverse field; energies extensive, offset included.

    Attributes:
        num_spins: N.
        num_samples: how many samples.
        transverse_field: Γ_i, shape (N,).
        energy: ⟨H⟩, at least the ground energy.
        variance: ⟨H²⟩ − ⟨H⟩², the variance of the local energy; zero for an eigenstate.
        classical_energy: ⟨H_cl⟩.
        entropy: −⟨log q⟩ in nats, of measurements along z.
        sigma_x: ⟨σ^x_i⟩, shape (N,).
        best_energy, best_spins: lowest H_cl met and its configuration, shape (N,).
    """

    num_spins: int
    num_samples: int
    transverse_field: Tensor
    energy: Estimate
    variance: float
    classical_energy: Estimate
    entropy: Estimate
    sigma_x: Tensor
    best_energy: float
    best_spins: Tensor

    def __repr__(self) -> str:
        low, high = float(self.transverse_field.min()), float(self.transverse_field.max())
        field = f"{low:g}" if low == high else f"{low:g} … {high:g}"
        rows = [
            ("⟨H⟩, at least E_0", repr(self.energy)),
            ("⟨H²⟩ − ⟨H⟩²", f"{self.variance:.4g}"),
            ("⟨H_cl⟩", repr(self.classical_energy)),
            ("⟨σ^x⟩, mean", f"{float(self.sigma_x.mean()):.6g}"),
            ("entropy, along z", repr(self.entropy)),
            ("lowest H_cl met", f"{self.best_energy:g}"),
        ]
        head = f"transverse field {field}, {self.num_spins} spins, {self.num_samples} samples"
        return "\n".join([head, *(f"  {name:<20}{value}" for name, value in rows)])


def quantum_energy(
    q: Distribution,
    transverse_field: Any,
    num_samples: int = 10_000,
    *,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> QuantumEnergy:
    r"""Energy of the wave function :math:`\psi = \sqrt q` of a model in a transverse field, with its standard error.

    .. math:: H = H_\text{cl} - \sum_i \Gamma_i \sigma^x_i, \qquad
        \langle H \rangle = \Bigl\langle H_\text{cl}(x) - \sum_i \Gamma_i \sqrt{q(x^i) / q(x)} \Bigr\rangle_q \ge E_0

    No flip takes a pass of its own: see :meth:`graphar.Distribution.flip_log_ratios`.

    Reference: `arXiv:2101.10154 <https://arxiv.org/abs/2101.10154>`_.

    Args:
        q: a model, ``model.at(beta)``, at the β that it was trained at.
        transverse_field: Γ ≥ 0, one number or one for each site, shape (N,).
        num_samples: how many samples, at least 2.
        seed: of the samples, 0 if neither it nor ``generator`` is given.
        generator: a generator that goes on where it stands.

    Raises:
        ValueError: q is no model at its β, Γ is negative or of another shape, fewer than 2 samples, or local energies
            that are not finite.

    >>> import graphar as ga
    >>> graph = ga.chain(8, couplings="ferromagnet")
    >>> result = quantum_energy(ga.Autoregressive(graph).at(0.5), 1.0, 2000)
    >>> result.energy.value > ga.exact.transverse_field(graph, 1.0).ground_energy
    True
    """
    check_count(num_samples, "num_samples", 2)
    field = check_transverse_field(transverse_field, check_distribution(q).graph.num_spins)
    key = choose_key(0 if seed is None and generator is None else seed, generator, "quantum energy")
    group = joined()
    agree_on_model(group, q.model, beta=q.beta, transverse_field=field, num_samples=num_samples, seed=key)
    return evaluate_quantum(q, field, num_samples, key, group)


@torch.no_grad()
def evaluate_quantum(q: Distribution, field: Tensor, num_samples: int, key: int, group: Group = LONE) -> QuantumEnergy:
    """:func:`quantum_energy` for fields of every site, by a key; processes draw a share each."""
    nothing = torch.zeros(0, dtype=torch.float64)
    classical, local, log_q, flips = [nothing], [nothing], [nothing], torch.zeros_like(field)
    best_energy, best_spins = math.inf, torch.zeros(q.graph.num_spins, dtype=torch.int8)
    own = group.share(num_samples)
    for drawn in q.draw(len(own), key, first=own.start) if own else ():
        energies = q.graph.energy(drawn.spins).to("cpu", torch.float64)
        ratios = amplitude_ratios(q, drawn.spins).cpu()
        with torch_alone():  # the order of long sums is that of one thread
            local.append(energies - ratios @ field)
            flips += ratios.sum(0)
        lowest = int(energies.argmin())
        if energies[lowest] < best_energy:
            best_energy, best_spins = float(energies[lowest]), drawn.spins[lowest].to("cpu", torch.int8)
        classical.append(energies)
        log_q.append(drawn.full_log_prob.cpu())
    columns = [torch.cat(part) for part in (local, classical, log_q)]
    (of_h, of_classical, of_log_q), _ = group.gather_samples(columns, num_samples)
    flips = group.sum(flips)
    best_energy, best_spins = group.lowest(best_energy, best_spins)
    if not bool(torch.isfinite(of_h).all()):
        raise ValueError("local energies must be finite, got NaN or inf: the model's weights or couplings are not")
    with torch_alone():
        return QuantumEnergy(
            num_spins=q.graph.num_spins,
            num_samples=num_samples,
            transverse_field=field,
            energy=_mean(of_h),
            variance=float(of_h.var()),
            classical_energy=_mean(of_classical),
            entropy=_mean(-of_log_q),
            sigma_x=flips / num_samples,
            best_energy=best_energy,
            best_spins=best_spins,
        )


def amplitude_ratios(q: Distribution, spins: Tensor) -> Tensor:
    """ψ(x^i)/ψ(x) = √(q(x^i)/q(x)), float64, shape (batch, N)."""
    return q.flip_log_ratios(spins).mul_(0.5).exp_()


def spin_flip_energy(q: Distribution, spins: Tensor, transverse_field: float) -> Tensor:
    """−Γ Σ_i ψ(x^i)/ψ(x), float64, shape (batch,): what a transverse field adds to the local energy."""
    return -transverse_field * amplitude_ratios(q, spins).sum(-1)


def _mean(values: Tensor) -> Estimate:
    return Estimate(float(values.mean()), float(values.std()) / math.sqrt(values.numel()))
