r"""The Curie–Weiss model, finite and infinite: its energy knows the spins through their sum M = Σ_i x_i alone.

    H(x) = −(J/N) Σ_{i<j} x_i x_j − h Σ_i x_i = −(J/2N)(M² − N) − hM

So Z is a sum over the N + 1 values of M, each C(N, (N + M)/2) configurations, and as N → ∞ one of them dominates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_beta, check_count
from graphar.exact.scale import check_largest, finite, free_energy

__all__ = ["CurieWeiss", "CurieWeissLimit", "curie_weiss", "curie_weiss_limit"]


def curie_weiss(num_spins: int, beta: float, coupling: float = 1.0, field: float = 0.0) -> CurieWeiss:
    r"""Exact thermodynamics of ``graphar.curie_weiss(num_spins, coupling=coupling, field=field)``, in O(N) and float64.

    .. math:: Z = \sum_M \binom{N}{(N + M)/2} \exp\Bigl[\tfrac{\beta J}{2N} (M^2 - N) + \beta h M\Bigr],
        \qquad M = -N, -N + 2, \dots, N

    Args:
        num_spins: N.
        beta: inverse temperature β ≥ 0.
        coupling: J, of either sign.
        field: h, the same for all spins.

    Raises:
        ValueError: an argument that is not one finite number, β negative, N below 1, energies or β times them that
            leave float64.

    >>> import graphar as ga
    >>> from graphar.exact.curie_weiss import curie_weiss
    >>> exact = curie_weiss(12, beta=0.8, field=0.3)
    >>> exact
    CurieWeiss(12 spins, beta=0.8, log_partition=9.426698)
    >>> abs(exact.log_partition - ga.exact.enumerate(ga.curie_weiss(12, field=0.3), 0.8).log_partition) < 1e-12
    True
    """
    numbers = _one_number(coupling, "coupling"), _one_number(field, "field")
    exact = CurieWeiss(check_count(num_spins, "num_spins"), check_beta(beta), *numbers)
    largest = (exact.num_spins + 1) * (abs(exact.coupling) + abs(exact.field))
    check_largest(largest, exact.beta, "coupling and field", "(N + 1)(|J| + |h|)")
    return exact


@dataclass(frozen=True)
class CurieWeiss:
    """N spins, all coupled alike, at one temperature; made by :func:`curie_weiss`.

    Energies, M and their averages are extensive, entropies in nats.

    Attributes:
        num_spins: N.
        beta: inverse temperature β.
        coupling: J.
        field: h.
    """

    num_spins: int
    beta: float
    coupling: float
    field: float

    @property
    def magnetisations(self) -> Tensor:
        """The values of M, −N, −N + 2, …, N, shape (N + 1,)."""
        return torch.arange(-self.num_spins, self.num_spins + 1, 2, dtype=torch.float64)

    @property
    def energies(self) -> Tensor:
        """The energy at each value of M, shape (N + 1,)."""
        M, n = self.magnetisations, self.num_spins
        return -self.coupling / (2 * n) * (M**2 - n) - self.field * M

    @cached_property
    def log_weights(self) -> Tensor:
        """log of the sum of e^{−βH} at each value of M, shape (N + 1,)."""
        ups = torch.arange(self.num_spins + 1, dtype=torch.float64)
        log_factorials = torch.lgamma(ups + 1)
        entropy = log_factorials[-1] - log_factorials - log_factorials.flip(0)
        return entropy - self.beta * self.energies

    @cached_property
    def log_partition(self) -> float:
        """log Z."""
        return float(torch.logsumexp(self.log_weights, 0))

    @property
    def free_energy(self) -> float:
        """F = −log Z / β; a ValueError at β = 0, where it diverges."""
        return free_energy(self.log_partition, self.beta)

    @property
    def probabilities(self) -> Tensor:
        """P(M) at each of ``magnetisations``, shape (N + 1,)."""
        return torch.softmax(self.log_weights, 0)

    @property
    def energy(self) -> float:
        """⟨H⟩."""
        return float(self.probabilities @ self.energies)

    @property
    def energy_variance(self) -> float:
        """⟨H²⟩ − ⟨H⟩²."""
        distance = self.energies - self.energy
        unit = math.ldexp(1.0, math.frexp(float(distance.abs().max()))[1])
        return finite(unit * float(self.probabilities @ (distance / unit) ** 2) * unit, "energy_variance")

    @property
    def entropy(self) -> float:
        """S = log Z + β⟨H⟩ in nats."""
        return self.log_partition + self.beta * self.energy

    @property
    def magnetisation(self) -> float:
        """⟨M⟩."""
        return float(self.probabilities @ self.magnetisations)

    @property
    def abs_magnetisation(self) -> float:
        """⟨|M|⟩."""
        return float(self.probabilities @ self.magnetisations.abs())

    def __repr__(self) -> str:
        spins = f"{self.num_spins} spin{'' if self.num_spins == 1 else 's'}"
        return f"CurieWeiss({spins}, beta={self.beta:g}, log_partition={self.log_partition:.6f})"


def curie_weiss_limit(beta: float, coupling: float = 1.0, field: float = 0.0) -> CurieWeissLimit:
    r"""The Curie–Weiss model as N → ∞, by its mean-field equation.

    .. math:: m = \tanh \beta(J m + h), \qquad
        \lim \tfrac1N \log Z = -\tfrac{\beta J}{2} m^2 + \log 2\cosh \beta (J m + h)

    with the root m that has the sign of h, and m ≥ 0 where h = 0: the other sign is as likely there.

    Args:
        beta: inverse temperature β ≥ 0; without field the transition is at βJ = 1.
        coupling: J, of either sign.
        field: h.

    Raises:
        ValueError: an argument that is not one finite number, β negative, energies or β times them that leave float64.

    >>> curie_weiss_limit(1.5)
    CurieWeissLimit(beta=1.5, magnetisation_per_site=0.858560, log_partition_per_site=0.808341)
    """
    beta, J, h = check_beta(beta), _one_number(coupling, "coupling"), _one_number(field, "field")
    check_largest(abs(J) + abs(h), beta, "coupling and field", "|J| + |h|")
    m = _mean_field(beta * J, beta * abs(h)) * (-1 if h < 0 else 1)
    return CurieWeissLimit(beta, J, h, m)


@dataclass(frozen=True, repr=False)
class CurieWeissLimit:
    """All spins coupled alike, N → ∞, at one temperature; made by :func:`curie_weiss_limit`.

    Attributes:
        beta: inverse temperature β.
        coupling: J.
        field: h.
        magnetisation_per_site: m.
    """

    beta: float
    coupling: float
    field: float
    magnetisation_per_site: float

    @property
    def log_partition_per_site(self) -> float:
        """lim log Z / N."""
        m, K = self.magnetisation_per_site, self.beta * self.coupling
        local = abs(K * m + self.beta * self.field)
        return local + math.log1p(math.exp(-2 * local)) - K * m**2 / 2

    @property
    def free_energy_per_site(self) -> float:
        """lim F / N = −lim log Z / (Nβ); a ValueError at β = 0, where it diverges."""
        return free_energy(self.log_partition_per_site, self.beta)

    @property
    def energy_per_site(self) -> float:
        """lim ⟨H⟩ / N = −Jm²/2 − hm."""
        m = self.magnetisation_per_site
        return -self.coupling * m**2 / 2 - self.field * m

    @property
    def entropy_per_site(self) -> float:
        """lim S / N in nats."""
        return self.log_partition_per_site + self.beta * self.energy_per_site

    def __repr__(self) -> str:
        m, log_z = self.magnetisation_per_site, self.log_partition_per_site
        numbers = f"magnetisation_per_site={m:.6f}, log_partition_per_site={log_z:.6f}"
        return f"CurieWeissLimit(beta={self.beta:g}, {numbers})"


def _mean_field(K: float, b: float) -> float:
    """The largest root of m = tanh(Km + b), b ≥ 0."""
    from scipy.optimize import brentq

    if b == 0 and K <= 1:
        return 0.0

    def excess(m: float) -> float:
        return math.tanh(K * m + b) - m

    # tanh z ≥ z − z³/3 keeps the root without field above this, and away from m = 0
    lowest = math.sqrt(3 * (K - 1) / K) / K if K > 1 else 0.0
    return lowest if excess(lowest) <= 0 else float(brentq(excess, lowest, 1.0, xtol=1e-15, rtol=1e-15))


def _one_number(value: float, name: str) -> float:
    number = as_float_tensor(value, name)
    if number.dim():
        raise ValueError(f"{name} must be one number, got shape {tuple(number.shape)}")
    return float(number)
