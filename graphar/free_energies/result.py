"""What is known of log Z at one β, and by which methods."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

from graphar.estimators.estimate import Estimate

__all__ = ["LogPartition", "Opinion", "Said"]


@dataclass(frozen=True)
class Opinion:
    """What one method says of log Z at one β.

    Attributes:
        method: in words.
        log_partition: log Z with the method's own error.
        used: whether it has a share in the answer.
        remark: why not, or how far to trust it.
    """

    method: str
    log_partition: Estimate
    used: bool = True
    remark: str = ""

    def __repr__(self) -> str:
        tail = f"  ({self.remark})" if self.remark else ""
        return f"{self.method}: log Z {self.log_partition!r}{'' if self.used else ', left out'}{tail}"


@dataclass(frozen=True)
class LogPartition:
    """log Z and averages at one β; extensive, offset included; made by :func:`log_partition`.

    Attributes:
        beta: inverse temperature β.
        num_spins: N.
        log_partition: log Z.
        energy: ⟨E⟩.
        entropy: β⟨E⟩ + log Z in nats.
        method: what it is from, in words; begins with ``"exact"`` where nothing was sampled.
        opinions: what each method says.
        between: what methods differ by beyond their own errors, in nats; it is part of the error.
        seconds: taken, for all β together.
        interrupted: whether Ctrl-C came before the end.
    """

    beta: float
    num_spins: int
    log_partition: Estimate
    energy: Estimate
    entropy: Estimate
    method: str
    opinions: tuple[Opinion, ...] = ()
    between: float = 0.0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def exact(self) -> bool:
        """Whether there is nothing but rounding in the errors."""
        return self.method.startswith("exact")

    @property
    def free_energy(self) -> Estimate:
        """F = −log Z / β; a ValueError at β = 0, where it diverges."""
        if self.beta == 0:
            raise ValueError("beta must be positive for a free energy (at beta = 0, log Z = N log 2), got 0")
        return self.log_partition * (-1 / self.beta)

    @property
    def agreement(self) -> float:
        """Standard errors between the two methods in use that differ most; NaN where there is one alone."""
        used = [each.log_partition for each in self.opinions if each.used]
        apart = [abs(a.value - b.value) / max(math.hypot(a.stderr, b.stderr), 1e-300) for a, b in combinations(used, 2)]
        return max(apart, default=math.nan)

    def __repr__(self) -> str:
        rows = [("log Z", self.log_partition), ("energy", self.energy), ("entropy", self.entropy)]
        if self.beta > 0:
            rows.insert(1, ("F", self.free_energy))
        lines = [f"beta = {self.beta:g}, {self.num_spins} spins: {self.method}"]
        lines += [f"  {name:<10}{value!r}" for name, value in rows]
        lines += [f"  {each!r}" for each in self.opinions]
        used = sum(each.used for each in self.opinions)
        if used > 1:
            added = f"; {self.between:.2g} added to the error" if self.between else ""
            lines.append(f"  these agree to {self.agreement:.2g} standard errors{added}")
        if self.interrupted:
            lines.append("  interrupted: the best so far")
        return "\n".join(lines)


@dataclass(frozen=True)
class Said:
    """log Z, ⟨E⟩ and S = β⟨E⟩ + log Z at one β, and on what they rest."""

    log_partition: Estimate
    energy: Estimate
    entropy: Estimate
    independent: float
    rhat: float
    remark: str
