r"""How heavy the tail of importance weights is: the shape k of a generalised Pareto distribution.

Moments of order above 1/k do not exist. Below k = 0.5 weights have a variance and the error of their mean is what it
says; up to 0.7 the mean still converges at a useful rate; above, an error by the delta method is too small, and from 1
on there is no mean. A. Vehtari, D. Simpson, A. Gelman, Y. Yao and J. Gabry,
`Pareto smoothed importance sampling <https://arxiv.org/abs/1507.02646>`_; the fit is J. Zhang's and M. A. Stephens',
`Technometrics 51, 316 (2009) <https://doi.org/10.1198/tech.2009.08017>`_.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["HEAVY", "pareto_shape", "tail_of_weights"]

HEAVY = 0.7
"""Shape above which errors of means of weights are not to be trusted."""

MIN_TAIL = 5


def tail_of_weights(log_weight: np.ndarray) -> float:
    """k of the largest min(n/5, 3√n) of n weights; −∞ where they are all alike, NaN for fewer than 25 samples.

    ∞ where fewer than five stand out, too few to fit, that have more than a hundredth of the whole weight.
    """
    n = log_weight.size
    size = min(n // 5, math.ceil(3 * math.sqrt(n)))
    if size < MIN_TAIL:
        return math.nan
    weight = np.sort(np.exp(log_weight - log_weight.max()))
    threshold = weight[n - size - 1]
    above = weight[n - size :] - threshold
    above = above[above > 1e-9]  # equal weights, up to rounding, are no tail: spins take few values
    if above.size < MIN_TAIL:
        return math.inf if float(above.sum()) > 0.01 * float(weight.sum()) else -math.inf
    return pareto_shape(above)


def pareto_shape(above: np.ndarray) -> float:
    """Shape k of a generalised Pareto distribution from what its samples exceed the threshold by, in rising order.

    The posterior mean over a grid of scales, drawn towards ½ with the weight of ten samples, as in the reference.
    """
    n = above.size
    points = 30 + math.isqrt(n)
    quartile = float(above[max(0, int(n / 4 + 0.5) - 1)])
    theta = 1 / float(above[-1]) + (1 - np.sqrt(points / (np.arange(points) + 0.5))) / (3 * quartile)
    k = np.log1p(-theta[:, None] * above).mean(1)
    likelihood = n * (np.log(-theta / k) - k - 1)
    share = np.exp(likelihood - likelihood.max())
    best = float((theta * share).sum() / share.sum())
    shape = float(np.log1p(-best * above).mean())
    return (shape * n + 0.5 * 10) / (n + 10)
