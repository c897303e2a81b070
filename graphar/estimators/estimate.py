"""A number and its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Estimate", "is_low"]

LOW_ESS = 100.0


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error.

    >>> Estimate(-1.25, 0.013)
    -1.250 ± 0.013
    """

    value: float
    stderr: float

    def __repr__(self) -> str:
        if not (math.isfinite(self.value) and math.isfinite(self.stderr)) or self.stderr <= 1e-14 * abs(self.value):
            return f"{self.value:.10g} ± {self.stderr:.2g}"
        digits = max(0, 1 - math.floor(math.log10(self.stderr)))
        return f"{self.value:.{digits}f} ± {self.stderr:.{digits}f}"

    def __mul__(self, factor: float) -> Estimate:
        return Estimate(self.value * factor, self.stderr * abs(factor))


def is_low(ess: float, num_samples: int) -> bool:
    """Whether effective samples are so few that standard errors of reweighted numbers are not to be trusted."""
    return ess < min(LOW_ESS, num_samples / 2)
