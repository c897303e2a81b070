"""What :func:`graphar.free_energy` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from graphar.estimators.bridge import Bennett
from graphar.estimators.estimate import Estimate
from graphar.estimators.tail import HEAVY

__all__ = ["UNSEEN", "FreeEnergy"]

UNSEEN = "errors know nothing of states that the model never draws: compare with ga.exact or ga.two_sided_bound"


@dataclass(frozen=True)
class FreeEnergy:
    """What samples of a model say of the Boltzmann distribution at one β; all energies extensive.

    Attributes:
        bound: variational free energy F_q = ⟨E + log q / β⟩ ≥ F.
        log_partition: log Z by importance sampling, biased low by less than its error while the ESS is healthy.
        free_energy: F = −log Z/β from it.
        energy, entropy, magnetisation, abs_magnetisation: averages over the model q: E, −⟨log q⟩ in nats,
            M = Σ_i x_i and |M|.
        boltzmann_energy, boltzmann_entropy, boltzmann_magnetisation, boltzmann_abs_magnetisation: the same for the
            Boltzmann distribution, by reweighting with w = e^{−L}.
        ess: effective sample size (Σw)²/Σw², between 1 and ``num_samples``.
        spread: standard deviation of L over the samples, in nats; zero for a perfect model.
        pareto_k: shape of the tail of the weights; above 0.7 errors of reweighted numbers are too small, see below.
        unseen: Boltzmann weight that as many samples miss once in twenty times, 3/ESS; 0 for an exact model.
        bridge: what :func:`bennett` makes of the same samples and those of the Boltzmann distribution, where given.
        best_energy, best_spins: lowest energy met and its configuration, shape (N,).
        trained_beta: β that the model's weights were last trained at, None for a model that was never trained.
        exact: whether the model is the Boltzmann distribution itself, all its sites being exact.
    """

    beta: float
    num_spins: int
    num_samples: int
    bound: Estimate
    log_partition: Estimate
    free_energy: Estimate
    energy: Estimate
    entropy: Estimate
    magnetisation: Estimate
    abs_magnetisation: Estimate
    boltzmann_energy: Estimate
    boltzmann_entropy: Estimate
    boltzmann_magnetisation: Estimate
    boltzmann_abs_magnetisation: Estimate
    ess: float
    spread: float
    best_energy: float
    best_spins: Tensor
    trained_beta: float | None = None
    exact: bool = False
    pareto_k: float = math.nan
    unseen: float = math.nan
    bridge: Bennett | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether the model was trained at another β."""
        return self.trained_beta is not None and not math.isclose(self.trained_beta, self.beta)

    def __repr__(self) -> str:
        rows = [
            ("F, variational bound", self.bound),
            ("F, importance sampling", self.free_energy),
            ("log Z", self.log_partition),
            ("energy, model", self.energy),
            ("energy, reweighted", self.boltzmann_energy),
            ("entropy, model", self.entropy),
            ("entropy, reweighted", self.boltzmann_entropy),
            ("|M|, model", self.abs_magnetisation),
            ("|M|, reweighted", self.boltzmann_abs_magnetisation),
        ]
        ess = f"ESS {self.ess:.4g} ({100 * self.ess / self.num_samples:.3g} %)"
        trained = f" (trained at {self.trained_beta:g})" if self.elsewhere else ""
        head = f"beta = {self.beta:g}{trained}, {self.num_spins} spins, {self.num_samples} samples, {ess}"
        lines = [head, *(f"  {name:<24}{value!r}" for name, value in rows)]
        if self.bridge is not None:
            lines += [f"  with {self.bridge.num_reference} samples of p, by Bennett's bridge:"]
            lines += [f"  {line}" for line in repr(self.bridge).splitlines()[1:]]
        if self.unseen > 0:
            lines.append(
                f"  {'log Z short by up to':<24}{self.unseen:.2g}, which as many samples miss once in 20 times"
            )
        if self.pareto_k > HEAVY:
            lines.append(
                f"  {'Pareto k':<24}{self.pareto_k:.2f}: a heavy tail, errors of reweighted numbers are too small"
            )
        return "\n".join(lines if self.exact else [*lines, f"  {UNSEEN}"])
