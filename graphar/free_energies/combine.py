r"""One answer from several methods, with an error that knows how far they disagree.

With answers a_i ± e_i, weights w_i = 1/e_i² and Q = Σ w_i (a_i − ā)², what they differ by beyond their errors is

    τ² = max(0, (Q − (k − 1)) / (Σ w − Σ w² / Σ w)),

which is added in quadrature to each error before they are averaged: R. DerSimonian and N. Laird,
`Control. Clin. Trials 7, 177 (1986) <https://doi.org/10.1016/0197-2456(86)90046-2>`_.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphar.estimators.estimate import Estimate

__all__ = ["combine"]


def combine(estimates: Sequence[Estimate]) -> tuple[Estimate, float]:
    """The mean of least variance, and τ.

    >>> combine([Estimate(1.0, 0.1), Estimate(1.0, 0.1)])
    (1.000 ± 0.071, 0.0)
    >>> mean, apart = combine([Estimate(0.0, 0.1), Estimate(1.0, 0.1)])
    >>> round(mean.stderr, 2), round(apart, 2)
    (0.5, 0.7)
    """
    if len(estimates) == 1:
        return estimates[0], 0.0
    errors = [max(each.stderr, 1e-12 * max(1.0, abs(each.value))) for each in estimates]
    values = [each.value for each in estimates]
    weights = [error**-2 for error in errors]
    total = math.fsum(weights)
    mean = _mean(values, weights)
    q = math.fsum(w * (a - mean) ** 2 for w, a in zip(weights, values, strict=True))
    spare = total - math.fsum(w * w for w in weights) / total
    between = max(0.0, (q - (len(values) - 1)) / spare) if spare > 0 else 0.0
    weights = [1 / (error**2 + between) for error in errors]
    return Estimate(_mean(values, weights), 1 / math.sqrt(math.fsum(weights))), math.sqrt(between)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    first = values[0]  # differences keep the digits of large log Z
    return first + math.fsum(w * (a - first) for w, a in zip(weights, values, strict=True)) / math.fsum(weights)
