r"""The variational objective and its gradient, of four protocols.

    β F = E_q[L],  L = β E_loc(x) + s log q(x),  E_loc(x) = E(x) − Γ Σ_i √(q(x^i)/q(x))
    ∇ β F = E_q[(L − b) ∇ log q] for any constant b

    =====  ======  ======================================================
    s = 1  Γ = 0   variational classical annealing (VCA): free energy
    s = 0  Γ > 0   variational quantum annealing (VQA): ⟨H⟩ of ψ = √q
    s = 1  Γ > 0   regularised VQA (RVQA): ⟨H⟩ − S/β
    s = 0  Γ = 0   classical-quantum optimisation (CQO), neither: ⟨E⟩
    =====  ======  ======================================================

L depends on the weights too, but no further term comes of it: probabilities sum to one, and Σ_x √(q(x) q(x^i)) is the
same for x and x^i, so that the two halves of its gradient are alike and make E_q[√(q(x^i)/q(x)) ∇ log q].

As q → p, or ψ → an eigenstate, all L tend to one number, so with b their mean the gradient's variance vanishes at the
optimum. D. Wu, L. Wang, P. Zhang, `Phys. Rev. Lett. 122, 080602 (2019) <https://arxiv.org/abs/1809.10606>`_;
M. Hibat-Allah et al., `Nat. Mach. Intell. 3, 952 (2021) <https://arxiv.org/abs/2101.10154>`_.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from graphar._support.group import LONE, Group, first_of_lowest
from graphar._support.seeds import Source, choose_key
from graphar.estimators.quantum import spin_flip_energy
from graphar.kernels.base import Samples
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.distribution import Distribution, check_distribution
from graphar.models.parts import NoExactSites

__all__ = ["FREE_ENERGY", "Objective", "VariationalStep", "does_little", "trace_row", "variational_step"]

FEW = 2**20  # weights that torch handles in the time of a few spins


class Objective(NamedTuple):
    """What is minimised at one point of a schedule.

    Attributes:
        transverse_field: Γ ≥ 0.
        entropy: whether the entropy counts, s.
    """

    transverse_field: float = 0.0
    entropy: bool = True


FREE_ENERGY = Objective()
"""The classical one."""


class VariationalStep(NamedTuple):
    """What one batch said; energies without the offset.

    Where some sites are exact and the objective is the free energy, all is of the learned ones: the free energy of the
    exact sites counts as energy.

    Attributes:
        loss: L of every sample, β times an energy.
        best_spins: those of the lowest energy.
        energy, log_prob: E and log q of every sample.
        flips: −Γ Σ_i √(q(x^i)/q(x)) of every sample.
    """

    loss: Tensor
    best_spins: Tensor
    energy: Tensor
    log_prob: Tensor
    flips: Tensor


def variational_step(
    q: Distribution, batch_size: int, source: Source, objective: Objective = FREE_ENERGY, group: Group = LONE
) -> VariationalStep:
    r"""Draw a batch and add the objective's gradient to the ``.grad`` of the model's weights.

    .. math:: \nabla \beta F \approx \frac{1}{n-1} \sum_b (L_b - \bar L) \nabla \log q(x_b)

    The mean L includes the sample itself; the factor 1/(n−1) makes up for it, so the estimate is unbiased.
    The random bits are those of a key, or of a generator that draws it.

    Of several processes, each draws its share of the batch and adds the gradient that its samples make, so that the
    sum over processes is the batch's; what is returned is of the whole batch.
    """
    with torch_alone(does_little(check_distribution(q))):
        return _step(q, batch_size, source, objective, group)


def does_little(q: Distribution) -> bool:
    """Whether torch has so little to do in a step, beside compiled loops, that one thread does it as fast as more."""
    return q.learned_part.compiled and q.model.num_parameters < FEW


def _step(q: Distribution, batch_size: int, source: Source, objective: Objective, group: Group) -> VariationalStep:
    key = source if isinstance(source, int) else choose_key(None, source, "samples")
    own = group.share(batch_size)
    # One chunk's samples keep what their gradient needs; more chunks would keep more than memory is meant to hold.
    fits = len(own) <= q.chunk_size
    drawn = list(q.draw(len(own), key, fits, own.start)) if own else []
    columns = [torch.zeros(0, dtype=torch.float64)] * 3
    if drawn:
        columns = [torch.cat(part) for part in zip(*(_seen(q, part, objective) for part in drawn), strict=True)]
    (log_prob, energy, flips), spins = _of_all(q, drawn, columns, batch_size, group)
    loss = q.beta * energy
    if objective.transverse_field:
        loss = loss + q.beta * flips
    if objective.entropy:
        loss = log_prob + loss
    with torch_alone():  # the order of a long sum is that of one thread, whatever their number
        weight = (loss - loss.mean()) / (batch_size - 1)
    shares = weight[own.start : own.stop].to(columns[0].device).split([len(part) for part in drawn])
    for part, share in zip(drawn, shares, strict=True):
        log_q = part.log_prob if fits else q.learned_part.log_prob(part.learned)
        (share @ log_q).backward()
    return VariationalStep(loss, spins, energy, log_prob, flips)


def _of_all(
    q: Distribution, drawn: list[Samples], columns: list[Tensor], batch_size: int, group: Group
) -> tuple[list[Tensor], Tensor]:
    """Columns of the whole batch, and its configuration of lowest energy."""
    spins = torch.ones(q.graph.num_spins if not drawn else 0, dtype=torch.int8)
    if drawn:
        lowest = min(drawn, key=lambda part: float(part.energy.min()))
        spins = lowest.configuration(int(lowest.energy.argmin())).to("cpu", torch.int8)
    if group.world == 1:
        return columns, spins
    own = float(torch.cat([part.energy for part in drawn]).min()) if drawn else math.inf
    least = torch.tensor(own, dtype=torch.float64)
    whole, (energies, configurations) = group.gather_samples([part.cpu() for part in columns], batch_size, least, spins)
    return whole, configurations[first_of_lowest(energies)]


def _seen(q: Distribution, part: Samples, objective: Objective) -> tuple[Tensor, Tensor, Tensor]:
    """log q, energy and spin flips of samples, as the objective counts them."""
    nothing = torch.zeros_like(part.energy)
    if objective == FREE_ENERGY:  # the exact sites' own share is in the energy: their spins need not be drawn
        return part.log_prob.detach(), part.energy, nothing
    energy = part.energy
    if not isinstance(q.exact_part, NoExactSites):
        energy = q.graph.energy(part.spins).to(energy) - q.graph.offset.to(energy)
    flips = spin_flip_energy(q, part.spins, objective.transverse_field) if objective.transverse_field else nothing
    return part.full_log_prob, energy, flips


def trace_row(result: VariationalStep, beta: float, offset: float) -> tuple[float, ...]:
    """What a trace keeps of a step."""
    energy, entropy, flips = (float(part.mean()) for part in (result.energy, -result.log_prob, result.flips))
    loss = float(result.loss.mean()) / beta + offset
    return energy + offset, entropy, flips, loss, float(result.loss.var()) / beta**2
